# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The role tuning: what follows from its settings and from what its script has read of a host."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
import yaml

from ansible_collections.virtnet.kvm.plugins.plugin_utils import tuning
from ansible_collections.virtnet.kvm.plugins.plugin_utils.tuning import changes
from conftest import CHECKOUT

ROLE = CHECKOUT / "roles" / "tuning"
LIVE = {
    "net.core.rmem_max": "212992",
    "net.core.wmem_max": "212992",
    "net.core.netdev_max_backlog": "1000",
    "net.bridge.bridge-nf-call-iptables": "1",
}
BUFFERS, BRIDGE = "/etc/sysctl.d/70-virtnet-kvm-buffers.conf", "/etc/sysctl.d/70-virtnet-kvm-bridge-nf-call.conf"


class Host:
    """What the script says of a host, which takes the changes of the role."""

    def __init__(self, **said: str) -> None:
        self.live = dict(LIVE)
        self.files: dict[str, str] = {}
        self.said = {"vhost_known": "yes", **said}
        self.units = {
            name: {"has": False, "enabled": False, "active": False} for name in (tuning.IRQBALANCE, tuning.TUNED)
        }
        self.profile, self.mode = "", "manual"

    def look(self) -> str:
        found = {f"live.{key}": value for key, value in self.live.items()}
        for name, group in tuning.GROUPS.items():
            if group.path(name) in self.files:
                found[f"before.{name}"] = self.files[group.path(name)].splitlines()[1]
        for name, unit in self.units.items():
            found.update({f"{key}.{name}": "yes" if value else "no" for key, value in unit.items()})
            path = f"{tuning.HOME}/{name}.json"
            if path in self.files:
                found[f"memory.{name}"] = self.files[path].strip()
        found["vhost_file"] = "yes" if tuning.VHOST_FILE in self.files else "no"
        found["bridge_rule"] = "yes" if tuning.BRIDGE_RULE in self.files else "no"
        found["irqbalance_drop_in"] = "yes" if tuning.DROP_IN in self.files else "no"
        found["tuned_stored"], found["tuned_mode"] = self.profile, self.mode
        found.update((f"sum.{path}", hashlib.sha256(text.encode()).hexdigest()) for path, text in self.files.items())
        return "\n".join(f"{key}={value}" for key, value in {**found, **self.said}.items())

    def plan(self, state: str = "present", **settings: Any) -> dict[str, Any]:
        return changes(settings, self.look(), state)

    def apply(self, state: str = "present", **settings: Any) -> dict[str, Any]:
        """The tasks of the role; a second run finds nothing to do."""
        plan = self._run(self.plan(state, **settings))
        again = self.plan(state, **settings)
        assert not any(again[key] for key in again if key != "nics"), again
        return plan

    def _run(self, plan: dict[str, Any]) -> dict[str, Any]:
        assert plan["problems"] == []
        self.files.update({each["path"]: each["content"] for each in plan["files"]})
        if plan["modules"]:
            self.said["vhost_loaded"] = "yes"
        self.live.update(each.split("=") for each in plan["sysctl"])
        for package in plan["packages"]:
            self.units[f"{package}.service"] = {"has": True, "enabled": True, "active": True}
        for service in plan["services"]:
            self.units[service["name"]].update(enabled=service["enabled"], active=service["state"] == "started")
        if plan["profile"]:
            self.mode = "auto" if plan["profile"][1] == "auto_profile" else "manual"
            self.profile = "recommended" if self.mode == "auto" else " ".join(plan["profile"][2:])
        for path in plan["remove"]:
            del self.files[path]
        return plan


