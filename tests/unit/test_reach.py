# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Where probes are, and what becomes of their answers. Real hosts show that they measure."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network
from ansible_collections.virtnet.kvm.plugins.module_utils.model.reach.options import Measurement
from ansible_collections.virtnet.kvm.plugins.module_utils.model.reach.places import places
from ansible_collections.virtnet.kvm.plugins.module_utils.model.reach.table import Answer, differences, lines, unused

_LAN = {
    "name": "lan",
    "bridge": {"name": "virbr-lan"},
    "forward": {"mode": "nat"},
    "ips": [
        {
            "address": "192.168.150.1/24",
            "dhcp": {
                "ranges": [{"start": "192.168.150.100", "end": "192.168.150.254"}],
                "hosts": [{"mac": "52:54:00:00:00:10", "ip": "192.168.150.99", "name": "web"}],
            },
        }
    ],
}
_ADDRESSES = {
    "virbr-lan": {"192.168.150.1/24", "fd00:150::1/64", "fe80::1/64"},
    "br0": {"10.9.0.1/29"},
    "eth0": set[str](),
}


def _places(**options: Any) -> tuple[Any, ...]:
    definitions = [("lan", from_options(Network, _LAN), True), ("off", from_options(Network, {"name": "off"}), False)]
    found, skipped = places(from_options(Measurement, options), definitions, _ADDRESSES, 7)
    return found, skipped


def test_a_probe_takes_an_address_that_dhcp_does_not_serve() -> None:
    (place,), skipped = _places()
    assert (place.name, place.bridge, skipped) == ("lan", "virbr-lan", [])
    four, six = place.sides
    assert four.candidates[:2] == ("192.168.150.98", "192.168.150.97") and four.gateway == "192.168.150.1"
    assert six.candidates[0] == "fd00:150::9" and six.prefix_length == 64


def test_a_bridge_has_a_probe_if_the_host_has_an_address_on_it() -> None:
    found, skipped = _places(networks=["off"], bridges=["br0", "eth0"])
    assert [place.name for place in found] == ["br0"]
    assert found[0].sides[0].candidates == tuple(f"10.9.0.{number}" for number in range(6, 1, -1))
    assert skipped == ["off: the network is not active", "eth0: the host has no address on eth0"]


@pytest.mark.parametrize(
    ("options", "option"), [({"networks": ["gone"]}, "networks[0]"), ({"bridges": ["br0", "gone"]}, "bridges[1]")]
)
def test_refuses_what_is_not_there(options: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError, match="of this host") as caught:
        _places(**options)
    assert caught.value.option == option


ANSWERS = [
    Answer("lan", "dmz", "ipv4", "tcp", True, "10.9.0.1", "192.168.150.98"),
    Answer("lan", "dmz", "ipv4", "icmp", True, None, "192.168.150.98"),
    Answer("dmz", "lan", "ipv4", "tcp", False, None, "10.9.0.2"),
    Answer("dmz", "lan", "ipv6", "tcp", True, "fd00::2", "fd00::2"),
    Answer("dmz", "outside", "ipv4", "icmp", False, None, "10.9.0.2"),
]


def test_the_table_has_a_cell_for_each_pair() -> None:
    assert lines(ANSWERS) == [
        "| from \\ to | dmz              | lan              | outside |",
        "| --------- | ---------------- | ---------------- | ------- |",
        "| lan       | yes, masqueraded |                  |         |",
        "| dmz       |                  | partly: tcp IPv6 | no      |",
    ]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ([{"source": "lan", "reached": True}], []),
        ([{"reached": False}, {"source": "lan", "reached": True}, {"family": "ipv6", "reached": True}], []),
        (
            [{"to": "outside", "reached": True}],
            ["dmz to outside by icmp over IPv4: not answered, which is not expected"],
        ),
        (
            [{"source": "dmz", "to": "lan", "protocol": "tcp", "reached": False}],
            ["dmz to lan by tcp over IPv6: answered, which is not expected"],
        ),
    ],
)
def test_differences_are_sentences(expected: list[dict[str, Any]], said: list[str]) -> None:
    given = from_options(Measurement, {"expect": expected})
    assert list(differences(ANSWERS, given.expect or ())) == said
    assert list(unused(ANSWERS, given.expect or ())) == []


def test_an_expectation_that_fits_nothing_is_found() -> None:
    given = from_options(Measurement, {"expect": [{"reached": True}, {"source": "lam", "reached": True}]})
    assert list(unused(ANSWERS, given.expect or ())) == [1]
