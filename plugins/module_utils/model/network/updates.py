# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes that libvirt makes to a network while it runs: what virNetworkUpdate can, and what it can't.

https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkUpdate
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from ..fields import canonical
from .options import (
    Dhcp,
    DhcpHost,
    DhcpRange,
    Dns,
    DnsHost,
    DnsSrv,
    DnsTxt,
    Ip,
    Network,
    PortGroup,
    align,
    mode_of,
)

ADD, MODIFY, DELETE = "add", "modify", "delete"

# Only from a pool of interfaces can one be taken while the network runs.
_INTERFACE_MODES = ("bridge", "private", "vepa", "passthrough")

# What a running network has no use for: it is stored, and the running definition has it from the next start on.
STORED_ONLY = ("title", "description", "metadata")


@dataclass(frozen=True)
class Update:
    """One call of virNetworkUpdate.

    ``section`` is libvirt's name of it (``ip-dhcp-host``), ``part`` the value that is added, deleted or put in the
    place of ``old``, ``parent`` the index of the ``<ip>`` it belongs to, or -1.
    """

    command: str
    section: str
    part: Any
    parent: int = -1
    old: Any = None

    def inverse(self) -> Update:
        """The update that takes this one back."""
        if self.command == MODIFY:
            return replace(self, part=self.old, old=self.part)
        return replace(self, command=DELETE if self.command == ADD else ADD)

    @property
    def words(self) -> str:
        if self.command == MODIFY:
            return f"change {_NAMES[self.section]} {describe(self.old)} to {describe(self.part)}"
        return f"{self.command} {_NAMES[self.section]} {describe(self.part)}"


_NAMES = {
    "ip-dhcp-host": "DHCP host",
    "ip-dhcp-range": "DHCP range",
    "forward-interface": "interface",
    "portgroup": "portgroup",
    "dns-host": "DNS host",
    "dns-txt": "DNS TXT record",
    "dns-srv": "DNS SRV record",
}


def describe(part: Any) -> str:
    """A part of a network in a few words."""
    if isinstance(part, DhcpRange):
        return f"{part.start} - {part.end}{_lease(part)}"
    if isinstance(part, DhcpHost):
        names = [str(value) for value in (part.mac, part.id, part.name) if value]
        return f"{part.ip} ({', '.join(names)}){_lease(part)}"
    if isinstance(part, DnsHost):
        return f"{part.ip} ({', '.join(part.names or ())})"
    if isinstance(part, DnsTxt):
        return f"{part.name}={part.value}"
    if isinstance(part, DnsSrv):
        domain = f".{part.domain}" if part.domain else ""
        return f"_{part.service}._{part.protocol}{domain} -> {part.target or '.'}:{part.port or '-'}"
    if isinstance(part, PortGroup):
        return str(part.name)
    return str(part)


def _lease(part: Any) -> str:
    return f" for {part.lease.expiry} {part.lease.unit or 'minutes'}" if part.lease else ""


@dataclass(frozen=True)
class Difference:
    """How to get from one definition to another: by ``updates``, and by a new definition where ``rest`` is true.

    ``result`` is the definition when only the updates have been made.
    """

    updates: tuple[Update, ...]
    rest: bool
    result: Network


def compare(old: Network, new: Network, *, running: bool) -> Difference:
    """The difference between two normal forms; ``running`` passes over what only the stored definition needs."""
    new = align(new, old)
    if running:
        new = replace(new, **{name: getattr(old, name) for name in STORED_ONLY})
    if old == new:
        return Difference((), False, old)
    updates: list[Update] = []
    result = old
    for part in (_dhcp, _dns, _portgroups, _interfaces):
        more, result = part(result, new)
        updates += more
    return Difference(tuple(updates), result != new, result)


def _dhcp(old: Network, new: Network) -> tuple[list[Update], Network]:
    updates: list[Update] = []
    ips: list[Ip] = list(old.ips or ())
    desired = {ip.address: ip for ip in new.ips or ()}
    for place, ip in enumerate(ips):
        if ip.address not in desired:
            continue
        have, want = ip.dhcp or Dhcp(), desired[ip.address].dhcp or Dhcp()
        updates += _list_updates("ip-dhcp-range", have.ranges, want.ranges, place)
        updates += _list_updates(
            "ip-dhcp-host", have.hosts, want.hosts, place, key=lambda host: host.mac, apart=_collides
        )
        ips[place] = replace(ip, dhcp=replace(have, ranges=want.ranges, hosts=want.hosts))
    return updates, canonical(replace(old, ips=tuple(ips)))


def _dns(old: Network, new: Network) -> tuple[list[Update], Network]:
    have, want = old.dns or Dns(), new.dns or Dns()
    updates = _list_updates("dns-host", have.hosts, want.hosts)
    updates += _list_updates("dns-srv", have.srv, want.srv)
    updates += _list_updates("dns-txt", have.txt, want.txt)
    return updates, canonical(replace(old, dns=replace(have, hosts=want.hosts, srv=want.srv, txt=want.txt)))


def _portgroups(old: Network, new: Network) -> tuple[list[Update], Network]:
    updates = _list_updates("portgroup", old.portgroups, new.portgroups, key=lambda group: group.name)
    return updates, replace(old, portgroups=new.portgroups)


def _interfaces(old: Network, new: Network) -> tuple[list[Update], Network]:
    if not old.forward or not new.forward or mode_of(old) not in _INTERFACE_MODES:
        return [], old
    have, want = old.forward.interfaces or (), new.forward.interfaces or ()
    kept = tuple(name for name in have if name in want)
    if kept + tuple(name for name in want if name not in have) != want or not kept:
        return [], old  # an update can only add at the end, and a pool that was emptied is no pool
    updates = _list_updates("forward-interface", have, want)
    return updates, replace(old, forward=replace(old.forward, interfaces=new.forward.interfaces))


def _collides(item: DhcpHost, others: list[DhcpHost]) -> bool:
    # libvirt looks a host up by MAC, address or name, whichever matches first (virNetworkDefUpdateIPDHCPHost)
    return any(item.ip == other.ip or (item.name and item.name == other.name) for other in others)


def _list_updates(
    section: str,
    old: Optional[tuple[Any, ...]],
    new: Optional[tuple[Any, ...]],
    parent: int = -1,
    key: Optional[Callable[[Any], Any]] = None,
    apart: Optional[Callable[[Any, list[Any]], bool]] = None,
) -> list[Update]:
    """Deletions first, then modifications, then additions, so that nothing collides on the way."""
    gone = [item for item in old or () if item not in (new or ())]
    come = [item for item in new or () if item not in (old or ())]
    changed: list[Update] = []
    for item in list(come):
        was = _same(key, item, gone)
        if was is not None and not (apart and apart(item, [other for other in old or () if other != was])):
            gone.remove(was)
            come.remove(item)
            changed.append(Update(MODIFY, section, item, parent, was))
    # the last first: taken back, they come again in the order in which they were
    deleted = [Update(DELETE, section, item, parent) for item in reversed(gone)]
    return deleted + changed + [Update(ADD, section, item, parent) for item in come]


def _same(key: Optional[Callable[[Any], Any]], item: Any, others: list[Any]) -> Any:
    """The one that has the same key, if there is one."""
    desired = key(item) if key else None
    if key is None or desired is None:
        return None
    return next((other for other in others if key(other) == desired), None)
