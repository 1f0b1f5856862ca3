# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IPv6 settings of an interface, as the kernel keeps them below /proc/sys/net/ipv6/conf (the kernel's ip-sysctl.rst).

This is the one table of them: for the driver that reads and writes them, and for the files that set them at boot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .interface.options import ACCEPT_RA, ADDR_GEN_MODES, Ipv6


@dataclass(frozen=True)
class Ipv6Setting:
    """A field of `Ipv6`, its sysctl, its place in the array that a dump of links has (DEVCONF_* of linux/ipv6.h), and what
    the kernel's numbers mean, from 0 on."""

    field: str
    sysctl: str
    place: int
    meanings: tuple[Union[bool, str], ...]


IPV6_SETTINGS = (
    Ipv6Setting("enabled", "disable_ipv6", 26, (True, False)),
    Ipv6Setting("accept_ra", "accept_ra", 3, ACCEPT_RA),
    Ipv6Setting("autoconf", "autoconf", 5, (False, True)),
    Ipv6Setting("addr_gen_mode", "addr_gen_mode", 47, ADDR_GEN_MODES),
)


def sysctl_values(ipv6: Ipv6) -> dict[str, int]:
    """Returns the kernel's numbers of the settings that are given, by sysctl, in the order in which they are to be set."""
    given = {setting: getattr(ipv6, setting.field) for setting in IPV6_SETTINGS}
    return {setting.sysctl: setting.meanings.index(value) for setting, value in given.items() if value is not None}


def sysctl_key(name: str, sysctl: str) -> str:
    """Returns the key of an interface's sysctl with slashes, as a name may hold dots (sysctl.d(5))."""
    return f"net/ipv6/conf/{name}/{sysctl}"


def sysctl_path(name: str, sysctl: str) -> str:
    """Returns the file of an interface's sysctl."""
    return f"/proc/sys/{sysctl_key(name, sysctl)}"
