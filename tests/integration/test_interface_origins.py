# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Addresses and routes of DHCP clients, routers and daemons on a real host: they stay, and so does a session on them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge
from integration.support.host import Host
from integration.support.routers import nic, routers
from integration.support.wires import MOMENT, session

NONE = {"persist": "none"}
_HOME = "/etc/systemd/network"
# br8 is networkd's, with DHCP and SLAAC; the kernel itself processes what routers advertise on br7.
_NETWORKD = f"""set -e
printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >{_HOME}/00-lab.network
printf '[NetDev]\\nName=br8\\nKind=bridge\\nMACAddress=02:00:00:00:08:08\\n' >{_HOME}/10-br8.netdev
printf '[Match]\\nName=br8\\n[Network]\\nDHCP=ipv4\\nIPv6PrivacyExtensions=yes\\n' >{_HOME}/20-br8.network
systemctl enable --quiet systemd-networkd
systemctl restart systemd-networkd"""
_KERNEL = """set -e
ip link add br7 address 02:00:00:00:07:77 type bridge
sysctl -qw net.ipv6.conf.br7.use_tempaddr=2
ip link set br7 up"""


def _info(host: Host, name: str) -> dict[str, Any]:
    (found,) = host.ok("linux_bridge_info", {"name": [name]})["bridges"]
    return dict(found)


def _origins(host: Host, name: str) -> dict[str, set[str]]:
    """The addresses of a bridge by their origin."""
    found: dict[str, set[str]] = {}
    for address in _info(host, name)["addresses"]:
        found.setdefault(address["origin"], set()).add(address["address"])
    return found


def _slaac(host: Host, name: str) -> str:
    """The address that is made of the MAC address."""
    return host.until(
        f"ip -6 -o address show dev {name} scope global -tentative | grep -o 'fd00:40::[0-9a-f:]*ff:fe[0-9a-f:]*'"
    ).strip()


@contextlib.contextmanager
def _clients(host: Host) -> Iterator[None]:
    with routers(host):
        host.shell(_NETWORKD)
        try:
            host.until("test -e /sys/class/net/br8")
            host.shell(f"{_KERNEL}; {nic('br7', 7)}; {nic('br8', 8)}")
            for name in ("br7", "br8"):
                for prefix in ("fd00:40:", "fd00:41:"):
                    host.until(f"ip -6 -o address show dev {name} -tentative | grep {prefix} | grep temporary")
            host.until("ip -4 -o address show dev br8 | grep 192.168.40.1")
            host.until("ip -6 route show default | grep -c 'via fe80'")
            yield
        finally:
            host.shell("systemctl disable --quiet --now systemd-networkd.socket systemd-networkd")


def _state(host: Host) -> dict[str, list[str]]:
    """The addresses and routes of both, without the time that they have left, when no address is tentative any more."""
    host.until('test -z "$(ip -6 -o address show tentative)"')
    return {
        name: sorted(
            line
            for family in ("-4", "-6")
            for line in host.shell(
                f"ip {family} -o address show dev {name} | sed 's/ *valid_lft.*//; s/^[0-9]*: //';"
                f" ip {family} route show table all dev {name} | sed 's/ expires [0-9]*sec//'"
            ).splitlines()
        )
        for name in ("br7", "br8")
    }


def _runs(net: str) -> list[dict[str, Any]]:
    fixed = {"addresses": [f"10.7{net}.0.2/24"], "routes": [{"to": f"10.9{net}.0.0/16", "via": f"10.7{net}.0.1"}]}
    return [
        {"ageing_time": 77},
        {"addresses": [], "routes": []},
        fixed,
        {**fixed, "mtu": 1400},
        {"addresses": [], "mtu": 1500},
    ]


