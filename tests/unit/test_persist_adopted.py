# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a bridge takes over of a user's profile or stanzas, and what becomes of it in later runs."""

from __future__ import annotations

import configparser
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
    Ipv6,
    LinuxBridge,
    Port,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import plan_files
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import Request, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.adopted import renamed_in
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.gentle import gentle
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.stanzas import parse
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.networkmanager.iaid import iaid_by_name, siphash24
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges

MAC = "52:54:00:00:00:01"
BRIDGE = LinuxBridge(name="br0", mac=MAC, ports=(Port(name="eth1"),))
# What the kernel has when the NIC's addresses and routes have moved to the bridge.
MOVED = replace(
    BRIDGE,
    addresses=("192.0.2.5/24", "fd00::5/64"),
    routes=(
        InterfaceRoute(to="default", via="192.0.2.1", metric=100),
        InterfaceRoute(to="10.0.0.0/8", via="192.0.2.1"),
    ),
)
NIC = InterfaceState("", 2, Interface(name="eth1", mac=MAC), permanent_mac=MAC)


class Host:
    """The files of a tool, and the runs that change them."""

    def __init__(self, tool: str, files: Mapping[str, str]) -> None:
        self.tool = tool
        self.users = dict(files)
        self.files = dict(files)
        self.said: tuple[str, ...] = ()
        self.renews = False

    def run(
        self, desired: Optional[LinuxBridge], adopt: Optional[str] = "eth1", *, leased: str = "", **given: Any
    ) -> FileChanges:
        """A run, after which a second one changes nothing, whether it adopts or not."""
        state = InterfaceState(
            "bridge",
            5,
            LinuxBridge(name="br0", mac=MAC),
            addresses=(Address(leased, valid_seconds=900),) if leased else (),
        )
        states = {"br0": state, "eth1": NIC}
        done = self._plan(desired, states, adopt, LinuxBridge(name="br0", **given))
        self.files = overlay(self.files, done.changes)
        self.said, self.renews = done.unsupported, done.renews_leases
        taken = any("# Takes over" in text for text in self.files.values())
        for again in (adopt, None) if desired and taken else (adopt,) if desired else ():
            mac = desired.mac if again or not adopt else None  # as `stored_interface` has it
            assert self._plan(replace(desired, mac=mac), states, again, LinuxBridge(name="br0")).changes == {}
        return done

    def _plan(
        self,
        desired: Optional[LinuxBridge],
        states: Mapping[str, InterfaceState],
        adopt: Optional[str],
        given: LinuxBridge,
    ) -> FileChanges:
        return plan_files(self.tool, Request("br0", desired, self.files, states, adopt, given=given))

    def give_back(self) -> None:
        self.run(None)
        assert self.files == self.users


# -- NetworkManager ------------------------------------------------------------------------------------------------------

HOME = "/etc/NetworkManager/system-connections"
STATIC = """[connection]
id=lan
uuid=7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11
type=ethernet
interface-name=eth1
zone=internal
lldp=1
something-new=7

[ethernet]
mtu=1450
wake-on-lan=64

[ipv4]
method=manual
address1=192.0.2.5/24,192.0.2.1
dns=192.0.2.53;
dns-search=lan.example;
may-fail=false
route1=10.0.0.0/8,192.0.2.1
route1_options=mtu=1400
routing-rule1=priority 100 from 192.0.2.5/32 table 7

[ipv6]
method=manual
addresses1=fd00::5/64
ip6-privacy=2

[proxy]
method=1

[user]
org.example.owner=me
"""
LEASED = (
    "[connection]\ntype=ethernet\ninterface-name=eth1\n[ipv4]\nmethod=auto\ndhcp-hostname=web\n[ipv6]\nmethod=auto\n"
)


def _profile(host: Host, name: str = "br0") -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(host.files[f"{HOME}/virtnet-kvm-{name}.nmconnection"])
    return {section: dict(parser[section]) for section in parser.sections()}


def _networkmanager(text: str = STATIC) -> Host:
    return Host("networkmanager", {f"{HOME}/lan.nmconnection": text})


