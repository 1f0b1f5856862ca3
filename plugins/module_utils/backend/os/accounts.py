# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users and groups of the host: names from numbers, and numbers from names.

A ``kind`` is ``user`` or ``group``.
"""

from __future__ import annotations

import grp
import pwd
from typing import Optional

from ...model.interface.requests import AccountDriver


def known(kind: str, text: str) -> Optional[str]:
    """Returns the name of the account that ``text`` names or numbers, or ``None`` for a name that the host doesn't have.

    A number without an account stays a number: the kernel takes it.
    """
    number = number_of(kind, text)
    return None if number is None else name_of(kind, number)


def name_of(kind: str, number: int) -> str:
    """Returns the name of the account with this number, or the number as text where there is none."""
    try:
        return pwd.getpwuid(number).pw_name if kind == "user" else grp.getgrgid(number).gr_name
    except (KeyError, OverflowError):
        return str(number)


def number_of(kind: str, text: str) -> Optional[int]:
    """Returns the number of the account that ``text`` names or numbers, or ``None`` for a name that the host doesn't have."""
    if text.isdecimal():
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid if kind == "user" else grp.getgrnam(text).gr_gid
    except KeyError:
        return None


class Accounts(AccountDriver):
    """The accounts of this host."""

    def known(self, kind: str, text: str) -> Optional[str]:
        return known(kind, text)
