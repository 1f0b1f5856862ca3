# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GLib's key files, as far as NetworkManager's profiles use them."""

from __future__ import annotations

from collections.abc import Mapping

Sections = dict[str, dict[str, str]]


def parse(text: str) -> Sections:
    """Sections of keys; a section that comes twice is one, and of a key that comes twice the last counts."""
    found: Sections = {}
    keys: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            keys = found.setdefault(line[1:-1], {})
        elif "=" in line and not line.startswith("#"):
            key, _equals, value = line.partition("=")
            keys[key.rstrip()] = value.lstrip()
    return found


def render(sections: Mapping[str, Mapping[str, str]]) -> list[str]:
    lines: list[str] = []
    for section, keys in sections.items():
        lines += ["", f"[{section}]", *(f"{key}={value}" for key, value in keys.items())]
    return lines
