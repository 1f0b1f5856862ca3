# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes that libvirt can make to a network while it runs, with virNetworkUpdate.

https://libvirt.org/html/libvirt-libvirt-network.html#virNetworkUpdate
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Callable, Optional, TypeVar, Union

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
    Lease,
    Network,
    PortGroup,
    align,
    mode_of,
)

# The name of an interface is a text.
Part = Union[DhcpHost, DhcpRange, DnsHost, DnsSrv, DnsTxt, PortGroup, str]
P = TypeVar("P", DhcpHost, DhcpRange, DnsHost, DnsSrv, DnsTxt, PortGroup, str)

ADD, MODIFY, DELETE = "add", "modify", "delete"

# The modes with a pool of interfaces, of which one can be removed while the network runs.
_INTERFACE_MODES = ("bridge", "private", "vepa", "passthrough")

# What a running network doesn't use: it is stored, and the running definition has it from the next start on.
STORED_ONLY = ("title", "description", "metadata")


@dataclass(frozen=True)
class Update:
    """One call of virNetworkUpdate.

    ``section`` is libvirt's name for the part (``ip-dhcp-host``). ``part`` is added, deleted, or replaces ``old``.
    ``parent`` is the index of the ``<ip>`` that it belongs to, or -1.
    """

    command: str
    section: str
    part: Part
    parent: int = -1
    old: Optional[Part] = None

    def inverse(self) -> Update:
        """Returns the update that undoes this one."""
        if self.old is not None:
            return replace(self, part=self.old, old=self.part)
        return replace(self, command=DELETE if self.command == ADD else ADD)

    @property
    def starts_dnsmasq(self) -> bool:
        """Whether libvirt starts dnsmasq again, or signals it, and starts it if it isn't running (networkUpdate)."""
        return self.section.startswith(("ip-dhcp-", "dns-"))

    @property
    def words(self) -> str:
        """What is done, without the network."""
        name, part = _NAMES[self.section], describe(self.part)
        if self.old is None:
            return f"{'add' if self.command == ADD else 'remove'} {name} {part}"
        old = describe(self.old)
        return f"update {name} {part}" if old == part else f"update {name} {old} to {part}"

    @property
    def preposition(self) -> str:
        """The word between `words` and the network."""
        return {ADD: "to", MODIFY: "in", DELETE: "from"}[self.command]


_NAMES = {
    "ip-dhcp-host": "DHCP host",
    "ip-dhcp-range": "DHCP range",
    "forward-interface": "interface",
    "portgroup": "portgroup",
    "dns-host": "DNS host",
    "dns-txt": "DNS TXT record",
    "dns-srv": "DNS SRV record",
}


@functools.singledispatch
def describe(part: Part) -> str:
    """Returns a part of a network in a few words."""
    return str(part)


@describe.register(DhcpRange)
def _describe_range(part: DhcpRange) -> str:
    return f"{part.start} - {part.end}{_lease(part.lease)}"


@describe.register(DhcpHost)
def _describe_host(part: DhcpHost) -> str:
    names = [str(value) for value in (part.mac, part.id, part.name) if value]
    return f"{part.ip} ({', '.join(names)}){_lease(part.lease)}"


@describe.register(DnsHost)
def _describe_dns_host(part: DnsHost) -> str:
    return f"{part.ip} ({', '.join(part.names or ())})"


@describe.register(DnsTxt)
def _describe_txt(part: DnsTxt) -> str:
    return f"{part.name}={part.value}"


@describe.register(DnsSrv)
def _describe_srv(part: DnsSrv) -> str:
    domain = f".{part.domain}" if part.domain else ""
    return f"_{part.service}._{part.protocol}{domain} -> {part.target or '.'}:{part.port or '-'}"


@describe.register(PortGroup)
def _describe_portgroup(part: PortGroup) -> str:
    return str(part.name)


def _lease(lease: Optional[Lease]) -> str:
    return f" for {lease.expiry} {lease.unit or 'minutes'}" if lease else ""


@dataclass(frozen=True)
class Difference:
    """How to get from one definition to another: with ``updates``, and where these are not enough, with ``redefine``.

    ``result`` is the definition after only the updates have been made.
    """

    updates: tuple[Update, ...]
    redefine: bool
    result: Network


def compare(old: Network, new: Network, *, running: bool) -> Difference:
    """Returns the difference between two normal forms; with ``running`` without what only the stored definition needs."""
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


def merge(stored: Sequence[Update], live: Sequence[Update]) -> list[tuple[Update, bool, bool]]:
    """Returns updates, and whether each is made in the running network and in the stored definition.

    What both need is made in both at once. Each has its updates in its own order, as one may make room for another.
    """
    found: list[tuple[Update, bool, bool]] = []
    ours, theirs = deque(stored), deque(live)
    while ours or theirs:
        if ours and theirs and ours[0] == theirs[0]:
            found.append((ours.popleft(), True, True))
            theirs.popleft()
        elif ours and (ours[0] not in theirs or theirs[0] in ours):
            found.append((ours.popleft(), False, True))
        else:
            found.append((theirs.popleft(), True, False))
    return found


