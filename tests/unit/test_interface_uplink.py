# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""DHCP, name servers, domains and gateways of interfaces: stored, waited for, shown, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.boot_tools import facts
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import Interface, InterfaceState
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.uplink import leases
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.uplink.check import RESOLVED
from unit.fake_interfaces_host import InterfacesHost

NIC = InterfaceState("", 2, Interface(name="ens7", mac="02:00:00:00:00:07", mtu=1500, up=True))
BRIDGE: dict[str, Any] = {"name": "br0", "ports": [{"name": "ens7"}]}
DHCP: dict[str, Any] = {"dhcp4": True, "dhcp6": True}
NAMES: dict[str, Any] = {"nameservers": ["192.0.2.53", "fd00::53"], "search": ["Lab.example.com.", "example.com"]}
TOOLS = ("networkd", "networkmanager", "netplan")


def _host(tool: str = "networkd") -> InterfacesHost:
    return InterfacesHost(NIC, tool=tool)


def _declare(host: InterfacesHost, **options: Any) -> Any:
    """What one run does, as its prediction said; another one changes nothing."""
    foretold = host.copy().declare(("bridge", {**BRIDGE, **options}), check=True)[0]
    real = host.declare(("bridge", {**BRIDGE, **options}))[0]
    assert (foretold.actions, foretold.shown_after) == (real.actions, real.shown_after)
    assert not [warning for warning in real.warnings if "other values" in warning]
    again = host.declare(("bridge", {**BRIDGE, **options}))[0]
    assert not again.changed and again.actions == []
    return real


@pytest.mark.parametrize("tool", TOOLS)
def test_what_the_tool_does_is_shown_kept_and_removed(tool: str) -> None:
    host = _host(tool)
    made = _declare(host, **DHCP, **NAMES)
    assert made.actions[-1] == "wait for the leases of br0 (DHCPv4, DHCPv6)"
    shown = {"dhcp4": True, "dhcp6": True, "nameservers": ["192.0.2.53", "fd00::53"]}
    assert made.shown_after.items() >= {**shown, "search": ["lab.example.com", "example.com"]}.items()
    # what is left out stays
    assert _declare(host, ageing_time=60).shown_after.items() >= shown.items()
    # and no lease is waited for
    host.leases.server = False
    assert "wait for" not in " ".join(_declare(host, search=[]).actions)
    host.leases.server = True
    gone = _declare(host, dhcp4=False, nameservers=["fd00::54"])
    assert gone.actions[-1] == "remove the leases of br0 (DHCPv4)"
    assert host.leases.removed == [("br0", "198.51.100.7/24")]
    assert "dhcp4" not in gone.shown_after and gone.shown_after["nameservers"] == ["fd00::54"]


def test_ifupdown_has_names_only() -> None:
    host = _host("ifupdown")
    for option, value in (*DHCP.items(), *NAMES.items()):
        with pytest.raises(OptionError, match=f"^{option}: .* isn't possible with persist ifupdown"):
            host.declare(("bridge", {**BRIDGE, option: value}))


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0)
    host = _host()
    host.leases.server = False
    with pytest.raises(
        VirtnetError, match=r"no DHCPv4 server has answered on br0 within 0 s; .*; the host is as it was$"
    ):
        host.declare(("bridge", {**BRIDGE, "dhcp4": True}))
    assert list(host.kernel.all()) == ["ens7"] and host.files.texts == {}


def test_a_gateway_is_a_default_route() -> None:
    host = _host()
    _declare(host, addresses=["192.0.2.2/24", "fd00::2/64"], gateway="192.0.2.1", gateway6="fe80::1")
    other = {"to": "198.51.100.0/24", "via": "192.0.2.3"}
    default = {"to": "default", "via": "192.0.2.9"}
    routes = _declare(host, routes=[other], gateway="192.0.2.9").shown_after["routes"]
    assert other in routes and default in routes and len(routes) == 2
    # it replaces another one, and nothing else; an empty one removes
    routes = _declare(host, gateway="192.0.2.1").shown_after["routes"]
    assert other in routes and {**default, "via": "192.0.2.1"} in routes and len(routes) == 2
    assert _declare(host, gateway="").shown_after["routes"] == [other]
    _declare(host, routes=[{"to": "0.0.0.0/0", "via": "192.0.2.1"}], gateway="192.0.2.1")


