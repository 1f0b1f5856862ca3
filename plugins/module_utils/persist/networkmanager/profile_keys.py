# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single keys of a user's profile: replaced, and set back.

A comment in a profile is lost when NetworkManager writes it again. So what stood there before is remembered with the
declaration (`declared.declaration.Declaration.former`), and is set back from there, unless the user has changed it since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ..declared.declaration import remembered
from ..files import Draft, saved_path
from ..ini import Sections, parse

Values = Mapping[str, Mapping[str, Optional[str]]]


def replace_keys(draft: Draft, path: str, values: Values) -> None:
    """Sets keys of a user's profile, by section; ``None`` removes one. What is there already stays as it is."""
    text = draft.files[path]
    held = parse(text)
    replaced = dict(draft.former.get(path, {}))
    for section, keys in values.items():
        for key, value in keys.items():
            old = held.get(section, {}).get(key)
            if old != value:
                text = _with_key(text, section, key, value)
                replaced[f"{section}.{key}"] = (replaced.get(f"{section}.{key}", (old, None))[0], value)
    if replaced:
        # nmcli sorts the keys anew when it changes any
        written = draft.request.files.get(path, text)
        draft.edit(path, written if _filled(written) == _filled(text) else text)
        draft.former[path] = replaced


def set_back(draft: Draft) -> None:
    """Sets back all keys that were replaced for the interface."""
    declaration = remembered(draft.request.files, draft.request.name)
    for path, replaced in (declaration.former if declaration else {}).items():
        text = draft.files.get(path)
        if text is None:
            continue
        for name, (old, ours) in replaced.items():
            section, _dot, key = name.partition(".")
            if parse(text).get(section, {}).get(key) == ours:
                text = _with_key(text, section, key, old)
        copy = draft.files.get(saved_path(path), text)
        draft.files[path] = copy if _filled(copy) == _filled(text) else text


def _filled(text: str) -> Sections:
    return {section: keys for section, keys in parse(text).items() if keys}


def _with_key(text: str, section: str, key: str, value: Optional[str]) -> str:
    lines = text.split("\n")
    within, place = False, None
    for number, line in enumerate(lines):
        found = line.strip()
        if found.startswith("[") and found.endswith("]"):
            within = found[1:-1] == section
            place = number + 1 if within else place
        elif within and found:
            if found.partition("=")[0].rstrip() == key and not found.startswith(("#", ";")):
                lines[number : number + 1] = [] if value is None else [f"{key}={value}"]
                return "\n".join(lines)
            place = number + 1
    if value is None:
        return text
    if place is None:
        return "\n".join([*"\n".join(lines).rstrip("\n").split("\n"), "", f"[{section}]", f"{key}={value}", ""])
    lines.insert(place, f"{key}={value}")
    return "\n".join(lines)
