# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What moves from networkd's files for a NIC to the bridge that takes it over, and what stays with the NIC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Port,
    Route,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import plan_files
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import Request, ToolFacts, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges

HOME = "/etc/systemd/network"
USERS = f"{HOME}/20-lan.network"
OURS = f"{HOME}/05-virtnet-kvm-"
MAC = "52:54:00:00:00:01"
ETH0 = InterfaceState("", 2, Interface(name="eth0", mac=MAC))
STATIC = """[Match]
Name=eth0
[Link]
MTUBytes=1450
MACAddress=52:54:00:00:00:01
RequiredForOnline=routable
[Network]
Address=192.168.1.2/24
Gateway=192.168.1.1
DNS=192.168.1.53
VLAN=lan11
LLDP=yes
Shiny=new
IPv6AcceptRA=no
KeepConfiguration=static
[Route]
Destination=10.0.0.0/8
Gateway=192.168.1.1
Metric=7
[RoutingPolicyRule]
From=192.168.1.2
Table=\\
7
[CAKE]
Bandwidth=100M
[Future]
Key=value
"""
ADDRESSES = (Address("192.168.1.2/24"), Address("192.168.9.9/24"))
DEFAULT = InterfaceRoute(to="default", via="192.168.1.1")
FAR = InterfaceRoute(to="10.0.0.0/8", via="192.168.1.1", metric=7)
HAND_MADE = InterfaceRoute(to="10.9.0.0/16", via="192.168.1.1")
DHCP = "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n[DHCPv4]\nUseDNS=no\n"


def _state(addresses: tuple[Address, ...] = (), routes: tuple[Route, ...] = ()) -> InterfaceState:
    return InterfaceState("bridge", 3, LinuxBridge(name="br0", mac=MAC), addresses, routes)


def _plan(
    files: Mapping[str, str],
    state: InterfaceState,
    given: Optional[LinuxBridge] = None,
    adopt: Optional[str] = "eth0",
    notes: Optional[Mapping[str, str]] = None,
) -> FileChanges:
    given = given or LinuxBridge(name="br0")
    desired = LinuxBridge(
        name="br0",
        mtu=given.mtu,
        addresses=tuple(address.cidr for address in state.addresses) or None,
        routes=tuple(route.option for route in state.routes) or None,
        ports=(Port(name="eth0"),),
    )
    facts = ToolFacts(systemd=257, networkd_notes=lambda index: (notes or {}) if index == ETH0.index else {})
    request = Request("br0", desired, files, {"br0": state, "eth0": ETH0}, adopt, facts, given)
    done = plan_files("networkd", request)
    # once it is a port, no client of networkd runs on it any more
    later = replace(request, files=overlay(files, done.changes), facts=ToolFacts(systemd=257))
    assert plan_files("networkd", later).changes == {}
    return done


def _made(*args: Any, **kwargs: Any) -> tuple[list[str], list[str]]:
    """The lines of the bridge's file and of the port's, without the first one."""
    changes = _plan(*args, **kwargs).changes
    bridge, port = (changes[f"{OURS}{name}.network"] or "" for name in ("br0", "eth0"))
    return bridge.splitlines()[1:], port.splitlines()[1:]


def test_all_moves_but_what_belongs_to_the_nic() -> None:
    state = _state(ADDRESSES, (Route(DEFAULT), Route(FAR), Route(HAND_MADE)))
    bridge, port = _made({USERS: STATIC}, state)
    text = "\n".join(bridge)
    own, theirs = text.split("# Takes over eth0\n")
    # what only the kernel has, and networkd doesn't set by the user's file, is stored too
    assert own.count("[Address]") == own.count("[Route]") == 1 and "192.168.9.9/24" in own and "10.9.0.0/16" in own
    assert "ConfigureWithoutCarrier=yes" in own and "KeepConfiguration" not in own and "RequiredForOnline" not in own
    assert theirs == (
        f"# From {USERS}\n[Link]\nMTUBytes=1450\nRequiredForOnline=routable\n\n"
        "[Network]\nAddress=192.168.1.2/24\nGateway=192.168.1.1\nDNS=192.168.1.53\nShiny=new\nIPv6AcceptRA=no\n"
        "KeepConfiguration=static\n\n[Route]\nDestination=10.0.0.0/8\nGateway=192.168.1.1\nMetric=7\n\n"
        "[RoutingPolicyRule]\nFrom=192.168.1.2\nTable=7\n\n[Future]\nKey=value"
    )
    assert "\n".join(port).endswith(
        f"# From {USERS}\n[Link]\nMTUBytes=1450\nMACAddress={MAC}\n\n[Network]\nVLAN=lan11\nLLDP=yes\n\n[CAKE]\nBandwidth=100M"
    )


def test_it_stays_where_a_later_task_leaves_out_adopt() -> None:
    state = _state(ADDRESSES[:1], (Route(DEFAULT), Route(FAR)))
    made = overlay({USERS: STATIC}, _plan({USERS: STATIC}, state).changes)
    assert _plan(made, state, adopt=None).changes == {}
    request = Request("br0", None, made, {"eth0": ETH0}, "eth0")
    assert overlay(made, plan_files("networkd", request).changes) == {USERS: STATIC}


def test_what_a_task_gives_counts_also_where_the_next_one_leaves_it_out() -> None:
    state = _state((Address("192.168.1.7/24"),))
    given = LinuxBridge(name="br0", addresses=("192.168.1.7/24",), mtu=1400)
    made = overlay({USERS: STATIC}, _plan({USERS: STATIC}, state, given).changes)
    text = made[f"{OURS}br0.network"]
    assert "# Takes over eth0 without addresses\n" in text
    assert "192.168.1.2/24" not in text and "Gateway" not in text and "MTUBytes" not in text and "DNS=" in text
    assert "MTUBytes=1400" in made[f"{OURS}br0.netdev"]
    assert "MTUBytes=1450" in made[f"{OURS}eth0.network"]
    assert "192.168.1.2/24" not in overlay(made, _plan(made, state).changes)[f"{OURS}br0.network"]


