# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a person is shown."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.module_utils import runner


def test_a_file_is_shown_line_by_line() -> None:
    shown = {"name": "br0", "mtu": 1400, "files": {"/etc/x": "[Match]\nName=br0\n"}}
    assert runner._readable(shown) == "name: br0\nmtu: 1400\nfiles:\n  /etc/x: |\n    [Match]\n    Name=br0\n"
