# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The playbooks and roles as people run them: by `ansible-playbook`, over SSH, from the staged collection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.cases import SHAPES
from integration.support.guests import guest_on, plugged, reaches
from integration.support.host import Host
from integration.support.networks import isolated, lan
from integration.support.plays import FORWARDING, SYSCTL, as_predicted, play
from lab.machine import cache_dir

SITE, TEARDOWN = "virtnet.kvm.site", "virtnet.kvm.teardown"
LAN = {"type": "nat", "name": "lan", "cidr": "192.168.150.0/24"}
CLUSTER = {"type": "isolated", "name": "cluster", "cidr": "10.0.2.0/24"}


@pytest.fixture
def fresh(clean: Host) -> Iterator[Host]:
    """A host on which nobody has run a playbook, as far as one can tell."""
    clean.shell(f"rm -f {SYSCTL}; sysctl -q net.ipv4.ip_forward=0")
    yield clean
    clean.shell(f"rm -f {SYSCTL}")


def _site(*topologies: dict[str, Any]) -> dict[str, Any]:
    return {"virtnet_topologies": list(topologies)}


def test_site_and_teardown(fresh: Host) -> None:
    """The README's two networks come, and go again; what else is there stays."""
    fresh.net(**isolated("other", 170))
    wanted = _site(LAN, CLUSTER)
    before = fresh.look()
    default = fresh.shell("cat /etc/libvirt/qemu/networks/default.xml")
    made = as_predicted(fresh, SITE, wanted)
    assert [each["method"] for each in made.fabric["networks"]] == ["created", "created"]
    assert "192.168.150.254" in made.done.stdout, "the diff is shown"
    found = fresh.look()
    assert all(found[name]["active"] and found[name]["autostart"] for name in ("lan", "cluster"))
    assert fresh.shell("sysctl -n net.ipv4.ip_forward").strip() == "1"

    gone = as_predicted(fresh, TEARDOWN, {**wanted, "virtnet_teardown_forwarding": True})
    assert {each["method"] for each in gone.fabric["networks"]} == {"removed"}
    assert fresh.look() == before and not fresh.can(f"test -e {SYSCTL}")
    assert fresh.shell("cat /etc/libvirt/qemu/networks/default.xml") == default


@pytest.mark.once
def test_a_file_that_turns_forwarding_off_at_boot(fresh: Host) -> None:
    """Only one that systemd reads, and after ours."""
    files = {"/etc/sysctl.d/20-test.conf": 0, "/usr/lib/sysctl.d/zy-test.conf": 0, "/etc/sysctl.d/zx-test.conf": 1}
    for path, value in files.items():
        fresh.shell(f"echo net.ipv4.ip_forward={value} >{path}")
    fresh.shell("ln -s /dev/null /etc/sysctl.d/zy-test.conf")
    try:
        assert "is set to 0 at boot" not in play(fresh, SITE, _site(LAN), "--check").done.stderr
        fresh.shell("printf '# off\\n-net/ipv4/ip_forward = 0\\n' >/etc/sysctl.d/zz-test.conf")
        said = " ".join(play(fresh, SITE, _site(LAN), "--check").done.stderr.split())
        assert "net.ipv4.ip_forward is set to 0 at boot by /etc/sysctl.d/zz-test.conf, which is read after" in said
    finally:
        fresh.shell("rm -f /etc/sysctl.d/*-test.conf /usr/lib/sysctl.d/zy-test.conf")


@pytest.mark.once("bookworm")
def test_forwards_and_outbound_rules(fresh: Host) -> None:
    """They come with the topologies, to guests by their reservations, change alone, and go with the teardown."""
    reserved = {**LAN, "hosts": [{"mac": "52:54:00:00:00:10", "ip": "192.168.150.10", "name": "web1"}]}
    wanted = {
        **_site(reserved),
        "virtnet_forwards": [{"listen": 8080, "to": "192.168.150.10:80"}],
        "virtnet_outbound": [{"from": "10.9.0.0/24"}],
    }
    made = play(fresh, SITE, wanted)
    assert "port forwards of set site: add port 8080/tcp to 192.168.150.10:80" in str(made.predicted)
    assert fresh.ok("nat_portforward_info", {})["portforwards"][0]["name"] == "site"
    assert play(fresh, SITE, wanted).changed == 0
    look = "nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'; find /etc/virtnet.kvm"
    changed = {**wanted, "virtnet_forwards": [{"listen": 8081, "to": "192.168.150.10:80"}]}
    for what, given in ((SITE, changed), (TEARDOWN, wanted)):
        there = fresh.shell(look)
        said = play(fresh, what, given, "--check", "--diff")
        assert fresh.shell(look) == there
        came = play(fresh, what, given)
        assert [step for fabric in came.fabrics for step in fabric["actions"]] == said.fabric["actions"] != []
    assert not fresh.ok("nat_outbound_info", {})["outbound"] and not fresh.can("ls /etc/virtnet.kvm")
    role = [{"hosts": "all", "gather_facts": False, "roles": ["virtnet.kvm.portforward"]}]
    one = {"portforward_forwards": [{"listen": "8080/udp", "to": "192.168.150.10"}]}
    assert play(fresh, role, one).changed
    assert fresh.ok("nat_portforward_info", {})["portforwards"][0]["name"] == "role"
    assert play(fresh, role, {"portforward_forwards": []}).changed and not fresh.can("ls /etc/virtnet.kvm")
    failed = play(fresh, SITE, {"virtnet_forwards": [{"listen": "http", "to": "192.0.2.1"}]}, fails=True)
    assert "virtnet_forwards[0].listen: 'http' is not a listener" in failed.done.stdout


