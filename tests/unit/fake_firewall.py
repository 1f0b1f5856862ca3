# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host with firewall rules, guests and bridges, and the planning of a set on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall import nft
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.facts import GuestAddress, GuestDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.others import Others
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.steps import (
    FirewallDriver,
    Flows,
    Passage,
    ServiceState,
    SystemFile,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.translations import Translation
from ansible_collections.virtnet.kvm.plugins.module_utils.model.links import Link, LinkDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.steps import NetworkDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.portforward.targets import Neighbour, NeighbourDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.zones import ZoneDriver, Zones

LIBVIRT = Passage("nft", "ip", "libvirt_network forward")


class Rules(FirewallDriver):
    """The rules of a host, as nft would list them; what is loaded is understood from its script."""

    def __init__(self) -> None:
        self.files: dict[str, SystemFile] = {}
        self.tables: dict[str, nft.Loaded] = {}
        self.open_: dict[Passage, bool] = {LIBVIRT: False}
        self.on = False
        self.forgotten: list[Flows] = []
        self.forwards = True
        self.missing = {'type "amanda"'}  # of the kernel
        self.others_ = Others()
        self.translations_: tuple[Translation, ...] = ()

    def stored(self) -> Mapping[str, str]:
        return {path: file.text for path, file in self.files.items() if path.endswith(".nft")}

    def loaded(self, table: str) -> Optional[nft.Loaded]:
        return self.tables.get(table)

    def counters(self, table: str) -> Optional[Mapping[str, tuple[int, int]]]:
        return {"port 8080/tcp": (3, 180)} if table in self.tables else None

    def forwarding(self, version: int) -> bool:
        del version
        return self.forwards

    def forget_flows(self, flows: Sequence[Flows]) -> None:
        self.forgotten += flows

    def passages(self) -> Mapping[Passage, bool]:
        return self.open_

    def others(self) -> Others:
        return self.others_

    def addresses(self) -> frozenset[str]:
        return frozenset({"198.51.100.7", "198.51.100.8", "fd00::7"})

    def listener(self, protocol: str, ports: range, address: Optional[str]) -> Optional[tuple[int, str]]:
        return (22, "sshd") if protocol == "tcp" and 22 in ports and address is None else None

    def translations(self) -> Sequence[Translation]:
        return self.translations_

    def ports_of_connection(self) -> frozenset[int]:
        return frozenset({2022})

    def peers_of_connection(self) -> frozenset[str]:
        return frozenset({"203.0.113.5"})

    def accepts(self, script: str) -> bool:
        return not any(part in script for part in self.missing)

    def run(self, doing: str, script: str) -> None:
        raise AssertionError(doing, script)

    def write(self, path: str, file: Optional[SystemFile]) -> None:
        raise AssertionError(path, file)

    def service(self, paths: Collection[str]) -> ServiceState:
        return ServiceState({path: self.files[path] for path in paths if path in self.files}, self.on)

    def set_service(self, on: bool) -> None:
        raise AssertionError(on)

    def open(self, passage: Passage) -> None:
        raise AssertionError(passage)

    def close_passage(self, passage: Passage) -> None:
        raise AssertionError(passage)


class Guests(GuestDriver):
    def addresses(self, guest: str) -> Optional[tuple[GuestAddress, ...]]:
        return {
            "web1": (
                GuestAddress("192.168.150.10", "lan", "reservation", "52:54:00:00:00:10"),
                GuestAddress("192.168.150.77", "lan", "lease", "52:54:00:00:00:10"),
            ),
            "six": (GuestAddress("fd00:150::10", "lan", "lease"),),
            "two": (GuestAddress("192.168.150.12", "lan", "lease"), GuestAddress("10.9.0.12", "plain", "lease")),
            "off": (),
            "own": (),
        }.get(guest)

    def by_agent(self, guest: str) -> tuple[GuestAddress, ...]:
        found = {
            "own": (
                GuestAddress("10.9.0.20", "br0", "agent"),
                GuestAddress("10.9.0.21", "br0", "agent"),
                GuestAddress("fd00:9::20", "br0", "agent"),
            ),
            "web1": (GuestAddress("fd00:150::99", "lan", "agent"),),
        }
        return found.get(guest, ())

    def running(self, guest: str) -> bool:
        return guest != "off"


class Neighbours(NeighbourDriver):
    def neighbours(self) -> Mapping[str, Neighbour]:
        return {
            "192.168.150.10": Neighbour("reachable", "52:54:00:00:00:99"),
            "10.9.0.20": Neighbour("failed"),
        }


class Links(LinkDriver):
    def links(self) -> tuple[Link, ...]:
        return (Link("virbr1", ("192.168.150.0/24",)), Link("br0", ("10.9.0.0/24", "fd00:9::/64")), Link("eth0"))

    def own_bridges(self) -> None:
        return None

    def on_bridge(self, bridge: str) -> None:
        del bridge


class Networks:
    def __init__(self) -> None:
        self.defined: list[tuple[str, Network, bool]] = []

    def definitions(self) -> list[tuple[str, Network, bool]]:
        return self.defined


class Firewalld(ZoneDriver):
    found: Optional[Zones] = None

    def zones(self) -> Optional[Zones]:
        return self.found


class Host:
    uri = "qemu:///system"

    def __init__(self) -> None:
        self.rules = Rules()
        self.networks = Networks()
        self.firewalld = Firewalld()
        self._drivers = {
            FirewallDriver: self.rules,
            GuestDriver: Guests(),
            NeighbourDriver: Neighbours(),
            LinkDriver: Links(),
            NetworkDriver: self.networks,
            ZoneDriver: self.firewalld,
        }

    def driver(self, kind: Any, where: Optional[str] = None) -> Any:
        del where
        return self._drivers[kind]

    def forget(self) -> None: ...


def plan(host: Host, kind: Any, **options: Any) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """Plans a set, and has the host as it is after that. Returns the words of the steps, the state, and what is returned."""
    resource = kind.parse({"name": "default", "state": "present", **options})
    found = resource.plan(resource.current(host), World(host), {})
    for step in found.steps:
        text = getattr(step, "script", None)
        if text is not None:
            _load(host.rules, text, found.after)
        elif hasattr(step, "passage"):
            host.rules.open_[step.passage] = type(step).__name__ == "OpenPassage"
        elif hasattr(step, "on"):
            host.rules.on = step.on
        elif hasattr(step, "flows"):
            host.rules.forget_flows(step.flows)
        else:
            given = getattr(step, "file", None) or (
                SystemFile(step.text, 0o644) if getattr(step, "text", None) else None
            )
            if given:
                host.rules.files[step.path] = given
            else:
                host.rules.files.pop(step.path)
    return [step.words for step in found.steps], resource.show(found.after, found), dict(found.returned)


def _load(rules: Rules, script: str, after: Any) -> None:
    name = script.split()[2]
    if "add element" not in script and f"table inet {name} {{" not in script and "delete element" not in script:
        rules.tables.pop(name, None)
    elif name == "virtnet_base":
        from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.base import base_table

        rules.tables[name] = nft.expected(base_table())
    else:
        rules.tables[_table_of(script)] = after.loaded


def _table_of(script: str) -> str:
    return next(word for word in script.split() if word.startswith("virtnet_"))
