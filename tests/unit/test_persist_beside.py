# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""An interface that the user's own files make: what is declared of it is stored beside these, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.desired import DesiredInterface
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.plan import ObservedInterface
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.declared.paths import path_of
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import ToolFacts, overlay, saved_path
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.interfaces import plan_persistence
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import PersistencePlan

MAC = "52:54:00:00:00:01"
LEASE = Address("10.0.0.7/24", valid_seconds=3600)
# As a host has it: by DHCP, with a port of the user's and one that is somebody's.
HAS = LinuxBridge(
    name="br0",
    mac=MAC,
    mtu=1500,
    up=True,
    addresses=("10.0.0.7/24",),
    ports=(Port(name="eth0", cost=4),),
    ageing_time=0,
)
STATES = {
    "br0": InterfaceState("bridge", 3, LinuxBridge(name="br0", mac=MAC), (LEASE,)),
    "eth0": InterfaceState("", 2, Interface(name="eth0", mac=MAC), master="br0"),
    "eth1": InterfaceState("", 4, Interface(name="eth1", mac="52:54:00:00:00:02")),
}

NETDEV, NETWORK, PORT = (
    f"/etc/systemd/network/{name}" for name in ("20-br0.netdev", "20-br0.network", "20-eth0.network")
)
NETPLAN = "/etc/netplan/50-cloud-init.yaml"
PROFILE, MEMBER = (f"/etc/NetworkManager/system-connections/{name}.nmconnection" for name in ("lan", "lan-port"))
INTERFACES = "/etc/network/interfaces"
USERS: Mapping[str, Mapping[str, str]] = {
    "networkd": {
        NETDEV: "[NetDev]\nName=br0\nKind=bridge\n",
        NETWORK: "[Match]\nName=br0\n\n[Network]\nDHCP=yes\nDNS=192.168.1.1\n",
        PORT: "[Match]\nName=eth0\n\n[Network]\nBridge=br0\n",
    },
    "netplan": {
        NETPLAN: "network:\n  version: 2\n  ethernets:\n    eth0: {dhcp4: false}\n    eth1: {dhcp4: true}\n"
        "  bridges:\n    br0:\n      interfaces: [eth0]\n      dhcp4: true\n      parameters:\n        stp: false\n",
    },
    "networkmanager": {
        PROFILE: "[connection]\nid=lan\nuuid=1-2\ntype=bridge\ninterface-name=br0\n\n[ethernet]\n\n[bridge]\nstp=false\n\n"
        "[ipv4]\nmethod=auto\ndns=192.168.1.1;\n\n[ipv6]\nmethod=auto\n",
        MEMBER: "[connection]\nid=lan-port\nuuid=3-4\ntype=ethernet\ninterface-name=eth0\nmaster=1-2\nslave-type=bridge\n",
    },
    "ifupdown": {
        INTERFACES: "auto lo\niface lo inet loopback\n\nauto br0\niface br0 inet dhcp\n    bridge_ports eth0\n"
        "    dns-nameservers 192.168.1.1\n\n# the other NIC\nauto eth1\niface eth1 inet dhcp\n",
    },
}  # fmt: skip
TOOLS = tuple(USERS)


def _facts(tool: str, systemd: int = 257) -> ToolFacts:
    return ToolFacts(frozenset({tool}), frozenset({tool}), systemd)


def _plan(
    tool: str, given: LinuxBridge | VlanIface, files: Mapping[str, str], present: bool = True, systemd: int = 257
) -> PersistencePlan:
    desired = DesiredInterface(given, present=present, persist=tool)
    seen = ObservedInterface(STATES.get(given.name or ""), HAS if isinstance(given, LinuxBridge) else given)
    facts = _facts(tool, systemd)
    return plan_persistence(desired, seen, facts, lambda _tool: files, STATES, changes_host=True, before=seen)


