# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The role tuning: each setting is applied, changed and restored, each time first in check mode; and the site's variable.

The hosts have one CPU, where irqbalance doesn't run: its unit skips the start. Where it is to run, another process stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.host import Host
from integration.support.plays import Played, play

ROLE = "virtnet.kvm.tuning"
_TUNED = """set -e
home=/etc/tuned/profiles; test -d $home || home=/etc/tuned
mkdir $home/fast; printf '[main]\\ninclude=balanced\\n[sysctl]\\nnet.bridge.bridge-nf-call-iptables = 1\\n' >$home/fast/tuned.conf
modprobe br_netfilter
mkdir -p /etc/systemd/system/irqbalance.service.d
printf '[Unit]\\nConditionCPUs=\\n[Service]\\nExecStart=\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/irqbalance.service.d/lab.conf
systemctl daemon-reload
sed -i 's/^reapply_sysctl = .*/reapply_sysctl = 1/' /etc/tuned/tuned-main.conf
systemctl enable --quiet --now irqbalance tuned
tuned-adm profile balanced"""
_OFF = "systemctl disable --quiet --now irqbalance tuned"
_ONE_CPU = "rm -rf /etc/systemd/system/irqbalance.service.d; systemctl daemon-reload"
_GONE = f"{_OFF}; {_ONE_CPU}; rm -rf /etc/tuned/profiles/fast /etc/tuned/fast; modprobe --remove br_netfilter || true"
_STATE = (
    "for name in irqbalance tuned; do systemctl is-active $name; systemctl is-enabled $name; done; cd /etc/tuned;"
    " cat active_profile profile_mode;"
    " grep -H . /proc/sys/net/bridge/bridge-nf-call-* /proc/sys/net/core/*mem_max /proc/sys/net/core/netdev_* 2>/dev/null;"
    " find /etc/sysctl.d /etc/udev/rules.d /etc/modules-load.d /etc/systemd/system/*.d /var/lib/virtnet.kvm -name '*virtnet-kvm*' -o"
    " -path '*/virtnet.kvm/*' -type f | sort; true"
)
_BRIDGE: dict[str, Any] = {"bridge_nf_call": {"iptables": False, "ip6tables": False}}


def _role(host: Host, settings: dict[str, Any], *arguments: str, state: str = "present", fails: bool = False) -> Played:
    plays = [{"hosts": "all", "gather_facts": False, "become": True, "roles": [ROLE]}]
    return play(host, plays, {"tuning_settings": settings, "tuning_state": state}, *arguments, fails=fails)


def _predicted(host: Host, settings: dict[str, Any]) -> None:
    """Check mode changes nothing, and as many tasks are changed in it as without it."""
    before = host.shell(_STATE)
    said = _role(host, settings, "--check", "--diff")
    assert host.shell(_STATE) == before, "check mode has changed the host"
    assert said.changed == _role(host, settings).changed > 0


@pytest.fixture
def tuned(clean: Host) -> Iterator[Host]:
    clean.shell(_TUNED)
    yield clean
    clean.shell(_GONE)


@pytest.mark.kernel
def test_settings_come_change_and_go(tuned: Host) -> None:
    tuned.shell("ip link add web0 type veth peer name far0")
    before = tuned.shell(_STATE)
    settings: dict[str, Any] = {
        **_BRIDGE,
        "irqbalance": {"enabled": False},
        "tuned_profile": "virtual-host",
        "nics": [{"device": "web0", "offloads": {"gso": False}}],
    }
    _predicted(tuned, settings)
    assert _role(tuned, settings).changed == 0
    now = tuned.shell(_STATE)
    assert now.splitlines()[:5] == ["inactive", "disabled", "active", "enabled", "virtual-host"]
    assert "bridge-nf-call-iptables:0" in now and "bridge-nf-call-arptables:1" in now
    assert not tuned.ok("nic_tuning_info", {"name": ["web0"]})["nic_tuning"][0]["offloads"]["tx-generic-segmentation"]
    # another program sets it back
    tuned.shell("sysctl -qw net.bridge.bridge-nf-call-iptables=1")
    changed = {"bridge_nf_call": {"iptables": False}, "irqbalance": {"enabled": True, "banned_cpus": "1"}}
    assert play(tuned, "virtnet.kvm.site", {"virtnet_tuning": changed}).changed > 0
    now = tuned.shell(_STATE)
    assert now.splitlines()[:5] == ["active", "enabled", "active", "enabled", "virtual-host"]
    assert "bridge-nf-call-iptables:0" in now and "bridge-nf-call-ip6tables:1" in now
    assert play(tuned, "virtnet.kvm.site", {"virtnet_tuning": changed}).changed == 0
    assert "BANNED_CPULIST=1" in tuned.shell("systemctl show --property Environment irqbalance")
    said = _role(tuned, settings, "--check", state="absent")
    assert play(tuned, "virtnet.kvm.teardown", {"virtnet_tuning": settings}).changed == said.changed > 0
    assert tuned.shell(_STATE) == before
    assert tuned.ok("nic_tuning_info", {"name": ["web0"]})["nic_tuning"][0]["offloads"]["tx-generic-segmentation"]


