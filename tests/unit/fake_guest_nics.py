# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host with guests, in place of libvirt: it keeps their NICs, live and stored, and fails where a test wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Callable, Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import AnyResource, Driver
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import Outcome, run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.guest_nic.kind import GUEST_NIC
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.guest import Guest
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.options import Nic, Source, normalise
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.steps import GuestNicDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.options import Filter, Rule
from unit.fake_filters import Libvirt
from unit.fake_host import NEWEST, FakeHost

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


def nic(mac: str = MAC, **options: Any) -> Nic:
    """Returns a NIC on the network ``lan``, unless the options have another source."""
    return normalise(
        Nic(**{"type": "network", "mac": mac, "source": Source(network="lan"), "model": "virtio", **options})
    )


class FakeGuestNics(GuestNicDriver):
    """NICs as libvirt keeps them. ``strike`` is called before each call that changes something."""

    def __init__(self) -> None:
        self.kept: dict[str, Guest] = {}
        self.calls: list[str] = []
        self.strike: Callable[[int, str], None] = lambda _number, _call: None
        self.releases = True  # whether guests release a NIC
        self.ignores: tuple[str, ...] = ()  # options of which libvirt reports success, and does nothing
        self.bridges: dict[str, bool] = {"br0": False, "trunk0": True}  # whether they filter VLANs
        self.taps: list[str] = []

    def _called(self, call: str) -> None:
        self.calls.append(call)
        self.strike(len(self.calls), call)

    def names(self) -> list[str]:
        return sorted(self.kept)

    def guest(self, name: str) -> Optional[Guest]:
        return self.kept.get(name)

    def macs(self) -> Sequence[tuple[str, str]]:
        return [(nic.mac or "", name) for name, guest in self.kept.items() for nic in (*guest.stored, *guest.live)]

    def vlan_filtering(self, bridge: str) -> Optional[bool]:
        return self.bridges.get(bridge)

    def has_interface(self, name: str) -> bool:
        return name in self.bridges or name == "eth0"

    def update(self, guest: str, nic: Nic) -> None:
        self._called(f"update {nic.mac}")
        live = self.kept[guest].live
        changed = [_kept_of(each, nic, self.ignores) if each.mac == nic.mac else each for each in live]
        self.kept[guest] = replace(self.kept[guest], live=tuple(changed))

    def reconnect(self, guest: str, nic: Nic) -> None:
        self.calls.append(f"reconnect {nic.mac} of {guest}")

    def attach(self, guest: str, nic: Nic) -> None:
        self._called(f"attach {nic.mac}")
        address = nic.address or f"0000:0{len(self.kept[guest].live) + 1}:00.0"
        self.kept[guest] = replace(self.kept[guest], live=(*self.kept[guest].live, replace(nic, address=address)))

    def detach(self, guest: str, nic: Nic, seconds: int) -> None:
        self._called(f"detach {nic.mac}")
        if not self.releases:
            raise HostError("detach", f"not released within {seconds} s")
        self.kept[guest] = replace(
            self.kept[guest], live=tuple(each for each in self.kept[guest].live if each.mac != nic.mac)
        )

    def store(self, guest: str, old: Optional[Nic], new: Optional[Nic], place: Optional[int] = None) -> None:
        self._called(f"store {(new or old or Nic()).mac}")
        stored = list(self.kept[guest].stored)
        if old is not None:
            place = next(place for place, each in enumerate(stored) if each.mac == old.mac)
            del stored[place]
        if new is not None:
            stored.insert(len(stored) if place is None else place, new)
        self.kept[guest] = replace(self.kept[guest], stored=tuple(stored))

    def details(self, guest: str, mac: str, device: Optional[str]) -> dict[str, object]:
        del guest, mac, device
        return {"addresses": [], "counters": {}}


def _kept_of(old: Nic, new: Nic, ignored: tuple[str, ...]) -> Nic:
    return replace(new, **{name: getattr(old, name) for name in (*ignored, "address")})


class GuestHost(FakeHost):
    """A host with the networks ``lan`` and ``cluster``, and guests."""

    def __init__(self, *, libvirt: int = NEWEST) -> None:
        super().__init__(libvirt=libvirt)
        self.nics = FakeGuestNics()
        self.filters = Libvirt()
        address = Rule("drop", "out", match=(("srcipaddr", "$IP"),), protocol="ip")
        port = Rule("drop", "in", match=(("dstportstart", "$PORT"),), protocol="tcp")
        self.filters.held = {
            "clean-traffic": Filter("clean-traffic", rules=(address,)),
            "port": Filter("port", rules=(port,)),
        }
        self.declare(
            {"name": "lan", "forward": {"mode": "nat"}, "ips": [{"address": "192.168.150.1/24"}]},
            {"name": "cluster", "ips": [{"address": "192.168.151.1/24"}]},
            {"name": "asleep", "ips": [{"address": "192.168.152.1/24"}], "active": False},
        )

    def drivers(self) -> list[Driver]:
        return [*super().drivers(), self.nics, self.filters]

    def add(self, name: str, *nics: Nic, live: Optional[Sequence[Nic]] = None, **traits: Any) -> None:
        """Adds a guest that runs with the NICs that are stored, or with others."""
        found = tuple(nics if live is None else live)
        self.nics.kept[name] = Guest(name, uuid=name, running=True, stored=nics, live=found, **traits)

    def nic(self, *items: dict[str, Any], others: Sequence[AnyResource] = (), check: bool = False) -> list[Outcome]:
        """What the modules do with these options of ``web1``, in one run with others."""
        defaults = {name: option.get("default") for name, option in GUEST_NIC.argument_spec().items()}
        resources = [GUEST_NIC.parse({**defaults, "name": "web1", **options}) for options in items]
        settled = [GUEST_NIC.settle(resource, resources) for resource in resources]
        return run(self, self, [*others, *settled], check=check)

    def fail_nic_at(self, number: int, error: BaseException) -> None:
        def strike(seen: int, _call: str) -> None:
            if seen == number:
                raise error

        self.nics.calls.clear()
        self.nics.strike = strike

    def converge(self, *items: dict[str, Any]) -> Outcome:
        """Predicts, applies and applies again: the prediction is exact, and the second run changes nothing."""
        predicted = self.nic(*items, check=True)
        outcomes = self.nic(*items)
        for one, other in zip(predicted, outcomes):
            assert (one.shown_after, one.actions) == (other.shown_after, other.actions)
            assert not [warning for warning in other.warnings if "than predicted" in warning]
        assert not any(outcome.changed for outcome in self.nic(*items))
        return outcomes[0]