def _made(tool: str, given: LinuxBridge | VlanIface, files: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """The files that are another than before; a second run has nothing to do, and what was there comes back with `absent`."""
    there = USERS[tool] if files is None else files
    made = overlay(there, _plan(tool, given, there).changes)
    assert _plan(tool, given, made).changes == {}
    gone = _plan(tool, given, made, present=False)
    assert overlay(made, gone.changes) == USERS[tool]
    assert gone.warnings[-1].endswith(" makes it again at the next boot; remove it from that file, too")
    return {path: text for path, text in made.items() if there.get(path) != text}


def _text(made: Mapping[str, str], path: str) -> str:
    """What one file has of ours, of which the only other one is the declaration."""
    assert set(made) == {path, path_of("br0")}
    return "\n".join(line for line in made[path].splitlines() if not line.startswith("#"))


ONE = LinuxBridge(name="br0", ageing_time=60)


@pytest.mark.parametrize("tool", TOOLS)
def test_dhcp_and_gateways_are_left_to_the_users_file(tool: str) -> None:
    with pytest.raises(OptionError, match=r"gateway: '192.0.2.1' isn't possible here, as /etc/.* makes br0; set it"):
        _plan(tool, LinuxBridge(name="br0", gateway="192.0.2.1"), USERS[tool])


def test_networkd_has_one_key_in_a_drop_in() -> None:
    assert _text(_made("networkd", ONE), f"{NETDEV}.d/50-virtnet-kvm-br0.conf") == "[Bridge]\nAgeingTimeSec=60"


def test_netplan_has_one_key_in_a_file() -> None:
    text = _text(_made("netplan", ONE), "/etc/netplan/90-virtnet-kvm-br0.yaml")
    # without `stp` netplan would switch it on
    assert text.split() == "network: version: 2 bridges: br0: parameters: ageing-time: 60 stp: false".split()


def test_networkmanager_has_one_key_in_the_users_profile() -> None:
    made = _made("networkmanager", ONE)
    assert made.pop(saved_path(PROFILE)) == USERS["networkmanager"][PROFILE]
    assert set(made) == {PROFILE, path_of("br0")}
    assert made[PROFILE] == USERS["networkmanager"][PROFILE].replace("stp=false\n", "stp=false\nageing-time=60\n")


def test_ifupdown_has_a_line_at_the_end_of_the_users_stanza() -> None:
    made = _made("ifupdown", ONE)
    assert made.pop(saved_path(INTERFACES)) == USERS["ifupdown"][INTERFACES]
    assert set(made) == {INTERFACES, path_of("br0")}
    assert (
        "192.168.1.1\n#virtnet.kvm br0: the next line is ours\n"
        "    post-up ip link set dev br0 type bridge ageing_time 6000\n\n# the other NIC\n"
    ) in made[INTERFACES]


@pytest.mark.parametrize("tool", TOOLS)
def test_what_a_later_task_leaves_out_stays(tool: str) -> None:
    first = overlay(
        USERS[tool],
        _plan(tool, LinuxBridge(name="br0", mtu=1400, ports=(Port(name="eth0", cost=7),)), USERS[tool]).changes,
    )
    second = overlay(first, _plan(tool, ONE, first).changes)
    both = LinuxBridge(name="br0", mtu=1400, ageing_time=60, ports=(Port(name="eth0", cost=7),))
    assert second == overlay(USERS[tool], _plan(tool, both, USERS[tool]).changes)
    assert overlay(second, _plan(tool, ONE, second, present=False).changes) == USERS[tool]


RICH = LinuxBridge(
    name="br0", mtu=1400, stp=True, priority=4096, ageing_time=300, addresses=("10.9.0.1/24", "fd00::1/64"),
    routes=(InterfaceRoute(to="10.8.0.0/16", via="10.9.0.9"),), ipv6=Ipv6(accept_ra="never"),
    ports=(Port(name="eth1"),),
)  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "given",
    [
        RICH,
        LinuxBridge(name="br0", addresses=(), routes=()),
        LinuxBridge(name="br0", ports=()),
        LinuxBridge(name="br0", up=False),
        LinuxBridge(name="br0", ipv6=Ipv6(enabled=False)),
        LinuxBridge(name="br0", ports=(Port(name="eth0", priority=3, hairpin=False), Port(name="eth1", cost=9))),
        LinuxBridge(name="br0", pvid=5, tagged=("7-9",), vlan_filtering=True),
    ],
    ids=repr,
)
def test_stored_once_and_taken_back(tool: str, given: LinuxBridge) -> None:
    assert _made(tool, given)