def test_parameters_are_set_changed_and_given_back() -> None:
    host = Host()
    made = host.apply(buffers={"rmem_max": 4194304, "wmem_max": 4194304})
    assert made["sysctl"] == ["net.core.rmem_max=4194304", "net.core.wmem_max=4194304"]
    before = json.dumps({"net.core.rmem_max": "212992", "net.core.wmem_max": "212992"})
    assert host.files == {
        BUFFERS: f"{tuning.OURS}# Before: {before}\nnet.core.rmem_max = 4194304\nnet.core.wmem_max = 4194304\n"
    }
    # left out, the group stays; given, it is complete
    assert host.apply(backlog={"netdev_max_backlog": 3000})["sysctl"] == ["net.core.netdev_max_backlog=3000"]
    assert host.apply(buffers={"rmem_max": 8388608})["sysctl"] == [
        "net.core.rmem_max=8388608",
        "net.core.wmem_max=212992",
    ]
    # another program has changed it
    host.live["net.core.rmem_max"] = "5"
    assert host.apply(buffers={"rmem_max": 8388608})["sysctl"] == ["net.core.rmem_max=8388608"]
    host.apply(buffers={})
    assert host.live["net.core.rmem_max"] == "212992" and BUFFERS not in host.files
    host.apply("absent")
    assert host.live == LIVE and host.files == {}


def test_bridges_before_and_after_the_module_is_loaded() -> None:
    host = Host()
    del host.live["net.bridge.bridge-nf-call-iptables"]
    assert host.apply(bridge_nf_call={"iptables": False})["sysctl"] == []
    assert set(host.files) == {BRIDGE, tuning.BRIDGE_RULE}
    host.live["net.bridge.bridge-nf-call-iptables"] = "1"
    loaded = host.apply(bridge_nf_call={"iptables": False})
    assert loaded["sysctl"] == ["net.bridge.bridge-nf-call-iptables=0"] and not loaded["files"]
    host.apply("absent")
    assert host.files == {}


def test_vhost() -> None:
    host = Host()
    assert host.apply(vhost_net=True)["modules"] == ["vhost_net"]
    assert host.apply(vhost_net=False)["remove"] == [tuning.VHOST_FILE]
    assert Host(vhost_known="no").plan(vhost_net=True)["problems"] == [
        "vhost_net: this kernel has no module vhost_net; leave it out"
    ]


@pytest.mark.parametrize("running", [False, True])
def test_irqbalance(running: bool) -> None:
    host = Host()
    before = {"has": True, "enabled": running, "active": running}
    host.units[tuning.IRQBALANCE] = dict(before)
    made = host.apply(irqbalance={"enabled": not running})
    assert made["services"] == [
        {"name": "irqbalance.service", "enabled": not running, "state": "stopped" if running else "started"}
    ]
    host.apply(irqbalance={"enabled": True, "banned_cpus": "4-7"})
    assert "Environment=IRQBALANCE_BANNED_CPULIST=4-7" in host.files[tuning.DROP_IN]
    host.apply("absent")
    assert host.units[tuning.IRQBALANCE] == before and host.files == {}


def test_what_is_installed_for_it_ends_with_it() -> None:
    host = Host(tuned_known="yes")
    made = host.apply(irqbalance={"enabled": True}, tuned_profile="virtual-host")
    assert made["packages"] == ["irqbalance", "tuned"] and host.profile == "virtual-host"
    host.apply("absent")
    assert not any(unit["enabled"] or unit["active"] for unit in host.units.values()) and host.files == {}
    assert changes({"irqbalance": {"enabled": True}}, Host().look(), "present", check=True)["services"] == []


@pytest.mark.parametrize(
    ("profile", "mode", "active", "command"),
    [
        ("balanced", "manual", True, ["profile", "balanced"]),
        ("balanced", "manual", False, ["profile", "balanced"]),
        ("recommended", "auto", True, ["auto_profile"]),
        ("", "manual", False, ["off"]),
    ],
)
def test_tuned_gets_its_former_profile_back(profile: str, mode: str, active: bool, command: list[str]) -> None:
    host = Host(tuned_known="yes")
    host.units[tuning.TUNED] = {"has": True, "enabled": active, "active": active}
    host.profile, host.mode = profile, mode
    assert host.apply(tuned_profile="virtual-host")["profile"] == ["tuned-adm", "profile", "virtual-host"]
    host.apply(tuned_profile="virtual-guest")
    gone = host.apply(tuned_profile="")
    assert gone["profile"] == ["tuned-adm", *command] and (host.profile, host.mode) == (profile, mode)
    assert host.units[tuning.TUNED]["active"] == active and host.files == {}


