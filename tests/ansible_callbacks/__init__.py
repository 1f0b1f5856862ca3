# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Plugins for the runs of `ansible-playbook` in tests, beside what users have."""

from __future__ import annotations

import os
from pathlib import Path

from lab.machine import cache_dir


def environment(*directories: Path) -> dict[str, str]:
    """The environment of a run with `payloads`, and with the callback plugins of other directories."""
    return {
        "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join(str(path) for path in (Path(__file__).parent, *directories)),
        "VIRTNET_PAYLOADS": str(payloads()),
    }


def payloads() -> Path:
    return cache_dir() / "payloads"