def test_what_clients_have_stays(clean: Host) -> None:
    """A session over an advertised address of each lives through five runs, and nothing of theirs is removed."""
    with _clients(clean):
        kernel, networkd = _origins(clean, "br7"), _origins(clean, "br8")
        assert len(kernel["ra"]) >= 4 and len(networkd["ra"]) >= 4, (kernel, networkd)
        assert len(networkd["dhcp"]) == 1 and "dhcp" not in kernel
        assert all(address.startswith("fe80:") for each in (kernel, networkd) for address in each["kernel"])
        assert "static" not in kernel and "static" not in networkd
        for name in ("br7", "br8"):
            routes = [route for route in _info(clean, name)["routes"] if route["to"] == "default"]
            # on Debian 12 networkd's routes of one metric become one, beside which the kernel adds none for br7
            assert {route["origin"] for route in routes} | {"ra"} == {"br7": {"ra"}, "br8": {"ra", "dhcp"}}[name], (
                routes
            )
        with contextlib.ExitStack() as stack:
            seen = [stack.enter_context(session(clean, _slaac(clean, name))) for name in ("br7", "br8")]
            for number in range(5):
                for name in ("br7", "br8"):
                    options = _runs(name[-1])[number]
                    result = clean.ok("linux_bridge", {**NONE, "name": name, **options})
                    assert result["changed"] == (number != 1), result["actions"]
                    assert not [words for words in result["actions"] if "remove" in words and " 10." not in words]
                    definition = _info(clean, name)["definition"]
                    assert definition.get("addresses") == (options.get("addresses") or None), definition
                    again = clean.ok("linux_bridge", {**definition, **NONE})
                    assert not again["changed"], again["actions"]
            clean.shell("sleep 3")
        for found in seen:
            assert found["broken"] is None and found["longest"] < 2, seen
        for name, before in (("br7", kernel), ("br8", networkd)):
            after = _origins(clean, name)
            assert after["ra"] >= before["ra"] and after.get("dhcp") == before.get("dhcp"), after


def test_nothing_changes_a_minute_later(clean: Host) -> None:
    """Second and third run, at once, after 10 and after 60 seconds; leases and what is advertised are renewed meanwhile."""
    with _clients(clean):
        args = {
            "bridges": [
                {
                    **NONE,
                    "name": name,
                    "stp": True,
                    "ageing_time": 77,
                    "addresses": [f"10.7{name[-1]}.0.2/24"],
                    "routes": [],
                }
                for name in ("br7", "br8")
            ]
        }
        begun = time.monotonic()
        assert clean.ok("fabric", args)["changed"]
        settled = _state(clean)
        for seconds in (0, 10, 60):
            clean.shell(f"sleep {max(0.0, begun + seconds - time.monotonic()):.1f}")
            again = clean.ok("fabric", args)
            assert not again["changed"], f"after {seconds} s: {again['actions']}"
        assert _state(clean) == settled


def test_they_move_to_a_bridge(clean: Host) -> None:
    """The bridge that takes over a NIC gets what is leased and advertised, and the session on it lives, also on the way back."""
    with routers(clean):
        clean.shell("ip link add br0 type bridge")
        clean.shell(f"{nic('br0', 7)}; ip link set ens7 nomaster; ip link delete br0")
        clean.shell("ip address add 192.168.40.77/24 dev ens7 valid_lft 600 preferred_lft 600")
        clean.shell("ip route add 10.99.0.0/16 via 192.168.40.1 dev ens7")  # as dhclient makes it
        clean.shell("ip -6 address add fd00:40::77/64 dev ens7 noprefixroute valid_lft 600 preferred_lft 600")
        slaac = _slaac(clean, "ens7")
        before = clean.shell("ip -o address show dev ens7")
        with session(clean, slaac) as seen:
            made = converge(clean, {**NONE, "name": "br7", "adopt": "ens7"}, module="linux_bridge", changed=True)
            assert any("192.168.40.77/24 of ens7 is a DHCP lease" in str(text) for text in made["warnings"])
            origins = _origins(clean, "br7")
            assert origins["dhcp"] == {"192.168.40.77/24"} and "static" not in origins
            assert {f"{slaac}/64", "fd00:40::77/64"} <= origins["ra"]
            clean.until("ip -6 route show default dev br7 | grep 'via fe80'")
            assert "10.99.0.0/16 via 192.168.40.1" in clean.shell("ip route show dev br7")
            lists: list[dict[str, Any]] = [{"addresses": []}, {"routes": []}, {"addresses": ["192.168.40.8/24"]}]
            for options in lists:
                args = {**NONE, "name": "br7", "adopt": "ens7", **options}
                converge(clean, args, module="linux_bridge", changed=bool(options.get("addresses")))
            clean.ok("linux_bridge", {**NONE, "name": "br7", "adopt": "ens7", "state": "absent"})
        assert seen["broken"] is None and seen["longest"] < MOMENT, seen
        after = clean.shell("ip -o address show dev ens7")
        for text in (slaac, "192.168.40.77", "fd00:40::77"):
            assert text in before and text in after, after


