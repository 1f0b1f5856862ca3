# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Network namespaces and veth pairs: planned together, predicted, undone when a call fails, completed after a kill."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError, all_actions
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError, OptionError, VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.desired import DesiredInterface
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import MacvlanIface, VlanIface
from ansible_collections.virtnet.kvm.plugins.module_utils.model.namespace.steps import Process
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import ToolFacts
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.interfaces import chosen_tool
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import UNIT
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.unit import service
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.uplink.check import check_tool
from unit.fake_interfaces import KilledError, nic
from unit.fake_namespaces import NamespacesHost

MAC = "52:54:00:00:07:01"
Lists = dict[str, list[dict[str, Any]]]

ROUTED: Lists = {
    "namespaces": [{"name": "red"}, {"name": "router", "ipv4_forwarding": True}],
    "veth_pairs": [
        {
            "name": "eth0",
            "netns": "red",
            "addresses": ["10.1.0.2/24", "fd01::2/64"],
            "routes": [{"to": "default", "via": "10.1.0.1"}],
            "peer": {"name": "red0", "netns": "router", "mtu": 1400, "addresses": ["10.1.0.1/24"]},
        },
        {"name": "up0", "bridge": "br7", "peer": {"name": "up1", "netns": "router", "up": False, "mac": MAC}},
    ],
    "bridges": [{"name": "br7", "persist": "none"}, {"name": "br8", "netns": "red", "stp": True}],
    "macvlans": [{"name": "m0", "netns": "red", "parent": "eth0", "addresses": ["10.1.0.7/24"]}],
}
ABSENT: Lists = {
    kind: [
        {"state": "absent", **{key: each[key] for key in ("name", "netns", "persist") if key in each}} for each in items
    ]
    for kind, items in ROUTED.items()
}
CHANGED: Lists = {
    "namespaces": [{"name": "red", "loopback": False, "ipv6_forwarding": True}],
    "veth_pairs": [
        {
            "name": "eth0",
            "netns": "red",
            "mtu": 1300,
            "addresses": ["10.1.0.9/24"],
            "routes": [{"to": "default", "via": "10.1.0.1", "metric": 7}],
            "peer": {"name": "red0", "netns": "router", "up": True, "mac": "52:54:00:00:07:07"},
        },
        {"name": "up0", "bridge": ""},
    ],
    "macvlans": [{"name": "m0", "netns": "red", "mode": "private"}],
}
RUNS = {"created": (None, ROUTED), "changed": (ROUTED, CHANGED), "removed": (ROUTED, ABSENT)}


def _there(before: Any) -> NamespacesHost:
    host = NamespacesHost(nic("eth0", 2))
    if before:
        host.declare(**before)
    return host.copy()


@pytest.mark.parametrize("what", RUNS)
def test_predicted_and_idempotent(what: str) -> None:
    before, desired = RUNS[what]
    host = _there(before)
    was = host.shown()
    predicted = host.declare(check=True, **desired)
    assert host.shown() == was and host.called.seen == []
    done = host.declare(**desired)
    assert [each.warnings for each in done] == [[] for _each in done]
    assert all_actions(done) == all_actions(predicted)
    assert [each.shown_after for each in done] == [each.shown_after for each in predicted]
    again = host.declare(**desired)
    assert all_actions(again) == []
    assert [each.shown_before for each in again] == [each.shown_after for each in done]


def test_removed_is_as_before() -> None:
    host = _there(None)
    was = host.shown()
    host.declare(**ROUTED)
    assert host.shown() != was
    host.declare(**ABSENT)
    assert host.shown() == was


@pytest.mark.parametrize("what", RUNS)
def test_undone_when_any_call_fails(what: str) -> None:
    before, desired = RUNS[what]
    there = _there(before)
    was = there.shown()
    for number in itertools.count(1):
        host = there.copy()
        host.called.fail_at = (number, HostError("it", "is broken"))
        try:
            host.declare(**desired)
        except ApplyError as error:
            assert not error.left, error
            assert host.shown() == was, f"not undone at call {number}: {host.called.seen}"
        else:
            assert number > 5
            return


