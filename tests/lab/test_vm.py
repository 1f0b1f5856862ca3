# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab's VM hosts: continued from a snapshot or booted, with guests of type kvm, and no way out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import Machine, clean, create, vm, vm_accel, vm_boot, vm_image, vm_qemu, vm_snapshot
from .guest import Guest
from .machine import LabError
from .support import have, leave_the_way_in, ports, reaches, reaches_with_tags, traces, trial_host, with_tags
from .system import is_alive

pytestmark = pytest.mark.lab

NAME = "labvm"
OTHER = "labvm2"
BESIDE = "labvm3"
WIRE = "labwire"


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    with trial_host(NAME, "trixie", "vm", firewall_backend="nftables", links=[WIRE]) as machine:
        yield machine


@pytest.fixture
def other() -> Iterator[Machine]:
    machine = create(OTHER, "bookworm", "vm", links=[WIRE])
    try:
        yield machine
    finally:
        machine.down()


@pytest.fixture
def beside() -> Iterator[Machine]:
    with create(BESIDE, "trixie", "container", links=[WIRE]) as machine:
        yield machine


@pytest.mark.full
def test_guest_has_a_lease_by_the_chosen_backend(host: Machine) -> None:
    host.run("virsh net-start default")
    assert "table ip libvirt_network" in host.run("nft list tables").stdout
    guest = Guest.start(host, "web", network="default")
    assert "<domain type='kvm'" in host.run("virsh dumpxml web").stdout
    assert guest.lease().startswith("192.168.122.")
    assert guest.ping("192.168.122.1")
    # Beyond the host too, as far as there is something: the network is a NAT one.
    assert guest.ping(vm_boot.GATEWAY)
    guest.stop()
    host.run("virsh net-destroy default")


def test_no_way_out(host: Machine) -> None:
    assert host.run(f"ip route get 198.51.100.1 | grep 'via {vm_boot.GATEWAY}'").stdout
    probe = "busybox nc -w 3 {} {} </dev/null"
    host.run(probe.format("127.0.0.1", 22))
    # QEMU's user network, were it open, would lead to this machine's loopback address.
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert host.run(probe.format(vm_boot.GATEWAY, port), check=False).returncode != 0
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.full
def test_kernel_has_what_a_container_host_may_lack(host: Machine) -> None:
    host.run(
        "ip link add lab0 type bridge vlan_filtering 1 && ip link add lab1 type dummy && ip link set lab1 master lab0"
        " && bridge vlan add dev lab1 vid 30 && ip link add link lab1 name lab1.30 type vlan id 30"
        " && tc qdisc add dev lab1 root netem delay 10ms && ip link del lab1 && ip link del lab0"
    )


@pytest.mark.full
def test_a_lan_of_vms_and_containers(host: Machine, other: Machine, beside: Machine) -> None:
    other.up()
    with_tags(host, 1)
    with_tags(other, 2)
    have(beside, "198.51.100.3/24")
    reaches_with_tags(host, 2)
    reaches(host, "198.51.100.3")


@pytest.mark.full
def test_no_tool_for_interfaces_takes_the_way_in(host: Machine) -> None:
    leave_the_way_in(host)


def test_failures_say_why(host: Machine) -> None:
    with pytest.raises(LabError, match="ended with 3: oh dear"):
        host.run("echo oh dear >&2; exit 3")
    with pytest.raises(LabError, match="did not end within 1 s"):
        host.run("sleep 20", timeout=1)
    with pytest.raises(LabError, match="running already"):
        create(NAME, "trixie", "vm").up()


def test_a_machine_that_hangs_is_told_from_a_slow_command(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "HANG_SECONDS", 3)
    # One connection at a time: the lab needs it to look.
    with vm_qemu.Qmp(host.dir) as qmp:
        qmp("stop")
    try:
        with pytest.raises(LabError, match=r"`true` did not end within 1 s, and the VM .* it hangs") as caught:
            host.run("true", timeout=1)
        report = Path(str(caught.value).split()[-1])
        assert "RIP=" in report.read_text()
        with pytest.raises(LabError, match=r"labvm hangs, see "):
            host.run("true")
    finally:
        with vm_qemu.Qmp(host.dir) as qmp:
            qmp("cont")
    monkeypatch.undo()
    host.run("true")
    assert "hangs" not in host.state
    report.unlink()


@pytest.mark.full
def test_boot_where_the_snapshot_fails(
    host: Machine, other: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> vm_snapshot.Snapshot:
        raise LabError("the snapshot is broken")

    monkeypatch.setattr(vm_snapshot, "ready", broken)
    # Where KVM works there is no snapshot to fail.
    monkeypatch.setattr(vm_accel, "choose", lambda *_: vm_accel.TCG)
    other.up()
    assert f"the snapshot is broken; booting {OTHER} instead" in capsys.readouterr().err
    assert other.run("hostname").stdout.strip() == OTHER
    read_id = "cat /etc/machine-id"
    assert other.run(read_id).stdout != host.run(read_id).stdout

    other.run("ip link add br9 type bridge; echo kept > /root/kept")
    read_mac = "cat /sys/class/net/eth1/address"
    mac = other.run(read_mac).stdout
    read_boot = "cat /proc/sys/kernel/random/boot_id"
    before = other.run(read_boot).stdout
    other.reboot()
    assert other.run(read_boot).stdout != before
    assert other.run("cat /root/kept").stdout == "kept\n"
    assert other.run(read_mac).stdout == mac
    assert other.run("ip link show br9", check=False).returncode != 0

    assert f"{OTHER}_1" in ports()
    # The record is lost: it is found by its control group all the same.
    qemu = other.state["process"]
    (other.dir / "state.json").unlink()
    clean.machine(OTHER)
    assert not is_alive(qemu)
    assert traces(OTHER) == []
    assert f"{OTHER}_1" not in ports()


def test_backend_that_the_distro_lacks() -> None:
    with pytest.raises(LabError, match="has only iptables"):
        create(OTHER, "bookworm", "vm", firewall_backend="nftables").up()


@pytest.mark.full
def test_accelerator_is_tried() -> None:
    image = vm_image.image("trixie")
    assert vm_accel._trial(vm_accel.TCG, image.kernel, image.initramfs)
    nonsense = vm_accel.Accelerator("nonsense", ("-accel", "nonsense"))
    assert not vm_accel._trial(nonsense, image.kernel, image.initramfs)


def test_qemu_says_what_it_refuses(host: Machine) -> None:
    with vm_qemu.Qmp(host.dir) as qmp:
        assert qmp("query-status")["status"] == "running"
        with pytest.raises(LabError, match="asked for nonsense"):
            qmp("nonsense")
