# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host lacks, and which task files follow from it; and the action, run by `ansible-playbook` on hosts that are refused."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.virtnet.kvm.plugins.plugin_utils.host_look import PACKAGES, SYSCTL_FILE, Look, Needs, needs
from ansible_collections.virtnet.kvm.plugins.plugin_utils.predicted import (
    applied_before,
    not_predicted_before,
    predicted,
    rule_steps,
)
from conftest import CHECKOUT

ROUTED = "# Written by the Ansible role virtnet.kvm.host, which overwrites changes.\nnet/ipv4/ip_forward = 1\n"
READY = {
    "family": "debian",
    "system": "Debian GNU/Linux 13",
    "user": "0",
    "systemd": "yes",
    "kvm": "yes",
    "python": "3.13",
    "path": "/usr/bin/python3",
    "libraries": "",
    "libvirt": "11003000",
    "trouble": "",
    "commands": "",
    "daemons": "libvirtd",
    "off": "",
    "lacks": "",
    "ipv4": "1",
    "ipv6": "0",
    "advertised": "",
    "sum": hashlib.sha256(ROUTED.encode()).hexdigest(),
}
NETWORK = {"name": "lan", "changed": True, "actions": ["create network lan"], "before": {}, "after": {}}
CHANGED = {"changed": True, "restorable": False, "actions": ["create network lan"], "networks": [NETWORK]}
SAME = {"changed": False, "restorable": False, "actions": [], "networks": [{**NETWORK, "changed": False}]}


def _policy(zone: str) -> dict[str, Any]:
    after = {"name": "site", "rules": [{"source": {"zone": zone}, "action": "deny"}]}
    return {"name": "site", "changed": True, "actions": ["..."], "after": after}


def look(needed: Needs = Needs(), **answers: str) -> Look:  # noqa: B008  (it is frozen)
    return Look("\n".join(f"{key}={value}" for key, value in {**READY, **answers}.items()), needed)


def result(host: Look, found: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
    return predicted(host, found, {"networks": [{"name": "lan"}]}, check=check)


# ---- what a host lacks


def test_a_host_without_changes_has_no_parts_and_a_short_result() -> None:
    assert result(look(), SAME) == {"ready": True, "parts": [], "changed": False}


def test_only_missing_packages_are_named_and_installed() -> None:
    host = look(libraries="libvirt", commands="dnsmasq", libvirt="", lacks="dnsmasq-base python3-libvirt")
    assert host.packages == ["dnsmasq-base", "python3-libvirt"] and not host.obstacles
    real, check = result(host, {}), result(host, {}, check=True)
    assert real["parts"] == ["packages_debian", "again"] and not real["changed"]
    assert check["parts"] == ["report"] and check["changed"]
    assert check["actions"][:2] == ["install dnsmasq-base", "install python3-libvirt"]
    assert check["actions"][-1] == "after that, apply the networks, which can't be predicted yet"
    assert real["prepared"] == ["packages_debian"] and real["problems"] == ["missing: python3-libvirt, dnsmasq"]


def test_stopped_daemons() -> None:
    host = look(libvirt="", trouble="no socket", off="libvirtd.service")
    assert result(host, {})["parts"] == ["daemons", "again"]
    assert host.actions == ["enable libvirtd.service at boot", "start libvirtd.socket"]
    assert host.problems == ["libvirt does not answer: no socket"]


def test_a_daemon_that_is_only_disabled_delays_nothing() -> None:
    assert result(look(off="libvirtd.service"), CHANGED)["parts"] == ["daemons", "networks", "report"]


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        (CHANGED, ["networks", "report"]),
        ({**CHANGED, "restorable": True}, ["safely", "networks", "report"]),
        ({**SAME, "changed": True, "restorable": True}, ["safely", "report"]),
        ({**CHANGED, "policies": [_policy("outside")]}, ["networks", "report"]),
        ({**CHANGED, "policies": [_policy("host")]}, ["networks", "policies", "report"]),
        ({**SAME, "changed": True, "policies": [_policy("host")]}, ["policies", "report"]),
    ],
)
def test_only_task_files_with_something_to_do_are_included(found: dict[str, Any], parts: list[str]) -> None:
    assert result(look(), found)["parts"] == parts
    assert result(look(ipv4="0"), found)["parts"] == ["forwarding", *parts]
    assert result(look(), found, check=True)["parts"] == ["report"]