def test_drop_ins_move_too_and_hide_each_other() -> None:
    files = {
        USERS: DHCP,
        f"{USERS}.d/10-dns.conf": "[Network]\nDNS=192.168.1.53\n",
        "/usr/lib/systemd/network/20-lan.network.d/10-dns.conf": "[Network]\nDNS=192.168.1.54\n",
        f"{USERS}.d/05-ntp.conf": "[Network]\nNTP=192.168.1.1\n",
    }
    text = "\n".join(_made(files, _state())[0])
    assert text.index("NTP=") < text.index("DNS=192.168.1.53") and "192.168.1.54" not in text


def test_a_lease_stays_a_lease_of_the_same_client() -> None:
    leased = Address("192.168.1.2/24", valid_seconds=600, preferred_seconds=600)
    state = _state((leased,), (Route(DEFAULT, protocol=16),))
    notes = {"CLIENTID": "ff0102030400020000ab11", "DHCP6_CLIENT_IAID": "0x10"}
    done = _plan({USERS: DHCP}, state, notes=notes)
    text = done.changes[f"{OURS}br0.network"] or ""
    assert done.renews_leases
    assert "DHCP=ipv4\n" in text and "[Address]" not in text and "[Route]" not in text
    assert "KeepConfiguration=static\n" in text, "networkd would keep the address beyond its lease"
    assert "[DHCPv4]\nIAID=16909060\n" in text and "[DHCPv6]\nIAID=16\n" in text
    own = {USERS: f"{DHCP}IAID=5\n"}
    assert "16909060" not in (_plan(own, state, notes=notes).changes[f"{OURS}br0.network"] or "")
    by_mac = _plan({USERS: DHCP}, state, notes={"CLIENTID": "01525400000001"})
    assert "IAID" not in (by_mac.changes[f"{OURS}br0.network"] or "")


def test_a_lease_of_another_client_is_stored() -> None:
    leased = Address("192.168.1.2/24", valid_seconds=600)
    done = _plan({USERS: DHCP.replace("DHCP=ipv4", "DHCP=ipv6")}, _state((leased,)))
    assert not done.renews_leases
    assert "Address=192.168.1.2/24" in (done.changes[f"{OURS}br0.network"] or "")


def test_which_of_several_files_counts() -> None:
    first, second = f"{HOME}/10-a.network", f"{HOME}/20-b.network"
    files = {first: "[Match]\nDriver=virtio_net\n[Network]\nDNS=192.0.2.1\n", second: DHCP}
    done = _plan(files, _state(), notes={"NETWORK_FILE": second})
    assert "192.0.2.1" not in (done.changes[f"{OURS}br0.network"] or "") and not done.unsupported
    done = _plan(files, _state())
    assert first in done.unsupported[0] and "DNS=192.0.2.1" in (done.changes[f"{OURS}br0.network"] or "")


def test_what_may_be_for_another_nic_is_left_alone() -> None:
    driver = {f"{HOME}/30-fast.network": "[Match]\nDriver=ixgbe\n[Network]\nDNS=192.168.1.9\n"}
    wireless = {"/usr/lib/systemd/network/80-wifi.network": "[Match]\nType=wlan\n[Network]\nMulticastDNS=yes\n"}
    for files, notes in ((driver, {"ADMIN_STATE": "unmanaged"}), (wireless, {})):
        bridge, port = _made(files, _state(), notes=notes)
        assert not [line for line in (*bridge, *port) if "DNS=" in line or "From" in line]
    bridge, _port = _made(driver, _state(), notes={"NETWORK_FILE": f"{HOME}/30-fast.network"})
    assert "DNS=192.168.1.9" in bridge
    bridge, _port = _made(driver, _state())  # networkd doesn't run
    assert "DNS=192.168.1.9" in bridge


def test_what_has_no_effect_any_more_is_named_with_its_line() -> None:
    (warning,) = _plan({USERS: "[Match]\nName=eth0\n[Network]\nBond=bond0\n"}, _state()).unsupported
    assert f"Bond=bond0 in {USERS}, line 4" in warning


def test_a_nic_that_networkd_leaves_alone_moves_nothing() -> None:
    text = "\n".join(_made({USERS: "[Match]\nName=eth0\n[Link]\nUnmanaged=yes\n[Network]\nDNS=1.1.1.1\n"}, _state())[0])
    assert "Takes over" not in text and "DNS" not in text


def test_a_second_interface_is_refused() -> None:
    """What the first one's files say would be lost."""
    done = overlay({USERS: STATIC}, _plan({USERS: STATIC}, _state(ADDRESSES)).changes)
    eth1 = InterfaceState("", 4, Interface(name="eth1", mac="52:54:00:00:00:02"))
    ports = (Port(name="eth0"), Port(name="eth1"))
    states = {"br0": _state(), "eth0": ETH0, "eth1": eth1}
    request = Request("br0", LinuxBridge(name="br0", ports=ports), done, states, "eth1", ToolFacts(systemd=257))
    with pytest.raises(OptionError, match="br0 has taken over the configuration of eth0; list it in ports") as error:
        plan_files("networkd", request)
    assert error.value.option == "adopt"
    plan_files("networkd", replace(request, desired=LinuxBridge(name="br0", ports=ports[1:])))
