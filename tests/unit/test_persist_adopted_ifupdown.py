# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a bridge takes over of a user's stanzas, and what becomes of it in later runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import InterfaceRoute, LinuxBridge
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import plan_files
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import Request, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.adopted import renamed_in
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.gentle import gentle
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.ifupdown.stanzas import parse
from unit.persist_runs import BRIDGE, MAC, MOVED, NIC, Runs

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


def _ifupdown(text: str = STANZAS) -> Runs:
    return Runs("ifupdown", {MAIN: text})


def _lines(host: Runs) -> list[str]:
    return [line.strip() for line in host.files[OURS].splitlines()[1:]]


def _active(host: Runs) -> list[str]:
    lines = [line.strip() for line in host.files[MAIN].splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "source"))]


def test_bridge_has_the_stanzas() -> None:
    host = _ifupdown()
    host.run(MOVED)
    assert _lines(host) == [
        "# Takes over eth1",
        "auto br0",
        "iface br0 inet manual",
        f"pre-up test -e /sys/class/net/br0 || ip link add name br0 address {MAC} type bridge",
        f"pre-up ip link set dev br0 address {MAC}",
        "pre-up test -e /sys/class/net/eth1 || ifup eth1",
        "pre-up ip link set dev eth1 master br0 up",
        "pre-up ip -6 address flush dev eth1 scope global dynamic 2>/dev/null || true",
        "pre-up ip -6 route flush dev eth1 proto ra 2>/dev/null || true",
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
    host = Runs("ifupdown", users)
    host.run(replace(MOVED, routes=None))
    assert "dhcp" not in host.files[OURS] and "ip address replace 192.0.2.5/24" in host.files[OURS]


def test_a_sourced_file_is_edited_and_set_back() -> None:
    path = "/etc/network/interfaces.d/lan"
    host = Runs("ifupdown", {MAIN: "source interfaces.d/*\n", path: "auto eth1\niface eth1 inet dhcp\n"})
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
