# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""INI files: GLib's key files (NetworkManager's profiles) and systemd's unit files (networkd's)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

# A section's name, and its keys with their values; a section or a key may come several times.
Section = tuple[str, Iterable[tuple[str, object]]]

Sections = dict[str, dict[str, str]]


def sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yields each section's name with all of its lines, comments and empty lines too."""
    lines: list[str] = []
    for line in text.splitlines():
        found = line.strip()
        if found.startswith("[") and found.endswith("]"):
            lines = []
            yield found[1:-1], lines
        else:
            lines.append(line)


def settings(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yields the keys and values in the lines of a section."""
    for line in lines:
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith(("#", ";")):
            yield key.rstrip(), value.lstrip()


def parse(text: str) -> Sections:
    """Returns sections of keys; a section that comes twice is one, and of a key that comes twice the last counts."""
    found: Sections = {}
    for name, lines in list(sections(text)):
        found.setdefault(name, {}).update(settings(lines))
    return found


def render(found: Iterable[Section]) -> list[str]:
    """Returns the lines of a file, with an empty one between sections."""
    lines: list[str] = []
    for name, keys in found:
        lines += ["", f"[{name}]", *(f"{key}={value}" for key, value in keys)]
    return lines[1:]


def render_parsed(found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Returns the lines of a file that has what `parse` returns."""
    return render((name, keys.items()) for name, keys in found.items())
