# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the parties of policy rules, and refuses rules that can't work."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Optional

from ...contract import World
from ...errors import OptionError, under
from ..firewall.facts import FirewallFacts
from ..firewall.subjects import addresses_of_guest, bridge_named, network_named
from ..links import LinkFacts
from ..network.facts import KnownNetwork, NetworkFacts
from .options import ALLOW, FAMILIES, HOST, OUTSIDE, Party, Policy, PolicyRule
from .table import ResolvedParty, ResolvedRule

_EVERYONE = ResolvedParty("every network")


def resolve_policy(given: Policy, world: World) -> tuple[ResolvedRule, ...]:
    """Returns the rules with their parties. Raises `OptionError`."""
    found: list[ResolvedRule] = []
    for place, rule in enumerate(given.rules or ()):
        with under(f"rules[{place}]"):
            with under("source"):
                source = _party(rule.source, world)
                if rule.action == ALLOW:
                    source = _with_subnets(source, world)
            with under("to"):
                to = _party(rule.to, world)
            each = ResolvedRule(rule, source, to)
            _check(each, world)
            for former, other in enumerate(found):
                if other.label == each.label:
                    raise OptionError(
                        "action",
                        rule.action,
                        f"is also set by rules[{former}] for the same parties; remove one of them",
                    )
            found.append(each)
    return tuple(found)


def _party(party: Optional[Party], world: World) -> ResolvedParty:
    if party is None:
        return _EVERYONE
    given = [name for name in ("name", "cidr", "network", "bridge", "guest", "zone") if getattr(party, name)]
    if given == ["network", "guest"]:  # the guest's address on this network
        given = ["guest"]
    if len(given) != 1:
        problem = f"has {' and '.join(given)}; give one of them" if given else "is empty; leave it out, or name a party"
        raise OptionError("", None, problem)
    if party.cidr:
        return ResolvedParty(party.cidr, addresses=(party.cidr,))
    if party.guest:
        addresses = tuple(cidr for cidr, _by in addresses_of_guest(party.guest, party.network, world))
        if not addresses:
            raise OptionError("guest", party.guest, "has no address; give it a reservation in its network, or start it")
        return ResolvedParty(party.guest, addresses=addresses)
    if party.name:
        return _named(party.name, world)
    if party.network:
        network = network_named(party.network, world)
        _check_named("network", network)
        if network.bridge is None:
            raise OptionError("network", party.network, "has no bridge of its own; give the bridge, or a cidr")
        return ResolvedParty(party.network, link=network.bridge)
    if party.bridge:
        return ResolvedParty(party.bridge, link=bridge_named(party.bridge, world).name)
    return ResolvedParty({OUTSIDE: "outside", HOST: "the host"}[party.zone or ""], zone=party.zone)


def _named(name: str, world: World) -> ResolvedParty:
    """Returns the network of libvirt of this name that has a bridge of its own, or else the bridge."""
    network = world.facts(NetworkFacts).networks.get(name)
    if network is not None and network.bridge:
        return ResolvedParty(name, link=network.bridge)
    if any(link.name == name for link in world.facts(LinkFacts).links):
        return ResolvedParty(name, link=name)
    if network is not None:
        _check_named("name", network)
    raise OptionError(
        "name", name, "is no network with a bridge of its own, and no bridge of this host; create it first"
    )


def _check_named(option: str, network: KnownNetwork) -> None:
    if network.unnamed:
        problem = "gets the name of its bridge from libvirt when it is created; give the network a bridge.name"
        raise OptionError(option, network.name, problem)


def _with_subnets(party: ResolvedParty, world: World) -> ResolvedParty:
    """Returns a party that is a network of libvirt with its subnets.

    What is allowed passes libvirt's rules, which only let a network's own addresses out.
    """
    networks = world.facts(NetworkFacts).networks.values()
    known = next((network for network in networks if party.link and network.bridge == party.link), None)
    if known is None:
        return party
    subnets = tuple(str(ipaddress.ip_interface(address).network) for address in known.addresses)
    return dataclasses.replace(party, addresses=subnets)


def _check(each: ResolvedRule, world: World) -> None:
    rule, source, to = each.rule, each.source, each.to
    if (source.link, source.zone) == (to.link, to.zone) and (source.link or source.addresses == to.addresses):
        raise OptionError("to", None, f"is the source, {to.words}; a policy is between different networks")
    if HOST in (source.zone, to.zone) and source.zone == to.zone:
        raise OptionError("to", None, "is the host, as the source is; name another party")
    if rule.default and HOST in (source.zone, to.zone):
        raise OptionError("default", True, "isn't possible with the host; put the rule at the end of its set")
    _check_families(each)
    for place, service in enumerate(rule.services or ()):
        if service.protocol == "icmp" and service.port:
            raise OptionError(f"services[{place}].port", service.port, "isn't possible with icmp; leave it out")
    if to.zone == HOST and rule.action != ALLOW and source.link is None:
        _check_connection(rule, source, world)


def _check_families(each: ResolvedRule) -> None:
    """Raises `OptionError` where no packet can fit, because the addresses are IPv4 on one side and IPv6 on the other."""
    families = [{ipaddress.ip_network(cidr).version for cidr in party.addresses} for party in (each.source, each.to)]
    if all(families) and not families[0] & families[1]:
        problem = f"{each.to.words} and {each.source.words} have no addresses of one family (IPv4, IPv6)"
        raise OptionError("to", None, problem)
    family = each.rule.family
    for party, versions in zip((each.source, each.to), families):
        if family and versions and FAMILIES[family] not in versions:
            raise OptionError("family", family, f"isn't possible, as {party.words} has no such address; leave it out")


def _check_connection(rule: PolicyRule, source: ResolvedParty, world: World) -> None:
    """Refuses to cut off the connection of Ansible."""
    facts = world.facts(FirewallFacts)
    if source.addresses and not any(_within(peer, source.addresses) for peer in facts.peers_of_connection):
        return
    ports = facts.ports_of_connection
    services = [each for each in rule.services or () if each.protocol == "tcp"]
    own = sorted(port for port in ports if not rule.services or any(_covers(each.port, port) for each in services))
    if own:
        raise OptionError(
            "action",
            rule.action,
            f"can't be used, as it would cut off the connection of Ansible, which uses port {own[0]}; name the services, without this port",
        )


def _within(address: str, subnets: tuple[str, ...]) -> bool:
    found = ipaddress.ip_address(address)
    return any(found in ipaddress.ip_network(subnet) for subnet in subnets)


def _covers(ports: Optional[str], port: int) -> bool:
    if ports is None:
        return True
    first, _dash, last = ports.partition("-")
    return int(first) <= port <= int(last or first)
