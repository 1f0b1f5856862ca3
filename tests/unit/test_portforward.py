# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Port forwards that are logged or have a helper, and whose guests have addresses of other origins."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.nftables.neighbours import parse
from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.firewall import PORTFORWARD
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.facts import GuestDriver
from ansible_collections.virtnet.kvm.plugins.module_utils.model.portforward.targets import Neighbour
from unit.fake_firewall import Host, plan

TO = {"address": "192.168.150.10"}
FTP = {"listen": {"port": "21"}, "to": TO, "helper": "ftp", "log": True}
SIP = {
    "listen": {"address": "198.51.100.7", "port": "5060", "protocol": "udp"},
    "to": TO,
    "sources": ["203.0.113.0/24"],
}
PATH = "/etc/virtnet.kvm/nft.d/forwards-default.nft"


def _changes(words: list[str]) -> list[str]:
    return [each for each in words if each.startswith("port forwards of set")]


def test_logged_connections_are_found_by_prefix_before_they_are_translated() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[FTP, {**SIP, "log": True, "log_prefix": "calls: "}])
    text = host.rules.stored()[PATH]
    calls = 'th dport @log0_to4 limit rate 10/second burst 20 packets log prefix "calls: " level info'
    others = '@log1_any4 limit rate 10/second burst 20 packets log prefix "virtnet.kvm forward: " level info'
    assert text.index("chain to_guests") < text.index(calls) < text.index(others) < text.index("dnat ip to")
    assert "log0_to4 { 203.0.113.0/24 . 198.51.100.7 . udp . 5060 }" in text


def test_a_helper_is_set_before_and_what_it_expects_is_marked() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[FTP, {**SIP, "helper": "sip"}])
    text = host.rules.stored()[PATH]
    for line in (
        'ct helper ftp_tcp { type "ftp" protocol tcp; }',
        'ip saddr . ip protocol . th dport @ftp_tcp_any4 ct helper set "ftp_tcp"',
        '@sip_udp_to4 ct helper set "sip_udp"',
        "type filter hook prerouting priority -150; policy accept;",
        'ct status expected ct helper "ftp" meta mark set',
        "sip_udp_to4 { 203.0.113.0/24 . 198.51.100.7 . udp . 5060 }",
    ):
        assert line in text, text


def test_without_them_a_table_has_nothing_of_them() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[SIP])
    text = host.rules.stored()[PATH]
    assert not any(word in text for word in ("helper", "log", "-150"))


@pytest.mark.parametrize(
    ("change", "effect"),
    [
        ({"log": True}, 'logged as "virtnet.kvm forward:"'),
        ({"log": True, "log_prefix": "sip"}, 'logged as "sip"'),
        ({"helper": "sip"}, "with the helper sip"),
    ],
)
def test_a_changed_option_is_one_change_and_no_option_is_the_default(change: dict[str, Any], effect: str) -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[SIP])
    had = len(host.rules.forgotten)
    (said,) = _changes(plan(host, PORTFORWARD, forwards=[{**SIP, **change}])[0])
    assert said.endswith(f"change 198.51.100.7 port 5060/udp to 192.168.150.10:5060 from 203.0.113.0/24 {effect}")
    # a helper is set for new connections only, so those of UDP must begin again
    assert len(host.rules.forgotten) - had == ("helper" in change)
    assert plan(host, PORTFORWARD, forwards=[{**SIP, **change}])[0] == []
    assert len(_changes(plan(host, PORTFORWARD, forwards=[SIP])[0])) == 1
    plain = {**SIP, "log": False, "listen": {**SIP["listen"], "protocol": "udp"}}
    assert plan(host, PORTFORWARD, forwards=[plain])[0] == []


def test_another_order_of_sources_is_no_change() -> None:
    host = Host()
    sources = ["203.0.113.0/24", "192.0.2.0/24"]
    plan(host, PORTFORWARD, forwards=[{**FTP, "sources": sources}])
    listen = {"port": "21", "protocol": "tcp"}
    assert plan(host, PORTFORWARD, forwards=[{**FTP, "listen": listen, "sources": sources[::-1]}])[0] == []


@pytest.mark.parametrize(
    ("forward", "option", "problem"),
    [
        ({**FTP, "log": None, "log_prefix": "web"}, "log_prefix", "has no effect without log"),
        ({**FTP, "log_prefix": "$web"}, "log_prefix", "can't begin a line of the log"),
        ({**FTP, "log_prefix": 'web"'}, "log_prefix", "can't begin a line of the log"),
        ({**FTP, "helper": "tftp"}, "helper", "is for udp only; give listen.protocol udp"),
        ({**SIP, "helper": "ftp"}, "helper", "is for tcp only"),
        ({**FTP, "to": {"address": "fd00::1"}, "helper": "irc"}, "helper", "is for IPv4 only"),
        ({**SIP, "helper": "amanda"}, "helper", "module nf_conntrack_amanda"),
    ],
)
def test_logs_and_helpers_that_are_refused(forward: dict[str, Any], option: str, problem: str) -> None:
    with pytest.raises(OptionError, match=problem) as caught:
        plan(Host(), PORTFORWARD, forwards=[forward])
    assert caught.value.option == f"forwards[0].{option}"


