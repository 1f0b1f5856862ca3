# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where what tasks have declared of interfaces is remembered: a file of ours for each, which no tool reads."""

from __future__ import annotations

DIRECTORY = "/var/lib/virtnet.kvm/interfaces"
PATTERN = f"{DIRECTORY}/*"


def path_of(name: str) -> str:
    """Returns the path of the file that remembers an interface."""
    return f"{DIRECTORY}/{name}"