def test_a_new_profile_does_not_change_declared_parameters() -> None:
    host = Host(tuned_known="yes")
    host.units[tuning.TUNED] = {"has": True, "enabled": True, "active": True}
    host.apply(buffers={"rmem_max": 4194304})
    made = host.apply(buffers={"rmem_max": 4194304}, tuned_profile="virtual-host")
    assert made["sysctl"] == ["net.core.rmem_max=4194304"]


def test_nics_are_persistent() -> None:
    nics = [{"device": "eth1", "rings": {"rx": 512}}, {"device": "eth2", "persist": False}]
    assert Host().plan(nics=nics)["nics"] == [
        {"device": "eth1", "rings": {"rx": 512}, "persist": True},
        {"device": "eth2", "persist": False},
    ]
    assert Host().plan("absent", nics=nics)["nics"] == [
        {"device": each, "state": "absent"} for each in ("eth1", "eth2")
    ]


@pytest.mark.parametrize(
    ("settings", "said", "problem"),
    [
        ({"buffers": {"optmem_max": 5}}, {}, "buffers.optmem_max: is no parameter of this kernel; leave it out"),
        ({"backlog": {"netdev_max_backlog": 0}}, {}, "backlog.netdev_max_backlog: 0 is too small; use 1 or more"),
        (
            {"buffers": {"rmem_max": 5}},
            {"later.net.core.rmem_max": "9 /etc/sysctl.d/99-mine.conf"},
            "buffers.rmem_max: is set to 9 at boot by /etc/sysctl.d/99-mine.conf, which is read later; remove it there",
        ),
        (
            {"buffers": {"rmem_max": 5}},
            {"tuned_sets": "vm.swappiness net.core.rmem_max", "tuned_profile": "network-throughput"},
            "buffers.rmem_max: is also set by the tuned profile network-throughput, and reapply_sysctl is off in"
            " /etc/tuned/tuned-main.conf; turn that on, leave the parameter out, or use another profile",
        ),
        (
            {"tuned_profile": "fast"},
            {"has.tuned.service": "yes", "tuned_known": "no"},
            "tuned_profile: 'fast' is no profile of this host; use one that tuned-adm list shows",
        ),
        (
            {"irqbalance": {"banned_cpus": "1"}},
            {},
            "irqbalance.banned_cpus: has no effect without enabled=true; add it, or leave this out",
        ),
        (
            {"irqbalance": {"enabled": True}, "nics": [{"device": "a", "irq_affinity": [{"queue": 0, "cpus": "1"}]}]},
            {},
            "irqbalance.enabled: can't be true beside irq_affinity of nics; use one of them",
        ),
    ],
)
def test_problems(settings: dict[str, Any], said: dict[str, str], problem: str) -> None:
    assert Host(**said).plan(**settings)["problems"] == [problem]
    same = {"later.net.core.rmem_max": "5 /etc/sysctl.d/99-mine.conf"}
    assert Host(**same).plan(buffers={"rmem_max": 5})["problems"] == []


def test_what_is_left_out_stays() -> None:
    assert not any(Host().plan().values())


def test_the_script_and_the_documentation_know_the_same() -> None:
    script = (ROLE / "files" / "look.sh").read_text()
    assert set(re.findall(r"net\.[a-z]+\.[a-z0-9_-]+", script)) == set(tuning.PARAMETERS)
    for path in (tuning.VHOST_FILE, tuning.BRIDGE_RULE, tuning.DROP_IN, tuning.HOME):
        assert path in script
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    groups = options["tuning_settings"]["options"]
    assert {name: tuple(groups[name]["options"]) for name in tuning.GROUPS} == {
        name: group.names for name, group in tuning.GROUPS.items()
    }
    documented = (CHECKOUT / "docs" / "tuning.md").read_text()
    for name, group in groups.items():
        for each in [name, *group.get("options", {})]:
            assert re.search(rf"`[^`\n]*\b{each}\b[^`\n]*`", documented), f"docs/tuning.md has no {each} of {name}"
