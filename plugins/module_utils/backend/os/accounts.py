# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users and groups of the host."""

from __future__ import annotations

import grp
import pwd
from typing import Optional


def known(kind: str, text: str) -> Optional[str]:
    """What a ``user`` or a ``group`` that is given by name or number is called; a number that nobody has is itself, and a
    name that nobody has is ``None``."""
    try:
        if text.isdecimal():
            return name_of(kind, int(text))
        return pwd.getpwnam(text).pw_name if kind == "user" else grp.getgrnam(text).gr_name
    except KeyError:
        return None


def number_of(option: str, name: str) -> Optional[int]:
    """Returns the number of a user (``owner``) or a ``group``; ``None`` where the host has no such name."""
    try:
        return pwd.getpwnam(name).pw_uid if option == "owner" else grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def name_of(kind: str, number: int) -> str:
    """The name of a number, or the number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name if kind == "user" else grp.getgrgid(number).gr_name
    except (KeyError, OverflowError):
        return str(number)