def test_a_kernel_that_cannot_log() -> None:
    host = Host()
    host.rules.missing.add("log;")
    with pytest.raises(OptionError, match="module nf_log_syslog"):
        plan(host, PORTFORWARD, forwards=[FTP])


def _guest(name: str, **listen: str) -> dict[str, Any]:
    return {"listen": {"port": "8080", **listen}, "to": {"guest": name}}


@pytest.mark.parametrize(
    ("forward", "address", "known_by"),
    [
        (_guest("web1"), "192.168.150.10", "reservation"),
        (_guest("web1", address="fd00::7"), "fd00:150::99", "agent"),  # no network knows an address of this family
        (_guest("own"), "10.9.0.20", "agent"),
        ({**_guest("own"), "to": {"guest": "own", "network": "br0"}}, "10.9.0.20", "agent"),
    ],
)
def test_the_address_of_a_guest_is_that_of_a_reservation_a_lease_or_its_agent(
    forward: dict[str, Any], address: str, known_by: str
) -> None:
    _words, _state, returned = plan(Host(), PORTFORWARD, forwards=[forward])
    assert returned["targets"] == [
        {"forward": returned["targets"][0]["forward"], "address": address, "known_by": known_by}
    ]


def test_of_several_addresses_of_a_guest_the_stored_one_stays() -> None:
    host = Host()
    plan(host, PORTFORWARD, forwards=[_guest("own")])
    driver = host.driver(GuestDriver)
    reported = driver.by_agent("own")
    driver.by_agent = lambda _guest: reported[::-1]
    assert plan(host, PORTFORWARD, forwards=[_guest("own")])[0] == []
    driver.by_agent = lambda _guest: reported[1:]
    assert "change port 8080/tcp to 10.9.0.21:8080" in str(plan(host, PORTFORWARD, forwards=[_guest("own")])[0])


def test_an_address_that_may_belong_to_another_guest_later_is_a_warning() -> None:
    host = Host()

    def warnings(*forwards: dict[str, Any]) -> tuple[str, ...]:
        resource = PORTFORWARD.parse({"name": "default", "state": "present", "forwards": list(forwards)})
        return resource.plan(resource.current(host), World(host), {}).warnings

    (lease,) = warnings(_guest("six"), {**_guest("six"), "listen": {"port": "81"}})
    assert lease.startswith("the address fd00:150::10 of guest six is only known by a lease, and may belong to another")
    (agent,) = warnings(_guest("own"))
    assert "of guest own is only known by its agent" in agent and "give the guest a reservation" in agent
    assert warnings(_guest("web1"), FTP) == ()


def test_info_has_the_guest_and_what_the_kernel_knows_of_its_address() -> None:
    host = Host()
    forwards = [_guest("web1"), {**_guest("own"), "listen": {"port": "81"}}, {**FTP, "to": {"address": "192.0.2.1"}}]
    plan(host, PORTFORWARD, forwards=forwards)
    (found,) = PORTFORWARD.info(host, None, {})
    assert [each["target"] for each in found["forwards"]] == [
        {
            "address": "192.168.150.10",
            "known_by": "reservation",
            "running": True,
            "mac": "52:54:00:00:00:10",
            "neighbour": {"state": "reachable", "mac": "52:54:00:00:00:99"},
        },
        {"address": "10.9.0.20", "known_by": "agent", "running": True, "neighbour": {"state": "failed"}},
        {"address": "192.0.2.1", "known_by": "address", "neighbour": {"state": "none"}},
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # ndmsg, then NDA_DST and NDA_LLADDR
        (
            "02000000030000000200000108000100c0a8960a0a0002005254000000100000",
            ("192.168.150.10", Neighbour("reachable", "52:54:00:00:00:10")),
        ),
        ("02000000030000002000000108000100c0a8960b", ("192.168.150.11", Neighbour("failed"))),
        ("0700000003000000020000010a000200525400000010" + "0000", ("", Neighbour("reachable", "52:54:00:00:00:10"))),
    ],
)
def test_entries_of_the_neighbour_table(entry: str, expected: tuple[str, Neighbour]) -> None:
    assert parse(bytes.fromhex(entry)) == expected
