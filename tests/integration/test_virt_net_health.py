# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Networks that libvirt calls active, of which other programs have removed a part: it is seen and repaired."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.guests import Ping, guest_on, plugged, reaches
from integration.support.host import Host
from integration.support.networks import ips, isolated, lan

pytestmark = pytest.mark.once("bookworm")

BRIDGE = "virbr-lan"
PID_FILE = "/run/libvirt/network/lan.pid"
LEASES = f"/var/lib/libvirt/dnsmasq/{BRIDGE}.status"
RULES_MISSING = ["firewall rules missing"]
RESTORE = "restore the firewall rules of network lan"

# What breaks a network so that only a restart repairs it, and the problems that are then seen.
BROKEN: dict[str, tuple[str, list[str]]] = {
    "bridge deleted": (f"ip link delete {BRIDGE}", [f"bridge missing: {BRIDGE}"]),
    "bridge down": (f"ip link set {BRIDGE} down", [f"bridge down: {BRIDGE}"]),
    "addresses flushed": (f"ip address flush dev {BRIDGE}", ["address missing: 192.168.150.1/24"]),
    "dnsmasq killed": (f"kill -9 $(cat {PID_FILE})", ["dnsmasq not running"]),
    "pid file of another program": (f"kill -9 $(cat {PID_FILE}); echo 1 >{PID_FILE}", ["dnsmasq not running"]),
}

IPTABLES: dict[str, str] = {
    "iptables -F": "iptables -F",
    "iptables -F -X": "iptables -F; iptables -X",
    "without the jumps": "iptables -F FORWARD; iptables -F INPUT",
    "one chain": "iptables -F LIBVIRT_FWO",
    "no masquerading": "iptables -t nat -F",
}
NFTABLES: dict[str, str] = {
    "nft flush table": "nft flush table ip libvirt_network",
    "nft delete table": "nft delete table ip libvirt_network",
    "nft flush chain": "nft flush chain ip libvirt_network guest_nat",
}


def _uses_nftables(host: Host) -> bool:
    return host.can("grep -q '^firewall_backend.*nftables' /etc/libvirt/network.conf")


def _rules(host: Host) -> str:
    """All rules, without what counts packets; sorted, as chains are created in any order."""
    return host.shell("nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//' | grep -E 'virbr|jump' | sort")


def _problems(host: Host, name: str = "lan") -> list[str]:
    (network,) = host.info(name)
    return list(network["problems"])


def _repaired(host: Host, problems: list[str], **options: Any) -> dict[str, Any]:
    """A run repairs it, with check mode, and a second run that changes nothing."""
    assert _problems(host) == problems
    result = converge(host, {"name": "lan", **options}, changed=True)
    assert result["before"]["problems"] == problems and "problems" not in result["after"]
    assert result["network"]["problems"] == [] and "warnings" not in result
    return result


@pytest.mark.nftables
def test_what_only_a_start_creates(clean: Host) -> None:
    """The network is restarted, and its guests are reconnected."""
    clean.net(**lan())
    with guest_on(clean, "lan", ip="192.168.150.77/24") as guest:
        # a restart is the same with all firewalls; a UML host is slow
        some = ["bridge deleted"] if _uses_nftables(clean) else list(BROKEN)
        for command, problems in (BROKEN[name] for name in some):
            assert _problems(clean) == []
            clean.shell(command)
            result = _repaired(clean, problems)
            assert result["method"] == "restarted", command
            assert [touched["domain"] for touched in result["guests"]] == [guest.name]
            plugged(clean, "lan", guest)
            reaches(clean, "192.168.150.77")
            clean.shell(f"grep -z lan.conf /proc/$(cat {PID_FILE})/cmdline")


@pytest.mark.nftables
def test_firewall_rules(clean: Host) -> None:
    """libvirt creates them again; guests aren't disturbed."""
    clean.net(**lan())
    # what libvirt itself creates, in the order in which it creates it after such a signal
    before = _rules(clean)
    with guest_on(clean, "lan", ip="192.168.150.77/24", kind="station"):
        for command in {"all": "nft flush ruleset", **(NFTABLES if _uses_nftables(clean) else IPTABLES)}.values():
            with Ping(clean, "192.168.150.77") as ping:
                clean.shell(command)
                result = _repaired(clean, RULES_MISSING)
            assert result["actions"] == [RESTORE] and result["method"] == "live", command
            assert ping.lost == 0, ping.log
            assert _rules(clean) == before, command


