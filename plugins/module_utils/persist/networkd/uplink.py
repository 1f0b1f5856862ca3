# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP, name servers and domains in systemd-networkd's files (systemd.network(5))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ...model.interface.options import Interface, Uplink
from ...model.interface.uplink.declared import leases
from ..files import made_for
from ..ini import parse

_DHCP = {(): None, (4,): "ipv4", (6,): "ipv6", (4, 6): "yes"}

Keys = list[tuple[str, object]]


def network(desired: Interface) -> Keys:
    """Returns the keys of [Network]; those without a value aren't written."""
    if not isinstance(desired, Uplink):
        return []
    return [
        ("DHCP", _DHCP[leases(desired)]),
        ("DNS", " ".join(desired.nameservers or ()) or None),
        ("Domains", " ".join(desired.search or ()) or None),
    ]


def dhcpv6(desired: Interface) -> Keys:
    """Returns the keys of [DHCPv6]: without it networkd asks only where a router says that there is a server."""
    return [("WithoutRA", "solicit" if 6 in leases(desired) else None)]


def read(files: Mapping[str, str], name: str) -> Uplink:
    """Returns what the .network file of ours says."""
    found: dict[str, str] = {}
    for path, text in files.items():
        if made_for(text) == name and (path.endswith(".network") or f"{name}.network.d/" in path):
            found.update(parse(text).get("Network", {}))
    dhcp = found.get("DHCP", "")
    return Uplink(
        name=name,
        dhcp4=True if dhcp in ("yes", "ipv4") else None,
        dhcp6=True if dhcp in ("yes", "ipv6") else None,
        nameservers=_words(found.get("DNS")),
        search=_words(found.get("Domains")),
    )


def _words(text: Optional[str]) -> Optional[tuple[str, ...]]:
    return tuple((text or "").split()) or None