def test_policies_about_the_host_are_applied_apart() -> None:
    found = {**SAME, "changed": True, "policies": [_policy("host"), {**_policy("outside"), "name": "net-lan"}]}
    given = {"policies": [{"name": "site"}, {"name": "net-lan"}, {"name": "net-dmz"}]}
    made = predicted(look(), found, given, check=False)["options"]
    assert made["guarded"] == [{"name": "site"}] and made["policies"] == [{"name": "net-lan"}, {"name": "net-dmz"}]


def test_routes_are_published_when_the_changes_are_applied() -> None:
    """A router keeps the route to a network whose removal fails."""
    facts = {"ansible_facts": {"virtnet_return_routes": []}, "ansible_stats": {"data": {}}}
    routes = {**facts, "return_routes": []}
    changing, same = {"parts": ["networks", "report"]}, {"parts": []}
    made = applied_before(changing, routes, check=False)
    assert made == {"parts": ["networks", "publish", "report"], "publish": facts, "return_routes": []}
    assert applied_before({"parts": ["report"]}, routes, check=True) == {"parts": ["report"], **routes}
    assert applied_before(same, routes, check=False) == {**same, **routes}
    again = {"parts": ["packages_debian", "again"]}
    assert applied_before(again, routes, check=False) == {**again, "return_routes": []}
    assert applied_before(changing, {"notes": []}, check=False) == {**changing, "notes": []}


def test_what_all_sets_of_rules_share_is_predicted_once() -> None:
    service, own = "enable the service that keeps the rules in place", "policy rules of set net-lan: ..."
    item = {"name": "net-lan", "changed": True, "actions": [own, service]}
    shared = {**item, "name": "net-dmz", "actions": [service]}
    found = {**CHANGED, "policies": [item, shared], "actions": ["create network lan", own, service]}
    assert rule_steps(found) == [own, service]
    assert not_predicted_before(found, []) == found
    left = not_predicted_before(found, [service, "create network lan of another role"])
    assert left["actions"] == ["create network lan", own] and left["changed"]
    assert [(each["actions"], each["changed"]) for each in left["policies"]] == [([own], True), ([], False)]
    nothing = not_predicted_before({**SAME, "changed": True, "actions": [service], "policies": [shared]}, [service])
    assert not nothing["changed"] and result(look(), nothing, check=True)["parts"] == []


def test_each_part_is_a_task_file() -> None:
    files = {path.stem for path in (CHECKOUT / "roles" / "host" / "tasks").glob("*.yml")}
    parts = {
        "again",
        "daemons",
        "forwarding",
        "safely",
        "networks",
        "policies",
        "publish",
        "report",
        *(f"packages_{each}" for each in PACKAGES),
    }
    assert parts <= files


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"user": "1000"}, "the tasks run as user 1000, not as root (become: true)"),
        ({"python": "none", "libvirt": ""}, "there is no Python 3"),
        ({"python": "3.7"}, "Python 3.7 is older than 3.9"),
        ({"systemd": "no"}, "the host does not run systemd"),
        ({"libvirt": "6000000"}, "libvirt 6.0.0 is older than 7.0.0"),
        ({"kvm": "no"}, "there is no /dev/kvm (host_require_kvm is true)"),
        ({"ipv6": ""}, "IPv6 is disabled in the kernel (host_forward_ipv6 is true)"),
        (
            {"family": "other", "system": "Plan 9", "commands": "nft", "lacks": ""},
            "missing: nft (no packages are known for Plan 9)",
        ),
        (
            {"libraries": "lxml", "libvirt": "", "lacks": ""},
            "missing: python3-lxml (for /usr/bin/python3; the packages are installed, set ansible_python_interpreter)",
        ),
    ],
)
def test_what_preparing_does_not_solve(answers: dict[str, str], problem: str) -> None:
    host = look(Needs(require_kvm=True, forward_ipv6=True), **answers)
    assert problem in host.obstacles
    if "user" not in answers:
        assert host.obstacles == [problem]


def test_packages_that_are_not_managed() -> None:
    host = look(Needs(manage_packages=False), commands="nft", lacks="nftables")
    assert host.packages == [] and host.obstacles == ["missing: nft (host_manage_packages is false)"]


def test_forwarding_follows_from_the_topologies() -> None:
    def forwards(given: dict[str, Any], *topologies: Any) -> tuple[bool, bool]:
        found = needs(given, list(topologies))
        return found.forward_ipv4, found.forward_ipv6

    nat, bridged = {"type": "nat", "cidr6": "fd00::/64"}, {"type": "bridged"}
    assert forwards({}) == (True, False)
    assert forwards({}, bridged) == (False, False)
    assert forwards({}, bridged, nat) == (True, True)
    assert forwards({"types": ["bridged"]}, nat) == (False, True)
    assert forwards({"forward_ipv4": False, "forward_ipv6": False}, nat) == (False, False)
    # filters and NICs of guests alone need none
    assert not needs({}, [], {"filters": [{"name": "web"}], "networks": []}).forward_ipv4
    assert needs({}, [], {"filters": [{"name": "web"}], "policies": [{"name": "site"}]}).forward_ipv4
    assert forwards({}, "a mistake") == (True, False)


