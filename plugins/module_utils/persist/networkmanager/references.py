# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users' profiles that name another one by its UUID: the cables of a bond, or a VLAN its parent.

A port gets a profile of ours with a UUID of its own, and at the next boot such a profile would wait for the user's one.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import OptionError
from ..ini import parse


def refuse_references(users: Mapping[str, str], path: str, name: str, option: str) -> None:
    """Refuses the interface ``name`` where another profile has the UUID of its profile at ``path``. Raises `OptionError`."""
    uuid = parse(users[path]).get("connection", {}).get("uuid")
    for other, text in users.items() if uuid else ():
        for number, line in enumerate(text.split("\n") if other != path else (), 1):
            key, _equals, value = line.partition("=")
            if value.strip() == uuid and key.strip() != "uuid":
                raise OptionError(
                    option,
                    name,
                    f"is named by the UUID of its profile in {other}, line {number}; write {key.strip()}={name} there",
                )
