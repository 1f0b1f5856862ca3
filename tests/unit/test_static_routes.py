# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Sets of static routes: what is planned, what tools' files say, and what is refused; and what is read of ``ip``."""

from __future__ import annotations

import fnmatch
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.boot_tools import networkd, static_routes
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import commands
from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.static_routes.kind import STATIC_ROUTES
from ansible_collections.virtnet.kvm.plugins.module_utils.model.static_routes.steps import Owner, Placed, RouteDriver

LAN = "/etc/systemd/network/20-lan.network"
DROP_IN = f"{LAN}.d/50-virtnet-kvm-routes-kvm1_2elan.conf"
MEMORY = "/var/lib/virtnet.kvm/static_routes/kvm1_2elan"
V4 = {"to": "10.9.0.0/24", "via": "192.168.1.10"}
V6 = {"to": "fd00:9::/64", "via": "fd00:1::10"}


class Routes(RouteDriver):
    """A router with two NICs, of which networkd sets up eth0."""

    def __init__(self) -> None:
        self.table = [Placed("192.168.1.0/24", "", "eth0"), Placed("10.0.0.0/8", "192.168.1.9", "eth0")]
        self.tools: dict[str, Optional[Owner]] = {"eth0": Owner("networkd", LAN)}
        self.texts: dict[str, str] = {}
        self.seen: set[str] = set()
        self.reloaded: list[tuple[str, ...]] = []

    def routes(self) -> Sequence[Placed]:
        return list(self.table)

    def interface_towards(self, address: str) -> Optional[str]:
        beside = {"192.168.1.": "eth0", "fd00:1::": "eth0", "192.168.2.": "eth1"}
        return next((name for start, name in beside.items() if address.startswith(start)), None)

    def owner(self, interface: str) -> Optional[Owner]:
        return self.tools.get(interface)

    def remembered(self) -> Mapping[str, str]:
        return self.files(("/var/lib/virtnet.kvm/static_routes/*",))

    def files(self, patterns: Sequence[str]) -> Mapping[str, str]:
        return {
            path: text for path, text in self.texts.items() if any(fnmatch.fnmatch(path, each) for each in patterns)
        }

    def read_by(self, path: str) -> Sequence[str]:
        return ["eth0"] if path in self.seen else []

    def add(self, route: Placed) -> None:
        assert route.to not in [each.to for each in self.table], "File exists"
        self.table.append(route)

    def remove(self, route: Placed) -> None:
        self.table.remove(route)

    def write(self, path: str, text: Optional[str]) -> None:
        if text is None:
            del self.texts[path]
        else:
            self.texts[path] = text

    def reload(self, interfaces: tuple[str, ...]) -> None:
        self.reloaded.append(interfaces)


class Host:
    uri = "qemu:///system"

    def __init__(self) -> None:
        self.routes = Routes()

    def driver(self, kind: Any, where: Optional[str] = None) -> Any:
        del kind, where
        return self.routes

    def forget(self) -> None: ...


def planned(host: Host, **options: Any) -> Any:
    resource = STATIC_ROUTES.parse({"name": "kvm1.lan", "state": "present", "routes": None, **options})
    outcome = resource.observe(host)
    outcome.plan(World(host), {})
    outcome.predict(World(host))
    return outcome


def apply(host: Host, **options: Any) -> Any:
    """Applies a set; what is there then must be what was predicted, and a second run must change nothing."""
    outcome = planned(host, **options)
    said = outcome.shown_after
    for each in (*outcome.steps, *outcome.handlers):
        each.do(host)
    outcome.verify(host)
    assert outcome.shown_after == said
    assert not planned(host, **options).changed
    return outcome


def test_a_set_comes_changes_and_goes() -> None:
    host = Host()
    table, others = list(host.routes.table), dict(host.routes.texts)
    made = apply(host, routes=[V4, V6])
    assert made.actions == [
        f"write {MEMORY}",
        "add route 10.9.0.0/24 via 192.168.1.10 dev eth0",
        "add route fd00:9::/64 via fd00:1::10 dev eth0",
        f"write {DROP_IN}",
    ]
    assert host.routes.texts[DROP_IN] == (
        "# Made by virtnet.kvm for the static routes kvm1.lan; changes here are overwritten\n\n"
        "[Route]\nDestination=10.9.0.0/24\nGateway=192.168.1.10\n\n"
        "[Route]\nDestination=fd00:9::/64\nGateway=fd00:1::10\n"
    )
    moved = apply(host, routes=[{**V4, "via": "192.168.1.11"}])
    assert moved.actions == [
        "remove route 10.9.0.0/24 via 192.168.1.10 dev eth0",
        "remove route fd00:9::/64 via fd00:1::10 dev eth0",
        f"change {MEMORY}",
        "add route 10.9.0.0/24 via 192.168.1.11 dev eth0",
        f"change {DROP_IN}",
    ]
    assert not planned(host).changed  # without routes they stay
    gone = apply(host, state="absent")
    assert gone.actions == [
        "remove route 10.9.0.0/24 via 192.168.1.11 dev eth0",
        f"remove {DROP_IN}",
        f"remove {MEMORY}",
    ]
    assert (host.routes.table, host.routes.texts) == (table, others)
    assert not planned(host, routes=[]).changed and not host.routes.reloaded