@pytest.mark.kernel
@pytest.mark.once("bookworm")
def test_tuned_that_was_off(tuned: Host) -> None:
    """Its profile is as before afterwards, and parameters that profiles set as well keep the values of the role.

    irqbalance, which one CPU doesn't need, is enabled at once as well.
    """
    tuned.shell(f"{_OFF}; {_ONE_CPU}")
    before = tuned.shell(_STATE)
    for profile in ("fast", "virtual-host"):
        settings = {"bridge_nf_call": {"iptables": False}, "tuned_profile": profile, "irqbalance": {"enabled": True}}
        _predicted(tuned, settings)
        now = tuned.shell(_STATE)
        assert now.splitlines()[:6] == ["inactive", "enabled", "active", "enabled", profile, "manual"], now
        assert "nf-call-iptables:0" in now
        assert _role(tuned, settings).changed == 0
    said = _role(tuned, {}, "--check", state="absent")
    assert _role(tuned, {}, state="absent").changed == said.changed > 0
    assert tuned.shell(_STATE) == before


@pytest.mark.kernel
@pytest.mark.once("bookworm")
def test_what_is_refused(tuned: Host) -> None:
    before = tuned.shell(_STATE)
    tuned.shell("sed -i 's/^reapply_sysctl = .*/reapply_sysctl = 0/' /etc/tuned/tuned-main.conf")
    tuned.shell("echo 'net.bridge.bridge-nf-call-ip6tables = 1' >/etc/sysctl.d/98-mine.conf")
    both = _role(tuned, {**_BRIDGE, "tuned_profile": "fast", "buffers": {"rmem_max": 0}}, "--check", fails=True)
    for words in (
        "bridge_nf_call.iptables: is also set by the tuned profile fast, and reapply_sysctl is off in /etc/tuned/tuned-main.conf;"
        " turn that on, leave the parameter out, or use another profile",
        "bridge_nf_call.ip6tables: is set to 1 at boot by /etc/sysctl.d/98-mine.conf, which is read later; remove it there",
        "buffers.rmem_max: 0 is too small; use 1 or more",
    ):
        assert words in both.done.stdout, both.done.stdout
    unknown = _role(tuned, {"backlog": {"budget": 5}, "tuned_profile": "none"}, fails=True)
    assert "budget" in unknown.done.stdout and "netdev_budget" in unknown.done.stdout, unknown.done.stdout
    tuned.shell("rm /etc/sysctl.d/98-mine.conf")
    assert tuned.shell(_STATE) == before


@pytest.mark.kernel("trixie_uml")
def test_parameters_of_the_kernel(clean: Host) -> None:
    """What only a host with a kernel of its own has; a module that is loaded later; and what systemd-sysctl sets at boot."""
    before = clean.shell(_STATE)
    settings: dict[str, Any] = {
        "buffers": {"rmem_max": 4194304},
        "backlog": {"netdev_max_backlog": 3000, "netdev_budget": 600},
        "bridge_nf_call": {"iptables": False},
    }
    clean.shell("modprobe --remove br_netfilter 2>/dev/null || true")
    _role(clean, settings)
    now = "sysctl -n net.core.rmem_max net.core.netdev_max_backlog net.core.netdev_budget net.bridge.bridge-nf-call-iptables"
    clean.shell("modprobe br_netfilter")
    clean.until("test $(sysctl -n net.bridge.bridge-nf-call-iptables) = 0", 10)
    assert _role(clean, settings, "--check").changed == 0
    clean.shell("sysctl -qw net.core.rmem_max=212992 net.core.netdev_budget=300; systemctl restart systemd-sysctl")
    assert clean.shell(now).split() == ["4194304", "3000", "600", "0"]
    _role(clean, settings, state="absent")
    clean.shell("sysctl -qw net.bridge.bridge-nf-call-iptables=1; modprobe --remove br_netfilter 2>/dev/null || true")
    assert [line for line in clean.shell(_STATE).splitlines() if "bridge" not in line] == [
        line for line in before.splitlines() if "bridge" not in line
    ]
