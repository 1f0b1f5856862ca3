# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one list of DHCP hosts to another, in few changes that libvirt accepts one after the other.

libvirt finds a host by its MAC address, IP address or name, whichever matches first in the list, and never by its DUID
(virNetworkDefUpdateIPDHCPHost in conf/network_conf.c, libvirt 9.0 and 11.3):

- ``add`` is refused if a host of the list has one of the three;
- ``modify`` replaces the first host of the list that has one of the three, and doesn't look at the others;
- ``delete`` removes the first host that has all that is given.

So a new host must match the one host that it replaces, and no other: an address or a name is taken when its holder has given
it up. `changes` puts the changes in such an order, and keeps each guest's reservation as far as possible:

- where addresses are passed on and the last one is free, the guest that takes the free one comes first;
- where a new guest takes the address of another one, each guest on the way is without a reservation for one change;
- addresses that guests exchange in a circle need one host to be deleted first and one to be added last. The hosts between are
  replaced by address, not by MAC address: so it is each time another guest that has no reservation, for one change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, Optional

from .options import DhcpHost


class Change(NamedTuple):
    """A host that is deleted (``new`` is ``None``), added (``old`` is ``None``), or replaced."""

    old: Optional[DhcpHost]
    new: Optional[DhcpHost]


# Changes in their order, with no others between them.
_Block = list[Change]
_Key = tuple[str, Optional[str]]


class NotPossibleError(Exception):
    """Some change would be refused by libvirt, or would hit another host."""


class HostList:
    """The hosts of a list, as libvirt finds them. A change that depends on their order is not possible: it isn't known."""

    def __init__(self, hosts: Iterable[DhcpHost]) -> None:
        self._by_key: dict[_Key, list[DhcpHost]] = defaultdict(list)
        for host in hosts:
            self._insert(host)

    def conflicts(self, host: DhcpHost, besides: Optional[DhcpHost] = None) -> list[DhcpHost]:
        """Returns the hosts that have a MAC address, an IP address or a name of this one."""
        found = [other for key in _keys(host) for other in self._by_key[key] if other != besides]
        return list(dict.fromkeys(found))

    def apply(self, change: Change) -> None:
        """Makes a change. Raises `NotPossibleError` if libvirt would refuse it or its undoing, or take another host for it."""
        old, new = change
        if old is not None and (old not in self._by_key[_keys(old)[0]] or self.conflicts(old, besides=old)):
            raise NotPossibleError
        if new is not None and self.conflicts(new, besides=old):
            raise NotPossibleError
        if old is not None and new is not None and not set(_keys(old)) & set(_keys(new)):
            raise NotPossibleError
        if old is not None:
            for key in _keys(old):
                self._by_key[key].remove(old)
        if new is not None:
            self._insert(new)

    def _insert(self, host: DhcpHost) -> None:
        for key in _keys(host):
            self._by_key[key].append(host)


def _keys(host: DhcpHost) -> list[_Key]:
    found: list[_Key] = [("ip", host.ip), ("mac", host.mac), ("name", host.name)]
    return [key for key in found if key[1]]


def changes(old: Sequence[DhcpHost], new: Sequence[DhcpHost]) -> Optional[list[Change]]:
    """Returns the changes from one list to the other; ``None`` if it can't be done one change at a time.

    That is so where several hosts of a list have the same name, which libvirt takes in a definition only.
    """
    stay = set(old) & set(new)
    gone = [host for host in old if host not in stay]
    come = [host for host in new if host not in stay]
    try:
        return _Order(HostList(old), _blocks(gone, come)).changes
    except NotPossibleError:
        return None


# -- who takes whose address ----------------------------------------------------------------------------------------------


def _guest(host: DhcpHost) -> _Key:
    """Returns what tells the guest from others. One that only has a DUID can't be found by it: it is another with each address."""
    if host.mac or host.name:
        return ("mac", host.mac) if host.mac else ("name", host.name)
    return "id", f"{host.id} {host.ip}"


class _Paths:
    """What depends on each other: an old host, its address, the new host with this address, its guest, the guest's old host, …

    Each guest and each address is in one host of each list at most. So these are paths and circles.
    """

    def __init__(self, gone: Sequence[DhcpHost], come: Sequence[DhcpHost]) -> None:
        self.old_of = {_guest(host): host for host in gone}
        self.new_of = {_guest(host): host for host in come}
        self.holder = {host.ip: host for host in gone}
        self.taker = {host.ip: host for host in come}
        if len(self.old_of) + len(self.holder) != 2 * len(gone) or len(self.new_of) + len(self.taker) != 2 * len(come):
            raise NotPossibleError

    def by_guest(self, host: Optional[DhcpHost]) -> _Block:
        """Returns the changes from a new host on whose address is free: its guest takes it, and leaves another one."""
        block: _Block = []
        while host is not None:
            old = self.old_of.get(_guest(host))
            block.append(Change(old, host))
            host = None if old is None else self.taker.get(old.ip)
        return block

    def by_address(self, host: Optional[DhcpHost]) -> _Block:
        """Returns the changes from a host of a new guest on: it replaces the holder of its address, which takes another one."""
        block: _Block = []
        while host is not None:
            old = self.holder.get(host.ip)
            block.append(Change(old, host))
            host = None if old is None else self.new_of.get(_guest(old))
        return block

    def circle(self, first: DhcpHost) -> _Block:
        """Returns the changes of hosts that exchange their addresses."""
        block = [Change(first, None)]
        host = self.new_of[_guest(first)]
        while (old := self.holder[host.ip]) is not first:
            block.append(Change(old, host))
            host = self.new_of[_guest(old)]
        return [*block, Change(None, host)]