def test_bridge_has_all_that_the_profile_says_of_the_network() -> None:
    host = _networkmanager()
    host.run(MOVED)
    found = _profile(host)
    assert found["ipv4"] == {
        "method": "manual",
        "address1": "192.0.2.5/24,192.0.2.1",
        "dns": "192.0.2.53;",
        "dns-search": "lan.example;",
        "may-fail": "false",
        "route1": "10.0.0.0/8,192.0.2.1",
        "route1_options": "mtu=1400",
        "routing-rule1": "priority 100 from 192.0.2.5/32 table 7",
        "route-metric": "100",  # a bridge's own is 425
    }
    assert found["ipv6"] == {
        "method": "manual", "addresses1": "fd00::5/64", "ip6-privacy": "2", "route-metric": "100",
    }  # fmt: skip
    assert (found["proxy"], found["user"]) == ({"method": "1"}, {"org.example.owner": "me"})
    assert found["ethernet"] == {"cloned-mac-address": MAC, "mtu": "1450"}
    connection = found["connection"]
    assert (connection["zone"], connection["something-new"]) == ("internal", "7")
    assert (connection["type"], connection["id"], connection["interface-name"]) == ("bridge", "virtnet-kvm-br0", "br0")
    port = _profile(host, "eth1")
    assert port["ethernet"] == {"mtu": "1450", "wake-on-lan": "64"}
    assert port["connection"]["lldp"] == "1" and "zone" not in port["connection"]
    assert not {"ipv4", "ipv6", "proxy", "user"} & set(port)
    assert host.said == () and not host.renews
    host.give_back()


def test_dhcp_goes_on_being_dhcp() -> None:
    host = _networkmanager(LEASED)
    host.run(replace(BRIDGE, addresses=("192.0.2.9/24",)), leased="192.0.2.9/24")
    found = _profile(host)
    assert found["ipv4"] == {"method": "auto", "dhcp-hostname": "web", "route-metric": "100"}
    assert found["ipv6"]["method"] == "auto" and found["ipv6"]["dhcp-iaid"] == str(iaid_by_name("eth1"))
    assert host.renews and host.said == ()
    host.give_back()


