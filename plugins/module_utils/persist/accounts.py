# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers of users and groups, for tools that know no names."""

from __future__ import annotations

import grp
import pwd
from typing import Optional


def number(option: str, account: str) -> Optional[int]:
    """That of a user (``owner``) or a ``group``, by name or number; ``None`` where there is no such one."""
    if account.isdigit():
        return int(account)
    try:
        return pwd.getpwnam(account).pw_uid if option == "owner" else grp.getgrnam(account).gr_gid
    except KeyError:
        return None
