# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VLANs of a bridge's port, or of the bridge itself, as sets, and the smallest change from one to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Optional, TypeVar

from .options import BridgeVlans

B = TypeVar("B", bound=BridgeVlans)


@dataclass(frozen=True)
class Vlans:
    """The VLANs of a port. ``pvid`` (0: none) is also in ``untagged``, or in ``tagged`` where its frames leave tagged."""

    pvid: int = 0
    tagged: frozenset[int] = frozenset()
    untagged: frozenset[int] = frozenset()

    @property
    def all(self) -> frozenset[int]:
        return self.tagged | self.untagged


@dataclass(frozen=True)
class VlanEntry:
    """What one request adds to a port: an id or a range of ids, and how their frames are treated."""

    vids: str
    pvid: bool
    untagged: bool


def expand(items: Optional[Iterable[str]]) -> frozenset[int]:
    """Returns the ids in a list of ids and ranges."""
    found: set[int] = set()
    for item in items or ():
        first, _dash, last = item.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def ranges(ids: Iterable[int]) -> tuple[str, ...]:
    """Returns the fewest ids and ranges that cover the ids, in order."""
    found: list[list[int]] = []
    for vid in sorted(ids):
        if found and found[-1][1] == vid - 1:
            found[-1][1] = vid
        else:
            found.append([vid, vid])
    return tuple(str(first) if first == last else f"{first}-{last}" for first, last in found)


def vlans_of(value: BridgeVlans) -> Vlans:
    """Returns the VLANs of a port or a bridge as sets."""
    return _vlans(value.pvid or 0, expand(value.tagged), expand(value.untagged))


def _vlans(pvid: int, tagged: frozenset[int], untagged: frozenset[int]) -> Vlans:
    own = frozenset({pvid} if pvid and pvid not in tagged else ())
    return Vlans(pvid, tagged, (untagged - tagged) | own)


def with_vlans(value: B, vlans: Vlans) -> B:
    """Returns ``value`` with these VLANs, in the form in which options are compared."""
    pvid, tagged = vlans.pvid or None, ranges(vlans.tagged) or None
    untagged = ranges(vlans.untagged - {vlans.pvid}) or None
    if (value.pvid, value.tagged, value.untagged) == (pvid, tagged, untagged):
        return value
    return replace(value, pvid=pvid, tagged=tagged, untagged=untagged)


def merge_vlans(current: Vlans, given: BridgeVlans) -> Vlans:
    """Returns the current VLANs changed to what was given.

    What is given as tagged is not untagged any more, and the reverse. A former ``pvid`` is removed, unless it is given
    among the others.
    """
    pvid = current.pvid if given.pvid is None else given.pvid
    tagged = current.tagged if given.tagged is None else expand(given.tagged)
    untagged = current.untagged - {current.pvid} if given.untagged is None else expand(given.untagged)
    if given.tagged is None:
        tagged -= untagged
    return _vlans(pvid, tagged, untagged)


def entries_to_add(current: Vlans, desired: Vlans) -> tuple[VlanEntry, ...]:
    """Returns what has to be added, or changed by adding it again. The kernel takes a ``pvid`` only alone, not in a range."""
    changed = {
        vid for vid in desired.all if vid not in current.all or (vid in current.untagged) != (vid in desired.untagged)
    }
    alone = set()
    if desired.pvid != current.pvid:
        # the old pvid ceases to be one when it is added without that flag, or when another one is added
        alone = {desired.pvid} if desired.pvid else {current.pvid} & desired.all
    elif desired.pvid in changed:
        alone = {desired.pvid}
    entries = [VlanEntry(vids, False, True) for vids in ranges((changed - alone) & desired.untagged)]
    entries += [VlanEntry(vids, False, False) for vids in ranges((changed - alone) & desired.tagged)]
    return (*entries, *(VlanEntry(str(vid), vid == desired.pvid, vid in desired.untagged) for vid in alone))


def ranges_to_remove(current: Vlans, desired: Vlans) -> tuple[str, ...]:
    """Returns the ids and ranges that have to be removed."""
    return ranges(current.all - desired.all)


def after_adding(current: Vlans, entry: VlanEntry) -> Vlans:
    """Returns the VLANs after an entry was added (br_vlan_add and nbp_vlan_add in net/bridge/br_vlan.c)."""
    ids = expand([entry.vids])
    pvid = min(ids) if entry.pvid else 0 if current.pvid in ids else current.pvid
    if entry.untagged:
        return Vlans(pvid, current.tagged - ids, current.untagged | ids)
    return Vlans(pvid, current.tagged | ids, current.untagged - ids)


def after_removing(current: Vlans, vids: str) -> Vlans:
    """Returns the VLANs after an id or a range was removed."""
    ids = expand([vids])
    return Vlans(0 if current.pvid in ids else current.pvid, current.tagged - ids, current.untagged - ids)


def after_default_change(current: Vlans, old: int, new: int) -> Vlans:
    """Returns the VLANs after the bridge's default pvid changed (__br_vlan_set_default_pvid in net/bridge/br_vlan.c).

    The new default replaces the old one where that is still the pvid, or where there was none.
    """
    holds_default = old != 0 and current.pvid == old and old in current.untagged
    if new == 0:
        return after_removing(current, str(old)) if holds_default else current
    if (old and not holds_default) or new in current.all:
        return current
    changed = after_adding(current, VlanEntry(str(new), True, True))
    return after_removing(changed, str(old)) if old else changed
