# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab's UML hosts: a kernel of their own, links that carry tags, a reboot that keeps disk and cables, a clean end."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import Machine, clean, create, get, images, net, uml_kernel
from .guest import Guest
from .machine import DISTROS, LabError, images_dir, known
from .support import (
    have,
    kill_while_it_starts,
    leave_the_way_in,
    ports,
    reaches_with_tags,
    traces,
    trial_host,
    with_tags,
)
from .system import is_alive, wait_until

pytestmark = pytest.mark.lab

NAME = "labuml"
OTHER = "labuml2"
WIRE = "labumlwire"


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    with trial_host(NAME, "trixie", "uml", firewall_backend="nftables", links=[WIRE]) as machine:
        yield machine


@pytest.fixture
def other() -> Iterator[Machine]:
    with create(OTHER, "bookworm", "uml", links=[WIRE]) as machine:
        yield machine


def test_it_is_itself(host: Machine) -> None:
    assert get(NAME).is_running()
    assert host.run("hostname; uname -r").stdout.split()[0] == NAME
    assert host.run("uname -r").stdout != os.uname().release
    assert host.run("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded")
    assert host.run("systemctl --failed --no-legend").stdout == ""
    # As on a machine whose kernel has these as modules.
    links = {link["ifname"] for link in json.loads(host.run("ip -j link").stdout)}
    assert links == {"lo", "eth0", "eth1"}
    with pytest.raises(LabError, match="running already"):
        create(NAME, "trixie", "uml").up()


def test_kernel_has_what_a_container_host_may_lack(host: Machine) -> None:
    host.run(
        "ip link add lab0 type bridge vlan_filtering 1 && ip link add lab1 type dummy && ip link set lab1 master lab0"
        " && bridge vlan add dev lab1 vid 30 && ip link add link lab1 name lab1.30 type vlan id 30"
        " && ip link add vrf9 type vrf table 9 && ip link add bond9 type bond && ip link del vrf9 && ip link del bond9"
        " && tc qdisc add dev lab1 root netem delay 10ms && tc qdisc replace dev lab1 root fq_codel"
        " && tc qdisc replace dev lab1 root handle 1: htb"
        " && tc filter add dev lab1 parent 1: protocol ip u32 match ip dport 68 0xffff action csum ip and udp"
        " && nft 'add table inet lab; add chain inet lab c { type nat hook prerouting priority 0; }; add rule inet lab c"
        " fib daddr type local counter; delete table inet lab' && ip link del lab1 && ip link del lab0"
        " && modprobe br_netfilter && test -e /proc/sys/net/bridge && rmmod br_netfilter"
    )


@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_libvirt_works_with_each_of_its_firewall_backends(host: Machine, backend: str) -> None:
    host.run(
        f"echo 'firewall_backend = \"{backend}\"' >/etc/libvirt/network.conf && systemctl restart libvirtd"
        " && virsh net-start default"
    )
    own = host.run("nft list table ip libvirt_network", check=False).returncode == 0
    theirs = "LIBVIRT_PRT" in host.run("iptables-save").stdout
    host.run(f"ip link show virbr0 && virsh net-destroy default; {_FLUSH}")
    assert (own, theirs) == (backend == "nftables", backend == "iptables")


_FLUSH = "nft flush ruleset; systemctl restart libvirtd"


def test_tagged_frames_pass_between_hosts_of_each_debian(host: Machine, other: Machine) -> None:
    with_tags(host, 1)
    with_tags(other, 2)
    reaches_with_tags(host, 2)
    host.run("ping -c 1 -W 2 -M do -s 1472 203.0.113.2")

    mac = other.run("cat /sys/class/net/eth1/address; cat /etc/machine-id").stdout
    other.run("echo kept >/root/kept; ip link add ghost type bridge")
    other.reboot()
    assert other.run("cat /sys/class/net/eth1/address; cat /etc/machine-id").stdout == mac
    assert other.run("cat /root/kept").stdout == "kept\n"
    assert other.run("ip link show ghost", check=False).returncode != 0
    with_tags(other, 2)
    reaches_with_tags(host, 2)
    host.run("ip link del tag20; ip link del tag11")


_TRUNK = """<network><name>trunk</name><forward mode='bridge'/><bridge name='lab0'/>
<portgroup name='v11'><vlan><tag id='11'/></vlan></portgroup><portgroup name='v12'><vlan><tag id='12'/></vlan></portgroup>
</network>"""


def test_a_station_is_in_the_vlan_of_its_port_group(host: Machine) -> None:
    host.run("ip link add lab0 type bridge vlan_filtering 1 vlan_default_pvid 0 && ip link set lab0 up")
    host.run("virsh net-define /dev/stdin && virsh net-start trunk", input=_TRUNK)
    guests = [
        Guest.start(host, name, "trunk", portgroup=group, ip=f"10.9.0.{number}/24", kind="station")
        for number, (name, group) in enumerate((("a", "v11"), ("b", "v11"), ("c", "v12")), 1)
    ]
    assert guests[0].ping("10.9.0.2", within=20)
    assert not guests[0].ping("10.9.0.3")
    for guest in guests:
        guest.stop()
    host.run("virsh net-destroy trunk; virsh net-undefine trunk; ip link del lab0")


