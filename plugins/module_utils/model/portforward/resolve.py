# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From forwards as they are given to those whose guests have an address, and what is refused of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ...errors import OptionError, under
from ..fields import canonical
from ..firewall.facts import FirewallFacts, GuestAddress
from ..firewall.others import refused
from .first_packets import helper_object
from .options import HELPERS, HELPERS_OF_IPV4, Forward, Listen, PortForwards, Target, ports_of, protocol_of
from .resolved import Resolved
from .table import MOST_SHIFTED

# Ports of the host's own DNS and DHCP servers for guests, which a listener at every address would take away from them.
_OF_GUESTS = {53: ("tcp", "udp"), 67: ("udp",), 68: ("udp",), 547: ("udp",)}
_LAST_PORT = 65535


def resolve(
    given: PortForwards, facts: FirewallFacts, stored: Sequence[Resolved], others: Mapping[str, Sequence[Resolved]]
) -> tuple[Resolved, ...]:
    """Returns the forwards with the addresses of their guests.

    ``stored`` are those that the set has, ``others`` those of other sets. Raises `OptionError`.
    """
    found: list[Resolved] = []
    known = {each.label for each in stored}
    taken = _Taken()
    for name, theirs in others.items():
        for each in theirs:
            taken.add(each, f"the set {name}")
    for place, forward in enumerate(given.forwards or ()):
        with under(f"forwards[{place}]"):
            each = _resolved(canonical(forward), facts, {each.address for each in stored})
            _check(each)
            _check_helper(each, facts)
            _check_log(each, facts)
            if each.label not in known:
                _check_host(each, facts)
            other = taken.by(each)
            if other:
                raise OptionError("listen.port", each.listen.port, f"is forwarded by {other} too; remove one of them")
            taken.add(each, f"forwards[{place}]")
            found.append(each)
    return tuple(found)