def _blocks(gone: Sequence[DhcpHost], come: Sequence[DhcpHost]) -> list[_Block]:
    """Returns the changes without regard to names: what is deleted first, what is added last."""
    paths = _Paths(gone, come)
    deleted: list[_Block] = []
    changed: list[_Block] = []
    added: list[_Block] = []
    for host in come:
        old = paths.holder.get(host.ip)
        if old is not None and _guest(old) == _guest(host):
            changed.append([Change(old, host)])
        elif old is None:
            block = paths.by_guest(host)
            (changed if block[0].old else added).append(block)
        elif _guest(host) not in paths.old_of:
            block = paths.by_address(host)
            if block[-1].old is not None:  # else the last address is free: the path is taken from there
                changed.append(block)
    done = {change.old for block in changed for change in block}
    # the last one first: so the undo adds them in the order in which they were
    for old in reversed(gone):
        if old not in done and _guest(old) not in paths.new_of:
            block = [Change(old, None), *paths.by_guest(paths.taker.get(old.ip))]
            (changed if len(block) > 1 else deleted).append(block)
            done.update(change.old for change in block)
    for old in gone:
        if old not in done:
            changed.append(paths.circle(old))
            done.update(change.old for change in changed[-1])
    deleted, added = _same_name(deleted, added)
    return [*_early(gone, added), *deleted, *_by_id(changed), *added]


def _same_name(deleted: list[_Block], added: list[_Block]) -> tuple[list[_Block], list[_Block]]:
    """Returns what is deleted and what is added, where a new host replaces a deleted one that has the same name."""
    by_name = {block[0].new.name: block[0].new for block in added if block[0].new and block[0].new.name}
    found = []
    for block in deleted:
        old = block[0].old
        found.append([Change(old, by_name.pop(old.name, None) if old and old.name else None)])
    replacing = {block[0].new for block in found}
    return found, [block for block in added if block[0].new not in replacing]


def _early(gone: Sequence[DhcpHost], added: list[_Block]) -> list[_Block]:
    """Returns new reservations of guests that only have a DUID, and removes them from ``added``.

    libvirt takes one DUID twice: so the guest gets the new reservation before it loses the old one.
    """
    ids = {host.id for host in gone if _guest(host)[0] == "id"}
    early = [block for block in added if block[0].new and _guest(block[0].new)[0] == "id" and block[0].new.id in ids]
    added[:] = [block for block in added if block not in early]
    return early


def _by_id(blocks: list[_Block]) -> list[_Block]:
    """Returns the changes so that a guest that only has a DUID and loses one address gets the other one next."""
    pending = {id(block) for block in blocks}
    by_id = {block[0].new.id: block for block in blocks if block[0].new and _guest(block[0].new)[0] == "id"}
    found = []
    for block in blocks:
        following: Optional[_Block] = block
        while following is not None and id(following) in pending:
            pending.remove(id(following))
            found.append(following)
            old = following[0].old
            following = by_id.get(old.id) if old and _guest(old)[0] == "id" else None
    return found


# -- who takes whose name -------------------------------------------------------------------------------------------------


class _Order:
    """The changes of all blocks in an order in which each name is free when it is taken.

    Where names are exchanged, one of the hosts loses its name for a while.
    """

    def __init__(self, hosts: HostList, blocks: list[_Block]) -> None:
        self.changes: list[Change] = []
        self._hosts = hosts
        self._leaving = {change.old for block in blocks for change in block if change.old}
        self._now: dict[DhcpHost, Optional[DhcpHost]] = {}  # those of them that have lost their name
        self._waiting: dict[DhcpHost, list[_Block]] = defaultdict(list)
        ready = blocks[::-1]
        while ready or self._waiting:
            while ready:
                ready += self._apply_block(ready.pop())
            if self._waiting:
                host = next(iter(self._waiting))
                self._free_name(host)
                ready = self._waiting.pop(host)[::-1]

    def _apply_block(self, block: _Block) -> list[_Block]:
        """Applies a block, and returns those that have waited for it; or lets it wait for one that has a name which it takes."""
        freed: list[_Block] = []
        while holder := self._holder_of_a_name(block):
            if not any(change.old == holder for change in block):
                self._waiting[holder].append(block)
                return freed
            self._free_name(holder)
            freed += self._waiting.pop(holder, [])[::-1]
        for old, new in block:
            self._apply(Change(self._now.get(old, old) if old else None, new))
            freed += self._waiting.pop(old, [])[::-1] if old else []
        return freed

    def _holder_of_a_name(self, block: _Block) -> Optional[DhcpHost]:
        """Returns a host that has the name of a new one when this is to come."""
        own: set[Optional[DhcpHost]] = set()
        for old, new in block:
            own.add(self._now.get(old, old) if old else None)
            other = next((host for host in self._hosts.conflicts(new) if host not in own), None) if new else None
            if other is not None:
                if other not in self._leaving or other in self._now:
                    raise NotPossibleError
                return other
        return None

    def _free_name(self, host: DhcpHost) -> None:
        now = replace(host, name=None) if host.mac or host.id else None
        self._apply(Change(host, now))
        self._now[host] = now

    def _apply(self, change: Change) -> None:
        if change.old != change.new:
            self._hosts.apply(change)
            self.changes.append(change)