@pytest.mark.nftables
def test_both_families_of_rules(clean: Host) -> None:
    both = [*ips(), {"address": "fd00:150::1/64"}]
    clean.net(**lan(ips=both, forward={"mode": "nat", "nat": {"ipv6": True}}))
    assert _problems(clean) == []
    flush = "nft flush table ip6 libvirt_network" if _uses_nftables(clean) else "ip6tables -t nat -F"
    clean.shell(flush)
    _repaired(clean, RULES_MISSING)
    clean.shell(f"ip -6 address delete fd00:150::1/64 dev {BRIDGE}")
    assert _repaired(clean, ["address missing: fd00:150::1/64"])["method"] == "restarted"


@pytest.mark.parametrize("mode", ["none", "route", "open"])
def test_modes(clean: Host, mode: str) -> None:
    """In mode open libvirt has no rules, so none are missed."""
    clean.net(**lan(forward={"mode": mode}))
    assert _problems(clean) == []
    clean.shell("nft flush ruleset")
    if mode == "open":
        assert _problems(clean) == []
        converge(clean, {"name": "lan"}, changed=False)
    else:
        _repaired(clean, RULES_MISSING)


def test_without_what_the_network_does_not_need(clean: Host) -> None:
    """No address and no dnsmasq, or a bridge of the host's own: nothing is missed."""
    clean.net(name="bare", bridge={"name": "virbr-bare"})
    clean.net(**isolated("quiet", 151, dns={"enable": False}))
    clean.shell("ip link add br0 type bridge; ip link set br0 up")
    clean.net(name="bridged", forward={"mode": "bridge"}, bridge={"name": "br0"})
    clean.net(**lan(active=False))
    assert {network["name"]: network["problems"] for network in clean.info()} == {
        name: [] for name in ("bare", "bridged", "default", "lan", "quiet")
    }
    clean.shell("ip link delete br0")
    converge(clean, {"name": "bridged"}, changed=False)


@pytest.mark.nftables
def test_a_change_that_restarts_after_a_flush(clean: Host) -> None:
    """libvirt couldn't start the network without its chains: they are restored before it is stopped."""
    clean.net(**lan())
    clean.shell("nft flush ruleset")
    result = _repaired(clean, RULES_MISSING, mtu=1400)
    assert result["actions"] == [RESTORE, "update network lan", "restart network lan"]
    with guest_on(clean, "lan", kind="station") as guest:
        assert guest.ping("192.168.150.1")


@pytest.mark.nftables
def test_a_start_after_a_flush(clean: Host) -> None:
    """No network is active, so the chains are no network's problem; the start succeeds all the same."""
    clean.net(**lan())
    clean.net(name="lan", active=False)
    clean.shell("nft flush ruleset")
    assert converge(clean, {"name": "lan", "active": True}, changed=True)["method"] == "started"
    assert _problems(clean) == []


def test_a_flush_in_the_middle_of_a_restart(clean: Host) -> None:
    clean.net(**lan())
    fault = {"at": 1, "name": "start", "when": "before", "shell": "nft flush ruleset"}
    clean.ok("virt_net", {"name": "lan", "mtu": 1400}, fault=fault)
    assert _problems(clean) == []


def test_a_restart_that_fails_after_a_flush(clean: Host) -> None:
    """The network that ran is started again, with its rules."""
    clean.net(**lan())
    take = "ip link add late type bridge; ip address add 192.168.151.9/24 dev late; ip link set late up"
    fault = {"at": 1, "name": "start", "when": "before", "shell": f"nft flush ruleset; {take}"}
    try:
        result = clean.module("virt_net", {"name": "lan", "ips": ips(151)}, fault=fault)
    finally:
        clean.shell("ip link delete late")
    assert result["failed"] and result["msg"].endswith("; the host is as it was"), result
    assert clean.look()["lan"]["active"] and _problems(clean) == []
    converge(clean, {"name": "lan", "ips": ips()}, changed=False)