def test_iaid_is_networkmanagers() -> None:
    """The example of the paper on SipHash, and what NetworkManager has asked with for this name."""
    assert siphash24(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    assert iaid_by_name("eth1") == 713252315


def test_given_options_win_now_and_later() -> None:
    host = _networkmanager()
    given: dict[str, Any] = {"addresses": ("198.51.100.7/24",), "mtu": 1400}
    desired = replace(BRIDGE, routes=(InterfaceRoute(to="10.0.0.0/8", via="198.51.100.1"),), **given)
    state = Request("br0", desired, host.files, {"eth1": NIC}, "eth1", given=LinuxBridge(name="br0", **given))
    host.files = overlay(host.files, plan_files("networkmanager", state).changes)
    found = _profile(host)
    assert found["ipv4"]["address1"] == "198.51.100.7/24" and found["ipv4"]["route1"].startswith(
        "10.0.0.0/8,198.51.100.1"
    )
    assert found["ipv4"]["dns"] == "192.0.2.53;" and "route1_options" not in found["ipv4"]
    assert found["ipv6"]["method"] == "ignore" and "addresses1" not in found["ipv6"]
    assert found["ethernet"]["mtu"] == "1400" and _profile(host, "eth1")["ethernet"]["mtu"] == "1450"
    host.run(replace(desired, mtu=None), adopt=None)
    assert _profile(host)["ipv4"] == found["ipv4"]


def test_given_routes_and_ipv6() -> None:
    host = _networkmanager()
    routes = (InterfaceRoute(to="default", via="192.0.2.254"),)
    host.run(replace(MOVED, routes=routes), routes=routes)
    found = _profile(host)["ipv4"]
    assert found["address1"] == "192.0.2.5/24" and found["route1"] == "0.0.0.0/0,192.0.2.254,0"
    host = _networkmanager(LEASED)
    ipv6 = Ipv6(accept_ra="never")
    desired = replace(BRIDGE, ipv6=ipv6)
    request = Request("br0", desired, host.files, {"eth1": NIC}, "eth1", given=LinuxBridge(name="br0", ipv6=ipv6))
    host.files = overlay(host.files, plan_files("networkmanager", request).changes)
    assert _profile(host)["ipv6"]["method"] == "link-local"


def test_what_the_bridge_had_before_is_still_its_own() -> None:
    host = _networkmanager(LEASED)
    own = LinuxBridge(
        name="br0", addresses=("203.0.113.1/24",), routes=(InterfaceRoute(to="172.16.0.0/12", via="203.0.113.2"),)
    )
    host.run(own, adopt=None)
    host.run(replace(own, mac=MAC, ports=BRIDGE.ports, addresses=("203.0.113.1/24", "192.0.2.9/24")))
    found = _profile(host)["ipv4"]
    assert (found["method"], found["address1"], found["route1"]) == (
        "auto",
        "203.0.113.1/24",
        "172.16.0.0/12,203.0.113.2,0",
    )


def test_a_profile_in_memory_is_remembered() -> None:
    memory = "/run/NetworkManager/system-connections/Wired connection 1.nmconnection"
    host = Host("networkmanager", {memory: LEASED})
    host.run(BRIDGE)
    found = _profile(host)["ipv4"]
    del host.files[memory]  # NetworkManager removes it once another profile has the NIC
    host.run(BRIDGE, adopt=None)
    assert _profile(host)["ipv4"] == found == {"method": "auto", "dhcp-hostname": "web", "route-metric": "100"}


def test_a_profile_for_any_nic_is_the_last_choice() -> None:
    anything = LEASED.replace("interface-name=eth1\n", "").replace("web", "any")
    host = Host("networkmanager", {f"{HOME}/any": anything})
    host.run(BRIDGE)
    assert _profile(host)["ipv4"]["dhcp-hostname"] == "any"
    host = Host("networkmanager", {f"{HOME}/any": anything, f"{HOME}/lan": LEASED})
    host.run(BRIDGE)
    assert _profile(host)["ipv4"]["dhcp-hostname"] == "web"
    elsewhere = anything.replace("[ipv4]", "[match]\ninterface-name=wlan*;\n[ipv4]", 1)
    host = Host("networkmanager", {f"{HOME}/any": elsewhere})
    host.run(replace(MOVED, addresses=("192.0.2.5/24",)))
    assert _profile(host)["ipv4"]["address1"] == "192.0.2.5/24", "without a profile the kernel's are stored"


# -- ifupdown ------------------------------------------------------------------------------------------------------------

MAIN = "/etc/network/interfaces"
OURS = "/etc/network/interfaces.d/virtnet-kvm-br0"
STANZAS = """\
source /etc/network/interfaces.d/*

iface common inet static
    mtu 1450
    dns-search lan.example

allow-hotplug eth1
iface eth1 inet static inherits common
    # the LAN
    address 192.0.2.5
    netmask 255.255.255.0
    gateway 192.0.2.1
    dns-nameservers 192.0.2.53 \\
        192.0.2.54
    ethernet-wol g
    up ip route add 10.0.0.0/8 via 192.0.2.1 dev eth1
    up ip rule add from 192.0.2.5 table 7; ip route add default via 192.0.2.1 dev $IFACE table 7
    post-up ethtool -K eth1 tso off
    down ip rule del from 192.0.2.5 table 7
iface eth1 inet6 static
    address fd00::5/64
    accept_ra 0
"""


def _ifupdown(text: str = STANZAS) -> Host:
    return Host("ifupdown", {MAIN: text})


def _lines(host: Host) -> list[str]:
    return [line.strip() for line in host.files[OURS].splitlines()[1:]]


def _active(host: Host) -> list[str]:
    lines = [line.strip() for line in host.files[MAIN].splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "source"))]


def test_bridge_has_the_stanzas() -> None:
    host = _ifupdown()
    host.run(MOVED)
    assert _lines(host) == [
        "# Takes over eth1",
        "auto br0",
        "iface br0 inet manual",
        "pre-up test -e /sys/class/net/br0 || ip link add name br0 type bridge",
        f"pre-up ip link set dev br0 address {MAC}",
        "pre-up test -e /sys/class/net/eth1 || ifup eth1",
        "pre-up ip link set dev eth1 master br0 up",
        "up ip link set dev br0 up",
        "iface br0 inet static",
        f"# From {MAIN}",
        "mtu 1450",
        "dns-search lan.example",
        "address 192.0.2.5",
        "netmask 255.255.255.0",
        "gateway 192.0.2.1",
        "dns-nameservers 192.0.2.53         192.0.2.54",
        "up ip route add 10.0.0.0/8 via 192.0.2.1 dev br0",
        "up ip rule add from 192.0.2.5 table 7; ip route add default via 192.0.2.1 dev $IFACE table 7",
        "down ip rule del from 192.0.2.5 table 7",
        "iface br0 inet6 static",
        f"# From {MAIN}",
        "address fd00::5/64",
        "accept_ra 0",
        "iface br0 inet manual",
        "post-down ip link delete dev br0",
    ]
    assert _active(host)[3:] == [
        "allow-hotplug eth1",
        "iface eth1 inet manual",
        "mtu 1450",
        "ethernet-wol g",
        "post-up ethtool -K eth1 tso off",
    ]
    assert host.said == () and not host.renews
    host.give_back()


