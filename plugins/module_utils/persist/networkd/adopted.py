# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user's own files say of a NIC that becomes a port (systemd.network(5)): what belongs to the NIC stays with it, and
all else moves to the bridge that takes it over.

What the bridge's file remembers of that is in `persist.takeover`.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Callable, Optional

from ...model.interface.normal import destination, family, normal_route
from ...model.interface.options import Interface, InterfaceRoute, InterfaceState, Route
from ..files import Draft, made_for
from ..ini import Section, parse, render, sections, settings
from ..ip import V4, V6
from ..takeover import Takeover, former_text, takeover, with_mac
from .match import DIRECTORIES, NetworkFile

# Sections of a device or of its queues, which stay with the NIC.
_OF_NIC = frozenset(
    "SR-IOV LLDP CAN IPoIB BridgeFDB QDisc NetworkEmulator TokenBucketFilter PIE FlowQueuePIE StochasticFairBlue"
    " StochasticFairnessQueueing BFIFO PFIFO PFIFOHeadDrop PFIFOFast CAKE ControlledDelay DeficitRoundRobinScheduler"
    " DeficitRoundRobinSchedulerClass EnhancedTransmissionSelection GenericRandomEarlyDetection FairQueueing"
    " FairQueueingControlledDelay TrivialLinkEqualizer HierarchyTokenBucket HierarchyTokenBucketClass"
    " ClassfulMultiQueueing BandMultiQueueing HeavyHitterFilter QuickFairQueueing QuickFairQueueingClass".split()
)
# Keys that stay with the NIC; a VLAN interface on a port works as on a NIC (vlan_do_receive comes before the bridge).
_KEYS_OF_NIC = {
    "Link": frozenset("MACAddress Promiscuous AllMulticast Group ActivationPolicy".split()),
    "Network": frozenset("VLAN LLDP EmitLLDP BatmanAdvanced".split()),
}
# What both have: the MTU of a bridge is that of its port.
_KEYS_OF_BOTH = {"Link": frozenset({"MTUBytes"})}
# What has no effect in the place of the bridge that the NIC is a port of now.
_GONE = frozenset({"Match", "Bridge", "BridgeMDB", "BridgeVLAN"})
_KEYS_GONE = {"Network": frozenset({"Bridge", "Bond", "ActiveSlave", "PrimarySlave"}), "Link": frozenset({"Unmanaged"})}
# What is written by itself unless the user's files say something else.
_DEFAULTS = {"Link": ("RequiredForOnline",), "Network": ("ConfigureWithoutCarrier", "KeepConfiguration")}

# What a file has of an option, and says no more where a task gives that option.
_OF_OPTION = {
    "addresses": (frozenset({"Address"}), {"Network": frozenset({"Address"})}),
    "routes": (frozenset({"Route"}), {"Network": frozenset({"Gateway", "DefaultRouteOnDevice"})}),
    "mtu": (frozenset[str](), {"Link": frozenset({"MTUBytes"})}),
}
_FROM = "# From "
_TRUE = ("1", "yes", "y", "true", "t", "on")
_RTPROT_DHCP = 16  # linux/rtnetlink.h


@dataclass(frozen=True)
class _Said:
    """One section of one file."""

    path: str
    name: str
    keys: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Moved:
    """What moves to a bridge from the files for a NIC; ``without`` are the options that tasks give in place of theirs."""

    takeover: Takeover
    said: tuple[_Said, ...]
    without: frozenset[str] = frozenset()
    identity: tuple[Section, ...] = ()

    def value(self, section: str, key: str) -> str:
        """Returns the value that counts, the last one."""
        found = [value for said in self.said if said.name == section for name, value in said.keys if name == key]
        return found[-1] if found else ""

    @property
    def dhcp(self) -> frozenset[int]:
        """The versions of IP that have a DHCP client."""
        value = self.value("Network", "DHCP").lower()
        versions = {V4: (*_TRUE, "both", "ipv4", "v4"), V6: (*_TRUE, "both", "ipv6", "v6")}
        return frozenset(version for version, words in versions.items() if value in words)


