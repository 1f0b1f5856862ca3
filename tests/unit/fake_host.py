# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host without libvirt, in place of the backend: it keeps networks as libvirt does, and fails where a test wants it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import Driver
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import Outcome, run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import canonical
from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import Extra
from ansible_collections.virtnet.kvm.plugins.module_utils.model.links import Link, LinkDriver, OwnBridge
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.kept import not_kept
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    OWN_BRIDGE_MODES,
    Bridge,
    Dhcp,
    DhcpHost,
    Dns,
    Guest,
    Network,
    NetworkState,
    mode_of,
    normalise,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.problems import (
    BY_RESTART,
    Fault,
    Problem,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.steps import NetworkDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.updates import (
    ADD,
    DELETE,
    Update,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.zones import ZoneDriver, Zones
from unit.fake_notes import FakeNotes

NEWEST = 12_000_000


class KilledError(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@dataclass
class _Kept:
    stored: Optional[Network] = None
    running: Optional[Network] = None
    autostart: bool = False
    guests: tuple[Guest, ...] = ()
    # where the guests are connected
    bridge: Optional[str] = None
    # those that were connected while it was a pool: they are on the host's devices, whatever happens to the network
    pooled: frozenset[str] = frozenset()

    def lose_guests(self) -> None:
        self.guests = tuple(g if g.device in self.pooled else replace(g, connected=False) for g in self.guests)


class FakeNetworks(NetworkDriver):
    """Networks as libvirt keeps them. ``strike`` is called before each call that changes something."""

    def __init__(self, libvirt: int = NEWEST) -> None:
        self.libvirt = libvirt
        self.kept: dict[str, _Kept] = {}
        self.calls: list[str] = []
        self.strike: Callable[[int, str], None] = lambda _number, _call: None
        # what other programs did: the problems of active networks, and why none could be started
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self.in_the_way: tuple[str, ...] = ()
        # what libvirt ignores, and whether its library tells before
        self.ignored: tuple[Extra, ...] = ()
        self.tells = True

    def _called(self, call: str) -> None:
        self.calls.append(call)
        self.strike(len(self.calls), call)

    def _get(self, name: str) -> _Kept:
        if name not in self.kept:
            raise HostError(f"find network {name}", "libvirt has no network of that name")
        return self.kept[name]

    def names(self) -> list[str]:
        return sorted(self.kept)

    def observe(self, name: str) -> Optional[NetworkState]:
        found = self.kept.get(name)
        if found is None:
            return None
        problems = self.problems.get(name, ()) if found.running else ()
        return NetworkState(found.stored, found.running, found.autostart, found.guests, problems)

    def libvirt_version(self) -> int:
        return self.libvirt

    def definitions(self) -> list[tuple[str, Network, bool]]:
        kept = self.kept.items()
        return [(name, k.running or k.stored or Network(), k.running is not None) for name, k in kept]

    def leases(self, _name: str) -> list[dict[str, object]]:
        return []

    def dropped(self, network: Network) -> tuple[Extra, ...]:
        return tuple(part for part in network.extra or () if part in self.ignored) if self.tells else ()

    def define(self, network: Network) -> tuple[str, ...]:
        self._called(f"define {network.name}")
        found = self.kept.setdefault(network.name or "", _Kept())
        known = found.stored or found.running
        if known and network.uuid not in (None, known.uuid):
            raise HostError("define", "already exists with another uuid")
        kept = tuple(part for part in network.extra or () if part not in self.ignored)
        kept_network = normalise(replace(network, extra=kept or None))
        found.stored = self._with_host_chosen(kept_network, known)
        return not_kept(normalise(network), kept_network)

    def _with_host_chosen(self, network: Network, known: Optional[Network]) -> Network:
        number = len(self.kept)
        uuid = network.uuid or (known and known.uuid) or f"00000000-0000-4000-8000-{number:012d}"
        network = replace(network, uuid=uuid)
        if mode_of(network) not in OWN_BRIDGE_MODES:
            return network
        bridge = network.bridge or Bridge()
        return replace(
            network,
            mac=network.mac or f"52:54:00:00:00:{number:02x}",
            bridge=replace(bridge, name=bridge.name or f"virbr{number}"),
        )

    def undefine(self, name: str) -> None:
        self._called(f"undefine {name}")
        found = self._get(name)
        found.stored, found.autostart = None, False
        if found.running is None:
            del self.kept[name]

    def start(self, name: str) -> None:
        self._called(f"start {name}")
        found = self._get(name)
        if found.running is not None:
            raise HostError("start", "network is already active")
        # the driver itself restores the firewall when libvirt fails to start a network
        self._solve(name, *BY_RESTART, Fault.PID_FILE, Fault.FIREWALL)
        found.running = found.stored
        bridge = found.stored.bridge.name if found.stored and found.stored.bridge else None
        if found.bridge and found.bridge != bridge:
            found.lose_guests()
        found.bridge = bridge

    def stop(self, name: str) -> None:
        self._called(f"stop {name}")
        found = self._get(name)
        if found.running is None:
            raise HostError("stop", "network is not active")
        own = mode_of(found.running) in OWN_BRIDGE_MODES
        found.running = None
        if own:  # a bridge or a device that is the host's own stays
            found.guests = tuple(replace(guest, connected=False) for guest in found.guests)
        if found.stored is None:
            del self.kept[name]

    def obstacles(self, _definition: Network) -> tuple[str, ...]:
        return self.in_the_way

    def restore_firewall(self, name: str) -> None:
        self._called(f"restore firewall of {name}")
        for network in self.problems:
            self._solve(network, Fault.FIREWALL)

    def correct_pid_file(self, name: str) -> None:
        self._called(f"correct pid file of {name}")
        self._solve(name, Fault.PID_FILE)

    def _solve(self, name: str, *faults: Fault) -> None:
        self.problems[name] = tuple(p for p in self.problems.get(name, ()) if p.fault not in faults)

    def is_active(self, name: str) -> bool:
        return name in self.kept and self.kept[name].running is not None

    def set_autostart(self, name: str, on: bool) -> None:
        self._called(f"autostart {name} {on}")
        self._get(name).autostart = on

    def reconnect(self, name: str, guest: Guest) -> None:
        self._called(f"reconnect {guest.domain} to {name}")
        found = self._get(name)
        assert found.running is not None, "a guest can't be connected to a network that doesn't run"
        found.guests = tuple(replace(g, connected=True) if g.device == guest.device else g for g in found.guests)

    def update(self, name: str, update: Update, *, live: bool, stored: bool) -> None:
        self._called(f"update {name}: {update.words}")
        found = self._get(name)
        running = _updated(found.running, update) if live else found.running
        if live and update.starts_dnsmasq:
            self._solve(name, Fault.DNSMASQ)
        found.stored = _updated(found.stored, update) if stored else found.stored
        found.running = running


def _updated(network: Optional[Network], update: Update) -> Network:
    """Returns the network after an update, as virNetworkUpdate does it: it refuses to remove or add twice."""
    if network is None:
        raise HostError(update.words, "there is no such definition")
    if update.section.startswith("ip-dhcp"):
        ips = list(network.ips or ())
        dhcp = ips[update.parent].dhcp or Dhcp()
        name = update.section[len("ip-dhcp-") :] + "s"
        dhcp = replace(dhcp, **{name: _list(getattr(dhcp, name), update)})  # type: ignore[arg-type]
        ips[update.parent] = replace(ips[update.parent], dhcp=dhcp)
        return canonical(replace(network, ips=tuple(ips)))
    if update.section.startswith("dns"):
        dns = network.dns or Dns()
        name = {"dns-host": "hosts", "dns-srv": "srv", "dns-txt": "txt"}[update.section]
        return canonical(replace(network, dns=replace(dns, **{name: _list(getattr(dns, name), update)})))  # type: ignore[arg-type]
    if update.section == "portgroup":
        return canonical(replace(network, portgroups=_list(network.portgroups, update)))
    assert update.section == "forward-interface" and network.forward
    return canonical(
        replace(network, forward=replace(network.forward, interfaces=_list(network.forward.interfaces, update)))
    )


def _list(items: Optional[tuple[Any, ...]], update: Update) -> tuple[Any, ...]:
    held = list(items or ())
    if isinstance(update.part, DhcpHost) and update.command != DELETE:
        _find_host(update, held)
    if update.command == ADD:
        if update.part in held:
            raise HostError(update.words, "it is there already")
        return (*held, update.part)
    gone = update.part if update.command == DELETE else update.old
    if gone not in held:
        raise HostError(update.words, "it is not there")
    place = held.index(gone)
    return (*held[:place], *(() if update.command == DELETE else (update.part,)), *held[place + 1 :])


def _find_host(update: Update, held: list[DhcpHost]) -> None:
    """Fails where libvirt would refuse an update of a reservation, or might replace another one."""
    new = update.part
    assert isinstance(new, DhcpHost)
    found = [
        host
        for host in held
        if host.ip == new.ip or (new.mac and host.mac == new.mac) or (new.name and host.name == new.name)
    ]
    if found != ([] if update.command == ADD else [update.old]):
        raise HostError(update.words, f"it matches {found}")


class FakeLinks(LinkDriver):
    """The links of a host; ``networks`` are those whose own bridges can be seen there."""

    def __init__(self, links: tuple[Link, ...], networks: Optional[FakeNetworks] = None) -> None:
        self._links = links
        self._networks = networks
        self.on: Optional[frozenset[str]] = None  # besides guests; None: it can't be seen

    def links(self) -> tuple[Link, ...]:
        return self._links

    def own_bridges(self) -> tuple[OwnBridge, ...]:
        found = []
        for name, kept in self._networks.kept.items() if self._networks else ():
            definition = kept.running or kept.stored or Network()
            if mode_of(definition) in OWN_BRIDGE_MODES and definition.bridge and definition.bridge.name:
                found.append(OwnBridge(definition.bridge.name, name, kept.running is not None))
        return tuple(found)

    def on_bridge(self, bridge: str) -> Optional[frozenset[str]]:
        kept = self._networks.kept.values() if self._networks else ()
        taps = {guest.device for each in kept if each.bridge == bridge for guest in each.guests if guest.connected}
        return None if self.on is None else self.on | taps


class FakeFirewalld(ZoneDriver):
    """firewalld, which doesn't run unless a test says so."""

    def __init__(self, zones: Optional[Zones]) -> None:
        self._zones = zones

    def zones(self) -> Optional[Zones]:
        return self._zones


class FakeHost(FakeNotes):
    """What the engine asks of a host."""

    def __init__(self, *, libvirt: int = NEWEST, links: tuple[Link, ...] = ()) -> None:
        self.networks = FakeNetworks(libvirt)
        super().__init__()
        self._links = links
        self.on_bridge: Optional[frozenset[str]] = frozenset()
        self.zones: Optional[Zones] = None

    def drivers(self) -> list[Driver]:
        links = FakeLinks(self._links, self.networks)
        links.on = self.on_bridge
        return [self.networks, links, FakeFirewalld(self.zones)]

    # -- for tests -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        return copy.deepcopy(self.networks.kept)

    def copy(self) -> FakeHost:
        other = copy.copy(self)
        other.networks = FakeNetworks(self.networks.libvirt)
        other.networks.kept = self.state()
        other.networks.problems = dict(self.networks.problems)
        other.networks.in_the_way = self.networks.in_the_way
        other.remembered = dict(self.remembered)
        return other

    def connect(self, network: str, domain: str, *, connected: bool = True) -> None:
        kept = self.networks.kept[network]
        mac = f"52:54:00:01:00:{len(kept.guests):02x}"
        guest = Guest(domain, mac, f"vnet-{domain}", connected or kept.bridge is None)
        kept.guests = (*kept.guests, guest)
        if kept.bridge is None:
            kept.pooled |= {guest.device}

    def break_network(self, name: str, *faults: Fault) -> None:
        """Does to an active network what other programs can do."""
        self.networks.problems[name] = tuple(Problem(fault) for fault in faults)
        if Fault.BRIDGE in faults:
            self.networks.kept[name].lose_guests()

    def fail_at(self, number: int, error: BaseException) -> None:
        def strike(seen: int, _call: str) -> None:
            if seen == number:
                raise error

        self.networks.calls.clear()
        self.networks.strike = strike

    def declare(self, *networks: dict[str, Any], check: bool = False) -> list[Outcome]:
        """What the modules do with these options."""
        defaults = {name: option.get("default") for name, option in NETWORK.argument_spec().items()}
        resources = [NETWORK.parse({**defaults, **options}) for options in networks]
        return run(self, self, resources, check=check)


IPS = [{"address": "192.168.150.1/24"}]


def host_with_lan(**options: Any) -> FakeHost:
    """Returns a host that has the NAT network ``lan``, with no calls to libvirt recorded yet."""
    host = FakeHost()
    host.declare({"name": "lan", "forward": {"mode": "nat"}, "ips": IPS, **options})
    host.networks.calls.clear()
    return host