def test_a_lease_that_is_declared(clean: Host) -> None:
    clean.shell(
        "ip link add br7 type bridge; ip link set br7 up; ip address add 192.168.40.77/24 dev br7 valid_lft 600 preferred_lft 600"
    )
    args = {**NONE, "name": "br7", "addresses": ["192.168.40.77/24"]}
    converge(clean, args, module="linux_bridge", changed=True)
    assert "valid_lft forever" in clean.shell("ip -4 address show dev br7")


@pytest.mark.parametrize("several", ["ip", "ip -6"])
def test_a_route_of_several_next_hops(clean: Host, several: str) -> None:
    """One of them is the bridge's: it is neither removed nor told as the user's."""
    clean.shell(
        "ip link add br7 type bridge; ip link add p7 type veth peer name q7; ip link set q7 up; ip link set p7 up"
    )
    clean.shell(
        "ip link set p7 master br7; ip link add p8 type veth peer name q8; ip link set q8 up; ip link set p8 up"
    )
    clean.shell("ip link set br7 up; ip address add 10.7.0.2/24 dev br7; ip address add 10.8.0.2/24 dev p8")
    clean.until("test $(ip -6 address show scope link -tentative | grep -c fe80) -ge 3")
    to, *hops = (
        ("fd00:99::/64", "fe80::1", "fe80::2") if several.endswith("6") else ("10.99.0.0/16", "10.7.0.1", "10.8.0.1")
    )
    clean.shell(f"{several} route add {to} metric 1024 nexthop via {hops[0]} dev br7 nexthop via {hops[1]} dev p8")
    shown = clean.shell(f"{several} route show {to}")
    changes: list[dict[str, Any]] = [{"routes": []}, {"addresses": ["10.7.0.2/24"]}, {"ageing_time": 77}]
    for options in changes:
        converge(clean, {**NONE, "name": "br7", **options}, module="linux_bridge")
        assert clean.shell(f"{several} route show {to}") == shown
    found = _info(clean, "br7")
    assert [route["origin"] for route in found["routes"] if route["to"] == to] == ["other"]
    assert "routes" not in found["definition"]


def test_routes_and_addresses_of_daemons(clean: Host) -> None:
    clean.shell("ip link add br7 type bridge; ip link set br7 up; ip address add 10.7.0.2/24 dev br7")
    clean.shell("ip route add 10.9.0.0/16 via 10.7.0.1 proto bird; ip route add 10.10.0.0/16 via 10.7.0.1 proto bgp")
    converge(clean, {**NONE, "name": "br7", "routes": []}, module="linux_bridge", changed=False)
    routes = {route["to"]: route["origin"] for route in _info(clean, "br7")["routes"]}
    assert routes["10.9.0.0/16"] == routes["10.10.0.0/16"] == "other"
    assert routes["10.7.0.0/24"] == "kernel"