def test_networkd_reads_again_what_it_has_read() -> None:
    host = Host()
    apply(host, routes=[V4])
    host.routes.seen.add(DROP_IN)
    assert apply(host, routes=[]).actions[-1] == "have networkd read its files again"
    assert host.routes.reloaded == [("eth0",)]


def test_a_route_that_is_gone_is_added_again() -> None:
    host = Host()
    apply(host, routes=[V4])
    host.routes.remove(Placed("10.9.0.0/24", "192.168.1.10", "eth0"))
    again = planned(host)
    assert again.shown_before["problems"] == ["the kernel doesn't have the route 10.9.0.0/24 via 192.168.1.10 dev eth0"]
    assert apply(host).actions == ["add route 10.9.0.0/24 via 192.168.1.10 dev eth0"]


@pytest.mark.parametrize(
    ("tool", "path", "found", "up", "other"),
    [
        ("networkmanager", "/etc/NetworkManager/dispatcher.d/50-virtnet-kvm-routes-kvm1_2elan", "eth0", "up", "down"),
        ("ifupdown", "/etc/network/if-up.d/virtnet-kvm-routes-kvm1_2elan", "eth0", "", ""),
    ],
)
def test_scripts_of_tools(tool: str, path: str, found: str, up: str, other: str, tmp_path: Path) -> None:
    """Each adds the routes of its interface, and of no other one; a route that can't be added is no failure."""
    host = Host()
    host.routes.tools = {"eth0": Owner(tool), "eth1": Owner(tool)}
    apply(host, routes=[V4, {"to": "10.8.0.0/24", "via": "192.168.2.7"}])
    script = tmp_path / "script"
    script.write_text(host.routes.texts[path])
    ip = tmp_path / "ip"
    ip.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/said\nexit 2\n')
    ip.chmod(0o755)

    def said(interface: str, action: str) -> str:
        (tmp_path / "said").write_text("")
        env = {"IFACE": interface, "PATH": f"{tmp_path}:/usr/bin:/bin"}
        subprocess.run(["sh", script, interface, action], check=True, env=env)
        return (tmp_path / "said").read_text()

    assert said(found, up) == "route add 10.9.0.0/24 via 192.168.1.10 dev eth0 proto static\n"
    assert said("eth1", up) == "route add 10.8.0.0/24 via 192.168.2.7 dev eth1 proto static\n"
    assert said("eth2", up) == ""
    if other:
        assert said(found, other) == ""


def test_an_interface_that_no_tool_sets_up() -> None:
    host = Host()
    outcome = apply(host, routes=[{"to": "10.8.0.0/24", "via": "192.168.2.7"}])
    assert outcome.shown_after["files"] == {}
    assert planned(host).warnings == [
        "eth1: its static routes won't survive a reboot, because none of networkd, NetworkManager with its dispatcher and"
        " ifupdown sets it up; add them to its configuration as well"
    ]


def test_a_route_of_others_stays() -> None:
    """The same route is left to the others; another one to the same network is refused, naming the set."""
    host = Host()
    outcome = planned(host, routes=[{"to": "10.0.0.0/8", "via": "192.168.1.9"}])
    assert not outcome.changed and "is there already and isn't of this set" in outcome.warnings[0]
    apply(host, routes=[V4])
    with pytest.raises(
        OptionError, match=r"^routes\[0\]\.to: '10.9.0.0/24' already has a route .* of the set kvm1.lan;"
    ):
        planned(host, name="other", routes=[{**V4, "via": "192.168.1.11"}])