def test_interfaces_with_advertised_routes_keep_them() -> None:
    host = look(Needs(forward_ipv4=False, forward_ipv6=True), advertised="eth0 ")
    assert "net/ipv6/conf/eth0/accept_ra = 2" in host.sysctl and "ip_forward" not in host.sysctl
    assert host.forwarding_differs and host.actions == [f"write and load {SYSCTL_FILE}"]


def test_a_file_that_turns_forwarding_off_at_boot_is_a_warning() -> None:
    found = {"reset4": "/etc/sysctl.d/zz.conf", "reset6": "/run/sysctl.d/zz.conf"}
    ipv4 = "net.ipv4.ip_forward is set to 0 at boot by /etc/sysctl.d/zz.conf, which is read after"
    (said,) = look(**found).warnings
    assert said.startswith(ipv4) and said.endswith("; remove it there")
    assert len(look(Needs(forward_ipv4=False, forward_ipv6=True), **found).warnings) == 1
    assert (
        look(reset4="", reset6="").warnings
        == look(Needs(forward_ipv4=False, forward_ipv6=False), **found).warnings
        == []
    )


def test_what_teardown_leaves() -> None:
    assert look().left == {"stays": ["packages and daemons of libvirt"], "sysctl_file": SYSCTL_FILE}
    assert look(daemons="", sum="").left == {"stays": [], "sysctl_file": ""}


# ---- the action, on the controller

MISTAKES = {
    "cidr": (
        [{"type": "nat", "name": "lan", "cidr": "10.0.0.0/33"}],
        "virtnet_topologies[0].cidr: '10.0.0.0/33' is not a",
    ),
    "undefined": ([{"type": "nat", "name": "lan", "cidr": "{{ nope }}"}], "virtnet_topologies: "),
    "text": ("hello", "virtnet_topologies: 'hello' is not a list of topologies"),
    "type": ([{"type": "nta", "name": "lan"}], "virtnet_topologies[0].type: 'nta' is unknown"),
    "option": (
        [{"type": "nat", "nam": "lan"}],
        "virtnet_topologies[0].nam: 'lan' is given, but type nat has no such option",
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The screen of a run of the playbook `site`. No host can be connected to, so each that is contacted is unreachable."""
    home = tmp_path_factory.mktemp("site")
    collection = home / "collections" / "ansible_collections" / "virtnet" / "kvm"
    collection.parent.mkdir(parents=True)
    collection.symlink_to(CHECKOUT)
    hosts: dict[str, Any] = {
        name: {"virtnet_topologies": topologies} for name, (topologies, _sentence) in MISTAKES.items()
    }
    hosts["none"] = {}
    hosts["good"] = {"virtnet_topologies": [{"type": "nat", "name": "lan", "cidr": "10.0.0.0/24"}]}
    common = {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": 1,
        "ansible_ssh_args": "-F /dev/null",
    }
    inventory = home / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": common}}))
    (home / "ansible.cfg").touch()
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
    }
    tool = str(Path(sys.executable).with_name("ansible-playbook"))
    done = subprocess.run(
        [tool, "-i", str(inventory), "virtnet.kvm.site"],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout


@pytest.mark.parametrize("host", list(MISTAKES))
def test_a_mistake_is_one_sentence_with_the_name_of_the_host(site: str, host: str) -> None:
    (line,) = [each for each in site.splitlines() if each.startswith(f"fatal: [{host}]")]
    failure = json.loads(line.partition("=> ")[2])
    message = failure["msg"]
    assert message.startswith(f"{host}: {MISTAKES[host][1]}"), message
    assert "\n" not in message and message.count("virtnet_topologies") == 1
    for nesting in ("Error while", "Finalization", "filter plugin", "template error"):
        assert nesting not in message
    if host == "undefined":
        assert "'nope' is undefined" in message
    assert set(failure) == {"changed", "msg"}


def test_a_host_without_topologies_is_one_line(site: str) -> None:
    assert [line for line in site.splitlines() if "[none]" in line] == ["skipping: [none]"]


def test_a_good_host_is_contacted(site: str) -> None:
    assert re.search(r"^good +: .* unreachable=1 ", site, re.MULTILINE), site