@pytest.mark.parametrize("what", RUNS)
def test_completed_after_a_kill(what: str) -> None:
    before, desired = RUNS[what]
    there = _there(before)
    whole = there.copy()
    whole.declare(**desired)
    for number in itertools.count(1):
        host = there.copy()
        host.called.fail_at = (number, KilledError())
        try:
            host.declare(**desired)
        except KilledError:
            host.called.fail_at = None
            host.declare(**desired)
            assert _commands(host) == _commands(whole), f"not completed after call {number}: {host.called.seen}"
        else:
            return


def _commands(host: NamespacesHost) -> dict[str, Any]:
    """All that is on the host, without what files remember: all that an interface has counts as declared after a kill."""
    shown = host.shown()
    files = {path: text.split("\n", 2)[2] for path, text in host.files.texts.items()}
    return {**shown, "files": files}


def test_what_is_left_out_stays_stored() -> None:
    host = _there(ROUTED)
    path = service.pair_path("eth0", "red")
    host.declare(veth_pairs=[{"name": "eth0", "netns": "red", "peer": {"name": "red0", "netns": "router"}}])
    host.declare(veth_pairs=[{"name": "eth0", "netns": "red", "up": True}])
    text = host.files.texts[path]
    for words in ("10.1.0.2/24", "fd01::2/64", "route replace 0.0.0.0/0 via 10.1.0.1", "mtu 1400"):
        assert words in text
    host.declare(veth_pairs=[{"name": "eth0", "netns": "red", "addresses": []}])
    assert "10.1.0.2/24" not in host.files.texts[path] and "10.1.0.1/24" in host.files.texts[path]
    # the loopback interface of what somebody else has created stays down
    host.namespaces.create("theirs")
    host.declare(namespaces=[{"name": "theirs"}])
    assert "lo up" not in host.files.texts[service.namespace_path("theirs")]


def test_a_file_says_what_is_declared() -> None:
    host = _there(ROUTED)
    assert host.files.texts[service.pair_path("up0", None)].split("\n")[2:] == [
        f"test -e /sys/class/net/up0 || ip link add name up0 type veth peer name up1 address {MAC} netns router",
        "ip link set dev up0 up",
        "ip netns exec router sh -e <<'END'",
        f"ip link set dev up1 address {MAC}",
        "END",
        "ip link set dev up0 master br7",
        "",
    ]
    text = host.files.texts[service.interface_path("m0", "red")]
    assert "ip netns exec red sh -e" in text and "type macvlan mode bridge" in text
    assert service.interface_path("br8", "red") in host.files.texts
    assert service.interface_path("a b+c", "x/y") != service.interface_path("b+c", "x/y+a ")


def test_a_namespace_that_is_not_stored() -> None:
    """Nothing of what is in it is stored either."""
    host = NamespacesHost(nic("eth0", 2))
    lists: Lists = {
        "namespaces": [{"name": "red", "persist": "none"}],
        "bridges": [{"name": "br0", "netns": "red"}],
    }
    done = host.declare(**lists)
    assert host.files.texts == {} and [each.returned["persist"] for each in done] == ["none", "none"]