def _settings(text: str) -> Iterable[tuple[str, tuple[tuple[str, str], ...]]]:
    """Yields the sections of a unit file; a line that ends in a backslash goes on in the next one (systemd.syntax(7))."""
    for name, lines in list(sections(re.sub(r"\\\n", " ", text))):
        yield name, tuple(settings(lines))


def _said(files: Mapping[str, str], taken: NetworkFile) -> tuple[_Said, ...]:
    """Returns what a .network file and its drop-ins say, in the order in which networkd reads them."""
    beside: dict[str, str] = {}
    for directory in reversed(DIRECTORIES):
        for path in files:
            if posixpath.dirname(path) == f"{directory}/{taken.name}.d" and path.endswith(".conf"):
                beside[posixpath.basename(path)] = path
    paths = [taken.path, *(beside[name] for name in sorted(beside))]
    return tuple(_Said(path, name, keys) for path in paths for name, keys in _settings(files[path]))


def _earlier(draft: Draft) -> str:
    """Returns the path of the bridge's .network file that an earlier run has written."""
    name = draft.request.name
    files = draft.request.files.items()
    return next((path for path, text in files if made_for(text) == name and path.endswith(f"-{name}.network")), "")


def moved(draft: Draft, users: Callable[[str], list[NetworkFile]]) -> Optional[Moved]:
    """Returns what moves to the bridge, ``None`` for nothing. ``users`` returns the files that may be taken for an interface."""
    path = _earlier(draft)
    found = takeover(draft.request, path)
    before = former_text(draft.request, path)
    taken = _taken(draft, found.interface, users(found.interface), before) if found else None
    if found is None or taken is None:
        return None
    said = _said(draft.users(), taken)
    if Moved(found, said).value("Link", "Unmanaged").lower() in _TRUE:
        return None
    _warn(draft, found.interface, said)
    given = draft.request.given
    without = found.instead | {option for option in _OF_OPTION if given and getattr(given, option) is not None}
    if "addresses" in without:
        without |= {"routes"}  # their gateways may not be reachable any more
    result = Moved(found, tuple(_for_bridge(said)), frozenset(without))
    draft.renews_leases = V4 in result.dhcp
    return replace(result, identity=tuple(_identity(draft, result, before)))


def _taken(draft: Draft, nic: str, users: list[NetworkFile], before: str) -> Optional[NetworkFile]:
    """Returns the file that networkd takes for a NIC, or that it has taken before the NIC became a port."""
    if not users or users[0].certain:
        return next(iter(users), None)
    state = draft.request.interfaces.get(nic)
    notes = draft.request.facts.networkd_notes(state.index) if state else {}
    for taken in users:
        if taken.path == notes.get("NETWORK_FILE") or f"{_FROM}{taken.path}\n" in before:
            return taken
    port_of_ours = any(
        made_for(text) == nic and path.endswith(".network") for path, text in draft.request.files.items()
    )
    if notes or port_of_ours:  # networkd takes another file or none, or did so when that file was written
        return users[-1] if users[-1].certain else None
    if len(users) > 1:
        draft.warn(
            f"{' and '.join(user.path for user in users)} may be for {nic}, and the first one is taken;"
            f" give it a [Match] that says Name={nic}"
        )
    return users[0]


def _warn(draft: Draft, nic: str, said: Iterable[_Said]) -> None:
    for each in said:
        for key, value in each.keys:
            if each.name == "Network" and key in _KEYS_GONE["Network"] and value:
                lines = draft.files[each.path].split("\n")
                line = next(place for place, text in enumerate(lines, 1) if text.partition("=")[0].strip() == key)
                draft.warn(
                    f"{key}={value} in {each.path}, line {line}, has no effect, as {nic} is a port of {draft.request.name}"
                )


