# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of a set of port forwards.

A new connection is translated before the kernel routes it (``prerouting``, and ``output`` for the host's own). Its packets get a
mark in ``forward``, by which the rule that `base` puts in front of libvirt's rules lets them pass. The mark depends on the
original destination, so it holds in both directions, and the sets by which it is found count for each forward.
A guest that reaches a guest of its own subnet by the host's address is masqueraded, as the answer would not come back this way.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

from ..firewall.base import MASK
from ..firewall.nft import ISOLATED, Chain, Element, NftSet, Table, hook, live_set, network, word
from ..firewall.rule_sets import SetKind
from ..firewall.steps import Flows
from .first_packets import helped, helper_chains, helper_marks, helper_objects, logged
from .options import Listen, ports_of, protocol_of
from .resolved import ADDRESS_TYPE, IP, PROTOCOL, PROTOCOLS, Resolved, key_type, keys, matched, port_span

# A range to a range of other numbers takes an element for each port, as nft has no offsets.
MOST_SHIFTED = 1024

# Written as numbers: an old nft doesn't take dstnat - 5 for the hook output. libvirt's and firewalld's are -100 and 100.
_DNAT, _FILTER, _SNAT = -105, -6, 95
# What the names of maps begin with, and whether they are for listeners with an address.
_PLACES = (("to", True), ("any", False))

FORWARDS = SetKind("virtnet_fwd_", "forwards", "port forwards", Resolved)


def forwards_table(name: str, forwards: Sequence[Resolved], subnets: Iterable[str], isolated: Iterable[str]) -> Table:
    """Returns the table of a set.

    ``subnets`` are those of the host's bridges, in CIDR form; ``isolated`` are bridges whose guests don't reach a forward.
    """
    sets = [live_set(ISOLATED, isolated)]
    # A kernel may have no NAT for IPv6, or no IPv6 at all.
    versions = sorted({each.version for each in forwards})
    for version in versions:
        mine = [each for each in forwards if each.version == version]
        sets += _maps(version, mine)
        sets.append(_seen(version, mine))
        sets.append(_hairpins(version, mine, subnets))
    anywhere = [each for each in forwards if each.listen.address is None]
    seen = {(word(protocol_of(each.listen)), port_span(each)): each.label for each in anywhere}
    elements = tuple(Element(key, comment=label) for key, label in seen.items())
    sets.append(NftSet("seen", ("inet_proto", "inet_service"), counter=True, elements=elements))
    sets += [each for selection in (*logged(forwards), *helped(forwards)) for each in selection.sets()]
    chains = (*helper_chains(forwards), *_chains(versions, forwards))
    return Table(FORWARDS.table_name(name), tuple(sets), chains, helper_objects(forwards))


def changed_flows(former: Sequence[Resolved], desired: Sequence[Resolved]) -> tuple[Flows, ...]:
    """Returns the connections of UDP that go elsewhere with the desired forwards than with the former ones, or get another helper."""
    had, has = (
        {_way(each) for each in forwards if protocol_of(each.listen) == "udp"} for forwards in (former, desired)
    )
    found = {
        Flows(version, "udp", ports_of(listen)[0], ports_of(listen)[-1], listen.address)
        for version, listen, *_rest in had ^ has
    }
    return tuple(sorted(found, key=lambda flows: (flows.first, flows.last, flows.version, flows.address or "")))


def _way(each: Resolved) -> tuple[int, Listen, str, int, tuple[str, ...], Optional[str]]:
    return each.version, each.listen, each.address, each.first_port, each.sources, each.forward.helper


def _maps(version: int, forwards: Sequence[Resolved]) -> Iterator[NftSet]:
    address = ADDRESS_TYPE[version]
    for place, here in _PLACES:
        mine, types = [each for each in forwards if bool(each.listen.address) == here], key_type(version, here=here)
        moved = tuple(element for each in mine if not each.keeps_numbers for element in _moved(each))
        kept = tuple(element for each in mine if each.keeps_numbers for element in _kept(each))
        yield NftSet(f"{place}{version}", types, (address, "inet_service"), counter=True, elements=moved)
        yield NftSet(f"{place}_same{version}", types, (address,), counter=True, elements=kept)


def _moved(each: Resolved) -> Iterator[Element]:
    for offset, port in enumerate(ports_of(each.listen)):
        for key in keys(each, word(port)):
            yield Element(key, (each.address, str(each.first_port + offset)), each.label)


def _kept(each: Resolved) -> Iterator[Element]:
    for key in keys(each, port_span(each)):
        yield Element(key, (each.address,), each.label)


def _seen(version: int, forwards: Sequence[Resolved]) -> NftSet:
    keys = {
        (word(each.listen.address), word(protocol_of(each.listen)), port_span(each)): each.label
        for each in forwards
        if each.listen.address
    }
    elements = tuple(Element(key, comment=label) for key, label in keys.items())
    return NftSet(
        f"seen{version}", (ADDRESS_TYPE[version], "inet_proto", "inet_service"), counter=True, elements=elements
    )


def _hairpins(version: int, forwards: Sequence[Resolved], subnets: Iterable[str]) -> NftSet:
    targets = {ipaddress.ip_address(each.address) for each in forwards}
    found = {
        subnet for subnet in subnets if any(target in ipaddress.ip_network(subnet, strict=False) for target in targets)
    }
    elements = tuple(Element((network(subnet), network(subnet))) for subnet in sorted(found))
    return NftSet(f"neighbours{version}", (ADDRESS_TYPE[version], ADDRESS_TYPE[version]), elements=elements)


def _chains(versions: Sequence[int], forwards: Sequence[Resolved]) -> Iterator[Chain]:
    closed = f"iifname @{ISOLATED} return"
    log = (rule for selection in logged(forwards) for rule in selection.rules())
    yield Chain("to_guests", (*log, *_translations(versions)))
    yield Chain("prerouting", (closed, "jump to_guests"), hook("nat", "prerouting", _DNAT))
    yield Chain(
        "output",
        ("ip daddr 127.0.0.0/8 return", "ip6 daddr ::1 return", "jump to_guests"),
        hook("nat", "output", _DNAT),
    )
    yield Chain("marking", (closed, *_marks(versions), *helper_marks(forwards)))
    yield Chain("forward", ("ct status dnat jump marking",), hook("filter", "forward", _FILTER))
    masquerade = (
        f"ct status dnat {IP[version]} saddr . {IP[version]} daddr @neighbours{version} masquerade"
        for version in versions
    )
    yield Chain("postrouting", tuple(masquerade), hook("nat", "postrouting", _SNAT))


def _translations(versions: Sequence[int]) -> Iterator[str]:
    for version in versions:
        for place, here in _PLACES:
            match, key = matched(version, here=here)
            for kind in ("", "_same"):
                yield f"{match} dnat {IP[version]} to {key} map @{place}{kind}{version}"


def _marks(versions: Sequence[int]) -> Iterator[str]:
    mark = f"meta mark set meta mark | {MASK}"
    for version in versions:
        ip = IP[version]
        yield f"{PROTOCOLS} ct original {ip} daddr . {PROTOCOL[version]} . ct original proto-dst @seen{version} {mark}"
    for version in versions:
        key = f"{PROTOCOL[version]} . ct original proto-dst"
        yield f"meta mark & {MASK} != {MASK} {PROTOCOLS} {key} @seen {mark}"