@pytest.mark.once
def test_a_policy_that_cuts_off_the_host_is_rolled_back(fresh: Host) -> None:
    """By the host itself. A rule with the interface of the connection isn't refused, as it may be for other machines."""
    look = "nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*//'; find /etc/virtnet.kvm 2>/dev/null; true"
    before = fresh.shell(look)
    device = fresh.shell("ip -o route get 198.18.0.1 | sed -n 's/.* dev \\([^ ]*\\) .*/\\1/p'").strip()
    rule = {"from": {"bridge": device}, "to": "host", "deny": [{"protocol": "tcp", "port": 22}]}
    failed = play(fresh, SITE, {"virtnet_policy": [rule], "host_confirm_within": 10}, fails=True)
    said = failed.tasks[-1]["result"]["msg"]
    assert "The host has rolled back its policies" in said or "The host rolls back its policies" in said, said
    fresh.until("! test -e /etc/virtnet.kvm")
    assert fresh.shell(look) == before
    kept = {**rule, "deny": [{"protocol": "tcp", "port": 2222}]}
    assert play(fresh, SITE, {"virtnet_policy": [kept]}).changed
    assert play(fresh, SITE, {"virtnet_policy": [kept]}).changed == 0


@pytest.mark.once
def test_site_changes(fresh: Host) -> None:
    """A new range and a new reserved host live, another MTU and another subnet by a restart: as check mode has said."""
    play(fresh, SITE, _site(LAN, CLUSTER))
    before = fresh.look()
    with guest_on(fresh, "lan", "web") as guest:
        reaches(fresh, guest.lease())
        changed = {
            **LAN,
            "dhcp_range": {"start": "192.168.150.100", "end": "192.168.150.199"},
            "hosts": [{"mac": "52:54:00:00:00:10", "ip": "192.168.150.10", "name": "db"}],
        }
        played = as_predicted(fresh, SITE, _site(changed, CLUSTER))
        assert [each["method"] for each in played.fabric["networks"]] == ["live", "none"]
        assert played.fabric["actions"] == [
            "remove DHCP range 192.168.150.2 - 192.168.150.254 from network lan (live and stored)",
            "add DHCP range 192.168.150.100 - 192.168.150.199 to network lan (live and stored)",
            "add DHCP host 192.168.150.10 (52:54:00:00:00:10, db) to network lan (live and stored)",
        ]
        assert re.search(r"\n\+ +- mac: '?52:54:00:00:00:10", played.done.stdout), played.done.stdout
        after = fresh.look()
        assert {name: each["ifindex"] for name, each in after.items()} == {
            name: each["ifindex"] for name, each in before.items()
        }
        moved = {"type": "nat", "name": "lan", "cidr": "192.168.151.0/24", "mtu": 1400}
        result = as_predicted(fresh, SITE, _site(moved, CLUSTER)).fabric
        assert [each["method"] for each in result["networks"]] == ["restarted", "none"]
        assert [each["domain"] for each in result["networks"][0]["guests"]] == ["web"]
        plugged(fresh, "lan", guest)
        # a guest keeps its address until it asks again
        guest.renew()
        address = guest.lease()
        assert address.startswith("192.168.151.")
        reaches(fresh, address)
        # and the network isn't taken from it
        refused = play(fresh, TEARDOWN, _site(LAN), fails=True)
        assert "web" in refused.fabric["msg"] and fresh.look()["lan"]["active"]


