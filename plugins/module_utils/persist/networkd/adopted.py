# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user's own files say of a NIC that becomes a port (systemd.network(5)): what belongs to the NIC stays with it, and
all else moves to the bridge that takes it over.

The bridge's file says from which NIC and which files that is. So a later task that leaves out ``adopt`` leaves it there, and
addresses and routes that a task has given once stay given.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ...model.interface.normal import destination, family, normal_route
from ...model.interface.options import Interface, InterfaceRoute, InterfaceState, Route
from ..files import Draft, made_for
from ..ini import Section, parse, render, sections, settings
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
_REMEMBERED = ("addresses", "routes")
_HEAD = re.compile(r"(?m)^# Taken over from (\S+?)(?:, without its (.+))?$")
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
    """What moves to a bridge from the files for ``nic``; ``without`` are the options that tasks give in place of theirs."""

    nic: str
    said: tuple[_Said, ...]
    without: tuple[str, ...] = ()
    identity: tuple[Section, ...] = ()

    def value(self, section: str, key: str) -> str:
        """Returns the value that counts, the last one."""
        found = [value for said in self.said if said.name == section for name, value in said.keys if name == key]
        return found[-1] if found else ""

    @property
    def dhcp(self) -> frozenset[int]:
        """The versions of IP that have a DHCP client."""
        value = self.value("Network", "DHCP").lower()
        versions = {4: (*_TRUE, "both", "ipv4", "v4"), 6: (*_TRUE, "both", "ipv6", "v6")}
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


def _earlier(draft: Draft, name: str) -> str:
    """Returns the text of the bridge's .network file as an earlier run has written it."""
    files = draft.request.files.items()
    return next((text for path, text in files if made_for(text) == name and path.endswith(f"-{name}.network")), "")


def moved(draft: Draft, users: Mapping[str, list[NetworkFile]]) -> list[Moved]:
    """Returns what moves to the bridge; ``users`` are the files that may be taken for each of its ports."""
    name = draft.request.name
    before = _earlier(draft, name)
    heads = {found[1]: found[2] or "" for found in _HEAD.finditer(before)}
    result = []
    for nic in dict.fromkeys([*heads, *([draft.request.adopt] if draft.request.adopt else ())]):
        if nic not in users:
            continue
        taken = _taken(draft, nic, users[nic], before)
        said = _said(draft.users(), taken) if taken else ()
        if not said or _value(said, "Link", "Unmanaged").lower() in _TRUE:
            continue
        _warn(draft, nic, said)
        given = draft.request.given
        without = {option for option in _OF_OPTION if given and getattr(given, option) is not None}
        without |= set(heads.get(nic, "").split(" and ")) & set(_REMEMBERED)
        if "addresses" in without:
            without.add("routes")  # their gateways may not be reachable any more
        found = Moved(nic, tuple(_for_bridge(said)), tuple(option for option in _OF_OPTION if option in without))
        result.append(replace(found, identity=tuple(_identity(draft, found, before))))
        draft.renewed |= found.dhcp
    return result


def _value(said: Iterable[_Said], section: str, key: str) -> str:
    return Moved("", tuple(said)).value(section, key)


def _taken(draft: Draft, nic: str, users: list[NetworkFile], before: str) -> Optional[NetworkFile]:
    """Returns the file that networkd takes for a NIC, or that it has taken before the NIC became a port."""
    if len(users) < 2:
        return next(iter(users), None)
    state = draft.request.interfaces.get(nic)
    notes = draft.request.facts.networkd_notes(state.index) if state else {}
    for taken in users:
        if taken.path == notes.get("NETWORK_FILE") or f"{_FROM}{taken.path}\n" in before:
            return taken
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


def port_lines(draft: Draft, users: list[NetworkFile]) -> list[str]:
    """Returns the lines of a port's file that keep what belongs to the NIC."""
    if not users or not (len(users) == 1 or users[-1].certain):
        return []
    found = []
    for each in _said(draft.users(), users[0]):
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