class _Taken:
    """The listeners that forwards have. An address comes before a listener at every address, so these are different."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], list[tuple[Resolved, str]]] = {}

    @staticmethod
    def _keys(each: Resolved) -> Iterator[tuple[object, ...]]:
        for port in ports_of(each.listen):
            yield each.version, each.listen.address, protocol_of(each.listen), port

    def add(self, each: Resolved, owner: str) -> None:
        for key in self._keys(each):
            self._found.setdefault(key, []).append((each, owner))

    def by(self, each: Resolved) -> str:
        """Returns who has a forward for a connection that this one is for, too; empty if there is none."""
        for key in self._keys(each):
            for other, owner in self._found.get(key, ()):
                if any(_networks_overlap(a, b) for a in each.sources for b in other.sources):
                    return owner
        return ""


def _resolved(forward: Forward, facts: FirewallFacts, had: Collection[str]) -> Resolved:
    """Returns the forward with its address. Of several that a guest has, the one of the addresses that forwards ``had`` stays."""
    listen, to = forward.listen or Listen(), forward.to or Target()
    if to.address:
        if to.guest:
            raise OptionError("to.guest", to.guest, "isn't possible with to.address; leave one of them out")
        return Resolved(forward, to.address)
    if not to.guest:
        raise OptionError("to", None, "has neither guest nor address; give one of them")
    addresses = facts.guest(to.guest)
    if addresses is None:
        raise OptionError("to.guest", to.guest, "is no guest of this host; give the name of one, or to.address")
    fitting = _fitting(addresses, listen, to) or _fitting(facts.guest_by_agent(to.guest), listen, to)
    if not fitting:
        version = ipaddress.ip_address(listen.address).version if listen.address else _usual_version(addresses)
        where = f" on network {to.network}" if to.network else ""
        raise OptionError(
            "to.guest",
            to.guest,
            f"has no IPv{version} address{where}, neither by reservation nor by lease or agent; "
            "give it a reservation in the network, start it, or give to.address",
        )
    networks = sorted({each.network for each in fitting})
    if len(networks) > 1:
        raise OptionError("to.guest", to.guest, f"has addresses on {' and '.join(networks)}; give to.network")
    best = [each for each in fitting if each.source == fitting[0].source]
    found = next((each for each in best if each.address in had), best[0])
    return Resolved(forward, found.address, found.source)


def _fitting(addresses: Sequence[GuestAddress], listen: Listen, to: Target) -> list[GuestAddress]:
    version = ipaddress.ip_address(listen.address).version if listen.address else _usual_version(addresses)
    return [each for each in addresses if _version(each) == version and to.network in (None, each.network)]


def _version(address: GuestAddress) -> int:
    return ipaddress.ip_address(address.address).version


def _usual_version(addresses: Iterable[GuestAddress]) -> int:
    return 6 if {_version(each) for each in addresses} == {6} else 4


def _check(each: Resolved) -> None:
    listen, ports = each.listen, ports_of(each.listen)
    if listen.address:
        _check_address(listen.address, each)
    for port, protocols in _OF_GUESTS.items():
        if not listen.address and port in ports and protocol_of(listen) in protocols:
            raise OptionError(
                "listen.port",
                listen.port,
                f"can't be used, as it would take port {port} of this host's DNS and DHCP away from guests; give listen.address",
            )
    if each.first_port + len(ports) - 1 > _LAST_PORT:
        raise OptionError("to.port", each.first_port, f"is too large for {len(ports)} ports; give a smaller one")
    if each.first_port != ports[0] and len(ports) > MOST_SHIFTED:
        raise OptionError(
            "listen.port",
            listen.port,
            f"has {len(ports)} ports with other numbers on the guest; use at most {MOST_SHIFTED}",
        )
    for place, source in enumerate(each.forward.sources or ()):
        if ipaddress.ip_network(source).version != each.version:
            raise OptionError(
                f"sources[{place}]", source, f"is not IPv{each.version} as the guest's address is; leave it out"
            )


def _check_helper(each: Resolved, facts: FirewallFacts) -> None:
    helper, protocol = each.forward.helper, protocol_of(each.listen)
    if helper is None:
        return
    if protocol not in HELPERS[helper]:
        known = " or ".join(HELPERS[helper])
        raise OptionError("helper", helper, f"is for {known} only; give listen.protocol {known}, or leave it out")
    if each.version == 6 and helper in HELPERS_OF_IPV4:
        raise OptionError("helper", helper, "is for IPv4 only; leave it out")
    if not facts.accepts(helper_object(helper, protocol)):
        raise OptionError(
            "helper",
            helper,
            f"isn't known to this kernel (module nf_conntrack_{helper}); install that module, or leave it out",
        )


def _check_log(each: Resolved, facts: FirewallFacts) -> None:
    if each.forward.log_prefix and not each.forward.log:
        raise OptionError("log_prefix", each.forward.log_prefix, "has no effect without log; give log: true")
    if each.forward.log and not facts.accepts("chain a { log; }"):
        raise OptionError(
            "log", True, "isn't possible with this kernel (module nf_log_syslog); install that module, or leave it out"
        )


def _check_host(each: Resolved, facts: FirewallFacts) -> None:
    """Refuses a new listener that would take a connection away from the host itself."""
    listen, ports, protocol = each.listen, ports_of(each.listen), protocol_of(each.listen)
    if listen.address and listen.address not in facts.addresses:
        raise OptionError("listen.address", listen.address, "is no address of this host; give one that it has")
    own = sorted(port for port in facts.ports_of_connection if port in ports) if protocol == "tcp" else []
    if own:
        raise OptionError(
            "listen.port",
            listen.port,
            f"can't be used, as it would cut off the connection of Ansible, which uses port {own[0]}; give another port",
        )
    if refused(ports, facts.others) is not None:
        raise OptionError("listen.port", listen.port, strict(each))
    found = facts.listener(protocol, ports, listen.address)
    if found is not None:
        port, name = found
        program = f"the program {name}" if name else "a program"
        raise OptionError(
            "listen.port",
            listen.port,
            f"is in use on this host, by {program} at port {port}; give another port, or end that",
        )
    _check_translations(each, facts)


def _check_translations(each: Resolved, facts: FirewallFacts) -> None:
    """Refuses a new listener that would take a connection away from where a rule of others sends it."""
    listen, ports, protocol = each.listen, ports_of(each.listen), protocol_of(each.listen)
    addresses = {listen.address} if listen.address else facts.addresses
    for other in facts.translations:
        port = other.takes(protocol, ports, each.version, addresses)
        if port is not None and not other.leads_to(each.address, each.first_port + port - ports[0], port):
            raise OptionError(
                "listen.port",
                listen.port,
                f"can't be used, as another rule of this host sends port {port} to {other.target} already (chain {other.chain});"
                " give another port, or remove that rule",
            )


def strict(each: Resolved) -> str:
    """Returns why firewalld refuses a forward, and what helps."""
    target = f"toaddr={each.address}"
    if len(ports_of(each.listen)) == 1 and each.first_port != ports_of(each.listen)[0]:
        target = f"toport={each.first_port}:{target}"
    return (
        "is refused by firewalld, as its StrictForwardPorts is yes; set that to no in /etc/firewalld/firewalld.conf, or forward the"
        f" port there as well: firewall-cmd --permanent --add-forward-port=port={each.listen.port}:proto={protocol_of(each.listen)}:"
        f"{target} && firewall-cmd --reload"
    )


def _check_address(address: str, each: Resolved) -> None:
    found = ipaddress.ip_address(address)
    if found.version != each.version:
        raise OptionError(
            "listen.address",
            address,
            f"is IPv{found.version}, and the guest's address {each.address} is not; give both of one family",
        )
    if found.is_loopback:
        raise OptionError(
            "listen.address",
            address,
            "is a loopback address, which the kernel doesn't forward; give another address of the host",
        )
    if found.is_unspecified:
        raise OptionError(
            "listen.address", address, "is no address; leave it out to listen at every address of the host"
        )


def _networks_overlap(one: str, other: str) -> bool:
    return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