def _for_bridge(said: Iterable[_Said]) -> Iterable[_Said]:
    for each in said:
        if each.name in _OF_NIC | _GONE:
            continue
        left = _KEYS_OF_NIC.get(each.name, frozenset()) | _KEYS_GONE.get(each.name, frozenset())
        keys = tuple((key, value) for key, value in each.keys if key not in left)
        if keys:
            yield replace(each, keys=keys)


def port_lines(draft: Draft, nic: str, users: list[NetworkFile]) -> list[str]:
    """Returns the lines of a port's file that keep what belongs to the NIC; ``users`` may be taken for it."""
    taken = _taken(draft, nic, users, "")
    if taken is None:
        return []
    found = []
    for each in _said(draft.users(), taken):
        kept = _KEYS_OF_NIC.get(each.name, frozenset()) | _KEYS_OF_BOTH.get(each.name, frozenset())
        keys = each.keys if each.name in _OF_NIC else tuple(pair for pair in each.keys if pair[0] in kept)
        if keys:
            found.append(replace(each, keys=keys))
    return _lines(found)


def _lines(said: Iterable[_Said]) -> list[str]:
    lines: list[str] = []
    path = ""
    for each in said:
        lines.append("")
        if each.path != path:
            path = each.path
            lines.append(f"{_FROM}{path}")
        lines += render([(each.name, each.keys)])
    return lines


# -- the bridge's file ---------------------------------------------------------------------------------------------------


def without_moved(draft: Draft, desired: Interface, found: Moved) -> Interface:
    """Returns the bridge without the addresses and routes that are in what moves, or that a DHCP client sets."""
    state = draft.request.interfaces.get(draft.request.name)
    clients = found.dhcp | {V6}  # advertisements are processed by networkd, too
    leased = {a.cidr for a in state.addresses if a.valid_seconds is not None} if state else set[str]()
    theirs = set() if "addresses" in found.without else {_interface(value) for value in _addresses(found)}
    ways = set() if "routes" in found.without else set(_routes(found))
    addresses = tuple(
        cidr
        for cidr in desired.addresses or ()
        if _interface(cidr) not in theirs and not (cidr in leased and family(cidr) in clients)
    )
    routes = tuple(
        route for route in desired.routes or () if _way(route) not in ways and not _of_dhcp(route, state, found)
    )
    return replace(with_mac(draft.request, desired), addresses=addresses or None, routes=routes or None)


def _interface(text: str) -> str:
    try:
        return str(ipaddress.ip_interface(text.strip()))
    except ValueError:
        return text


def _addresses(each: Moved) -> Iterable[str]:
    for said in each.said:
        if said.name in ("Network", "Address"):
            yield from (value for key, value in said.keys if key == "Address")


def _routes(each: Moved) -> Iterable[tuple[str, Optional[str], Optional[str], str]]:
    for said in each.said:
        if said.name == "Network":
            yield from ((_anywhere(value), _ip(value), None, "main") for key, value in said.keys if key == "Gateway")
        if said.name == "Route":
            keys = dict(said.keys)
            via = keys.get("Gateway")
            to = keys.get("Destination") or _anywhere(via or "")
            table = {"254": "main"}.get(keys.get("Table", ""), keys.get("Table") or "main")
            yield (_network(to), _ip(via) if via else None, _metric(to, keys.get("Metric")), table)


def _way(option: InterfaceRoute) -> tuple[str, Optional[str], Optional[str], str]:
    option = normal_route(option)
    to = destination(option)
    table = "main" if option.table is None else str(option.table)
    return (_network(to), option.via, _metric(to, option.metric), table)


def _metric(to: str, value: object) -> Optional[str]:
    """Returns a metric as text, ``None`` for the kernel's own."""
    text = str(value) if value is not None else ""
    return None if text in ("", "1024" if family(to) == 6 else "0") else text