def without_moved(draft: Draft, desired: Interface, found: Sequence[Moved]) -> Interface:
    """Returns the bridge without the addresses and routes that are in what moves, or that a DHCP client sets."""
    state = draft.request.interfaces.get(draft.request.name)
    addresses, routes = list(desired.addresses or ()), list(desired.routes or ())
    for each in found:
        clients = each.dhcp | {6}  # advertisements are processed by networkd, too
        leased = {a.cidr for a in state.addresses if a.valid_seconds is not None} if state else set[str]()
        addresses = [cidr for cidr in addresses if not (cidr in leased and family(cidr) in clients)]
        if "addresses" not in each.without:
            theirs = {_interface(value) for value in _addresses(each)}
            addresses = [cidr for cidr in addresses if _interface(cidr) not in theirs]
        if "routes" not in each.without:
            ways = set(_routes(each))
            routes = [route for route in routes if _way(route) not in ways]
        routes = [route for route in routes if not _of_dhcp(route, state, each)]
    mac = state.definition.mac if state and found else None  # the NIC's, also where a later task leaves out adopt
    return replace(desired, mac=desired.mac or mac, addresses=tuple(addresses) or None, routes=tuple(routes) or None)


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


def network_lines(own: Iterable[Section], found: list[Moved]) -> list[str]:
    """Returns the lines of the bridge's .network file: ``own`` sections, with what has moved after them.

    What a task gives is in ``own``, and counts in place of what has moved; what is there by itself gives way to that.
    """
    ours = [(name, list(keys)) for name, keys in own]
    theirs = [_without(each, ours) for each in found]
    if theirs:
        dhcp = any(each.dhcp for each in theirs)
        ours = [(name, _with_defaults(name, keys, theirs, dhcp)) for name, keys in ours]
    lines = render((name, keys) for name, keys in ours if keys)
    for each in theirs:
        options = f", without its {' and '.join(each.without)}" if each.without else ""
        lines += ["", f"# Taken over from {each.nic}{options}", *_lines(each.said)[1:]]
        if each.identity:
            lines += ["", "# So that the DHCP server knows the client again", *render(each.identity)]
    return lines


def _without(each: Moved, ours: list[tuple[str, list[tuple[str, object]]]]) -> Moved:
    """Returns what moves without what tasks give."""
    held = {(name, key) for name, keys in ours for key, _value in keys if key not in _DEFAULTS.get(name, ())}
    said = []
    for part in each.said:
        gone: set[str] = set()
        for option in each.without:
            whole, keys_of = _OF_OPTION[option]
            gone |= {key for key, _value in part.keys} if part.name in whole else keys_of.get(part.name, frozenset())
        if part.name in ("Link", "Network"):
            gone |= {key for name, key in held if name == part.name and key not in ("Address", "Gateway")}
        keys = tuple(pair for pair in part.keys if pair[0] not in gone)
        if keys:
            said.append(replace(part, keys=keys))
    without = tuple(option for option in each.without if option in _REMEMBERED)
    return replace(each, said=tuple(said), without=without)


def _with_defaults(
    name: str, keys: list[tuple[str, object]], theirs: Iterable[Moved], dhcp: bool
) -> list[tuple[str, object]]:
    found = []
    for key, value in keys:
        if key == "RequiredForOnline":
            continue  # as the user's files say, whose default is yes
        if key in _DEFAULTS.get(name, ()) and any(each.value(name, key) for each in theirs):
            continue
        # otherwise networkd keeps what is leased beyond the end of its lease (systemd.network(5))
        found.append((key, "static" if key == "KeepConfiguration" and dhcp else value))
    return found


# -- the lease -----------------------------------------------------------------------------------------------------------


def _identity(draft: Draft, each: Moved, before: str) -> Iterable[Section]:
    """Yields by which IAID the DHCP client of the NIC was known to the server; networkd derives it from the interface's name
    (dhcp_identifier_set_iaid in src/libsystemd-network/dhcp-identifier.c), and that of a bridge is another one."""
    for section, iaid in iaids(draft, each.nic, before).items():
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
