# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What firewalld, ufw, Docker and iptables-legacy have on a host, and what a user is told of it. Real hosts show that it is so."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os.firewalld import parse_zones
from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import OUTBOUND, POLICY, PORTFORWARD
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall import others
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.others import Others
from ansible_collections.virtnet.kvm.plugins.module_utils.model.zones import Zones
from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import fabric
from unit.fake_firewall import Host, plan
from unit.fake_host import FakeHost

WEB = {"listen": {"port": "8080"}, "to": {"guest": "web1", "port": 80}}
ZONES = Zones({"libvirt": ("virbr1",)}, "public")
OPEN = {
    "name": "open0",
    "state": "present",
    "restart": "if_needed",
    "forward": {"mode": "open"},
    "ips": [{"address": "10.9.1.1/24"}],
}


def _warnings(host: Host, kind: Any, **options: Any) -> tuple[str, ...]:
    resource = kind.parse({"name": "default", "state": "present", **options})
    return tuple(resource.plan(resource.current(host), World(host), {}).warnings)


def _chain(table: str, name: str) -> dict[str, Any]:
    return {"chain": {"family": "ip", "table": table, "name": name}}


@pytest.mark.parametrize(
    ("table", "chain", "program"),
    [
        ("firewalld", "filter_FORWARD", "firewalld"),
        ("filter", "FWD_public", "firewalld"),
        ("filter", "ufw-user-input", "ufw"),
        ("filter", "DOCKER-USER", "docker"),
        ("libvirt_network", "forward", "libvirt"),
        ("nat", "LIBVIRT_PRT", "libvirt"),
    ],
)
def test_programs_are_known_by_their_chains(table: str, chain: str, program: str) -> None:
    assert others.programs({"nftables": [_chain("filter", "FORWARD"), _chain(table, chain)]}) == (program,)
    assert others.programs({"nftables": [_chain("filter", "FORWARD")]}) == ()


def test_the_zones_of_firewalld() -> None:
    zones = parse_zones(
        [{"libvirt": {"interfaces": ["virbr0", "virbr1"]}, "work": {"sources": ["10.0.0.0/8"]}}], ["public"]
    )
    assert zones.zone("virbr1") == "libvirt" and not zones.rejects("virbr1")
    assert zones.zone("br0") is None and zones.rejects("br0")
    assert not Zones({}, "trusted").rejects("br0")


def test_strict_firewalld_refuses_what_it_does_not_forward_itself() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[WEB])
    rules = [
        "ct original proto-dst 8081 accept",
        "ct original proto-dst 6000-6010 accept",
        "reject with icmpx admin-prohibited",
    ]
    assert others.admitted(rules) == (range(8081, 8082), range(6000, 6011))
    host.rules.others_ = Others(programs=("firewalld",), admitted=others.admitted(rules))
    (warning,) = _warnings(host, PORTFORWARD, forwards=[WEB])  # it was there before
    assert warning.startswith("port 8080/tcp is refused by firewalld, as its StrictForwardPorts is yes;")
    assert "--add-forward-port=port=8080:proto=tcp:toport=80:toaddr=192.168.150.10 &&" in warning
    new = {"listen": {"port": "6005-6011", "protocol": "udp"}, "to": {"guest": "web1"}}
    with pytest.raises(OptionError) as caught:
        _warnings(host, PORTFORWARD, forwards=[WEB, new])
    assert caught.value.option == "forwards[1].listen.port"
    assert "port=6005-6011:proto=udp:toaddr=192.168.150.10 &&" in str(caught.value)
    for open_ in ({**new, "listen": {"port": "6001-6010"}}, {**new, "listen": {"port": "8081"}}):
        assert len(_warnings(host, PORTFORWARD, forwards=[WEB, open_])) == 1


