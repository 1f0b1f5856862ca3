# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What is refused of a network before the host is changed, and what is dropped as its forward mode can't have it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.desired import (
    DesiredNetwork,
    desired_definition,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    Network,
    NetworkState,
    normalise,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.validate import (
    check,
    check_identity,
    check_versions,
)

BOOKWORM = 9_000_000
VLAN = {"tags": [{"id": 10}, {"id": 20}]}


def network(**options: Any) -> Network:
    return from_options(Network, {"name": "lan", **options})


def _changed(before: dict[str, Any], given: dict[str, Any]) -> Network:
    return desired_definition(DesiredNetwork(network(**given)), NetworkState(normalise(network(**before)), None))


@pytest.mark.parametrize("mode", ["nat", "route"])
@pytest.mark.parametrize(("dev", "interfaces"), [("eth8", ("eth8",)), ("eth7", ("eth7",)), ("", None)])
def test_another_device_replaces_the_one(mode: str, dev: str, interfaces: Any) -> None:
    after = _changed({"forward": {"mode": mode, "dev": "eth7"}}, {"forward": {"dev": dev}})
    assert after.forward and after.forward.interfaces == interfaces


def test_a_device_of_a_pool_is_its_first() -> None:
    after = _changed({"forward": {"mode": "vepa", "interfaces": ["eth1", "eth2"]}}, {"forward": {"dev": "eth2"}})
    assert after.forward and after.forward.interfaces == ("eth2", "eth1")


def test_vlan_of_a_network_that_is_on_openvswitch() -> None:
    before = {"forward": {"mode": "bridge"}, "bridge": {"name": "ovs0"}, "virtualport": {"type": "openvswitch"}}
    given = network(vlan=VLAN)
    check_versions(given, _changed(before, {"vlan": VLAN}), BOOKWORM)
    with pytest.raises(OptionError, match=r"vlan: \[10, 20\] needs libvirt 11\.0\.0 or newer for VLAN tags"):
        check_versions(given, given, BOOKWORM)


@pytest.mark.parametrize(
    "given", [{"title": ""}, {"domain": {"register": False}}, {"dns": {"forwarders": []}}, {"dnsmasq_options": []}]
)
def test_options_that_ask_for_nothing_are_accepted_with_an_old_libvirt(given: dict[str, Any]) -> None:
    check_versions(network(**given), network(**given), 5_000_000)


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"title": "A"}, "title"),
        ({"domain": {"register": True}}, "domain.register"),
        ({"dns": {"forwarders": [{"addr": "192.0.2.1"}, {"addr": "192.0.2.2", "port": 53}]}}, "dns.forwarders[1].port"),
    ],
)
def test_an_option_that_libvirt_is_too_old_for_is_refused(given: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError, match=r"needs libvirt .* or newer, and this host has 9\.0\.0; ") as error:
        check_versions(network(**given), network(**given), BOOKWORM)
    assert error.value.option == option


NAMES = {"hosts": [{"ip": "192.0.2.1", "names": ["a"]}]}


def test_names_need_a_dns_server() -> None:
    with pytest.raises(OptionError, match=r"needs a DNS server; leave it out, or set dns\.enable to true") as error:
        check(network(dns={"enable": False, **NAMES}))
    assert error.value.option == "dns.hosts"
    check(network(dns={"enable": False, "hosts": []}))
    dropped = _changed({"dns": NAMES}, {"dns": {"enable": False}}).dns
    assert dropped is not None and dropped.enable is False and dropped.hosts is None


UUIDS = ("6d1e1d3c-7a75-4d1f-9a0c-2f4d3c0a0b01", "6d1e1d3c-7a75-4d1f-9a0c-2f4d3c0a0b02")


def test_a_network_keeps_its_uuid() -> None:
    found = network(uuid=UUIDS[0])
    check_identity(network(uuid=UUIDS[0].upper()), found)
    check_identity(network(), found)
    check_identity(network(uuid=UUIDS[1]), None)
    with pytest.raises(OptionError, match=f"{UUIDS[1]}.* is not the UUID that network lan keeps; give {UUIDS[0]}"):
        check_identity(network(uuid=UUIDS[1]), found)
