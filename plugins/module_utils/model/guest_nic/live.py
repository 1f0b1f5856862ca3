# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options libvirt can change in a running guest (qemuDomainChangeNet), and in which order.

There are three classes: *updated* live, *replugged* (detached and attached again), and *stored* for the next start.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

from ..fields import shapes
from .options import Nic, Source

# libvirt 9.0 reports success for an update of this, and ignores it; 11.3 updates it.
_IGNORED_BEFORE = {"trust_guest_rx_filters": 11_000_000}
# What an update of the running NIC changes, in the order of the calls.
_UPDATED = ("source", "vlan", "isolated", "trust_guest_rx_filters", "bandwidth", "coalesce")
FILTER, LINK, SOURCE = "filterref", "link", "source"
# What is only read when the guest starts, or is only a name.
STORED_ONLY = ("boot_order", "alias")
# What isn't compared: the type follows from the source, and the address is chosen for each definition by itself.
_NOT_COMPARED = ("type", "extra", "address")

# Whether a source is served by a tap on a bridge.
OnBridge = Callable[[Source], bool]
Phase = tuple[str, tuple[Nic, ...]]


def differing(one: Nic, other: Nic) -> list[str]:
    """Returns the options in which two NICs in normal form differ, without the address."""
    return [
        shape.name
        for shape in shapes(Nic)
        if shape.name not in _NOT_COMPARED and getattr(one, shape.name) != getattr(other, shape.name)
    ]


def needing_replug(live: Nic, desired: Nic, on_bridge: OnBridge, libvirt: int) -> list[str]:
    """Returns the options that libvirt, of this version, can't change in the running NIC."""
    found = [name for name in differing(live, desired) if name not in (*_UPDATED, FILTER, LINK, *STORED_ONLY)]
    found += [name for name in differing(live, desired) if libvirt < _IGNORED_BEFORE.get(name, 0)]
    if live.source != desired.source and not _moves(live.source, desired.source, on_bridge):
        found.insert(0, SOURCE)
    if desired.address is not None and live.address != desired.address:
        found.append("address")
    return found


def _moves(old: Any, new: Any, on_bridge: OnBridge) -> bool:
    """Returns whether an update moves a NIC: from bridge to bridge, and not only to another port group.

    libvirt 11.3 refuses another port group of the same network, and 9.0 ignores it.
    """
    if old is None or new is None or not on_bridge(old) or not on_bridge(new):
        return False
    return not (old.network is not None and old.network == new.network)


def live_phases(before: Nic, after: Nic, *, flap: bool) -> list[Phase]:
    """Returns what is sent to libvirt, one after the other: what it does, in words, and the NIC after each call.

    - The filter comes first and alone: a failed update is not undone by libvirt. While it changes, a filtered NIC is open
      for up to two seconds, as libvirt removes the old rules before it creates the new ones; so the link is down meanwhile.
    - A move to another network or bridge sets the link down and up (``flap``). Otherwise the guest sees no change of its
      carrier, and keeps the address of the network that it has left.
    - VLANs that are removed go before a move, and others come after it.
    - A link that is to be down goes down first, and one that is to be up goes up last.
    """
    found: list[Phase] = []
    now = before
    if after.link == "down" and before.link != "down":
        now = replace(now, link="down")
        found.append(("set link down", (now,)))
    if before.filterref != after.filterref:
        changed = replace(now, filterref=after.filterref)
        covered = bool(before.filterref and after.filterref and now.link != "down")
        down = (replace(now, link="down"), replace(changed, link="down")) if covered else ()
        found.append((_filter_words(after), (*down, changed)))
        now = changed
    moving = before.source != after.source
    if moving and flap and now.link != "down":
        up, path = now.link, [now := replace(now, link="down")]
        for name in (*_given_up(now, after), SOURCE, "vlan", "isolated"):
            if getattr(now, name) != getattr(after, name):
                path.append(now := _with(now, name, after))
        path.append(now := replace(now, link=up))
        found.append((f"move to {_place(after)}, with the link down meanwhile,", tuple(path)))
    for name in (*(_given_up(now, after) if now.source != after.source else ()), *_UPDATED):
        if getattr(now, name) != getattr(after, name):
            now = _with(now, name, after)
            what = f"move to {_place(after)}" if name == SOURCE else f"update {name}"
            found.append((what, (now,)))
    if now.link != after.link:
        found.append(("set link up", (replace(now, link=after.link),)))
    return found


def _given_up(before: Nic, after: Nic) -> list[str]:
    """Returns what is removed before a move, as the network may not be able to have it (virDomainActualNetDefValidate)."""
    floor = before.bandwidth and before.bandwidth.inbound and before.bandwidth.inbound.floor
    return [*(["vlan"] if after.vlan is None else []), *(["bandwidth"] if floor else [])]


def _with(nic: Nic, name: str, after: Nic) -> Nic:
    changes: dict[str, Any] = {name: getattr(after, name)}
    if name == SOURCE:
        # other attributes of <source> belong to the network or bridge that it leaves
        changes["type"] = after.type
        changes["extra"] = tuple(kept for kept in nic.extra or () if kept.path != SOURCE) or None
    return replace(nic, **changes)


def _filter_words(after: Nic) -> str:
    return f"set filter {after.filterref.filter}" if after.filterref else "remove the filter"


def _place(nic: Nic) -> str:
    source = nic.source or Source()
    return f"network {source.network}" if source.network else f"bridge {source.bridge}"


def flaps(phases: list[Phase]) -> bool:
    """Returns whether a link is down for a while that is up before and after."""
    return any(len(path) > 1 and path[0].link == "down" and path[-1].link != "down" for _what, path in phases)