def test_a_plain_bridge_needs_a_zone() -> None:
    host = Host()
    outbound: dict[str, Any] = {"rules": [{"source": {"cidr": "10.9.0.0/25"}}]}
    policy: dict[str, Any] = {"rules": [{"source": {"bridge": "br0"}, "action": "allow"}]}
    host.firewalld.found = ZONES
    assert _warnings(host, OUTBOUND, **outbound) == _warnings(host, POLICY, **policy) == ()
    host.rules.others_ = Others(programs=("firewalld",))
    said = (
        "firewalld rejects what comes from br0, as it is in no zone; put it into one, for example with"
        " firewall-cmd --permanent --zone=libvirt --add-interface=br0 && firewall-cmd --reload"
    )
    assert _warnings(host, OUTBOUND, **outbound) == _warnings(host, POLICY, **policy) == (said,)
    denied = {"rules": [{"source": {"bridge": "br0"}, "action": "deny"}]}
    assert _warnings(host, POLICY, **denied) == ()
    host.firewalld.found = Zones({"libvirt": ("br0",)}, "public")
    assert _warnings(host, OUTBOUND, **outbound) == ()


def test_rules_of_iptables_legacy() -> None:
    saved = (
        "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:FORWARD DROP [1:2]\nCOMMIT\n*raw\n-A PREROUTING -j ACCEPT\n"
    )
    assert others.legacy_tables(saved) == {"filter", "raw"}
    host = Host()
    host.rules.others_ = Others(legacy=("filter", "raw"))
    (warning,) = _warnings(host, PORTFORWARD, forwards=[WEB])
    assert "iptables-legacy has rules in the tables filter, raw," in warning


def test_what_the_info_modules_return() -> None:
    host = Host()
    host.rules.others_ = Others(programs=("firewalld",), admitted=())
    host.firewalld.found = ZONES
    assert PORTFORWARD.info_on_host(host) == {
        "others": {
            "programs": ["firewalld"],
            "chains": [],
            "firewalld": {"default_zone": "public", "zones": {"libvirt": ["virbr1"]}, "strict_forward_ports": True},
            "iptables_legacy": [],
        }
    }


def _of_network(host: FakeHost, **bridge: str) -> tuple[str, ...]:
    resource: Any = NETWORK.parse({**OPEN, "bridge": {"name": "virbr-open0", **bridge}})
    return tuple(resource.plan(resource.current(host), World(host), {}).warnings)


@pytest.mark.parametrize(
    ("libvirt", "bridge", "said"),
    [
        (11_003_000, {}, "its bridge virbr-open0 is in no zone; set bridge.zone, for example to libvirt-routed"),
        (11_003_000, {"zone": "libvirt-routed"}, None),  # libvirt puts it there when the network starts
        (
            9_000_000,
            {},
            "and libvirt 9.0.0 gives the bridge of an open network none; put it into one, for example with firewall-cmd",
        ),
        (9_000_000, {"zone": "work"}, "firewall-cmd --permanent --zone=work --add-interface=virbr-open0"),
    ],
)
def test_an_open_network_needs_a_zone(libvirt: int, bridge: dict[str, str], said: str | None) -> None:
    host = FakeHost(libvirt=libvirt)
    assert _of_network(host, **bridge) == ()  # firewalld doesn't run
    host.zones = ZONES
    warnings = _of_network(host, **bridge)
    assert [said in each for each in warnings] == [True] if said else warnings == ()
    host.zones = Zones({"work": ("virbr-open0",)}, "public")
    assert _of_network(host, **bridge) == ()


@pytest.mark.parametrize(
    ("firewalld", "libvirt", "zone"),
    [
        (True, (11, 3, 0), {"zone": "libvirt-routed"}),
        (True, (9, 0, 0), {"zone": ""}),
        (False, (11, 3, 0), {"zone": ""}),
        (None, (11, 3, 0), {}),
    ],
)
def test_an_open_topology_has_the_zone_of_routed_networks(
    firewalld: bool | None, libvirt: tuple[int, ...], zone: dict[str, str]
) -> None:
    topology = {"type": "open", "name": "open0", "cidr": "10.9.1.0/24"}
    (made,) = fabric([topology], "virtnet_topologies", None, libvirt, firewalld)["networks"]
    assert made["bridge"] == {"name": "virbr-open0", **zone}
    (made,) = fabric([{**topology, "zone": "work"}], "virtnet_topologies", None, libvirt, firewalld)["networks"]
    assert made["bridge"]["zone"] == "work"