def _dhcp(old: Network, new: Network) -> tuple[list[Update], Network]:
    updates: list[Update] = []
    ips: list[Ip] = list(old.ips or ())
    by_address = {ip.address: ip.dhcp or Dhcp() for ip in new.ips or ()}
    places = [place for place, ip in enumerate(ips) if ip.address in by_address]
    # only one subnet of a family can have DHCP, so one that loses it is first (virNetworkDefUpdateCheckMultiDHCP)
    for place in sorted(places, key=lambda place: bool(_ranges_and_hosts(by_address[ips[place].address]))):
        old_dhcp, new_dhcp = ips[place].dhcp or Dhcp(), by_address[ips[place].address]
        updates += _list_updates("ip-dhcp-range", old_dhcp.ranges, new_dhcp.ranges, place)
        hosts = _host_updates(old_dhcp.hosts or (), new_dhcp.hosts or (), place)
        if hosts is not None:
            updates += hosts
        ips[place] = replace(
            ips[place],
            dhcp=replace(old_dhcp, ranges=new_dhcp.ranges, hosts=old_dhcp.hosts if hosts is None else new_dhcp.hosts),
        )
    return updates, canonical(replace(old, ips=tuple(ips)))


def _ranges_and_hosts(dhcp: Dhcp) -> tuple[Union[DhcpRange, DhcpHost], ...]:
    return *(dhcp.ranges or ()), *(dhcp.hosts or ())


def _host_updates(old: tuple[DhcpHost, ...], new: tuple[DhcpHost, ...], place: int) -> Optional[list[Update]]:
    """Returns the updates of the reservations of a subnet; ``None`` if libvirt can't make them one by one."""
    if old == new:
        return []
    from .reservations import changes

    found = changes(old, new)
    return None if found is None else [_host_update(before, after, place) for before, after in found]


def _host_update(old: Optional[DhcpHost], new: Optional[DhcpHost], place: int) -> Update:
    section = "ip-dhcp-host"
    if new is not None:
        return Update(ADD, section, new, place) if old is None else Update(MODIFY, section, new, place, old)
    if old is None:
        raise ValueError("a change has a reservation before it or after it")
    return Update(DELETE, section, old, place)


def _dns(old: Network, new: Network) -> tuple[list[Update], Network]:
    old_dns, new_dns = old.dns or Dns(), new.dns or Dns()
    updates = _list_updates("dns-host", old_dns.hosts, new_dns.hosts)
    updates += _list_updates("dns-srv", old_dns.srv, new_dns.srv)
    updates += _list_updates("dns-txt", old_dns.txt, new_dns.txt)
    dns = replace(old_dns, hosts=new_dns.hosts, srv=new_dns.srv, txt=new_dns.txt)
    return updates, canonical(replace(old, dns=dns))


def _portgroups(old: Network, new: Network) -> tuple[list[Update], Network]:
    updates = _list_updates("portgroup", old.portgroups, new.portgroups, key=lambda group: group.name)
    return updates, replace(old, portgroups=new.portgroups)


def _interfaces(old: Network, new: Network) -> tuple[list[Update], Network]:
    if not old.forward or not new.forward or mode_of(old) not in _INTERFACE_MODES:
        return [], old
    old_names, new_names = old.forward.interfaces or (), new.forward.interfaces or ()
    kept = tuple(name for name in old_names if name in new_names)
    if kept + tuple(name for name in new_names if name not in old_names) != new_names or not kept:
        return [], old  # an update can only add at the end, and a pool must not become empty
    updates = _list_updates("forward-interface", old_names, new_names)
    return updates, replace(old, forward=replace(old.forward, interfaces=new.forward.interfaces))


def _list_updates(
    section: str,
    old: Optional[tuple[P, ...]],
    new: Optional[tuple[P, ...]],
    parent: int = -1,
    key: Callable[[P], Optional[str]] = lambda _item: None,
) -> list[Update]:
    """Returns deletions, then modifications, then additions, so that nothing collides on the way.

    An item replaces the old one of the same ``key``.
    """
    removed = [item for item in old or () if item not in (new or ())]
    added = [item for item in new or () if item not in (old or ())]
    modified: list[Update] = []
    for item in list(added):
        replaced = next((other for other in removed if key(item) is not None and key(other) == key(item)), None)
        if replaced is not None:
            removed.remove(replaced)
            added.remove(item)
            modified.append(Update(MODIFY, section, item, parent, replaced))
    # only one portgroup can be the default: the one that no longer is comes first (virNetworkDefUpdatePortGroup)
    modified.sort(key=lambda update: isinstance(update.part, PortGroup) and bool(update.part.default))
    # the last one first: so the undo adds them in the order in which they were
    deleted = [Update(DELETE, section, item, parent) for item in reversed(removed)]
    return deleted + modified + [Update(ADD, section, item, parent) for item in added]