def test_a_leased_address_is_not_stored() -> None:
    host = _ifupdown("auto eth1\niface eth1 inet dhcp\n    hostname web\n")
    host.run(replace(BRIDGE, addresses=("192.0.2.9/24",)), leased="192.0.2.9/24")
    found = _lines(host)
    assert found[found.index("iface br0 inet dhcp") + 2] == "hostname web"
    assert "192.0.2.9" not in host.files[OURS] and host.renews
    host.give_back()


def test_given_options_win_over_stanzas() -> None:
    host = _ifupdown()
    given = ("198.51.100.7/24",)
    host.run(replace(BRIDGE, addresses=given), addresses=given)
    text = host.files[OURS]
    assert "# Takes over eth1 without addresses" in text and "ip address replace 198.51.100.7/24" in text
    assert "iface br0 inet static" not in text and "iface br0 inet6 static" not in text
    assert "10.0.0.0/8" not in text and "gateway" not in text and "dns-nameservers" in text
    host = _ifupdown("iface eth1 inet dhcp\n    mtu 1450\n")
    request = Request(
        "br0", replace(BRIDGE, mtu=1400), host.files, {"eth1": NIC}, "eth1", given=LinuxBridge(name="br0", mtu=1400)
    )
    host.files = overlay(host.files, plan_files("ifupdown", request).changes)
    assert "mtu 1450" not in host.files[OURS] and "mtu 1400" in host.files[OURS] and "mtu 1450" in _active(host)
    host = _ifupdown("iface eth1 inet dhcp\n")
    host.run(replace(BRIDGE, addresses=given), addresses=given)
    assert "dhcp" not in host.files[OURS], "an address that is given takes the place of DHCP"


def test_given_routes_win_over_stanzas() -> None:
    host = _ifupdown()
    routes = (InterfaceRoute(to="default", via="192.0.2.254"),)
    host.run(replace(MOVED, routes=routes), routes=routes)
    found = _lines(host)
    assert not any("192.0.2.1" in line.split() for line in found)
    assert found[-3:-1] == ["iface br0 inet manual", "up ip -4 route replace 0.0.0.0/0 via 192.0.2.254 proto 4 dev br0"]


def test_own_addresses_of_a_bridge_stay_beside_the_stanzas() -> None:
    host = _ifupdown()
    own = replace(MOVED, ports=None, addresses=("203.0.113.1/24",), routes=None)
    host.run(own, adopt=None)
    host.run(replace(MOVED, addresses=(*(MOVED.addresses or ()), "203.0.113.1/24")))
    assert [line for line in _lines(host) if "replace" in line] == ["up ip address replace 203.0.113.1/24 dev br0"]


def test_what_an_earlier_version_has_stored_is_not_added_twice() -> None:
    host = _ifupdown()
    host.files[OURS] = "# Made by virtnet.kvm for br0; changes here are overwritten\n" + "\n".join(
        f"    up ip {words} replace {what}"
        for words, what in (
            ("address", "192.0.2.5/24 dev br0"),
            ("-4 route", "0.0.0.0/0 via 192.0.2.1 proto 4 dev br0"),
        )
    )
    default = InterfaceRoute(to="default", via="192.0.2.1")
    host.run(replace(MOVED, routes=(default,)))
    assert "replace" not in host.files[OURS]


def test_aliases_move_too() -> None:
    host = _ifupdown(f"{STANZAS}auto eth1:0\niface eth1:0 inet static\n    address 192.0.2.6/24\n")
    host.run(MOVED)
    found = _lines(host)
    assert found[found.index("auto br0:0") + 1] == "iface br0:0 inet static"
    assert _active(host)[-2:] == ["auto eth1:0", "iface eth1:0 inet manual"]
    host.give_back()


def test_a_bond_stays_one() -> None:
    """Also as a port that isn't adopted."""
    text = "auto eth1\niface eth1 inet dhcp\n    bond-slaves a b\n    bond-mode 1\n"
    for adopt in ("eth1", None):
        host = _ifupdown(text)
        host.run(BRIDGE, adopt=adopt)
        assert _active(host)[1:] == ["iface eth1 inet manual", "bond-slaves a b", "bond-mode 1"]
        host.give_back()