def _anywhere(via: str) -> str:
    return "::/0" if family(via) == 6 else "0.0.0.0/0"


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        return text


def _of_dhcp(option: InterfaceRoute, state: Optional[InterfaceState], each: Moved) -> bool:
    if family(destination(option)) not in each.dhcp:
        return False
    held: Iterable[Route] = state.routes if state else ()
    return any(route.protocol == _RTPROT_DHCP and normal_route(route.option) == normal_route(option) for route in held)


def network_lines(own: Iterable[Section], found: Moved) -> list[str]:
    """Returns the lines of the bridge's .network file: ``own`` sections, with what has moved after them.

    What a task gives is in ``own``, and counts in place of what has moved; what is there by itself gives way to that.
    """
    ours = [(name, list(keys)) for name, keys in own]
    theirs = _without(found, ours)
    ours = [(name, _with_defaults(name, keys, theirs)) for name, keys in ours]
    lines = render((name, keys) for name, keys in ours if keys)
    lines += ["", found.takeover.note, *_lines(theirs.said)[1:]]
    if found.identity:
        lines += ["", "# So that the DHCP server knows the client again", *render(found.identity)]
    return lines


def _without(found: Moved, ours: list[tuple[str, list[tuple[str, object]]]]) -> Moved:
    """Returns what moves without what tasks give."""
    held = {(name, key) for name, keys in ours for key, _value in keys if key not in _DEFAULTS.get(name, ())}
    said = []
    for part in found.said:
        gone: set[str] = set()
        for option in found.without:
            whole, keys_of = _OF_OPTION[option]
            gone |= {key for key, _value in part.keys} if part.name in whole else keys_of.get(part.name, frozenset())
        gone |= {key for name, key in held if name == part.name and name in ("Link", "Network")}
        keys = tuple(pair for pair in part.keys if pair[0] not in gone)
        if keys:
            said.append(replace(part, keys=keys))
    return replace(found, said=tuple(said))


def _with_defaults(name: str, keys: list[tuple[str, object]], theirs: Moved) -> list[tuple[str, object]]:
    found = []
    for key, value in keys:
        # whether a start of the host waits for the bridge is up to the user's files, where that is the default
        if key == "RequiredForOnline" or (key in _DEFAULTS.get(name, ()) and theirs.value(name, key)):
            continue
        # otherwise networkd keeps what is leased beyond the end of its lease (systemd.network(5))
        found.append((key, "static" if key == "KeepConfiguration" and theirs.dhcp else value))
    return found


# -- the lease -----------------------------------------------------------------------------------------------------------


def _identity(draft: Draft, each: Moved, before: str) -> Iterable[Section]:
    """Yields by which IAID the DHCP client of the NIC was known to the server; networkd derives it from the interface's name
    (dhcp_identifier_set_iaid in src/libsystemd-network/dhcp-identifier.c), and that of a bridge is another one."""
    for section, iaid in iaids(draft, each.takeover.interface, before).items():
        if iaid and not each.value(section, "IAID"):
            yield (section, (("IAID", iaid),))


def iaids(draft: Draft, nic: str, before: str) -> dict[str, str]:
    """Returns the IAID of the DHCP client of a NIC as number, by section; from ``before``, our earlier file, if it has one."""
    kept = parse(before)
    state = draft.request.interfaces.get(nic)
    notes = draft.request.facts.networkd_notes(state.index) if state else {}
    client = notes.get("CLIENTID", "")
    found = {
        # RFC 4361, 6.1: type 255, IAID, DUID
        "DHCPv4": str(int(client[2:10], 16)) if re.fullmatch(r"ff[0-9a-f]{8,}", client) else "",
        "DHCPv6": _number(notes.get("DHCP6_CLIENT_IAID", "")),
    }
    return {section: kept.get(section, {}).get("IAID", "") or iaid for section, iaid in found.items()}


def _number(text: str) -> str:
    try:
        return str(int(text, 0))
    except ValueError:
        return ""