def test_lists_are_complete_lists() -> None:
    made = _made("networkd", LinuxBridge(name="br0", addresses=("10.9.0.1/24",), routes=(), ports=(Port(name="eth1"),)))
    assert (
        "[Network]\nAddress=\nGateway=\n\n[Address]\nAddress=10.9.0.1/24\n"
        in made[f"{NETWORK}.d/50-virtnet-kvm-br0.conf"]
    )
    assert made[f"{PORT}.d/50-virtnet-kvm-br0.conf"].endswith("[Network]\nBridge=\n")
    assert "Bridge=br0" in made["/etc/systemd/network/05-virtnet-kvm-eth1.network.d/50-virtnet-kvm-br0.conf"]
    made = _made("netplan", LinuxBridge(name="br0", ports=(Port(name="eth1"),)))
    assert "#virtnet.kvm br0#       interfaces: [eth0]" in made[NETPLAN]
    assert "interfaces: [eth1]" in made["/etc/netplan/90-virtnet-kvm-br0.yaml"]
    made = _made("ifupdown", LinuxBridge(name="br0", ports=(Port(name="eth1"),)))
    assert "post-up ip link set dev eth0 nomaster" in made[INTERFACES]
    made = _made("networkmanager", LinuxBridge(name="br0", ports=(Port(name="eth1"),)))
    assert "autoconnect=false" in made[MEMBER]


def test_a_port_of_the_users_gets_its_options_beside_its_file() -> None:
    made = _made("networkd", LinuxBridge(name="br0", ports=(Port(name="eth0", cost=7),)))
    assert made[f"{PORT}.d/50-virtnet-kvm-br0.conf"].endswith("# For eth0\n[Bridge]\nCost=7\n")
    assert not any("05-virtnet" in path for path in made)


def test_drop_ins_come_after_the_users() -> None:
    users = {**USERS["networkd"], f"{NETDEV}.d/60-mine.conf": "[Bridge]\nAgeingTimeSec=9\n"}
    made = _plan("networkd", ONE, users).changes
    assert f"{NETDEV}.d/95-virtnet-kvm-br0.conf" in made
    later = {"/etc/netplan/95-late.yaml": USERS["netplan"][NETPLAN]}
    assert "/etc/netplan/99-virtnet-kvm-br0.yaml" in _plan("netplan", ONE, later).changes


def test_vlans_of_the_users_files_that_stay_are_said() -> None:
    users = {**USERS["networkd"], NETWORK: USERS["networkd"][NETWORK] + "\n[BridgeVLAN]\nVLAN=30\n"}
    said = _plan("networkd", LinuxBridge(name="br0", vlan_filtering=True, tagged=("7",)), users).warnings
    assert any(f"{NETWORK}, line 9: networkd can't remove VLAN=30 from the bridge itself" in each for each in said)


def test_addresses_that_an_old_networkd_cannot_remove_are_said() -> None:
    users = {**USERS["networkd"], NETWORK: USERS["networkd"][NETWORK] + "\n[Address]\nAddress=10.9.0.2/24\n"}
    given = LinuxBridge(name="br0", addresses=("10.9.0.1/24",), routes=())
    old, new = (_plan("networkd", given, users, systemd=version) for version in (252, 257))
    assert any(
        f"{NETWORK}, line 9: networkd before systemd 257 can't remove Address=10.9.0.2/24" in each
        for each in old.warnings
    )
    drop_in = f"{NETWORK}.d/50-virtnet-kvm-br0.conf"
    assert "Address=\n" in (new.changes[drop_in] or "") and "Address=\n" not in (old.changes[drop_in] or "")
    assert not new.warnings


def test_what_the_user_has_changed_since_stays() -> None:
    files = overlay(USERS["networkmanager"], _plan("networkmanager", ONE, USERS["networkmanager"]).changes)
    files[PROFILE] = files[PROFILE].replace("ageing-time=60", "ageing-time=70").replace("id=lan\n", "id=home\n")
    back = overlay(files, _plan("networkmanager", ONE, files, present=False).changes)
    assert "ageing-time=70" in back[PROFILE] and "id=home" in back[PROFILE]


def test_the_order_of_keys_is_no_change() -> None:
    files = overlay(USERS["networkmanager"], _plan("networkmanager", ONE, USERS["networkmanager"]).changes)
    files[PROFILE] = files[PROFILE].replace("stp=false\nageing-time=60\n", "ageing-time=60\nstp=false\n")
    assert _plan("networkmanager", ONE, files).changes == {}


def test_files_that_another_version_has_put_in_place_of_the_users_stay() -> None:
    ours = "/etc/systemd/network/05-virtnet-kvm-br0.netdev"
    users = {
        **USERS["networkd"],
        ours: "# Made by virtnet.kvm for br0; changes here are overwritten\n[NetDev]\nName=br0\n",
    }
    assert ours in _plan("networkd", ONE, users).changes
    assert not any(".netdev.d" in path for path in _plan("networkd", ONE, users).changes)