REFUSED: dict[str, tuple[Lists, str]] = {
    "in use by a process": ({"namespaces": [{"name": "red", "state": "absent"}]}, r"namespaces\[0\].name: 'red' .*m0"),
    "a run that removes and uses it": (
        {
            **ABSENT,
            "veth_pairs": [*ABSENT["veth_pairs"], {"name": "x", "peer": {"name": "y", "netns": "red"}}],
        },
        r"veth_pairs\[2\].peer.netns: 'red' is removed by the same run",
    ),
    "no peer": ({"veth_pairs": [{"name": "x"}]}, r"peer: is missing"),
    "an empty namespace": ({"veth_pairs": [{"name": "x", "netns": "", "peer": {"name": "y"}}]}, "netns: '' is no"),
    "no namespace": ({"veth_pairs": [{"name": "x", "peer": {"name": "y", "netns": "no"}}]}, r"peer.netns: 'no'"),
    "hardware": ({"veth_pairs": [{"name": "eth0", "peer": {"name": "y"}}]}, "name: 'eth0' .* hardware"),
    "another pair": (
        {"veth_pairs": [{"name": "up0", "peer": {"name": "y"}}]},
        "'up0' is an end of another veth pair, whose other end is up1 in namespace router",
    ),
    "two pairs of one run": (
        {"veth_pairs": [{"name": "x", "peer": {"name": "y"}}, {"name": "z", "peer": {"name": "y"}}]},
        r"veth_pairs\[1\].peer.name: 'y' is an end of another veth pair, whose other end is another one of this run",
    ),
    "another bridge": (
        {"veth_pairs": [{"name": "up0", "bridge": "br9"}], "bridges": [{"name": "br7", "ports": [{"name": "up0"}]}]},
        "bridge: 'br9' isn't what the bridge br7 says",
    ),
    "a tool for what is in a namespace": (
        {"macvlans": [{"name": "m1", "netns": "red", "parent": "eth0", "persist": "networkd"}]},
        "persist: 'networkd' isn't possible with netns",
    ),
    "DHCP in a namespace": ({"macvlans": [{"name": "m0", "netns": "red", "dhcp4": True}]}, "dhcp4: .*netns"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    lists, message = REFUSED[what]
    host = _there(ROUTED)
    was = host.shown()
    with pytest.raises(OptionError, match=message):
        host.declare(**lists)
    assert host.shown() == was and host.called.seen == []


def test_processes_keep_a_namespace() -> None:
    host = _there({"namespaces": [{"name": "red"}]})
    host.namespaces.inside["red"] = [Process(number, "sleep") for number in range(1, 8)]
    with pytest.raises(VirtnetError, match=r"sleep \(1\), .*sleep \(5\) and 2 more; end these first"):
        host.declare(namespaces=[{"name": "red", "state": "absent"}])


def test_netplan_has_no_macvlan_interfaces() -> None:
    """The unit creates them, and netplan is refused; what netplan would have done besides is refused, too."""
    netplan = frozenset({"netplan"})
    facts = ToolFacts(netplan, netplan)
    desired = DesiredInterface(MacvlanIface(name="m0", parent="eth0"), persist="auto")
    assert chosen_tool(desired, facts).tool == UNIT
    assert chosen_tool(replace(desired, given=VlanIface(name="v0")), facts).tool == "netplan"
    with pytest.raises(OptionError, match="persist: 'netplan' has no macvlan interfaces; set it to auto"):
        chosen_tool(replace(desired, persist="netplan"), facts)
    asks = replace(desired, given=MacvlanIface(name="m0", dhcp4=True))
    with pytest.raises(OptionError, match=r"dhcp4: .*netplan has no macvlan interfaces"):
        check_tool(asks, chosen_tool(asks, facts), facts)


def test_absent_in_a_namespace_that_is_gone() -> None:
    assert all_actions(NamespacesHost(nic("eth0", 2)).declare(**ABSENT)) == []


@pytest.mark.parametrize(
    "lists",
    [
        {"namespaces": [{"name": "red", "ipv6_forwarding": True}]},
        {"veth_pairs": [{"name": "va", "addresses": ["fd00::1/64"], "peer": {"name": "vb"}}]},
    ],
)
def test_a_kernel_without_ipv6(lists: Lists) -> None:
    """What needs it is refused; what is so without it needs no step."""
    host = NamespacesHost(nic("eth0", 2))
    host.kernels[None].ipv6 = False
    with pytest.raises(OptionError, match="kernel has no IPv6"):
        host.declare(check=True, **lists)
    off = {"enabled": False, "accept_ra": "never", "autoconf": False, "addr_gen_mode": "none"}
    done = host.declare(namespaces=[{"name": "red", "ipv6_forwarding": False}], bridges=[{"name": "br0", "ipv6": off}])
    assert "ipv6" not in str(all_actions(done))
