# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VLANs of a bridge's port, or of the bridge itself, as sets, and the least that leads from one to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Optional, TypeVar

from .options import BridgeVlans

B = TypeVar("B", bound=BridgeVlans)


@dataclass(frozen=True)
class Vlans:
    """``pvid`` (0: none) is among the others: ``untagged`` where nobody says that it leaves tagged."""

    pvid: int = 0
    tagged: frozenset[int] = frozenset()
    untagged: frozenset[int] = frozenset()

    @property
    def all(self) -> frozenset[int]:
        return self.tagged | self.untagged


def expand(spans: Optional[Iterable[str]]) -> frozenset[int]:
    """The ids in a list of ids and ranges."""
    found: set[int] = set()
    for span in spans or ():
        first, _dash, last = span.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def ranges(ids: Iterable[int]) -> tuple[str, ...]:
    """The fewest ids and ranges that say the same, in their order."""
    spans: list[list[int]] = []
    for vid in sorted(ids):
        if spans and spans[-1][1] == vid - 1:
            spans[-1][1] = vid
        else:
            spans.append([vid, vid])
    return tuple(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def vlans_of(value: BridgeVlans) -> Vlans:
    return _made(value.pvid or 0, expand(value.tagged), expand(value.untagged))


def _made(pvid: int, tagged: frozenset[int], untagged: frozenset[int]) -> Vlans:
    own = frozenset({pvid} if pvid and pvid not in tagged else ())
    return Vlans(pvid, tagged, (untagged - tagged) | own)


def with_vlans(value: B, vlans: Vlans) -> B:
    """``value`` with these VLANs, in the form that options are compared in."""
    pvid, tagged = vlans.pvid or None, ranges(vlans.tagged) or None
    untagged = ranges(vlans.untagged - {vlans.pvid}) or None
    if (value.pvid, value.tagged, value.untagged) == (pvid, tagged, untagged):
        return value
    return replace(value, pvid=pvid, tagged=tagged, untagged=untagged)


def merged(found: Vlans, given: BridgeVlans) -> Vlans:
    """What was found with what was given made so. What is given as tagged is not untagged any more, and the reverse; a
    former ``pvid`` goes, unless it is given among the others."""
    pvid = found.pvid if given.pvid is None else given.pvid
    tagged = found.tagged if given.tagged is None else expand(given.tagged)
    untagged = found.untagged - {found.pvid} if given.untagged is None else expand(given.untagged)
    if given.tagged is None:
        tagged -= untagged
    return _made(pvid, tagged, untagged)


@dataclass(frozen=True)
class Span:
    """An id or a range of them that is to be admitted in the same way."""

    vlans: str
    pvid: bool
    untagged: bool


def admit(found: Vlans, desired: Vlans) -> tuple[Span, ...]:
    """What has to be admitted, or admitted in another way. The kernel takes a ``pvid`` only by itself, not in a range."""
    changed = {
        vid for vid in desired.all if vid not in found.all or (vid in found.untagged) != (vid in desired.untagged)
    }
    alone = set()
    if desired.pvid != found.pvid:
        # one that isn't the pvid any more ceases to be when it is admitted without that flag, or when another one is
        alone = {desired.pvid} if desired.pvid else {found.pvid} & desired.all
    elif desired.pvid in changed:
        alone = {desired.pvid}
    spans = [Span(span, False, True) for span in ranges((changed - alone) & desired.untagged)]
    spans += [Span(span, False, False) for span in ranges((changed - alone) & desired.tagged)]
    return (*spans, *(Span(str(vid), vid == desired.pvid, vid in desired.untagged) for vid in alone))


def dismiss(found: Vlans, desired: Vlans) -> tuple[str, ...]:
    """What has to go."""
    return ranges(found.all - desired.all)


def admitted(found: Vlans, span: Span) -> Vlans:
    """What there is after a span was admitted (br_vlan_add and nbp_vlan_add in net/bridge/br_vlan.c)."""
    ids = expand([span.vlans])
    pvid = min(ids) if span.pvid else 0 if found.pvid in ids else found.pvid
    if span.untagged:
        return Vlans(pvid, found.tagged - ids, found.untagged | ids)
    return Vlans(pvid, found.tagged | ids, found.untagged - ids)


def dismissed(found: Vlans, vlans: str) -> Vlans:
    ids = expand([vlans])
    return Vlans(0 if found.pvid in ids else found.pvid, found.tagged - ids, found.untagged - ids)


def default_changed(found: Vlans, old: int, new: int) -> Vlans:
    """What becomes of VLANs when the bridge's default pvid changes (__br_vlan_set_default_pvid in net/bridge/br_vlan.c):
    where the old default is still the pvid, or there was none, the new one takes its place."""
    holds_default = old != 0 and found.pvid == old and old in found.untagged
    if new == 0:
        return dismissed(found, str(old)) if holds_default else found
    if (old and not holds_default) or new in found.all:
        return found
    changed = admitted(found, Span(str(new), True, True))
    return dismissed(changed, str(old)) if old else changed