@pytest.mark.nftables
def test_several_networks_at_once(clean: Host) -> None:
    networks = [lan(), isolated("a", 151), isolated("b", 152, forward={"mode": "nat"})]
    clean.ok("fabric", {"networks": networks})
    clean.shell("nft flush ruleset; kill -9 $(cat /run/libvirt/network/b.pid)")
    result = converge(clean, {"networks": networks}, module="fabric", changed=True)
    assert result["actions"] == [
        RESTORE,
        *(f"restore the firewall rules of network {name}" for name in "ab"),
        "restart network b",
    ]
    assert [_problems(clean, name) for name in ("lan", "a", "b")] == [[], [], []]


def test_restart_never(clean: Host) -> None:
    """What needs no restart is repaired; for the rest there is a warning, each time."""
    clean.net(**lan())
    clean.shell(f"nft flush ruleset; kill -9 $(cat {PID_FILE})")
    never = {"name": "lan", "restart": "never"}
    assert _problems(clean) == ["dnsmasq not running", *RULES_MISSING]
    for actions in ([RESTORE], []):
        result = converge(clean, never)
        assert result["actions"] == actions
        assert result["after"]["problems"] == ["dnsmasq not running"]
        (warning,) = result["warnings"]
        assert "dnsmasq not running; the repair waits for a restart" in str(warning)
    _repaired(clean, ["dnsmasq not running"])


def test_a_pid_file_that_is_wrong_while_dnsmasq_runs(clean: Host) -> None:
    clean.net(**lan())
    right = clean.shell(f"cat {PID_FILE}")
    for command in (f"echo 1 >{PID_FILE}", f"rm {PID_FILE}", f"echo >{PID_FILE}"):
        clean.shell(command)
        result = _repaired(clean, [f"pid file of dnsmasq stale: {PID_FILE}"])
        assert result["actions"] == ["correct the pid file of dnsmasq of network lan"] and result["method"] == "live"
        assert clean.shell(f"cat {PID_FILE}") == right


def test_a_dnsmasq_that_libvirt_has_forgotten(clean: Host) -> None:
    """It would keep the address when the network is stopped, so that it couldn't be started again."""
    clean.net(**lan())
    clean.shell(f"rm {PID_FILE}; systemctl restart libvirtd")
    result = converge(clean, {"name": "lan", "mtu": 1400}, changed=True)
    assert result["method"] == "restarted" and _problems(clean) == []
    assert len(clean.shell("pgrep -x dnsmasq").split()) == 2  # it, and its helper
    # also where it was left over by a stop by other means
    clean.shell(f"rm {PID_FILE}; systemctl restart libvirtd; virsh net-destroy lan")
    converge(clean, {"name": "lan", "active": True}, changed=True)
    assert _problems(clean) == []


def test_a_process_that_has_the_id_of_dnsmasq(clean: Host) -> None:
    """libvirt would end it, so the network isn't stopped."""
    clean.net(**lan())
    clean.shell(
        f"kill -9 $(cat {PID_FILE}); sleep 1000 >/dev/null 2>&1 & echo $! >{PID_FILE}; touch -d '1 hour ago' {PID_FILE}"
    )
    pid = clean.shell(f"cat {PID_FILE}").strip()
    try:
        taken = f"process id of dnsmasq taken: {pid} (sleep)"
        assert _problems(clean) == ["dnsmasq not running", taken]
        for options in ({}, {"state": "absent"}, {"active": False}):
            refused(clean, {"name": "lan", **options}, taken, "restart libvirtd or virtnetworkd first")
        # the remedy
        clean.shell("systemctl restart libvirtd")
        clean.until(f"virsh net-list >/dev/null; test $(cat {PID_FILE}) != {pid}")
        assert _problems(clean) == []
        converge(clean, {"name": "lan", "mtu": 1400}, changed=True)
        clean.shell(f"kill -0 {pid}")
    finally:
        clean.shell(f"kill {pid}")