def test_files_that_ifupdown_does_not_read_are_not_moved() -> None:
    users = {MAIN: "source-directory interfaces.d\n", "/etc/network/interfaces.d/eth1.bak": "iface eth1 inet dhcp\n"}
    host = Host("ifupdown", users)
    host.run(replace(MOVED, routes=None))
    assert "dhcp" not in host.files[OURS] and "ip address replace 192.0.2.5/24" in host.files[OURS]


def test_a_sourced_file_is_edited_and_set_back() -> None:
    path = "/etc/network/interfaces.d/lan"
    host = Host("ifupdown", {MAIN: "source interfaces.d/*\n", path: "auto eth1\niface eth1 inet dhcp\n"})
    host.run(BRIDGE)
    assert f"    # From {path}" in host.files[OURS] and "#virtnet.kvm br0# iface eth1 inet dhcp" in host.files[path]
    host.give_back()


def test_a_manual_stanza_without_commands_has_the_kernels() -> None:
    host = _ifupdown("auto eth1\niface eth1 inet manual\n")
    host.run(replace(MOVED, routes=None))
    assert "ip address replace 192.0.2.5/24" in host.files[OURS] and "Takes over" not in host.files[OURS]
    host = _ifupdown("auto eth1\niface eth1 inet manual\n    up ip address add 192.0.2.5/24 dev eth1\n")
    host.run(MOVED)
    assert "up ip address add 192.0.2.5/24 dev br0" in _lines(host) and _active(host)[-1] == "iface eth1 inet manual"
    host.give_back()


def test_a_mapping_is_refused_with_its_place() -> None:
    host = _ifupdown("auto eth1\nmapping eth*\n    script /bin/true\niface home inet dhcp\n")
    with pytest.raises(OptionError, match=rf"adopt.*eth1.*{MAIN}, line 2"):
        host.run(BRIDGE)


def test_a_command_that_cant_be_renamed_is_said() -> None:
    host = _ifupdown("iface eth1 inet dhcp\n    up /usr/local/sbin/eth1-up\n")
    host.run(BRIDGE)
    assert len(host.said) == 1 and f"{MAIN}, line 1 still names eth1" in host.said[0]


RENAMED = [
    ("ip route add default dev eth1", "ip route add default dev br0"),
    ("iptables -A INPUT -i eth1 -j ACCEPT;x eth1", "iptables -A INPUT -i br0 -j ACCEPT;x br0"),
    ("echo 0 >/proc/sys/net/ipv4/conf/eth1/rp_filter", "echo 0 >/proc/sys/net/ipv4/conf/br0/rp_filter"),
    ("sysctl net.ipv4.conf.eth1.rp_filter=0", "sysctl net.ipv4.conf.br0.rp_filter=0"),
    ("ip link set eth1.10 up; ip link set eth10 up", "ip link set eth1.10 up; ip link set eth10 up"),
    ("/etc/eth1.sh my-eth1 $IFACE", "/etc/eth1.sh my-eth1 $IFACE"),
    ("ip address add 192.0.2.6/24 dev eth1 label eth1:1", "ip address add 192.0.2.6/24 dev br0 label br0:1"),
]


@pytest.mark.parametrize(("command", "renamed"), RENAMED)
def test_names_in_commands(command: str, renamed: str) -> None:
    assert renamed_in(command, "eth1", "br0") == renamed


def test_an_interface_that_works_is_brought_up_gently() -> None:
    """Our own commands are run as they are; the user's don't fail, and nothing is added twice."""
    host = _ifupdown()
    host.run(MOVED)
    stanzas = [stanza for stanza in parse(host.files) if stanza.interface == "br0"]
    text = gentle(stanzas, [OURS], leased=False)
    assert "pre-up ip link set dev eth1 master br0 up\n" in text and " static" not in text
    assert "eval 'ip route add 10.0.0.0/8 via 192.0.2.1 dev br0' || true" in text
    assert "ip rule del" not in text, "what isn't about the interface has been done"
    assert "up echo 0 >/proc/sys/net/ipv6/conf/br0/accept_ra || true" in text
    assert "dns-nameservers 192.0.2.53" in text
    leased = parse({MAIN: "iface br0 inet dhcp\n"})
    assert "inet dhcp" in gentle(leased, [], leased=False)
    assert "inet manual" in gentle(leased, [], leased=True)