def test_a_subnet_moves_between_two_sets_of_a_run() -> None:
    host = Host()
    apply(host, routes=[V4])
    world = World(host)
    options: list[dict[str, Any]] = [
        {"name": "kvm1.lan", "state": "absent", "routes": None},
        {"name": "kvm2.lan", "state": "present", "routes": [{**V4, "via": "192.168.1.11"}]},
    ]
    outcomes = [
        STATIC_ROUTES.parse(each, f"static_routes[{place}]").observe(host) for place, each in enumerate(options)
    ]
    for outcome in outcomes:
        outcome.plan(world, {})
    for outcome in outcomes:
        for step in outcome.steps:
            step.do(host)
    assert Placed("10.9.0.0/24", "192.168.1.11", "eth0") in host.routes.table


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ([{**V4, "via": "10.1.1.1"}], r"routes\[0\]\.via: '10.1.1.1' is no other host's address in a subnet"),
        ([{**V4, "via": "fd00:1::10"}], r"routes\[0\]\.via: 'fd00:1::10' is of another IP version than 10.9.0.0/24"),
        ([V4, V4], r"routes\[1\]\.to: '10.9.0.0/24' is also in routes\[0\]"),
        ([{**V4, "to": "10.0.0.0/8"}], r"routes\[0\]\.to: '10.0.0.0/8' already has a route .*, not of this set"),
        (
            [{**V4, "to": "192.168.1.0/24"}],
            r"routes\[0\]\.to: '192.168.1.0/24' already has a route .* dev eth0, not of",
        ),
        ([{**V4, "to": "0.0.0.0/0"}], r"routes\[0\]\.to: '0.0.0.0/0' is all addresses"),
        ([{**V4, "to": "10.9.0.1/24"}], r"routes\[0\]\.to: '10.9.0.1/24' has host bits set"),
    ],
)
def test_refused(routes: list[dict[str, str]], message: str) -> None:
    with pytest.raises(OptionError, match=f"^{message}"):
        planned(Host(), routes=routes)
    with pytest.raises(OptionError, match=r"^name: 'a/b' can't be the name of a set"):
        planned(Host(), name="a/b")


# ---- the driver

SAID = {
    "ip -json -4 route show table main": """[{"dst":"default","gateway":"192.168.1.1","dev":"eth0","flags":[]},
        {"dst":"10.9.0.7","gateway":"192.168.1.10","dev":"eth0","protocol":"static","flags":[]},
        {"dst":"10.8.0.0/24","flags":[],"nexthops":[{"gateway":"192.168.1.2","dev":"eth0"}]},
        {"dst":"192.168.1.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.168.1.1","flags":[]}]""",
    "ip -json -6 route show table main": '[{"type":"unreachable","dst":"fd00:9::/64","dev":"lo","flags":[]}]',
    "ip -json route get 192.168.1.10": '[{"dst":"192.168.1.10","dev":"eth0","prefsrc":"192.168.1.1","flags":[]}]',
    "ip -json route get 10.1.1.1": '[{"dst":"10.1.1.1","gateway":"192.168.1.1","dev":"eth0","flags":[]}]',
    "ip -json route get 192.168.1.1": '[{"type":"local","dst":"192.168.1.1","dev":"lo","flags":[]}]',
    "nmcli -t -f DEVICE,STATE device": "eth2:connected\neth3:connected (externally)\neth4:unmanaged",
    "systemctl is-enabled NetworkManager-dispatcher.service": "enabled",
    "ifquery --state eth4": "eth4=eth4",
}


def test_what_is_read_of_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def run(doing: str, *command: str) -> str:
        try:
            return SAID[" ".join(command)]
        except KeyError:
            raise HostError(doing, "no") from None

    monkeypatch.setattr(commands, "run", run)
    monkeypatch.setattr(networkd, "running", lambda: True)
    monkeypatch.setattr(networkd, "SYS_NET", str(tmp_path))
    notes = {"NETWORK_FILE": LAN, "NETWORK_FILE_DROPINS": f'"/a.conf:{DROP_IN}"'}
    monkeypatch.setattr(networkd, "notes", lambda index: notes if index == 2 else {})
    (tmp_path / "eth0").mkdir()
    (tmp_path / "eth0" / "ifindex").write_text("2\n")
    host = static_routes.HostRoutes()
    assert host.routes() == (
        Placed("10.9.0.7/32", "192.168.1.10", "eth0"),
        Placed("10.8.0.0/24"),
        Placed("192.168.1.0/24", "", "eth0"),
        Placed("fd00:9::/64", "", "lo"),
    )
    towards = {each: host.interface_towards(each) for each in ("192.168.1.10", "10.1.1.1", "192.168.1.1", "10.2.2.2")}
    assert towards == {"192.168.1.10": "eth0", "10.1.1.1": None, "192.168.1.1": None, "10.2.2.2": None}
    assert {each: host.owner(each) for each in ("eth0", "eth2", "eth3", "eth4")} == {
        "eth0": Owner("networkd", LAN),
        "eth2": Owner("networkmanager"),
        "eth3": None,
        "eth4": Owner("ifupdown"),
    }
    assert list(host.read_by(DROP_IN)) == ["eth0"] and not host.read_by(f"{LAN}.d/other.conf")
    monkeypatch.setitem(SAID, "systemctl is-enabled NetworkManager-dispatcher.service", "disabled")
    host.forget()
    assert host.owner("eth2") is None
    notes.pop("NETWORK_FILE_DROPINS")  # as in systemd 252
    assert list(host.read_by(DROP_IN)) == ["eth0"] and not host.read_by(DROP_IN.replace("20-lan", "30-lan"))
    folder = tmp_path / "20-lan.network.d"
    host.write(f"{folder}/ours.conf", "text")
    assert (folder / "ours.conf").stat().st_mode & 0o777 == 0o644
    host.write(f"{folder}/ours.conf", None)
    assert not folder.exists()