def test_it_is_reached_by_a_lan(host: Machine) -> None:
    have(host, "198.51.100.1/24")
    net.make_station(WIRE, ["198.51.100.200/24"])
    way = host.inventory_vars(WIRE, "198.51.100.1")
    command = ["ssh", "-i", way["ansible_ssh_private_key_file"], *shlex.split(way["ansible_ssh_common_args"])]
    seen = subprocess.run(
        [*command, f"root@{way['ansible_host']}", "echo $SSH_CONNECTION"], check=True, capture_output=True, text=True
    )
    assert seen.stdout.split()[0::2] == ["198.51.100.200", "198.51.100.1"]
    # It has these addresses and no others; the old one is no longer its.
    net.make_station(WIRE, ["198.51.100.201/24"])
    assert (
        "198.51.100.200"
        not in subprocess.run(
            [*net.inside(net.station(WIRE)), "ip", "address"], check=True, capture_output=True, text=True
        ).stdout
    )
    with pytest.raises(LabError, match=f"one of its LANs, which are {WIRE}"):
        host.inventory_vars("elsewhere", "198.51.100.1")


def test_no_tool_for_interfaces_takes_the_way_in(host: Machine) -> None:
    leave_the_way_in(host)


def test_it_is_found_and_ended_without_its_record(other: Machine) -> None:
    process = other.state["process"]
    assert f"{OTHER}_1" in ports()
    (other.dir / "state.json").unlink()
    clean.machine(OTHER)
    assert not is_alive(process)
    assert traces(OTHER) == []
    assert f"{OTHER}_1" not in ports()
    assert f"m{other.state['number']}" not in ports(".ctl")


@pytest.mark.parametrize("after", [0.0, 0.3, 1.5])
def test_nothing_is_left_of_a_start_that_was_killed(after: float) -> None:
    create(OTHER, "trixie", "uml").down()
    kill_while_it_starts(OTHER, "uml", after)
    number = next((machine.state["number"] for machine in known() if machine.name == OTHER), None)
    clean.machine(OTHER)
    assert traces(OTHER) == []
    assert f"m{number}" not in ports(".ctl")


@pytest.mark.full
@pytest.mark.parametrize("distro", DISTROS)
def test_ten_boots_and_ten_reboots_in_a_row(distro: str) -> None:
    for _boot in range(9):
        with create(OTHER, distro, "uml", links=[WIRE]) as machine:
            machine.run("ip link show eth1")
    with create(OTHER, distro, "uml", links=[WIRE]) as machine:
        for _reboot in range(10):
            machine.reboot()
            machine.run("ip link show eth1")


def test_a_dead_host_is_seen_and_started_anew(other: Machine) -> None:
    os.kill(other.state["process"][0], signal.SIGKILL)
    wait_until(lambda: not get(OTHER).is_running(), 10, "the end of a killed host")
    with pytest.raises(LabError, match="not running"):
        get(OTHER).run("true")
    create(OTHER, "bookworm", "uml").up()
    assert get(OTHER).run("hostname").stdout.strip() == OTHER


def test_a_vm_takes_its_place_where_it_can_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(uml_kernel, "OPTIONS", (*uml_kernel.OPTIONS, "seccomp=nonsense"))
    said = uml_kernel._trial(uml_kernel.kernel())
    assert said
    monkeypatch.setattr(uml_kernel, "why_not", lambda: f"this machine can't run User-Mode Linux: {said}")
    assert create(OTHER, "trixie", "uml").kind == "vm"
    assert f"{OTHER} becomes a VM" in capsys.readouterr().err


def test_a_build_that_fails_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    uml_kernel.kernel()
    before = sorted(images_dir().iterdir())
    (tmp_path / "linux.tar.xz").write_text("half an archive")
    config = tmp_path / "config"
    config.write_text(uml_kernel.CONFIG.read_text() + "CONFIG_NO_SUCH_THING=y\n")
    monkeypatch.setattr(uml_kernel, "CONFIG", config)
    monkeypatch.setattr(images, "root_fs", lambda _recipe: tmp_path)
    with pytest.raises(LabError, match=r"the kernel of UML hosts can't be built: .*File format not recognized"):
        uml_kernel.kernel()
    assert sorted(images_dir().iterdir()) == before
    with pytest.raises(LabError, match="this source doesn't take CONFIG_NO_SUCH_THING=y"):
        uml_kernel._check_config(uml_kernel.CONFIG.read_text().replace("CONFIG_NO_SUCH_THING=y\n", ""))