def test_an_interface_that_has_the_name_of_the_bridge(clean: Host) -> None:
    """libvirt would remove it, so the network isn't stopped."""
    clean.net(**lan())
    clean.shell(f"ip link delete {BRIDGE}; ip link add {BRIDGE} type veth peer name other")
    taken = f"name of the bridge taken: {BRIDGE} isn't a bridge"
    for options in ({}, {"mtu": 1400}, {"state": "absent"}):
        refused(clean, {"name": "lan", **options}, taken, "rename it first")
    clean.shell(f"ip link set {BRIDGE} name renamed")
    _repaired(clean, [f"bridge missing: {BRIDGE}"])
    clean.shell("ip link delete renamed")


@contextmanager
def _read_only(host: Host, path: str) -> Iterator[None]:
    host.shell(f"mount --bind {path} {path}; mount -o remount,bind,ro {path}")
    try:
        yield
    finally:
        host.shell(f"umount {path}")


def test_a_lease_file_that_is_not_writable(clean: Host) -> None:
    """The network isn't stopped, as libvirt couldn't start it again."""
    clean.net(**lan())
    with _read_only(clean, LEASES):
        problem = f"lease file not writable: {LEASES}"
        result = converge(clean, {"name": "lan"}, changed=False)
        assert result["after"]["problems"] == [problem]
        (warning,) = result["warnings"]
        assert problem in str(warning)
        refused(
            clean, {"name": "lan", "mtu": 1400}, "network lan can't be started", f"{LEASES} (Read-only file system)"
        )
        clean.shell(f"kill -9 $(cat {PID_FILE})")
        refused(clean, {"name": "lan"}, f"libvirt can't write {LEASES}", "make it writable")
        assert clean.look()["lan"]["active"]
    _repaired(clean, ["dnsmasq not running"])


@pytest.mark.parametrize("name", ["lan.conf", "lan.hostsfile", "lan.addnhosts"])
def test_a_file_of_dnsmasq_that_is_not_writable(clean: Host, name: str) -> None:
    clean.net(**lan())
    path = f"/var/lib/libvirt/dnsmasq/{name}"
    with _read_only(clean, path):
        assert _problems(clean) == []
        refused(clean, {"name": "lan", "mtu": 1400}, path, "make it writable")
    converge(clean, {"name": "lan", "mtu": 1400}, changed=True)


@pytest.mark.kernel("trixie_uml")
def test_a_server_that_cannot_be_registered(clean: Host) -> None:
    """libvirt doesn't start a network whose DNS server systemd-resolved is to ask, unless that runs."""
    clean.net(**lan())
    registered = {"name": "lan", "domain": {"name": "lan.test", "local_only": True, "register": True}}
    refused(clean, registered, "network lan can't be started", "systemd-resolved", "start it")
    clean.shell("systemctl start systemd-resolved")
    try:
        converge(clean, {**registered, "dns": {"hosts": [{"ip": "192.168.150.9", "names": ["web"]}]}}, changed=True)
        # it asks only where something is connected
        clean.shell(
            f"ip link add plug0 up type veth peer name plug1; ip link set plug1 up; ip link set plug0 master {BRIDGE}"
        )
        clean.until("timeout 3 resolvectl query --legend=no web.lan.test | grep 192.168.150.9")
    finally:
        clean.shell("ip link delete plug0; systemctl stop systemd-resolved", check=False)


def test_an_unprivileged_user_sees_what_he_may_see(clean: Host) -> None:
    """The bridge and its addresses; firewall rules and processes are root's."""
    clean.net(**lan())
    clean.shell("usermod -a -G libvirt nobody")
    try:
        clean.shell(f"nft flush ruleset; ip address flush dev {BRIDGE}")
        (network,) = clean.ok("virt_net_info", {"name": ["lan"]}, user="nobody")["networks"]
        assert network["problems"] == ["address missing: 192.168.150.1/24"]
    finally:
        clean.shell("gpasswd -d nobody libvirt")
    _repaired(clean, ["address missing: 192.168.150.1/24", *RULES_MISSING])