def test_a_gateway_stays_stored() -> None:
    host = _host()
    _declare(host, addresses=["192.0.2.2/24"], gateway="192.0.2.1")
    _declare(host, ageing_time=60)
    (stored,) = (text for path, text in host.files.texts.items() if path.endswith("-br0.network"))
    assert "Gateway=192.0.2.1" in stored and "Address=192.0.2.2/24" in stored


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dhcp4": True, "persist": "none"}, "dhcp4: True isn't possible with persist none"),
        (
            {"nameservers": ["192.0.2.1"], "netns": "lab", "persist": "auto"},
            "nameservers: .* isn't possible with netns",
        ),
        ({"dhcp4": True, "up": False}, "dhcp4: True isn't possible while the interface is down"),
        ({"dhcp6": True, "ipv6": {"enabled": False}}, "dhcp6: True is IPv6, and ipv6.enabled is false"),
        ({"dhcp6": True, "mtu": 1279}, "dhcp6: True is IPv6, which needs an MTU of 1280"),
        ({"nameservers": ["dns"]}, "nameservers.0.: 'dns' is not an IPv4 or IPv6 address"),
        ({"nameservers": ["::1", "0::1"]}, "nameservers.1.: '::1' is listed twice"),
        ({"search": ["-a.example"]}, "search.0.: '-a.example' is not a domain"),
        ({"gateway": "192.0.2.1"}, "gateway: .* is in none of the interface's subnets .it has none.; give"),
        ({"gateway": "192.0.2.1", "dhcp4": True}, "gateway: .* leave it out, as the server of dhcp4 gives a gateway"),
        ({"gateway": "fd00::1"}, "gateway: 'fd00::1' is not an IPv4 address; give it as gateway6"),
        ({"addresses": ["192.0.2.2/24"], "gateway": "192.0.2.2"}, "gateway: .* is an address of the interface itself"),
        (
            {"addresses": ["192.0.2.2/24"], "gateway": "192.0.2.1", "routes": [{"to": "default", "via": "192.0.2.9"}]},
            "gateway: '192.0.2.1' isn't the default route that routes.0. gives .via 192.0.2.9.; give gateway or",
        ),
    ],
)
def test_refused(options: dict[str, Any], said: str) -> None:
    host = _host()
    with pytest.raises(OptionError, match=f"^{said}"):
        host.declare(("bridge", {**BRIDGE, **options}))
    assert list(host.kernel.all()) == ["ens7"] and host.files.texts == {}


def test_networkmanager_has_no_name_servers_without_ip() -> None:
    host = _host("networkmanager")
    with pytest.raises(OptionError, match=r"^nameservers\[0\]: '192.0.2.53' isn't possible with NetworkManager while"):
        host.declare(("bridge", {**BRIDGE, "nameservers": ["192.0.2.53"]}))
    _declare(host, addresses=["192.0.2.2/24"], nameservers=["192.0.2.53"])


# What if-up.d/resolved of Debian 12 and 13 have of it.
_QUOTED = 'if systemctl is-enabled systemd-resolved; then\nNEW_DNS=$(echo $IF_DNS_NAMESERVERS)\ncat <<EOF\n"$DNS"="$NEW_DNS"\nEOF\nfi\n'
_READABLE = _QUOTED.replace('"$DNS"=', "$DNS=")


@pytest.mark.parametrize(
    ("script", "resolvers", "reads"),
    [
        (_READABLE, [RESOLVED], True),
        (_READABLE, [], False),
        (_QUOTED, [RESOLVED], False),
        ("echo $IF_DNS_NAMESERVERS >/etc/resolv.conf\n", [], True),
        ("systemctl is-active systemd-resolved\n", [RESOLVED], False),
    ],
)
def test_a_script_of_ifupdown_that_reads_name_servers(script: str, resolvers: list[str], reads: bool) -> None:
    assert facts.reads_names(script, resolvers) == reads


def test_the_script_of_a_package_that_is_removed_reads_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "resolvconf"
    monkeypatch.setattr(facts, "_RESOLVCONF", str(program))
    script = f"[ -x {program} ] || exit 0\nfor nameserver in $IF_DNS_NAMESERVERS; do echo; done | {program} -a $IFACE\n"
    assert not facts.reads_names(script, [])
    program.touch(0o755)
    assert facts.reads_names(script, [])
