# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Guests in the inventory, with the complete lists of their NICs: the short forms, and what is refused of them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.plugin_utils.guest_lists import guest_nics

COMMON = {"name": "web1", "guest_missing": "ignore"}


def test_short_forms() -> None:
    filtered = {"filter": "clean-traffic", "parameters": {"IP": ["10.0.0.7", "10.0.0.8"], "DHCPSERVER": "10.0.0.1"}}
    nics = [{"alias": "ua-a", "network": "lan", **filtered}, {"alias": "ua-b", "bridge": "br0", "mtu": 9000}]
    assert guest_nics([{"name": "web1", "replug": False, "nics": nics}], "virtnet_guests") == [
        {
            **COMMON,
            "replug": False,
            "alias": "ua-a",
            "source": {"network": "lan"},
            "filterref": {
                "filter": "clean-traffic",
                "parameters": [
                    {"name": "IP", "value": "10.0.0.7"},
                    {"name": "IP", "value": "10.0.0.8"},
                    {"name": "DHCPSERVER", "value": "10.0.0.1"},
                ],
            },
            "exclusive": True,
        },
        {**COMMON, "replug": False, "alias": "ua-b", "source": {"bridge": "br0"}, "mtu": 9000},
    ]


def test_an_empty_list_removes_all() -> None:
    assert guest_nics([{"name": "web1", "nics": []}], "v") == [{**COMMON, "state": "absent", "exclusive": True}]
    (item,) = guest_nics([{"name": "web1", "nics": [{"network": "lan", "filter": ""}]}], "v")
    assert item["filterref"] == {} and item["exclusive"]


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"name": "web1"}, "v"),
        (["web1"], "v[0]"),
        ([{"name": "web1"}], "v[0].nics"),
        ([{"name": "web1", "nics": [{"network": "lan"}, {"alias": "ua-b"}]}], "v[0].nics[0].alias"),
        ([{"name": "web1", "nics": [{"network": "lan", "index": 0}]}], "v[0].nics[0].index"),
        ([{"name": "web1", "nics": [{"network": "lan", "source": {"bridge": "b"}}]}], "v[0].nics[0].network"),
        ([{"name": "web1", "nics": [{"filter": "a", "filterref": {}}]}], "v[0].nics[0].filter"),
        ([{"name": "web1", "nics": []}, {"name": "web1", "nics": []}], "v[1].name"),
        ([{"name": "web1", "nics": [], "state": "absent"}], "v[0].state"),
        ([{"name": "web1", "nics": [{"filter": "a", "parameters": []}]}], "v[0].nics[0].parameters"),
    ],
)
def test_refused(given: Any, option: str) -> None:
    with pytest.raises(OptionError) as refused:
        guest_nics(given, "v")
    assert refused.value.option == option