@pytest.mark.nftables
def test_a_new_limit(clean: Host) -> None:
    """A bandwidth where the kernel has all that libvirt's limits are made of; an MTU, which also takes a restart, elsewhere."""
    shapes = clean.can(SHAPES)
    limit: dict[str, Any] = {"bandwidth": {"inbound": {"average": 1000, "burst": 512}}} if shapes else {"mtu": 1400}
    clean.net(**lan())
    result = as_predicted(clean, _task({"networks": [{"name": "lan", **limit}]}), {}).fabric
    assert result["actions"] == ["update network lan", "restart network lan"]
    (network,) = result["networks"]
    assert network["method"] == "restarted"
    seen = "tc class show dev virbr-lan" if shapes else "ip link show virbr-lan"
    assert ("htb 1:2" if shapes else "mtu 1400") in clean.shell(seen)


def _task(options: dict[str, Any], module: str = "virtnet.kvm.fabric", **play_keywords: Any) -> list[dict[str, Any]]:
    task = {"name": "The task", module: options}
    return [{"hosts": "all", "gather_facts": False, "become": True, "tasks": [task], **play_keywords}]


@pytest.mark.once("bookworm")
def test_roles(fresh: Host) -> None:
    """The roles, given little more than names, in a play of one's own."""
    named: list[tuple[str, dict[str, Any]]] = [
        ("nat", {"nat_name": "one", "nat_cidr": "10.0.3.0/24", "nat_domain": "one.example"}),
        ("isolated", {"isolated_name": "two", "isolated_cidr": "10.0.4.0/24"}),
        ("isolated", {"isolated_name": "three", "isolated_host_access": False}),
    ]
    # One by one: in check mode, a role doesn't know what the roles before it would have done for all sets of rules.
    runs = [as_predicted(fresh, _including([role]), {}) for role in named]
    found = [run.fabric["networks"][0] for run in runs]
    assert [network["method"] for network in found] == ["created"] * 3
    assert [network["after"]["forward"]["mode"] for network in found] == ["nat", "none", "none"]
    assert [[ip["address"] for ip in network["after"].get("ips", ())] for network in found] == [
        ["10.0.3.1/24"],
        ["10.0.4.1/24"],
        [],
    ]
    assert "inet" not in fresh.shell("ip -4 address show dev virbr-three")
    gone = [(role, {f"{role}_name": variables[f"{role}_name"], f"{role}_state": "absent"}) for role, variables in named]
    play(fresh, _including(gone), {})
    assert set(fresh.look()) == {"default"}


def _including(named: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    tasks = [
        {"name": f"The role {role}", "ansible.builtin.include_role": {"name": f"virtnet.kvm.{role}"}, "vars": variables}
        for role, variables in named
    ]
    return [{"hosts": "all", "gather_facts": False, "become": True, "tasks": tasks}]


def test_defaults_of_the_action_group(clean: Host) -> None:
    """What is said of the group is said of all its modules: where libvirt is not to be found, and where it is."""
    wanted: tuple[tuple[str, dict[str, Any]], ...] = (
        ("virt_net_info", {}),
        ("virt_net", isolated("one", 170)),
        ("fabric", {"networks": [isolated("two", 171)]}),
    )
    tasks = [{"name": name, f"virtnet.kvm.{name}": options, "ignore_errors": True} for name, options in wanted]
    plays = []
    for uri in ("qemu:///nonsense", "qemu+unix:///system"):
        plays += _task({}, tasks=tasks, module_defaults={"group/virtnet.kvm.kvm": {"uri": uri}})
    results = [task["result"] for task in play(clean, plays, {}).tasks]
    for result in results[:3]:
        assert result["msg"].startswith("uri: no connection to qemu:///nonsense"), result["msg"]
    assert [bool(result.get("failed")) for result in results[3:]] == [False] * 3, results[3:]
    assert set(clean.look()) == {"default", "one", "two"}


def test_a_bad_topology(fresh: Host) -> None:
    """Refused on the controller, before the host is touched, the good ones too."""
    before = fresh.look(), fresh.shell(FORWARDING)
    played = play(fresh, SITE, _site(CLUSTER, {**LAN, "cidr": "192.168.150.0/33"}), fails=True)
    (task,) = played.tasks
    message = task["result"]["msg"].strip()
    assert "virtnet_topologies[1].cidr: '192.168.150.0/33' is not a network in CIDR form" in message, message
    assert "\n" not in message
    assert (fresh.look(), fresh.shell(FORWARDING)) == before


@pytest.mark.once("bookworm")
def test_the_oldest_ansible(fresh: Host) -> None:
    """The oldest ansible-core that is supported makes, and finds, the same networks."""
    old = cache_dir() / "venv-old" / "bin" / "ansible-playbook"
    first = play(fresh, SITE, _site(LAN, CLUSTER), "--diff", tool=old)
    assert first.changed and [each["method"] for each in first.fabric["networks"]] == ["created", "created"]
    assert play(fresh, SITE, _site(LAN, CLUSTER), tool=old).changed == 0
