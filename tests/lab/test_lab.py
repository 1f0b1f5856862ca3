# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab itself, on one container host: what it promises to the tests that stand on it, and to the machine it runs on."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from . import Machine, clean, create, get, guest_console, inventory, net, owner
from .guest import STATIONS, Guest, Nic, start_guests
from .guest_image import LOOP
from .guest_station import port_in
from .machine import LabError, run_dir
from .support import kill_while_it_starts, ports, traces, trial_host
from .system import wait_until

pytestmark = pytest.mark.lab

NAME = "labtest"
CRASHED = "labcrash"


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    with trial_host(NAME, "trixie", "container") as machine:
        yield machine


def test_host_is_found_again_and_listed(host: Machine) -> None:
    found = get(NAME)
    assert found.is_running()
    assert found.inventory_vars() == host.inventory_vars()
    assert found.run("hostname").stdout.strip() == NAME
    assert NAME in inventory([found])["trixie"]["hosts"]


def test_a_name_that_runs_is_not_started_twice(host: Machine) -> None:
    with pytest.raises(LabError, match="running already"):
        create(NAME, "trixie", "container").up()
    assert host.run("true").returncode == 0


def test_a_failing_command_says_why(host: Machine) -> None:
    with pytest.raises(LabError, match="cannot access '/nowhere'"):
        host.run("ls /nowhere")
    assert host.run("exit 7", check=False).returncode == 7


def test_files_and_directories_are_put(host: Machine, tmp_path: Path) -> None:
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/script").write_text("#!/bin/sh\necho done\n")
    (tmp_path / "tree/deep/script").chmod(0o755)
    host.put(tmp_path / "tree", "/srv/new/place")
    assert host.run("/srv/new/place/deep/script").stdout == "done\n"
    host.put(tmp_path / "tree/deep/script", "/srv/other")
    assert host.run("/srv/other").stdout == "done\n"


def test_ansible_reaches_it(host: Machine, tmp_path: Path) -> None:
    (tmp_path / "hosts.json").write_text(json.dumps(inventory([host])))
    ansible = Path(sys.executable).parent / "ansible"
    arguments = ["-i", str(tmp_path / "hosts.json"), "lab", "-m", "ansible.builtin.ping"]
    done = subprocess.run([str(ansible), *arguments], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"pong"' in done.stdout


def test_a_guest_has_lease_and_gateway_and_is_gone_after_stop(host: Machine) -> None:
    host.run("virsh net-start default")
    guest = Guest.start(host, "web", network="default")
    address = guest.lease()
    assert address.startswith("192.168.122.")
    # libvirt hears of a lease some time after the guest
    wait_until(lambda: address in host.run("virsh net-dhcp-leases default").stdout, 10, "libvirt to know the lease")
    assert guest.ping("192.168.122.1")
    assert not guest.ping("192.168.122.99", within=1)
    assert guest.run("echo one; echo two >&2; exit 3") == (3, "one\ntwo\n")
    assert host.run(f"ip -brief link show {guest.ifname()}").stdout
    guest.stop()
    assert not guest.is_running()
    assert "web" not in host.run("virsh list --all --name").stdout.split()


def _of_the_host(host: Machine) -> list[str]:
    """What a station could leave behind."""
    namespaces = "lsns --noheadings --output TYPE,NS,COMMAND | sort"
    links = "ip -brief link show | cut -d' ' -f1 | sort"
    processes = "ps -e -o args= | grep -E 'station|udhcpc|listen' | grep -v grep"
    rest = f"cat /proc/mounts /etc/resolv.conf; ls /tmp /run {STATIONS} 2>/dev/null"
    return [host.run(f"{command}; true").stdout for command in (namespaces, links, processes, rest)]


@pytest.fixture
def networks(host: Machine) -> Iterator[Machine]:
    """The network default runs, and the bridge lab9 is beside it."""
    host.run("virsh net-start default 2>/dev/null; mkdir -p " + STATIONS, check=False)
    host.run("ip link add lab9 type bridge && ip address add 10.9.9.1/24 dev lab9 && ip link set lab9 up")
    yield host
    host.run("ip link delete lab9")


def test_stations_are_guests(networks: Machine) -> None:
    before = _of_the_host(networks)
    web, db = start_guests(networks, ["web", "a-name-longer-than-a-device"], Nic("default"), "station")
    try:
        assert web.is_running() and networks.run(f"ip -brief link show {db.ifname()}").stdout
        assert db.lease() == db.address() and db.lease().startswith("192.168.122.")
        wait_until(lambda: db.lease() in networks.run("virsh net-dhcp-leases default").stdout, 10, "libvirt to know it")
        assert web.ping("192.168.122.1") and web.ping(db.lease()) and not web.ping("192.168.122.99", within=1)
        assert db.lease() in web.until(f"nslookup -type=a {db.name}")
        # as on a domain: files of its own, its own name, and what a command says
        assert web.run("hostname; ls /tmp; touch /tmp/mine; echo two >&2; exit 3") == (3, "web\ntwo\n")
        assert web.run("cut -d' ' -f1 /run/lease; sleep 600 &") == (0, f"{web.lease()}\n")
        assert web.run("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/eth0/accept_ra")[1] == "0\n1\n"
        for protocol in ("tcp", "udp"):
            web.listen(80, protocol, "hello")
        assert db.run(f"nc {web.lease()} 80")[1] == f"hello {db.lease()}\n"
        ask = f"exec 3<>/dev/udp/{web.lease()}/80; echo >&3; timeout 5 head -n 1 <&3"
        assert networks.run(f"bash -c {shlex.quote(ask)}").stdout == "hello 192.168.122.1\n"
        with pytest.raises(LabError, match="the port is taken"):
            web.listen(80)
    finally:
        web.stop()
        db.stop()
    assert not web.is_running()
    assert _of_the_host(networks) == before


def test_a_station_is_plugged_elsewhere(networks: Machine) -> None:
    before = _of_the_host(networks)
    web = Guest.start(networks, "web", network="default", kind="station")
    try:
        web.plug(bridge="lab9")
        assert web.run("ip address add 10.9.9.2/24 dev eth0; test -e /run/lease")[0] == 1
        assert web.ping("10.9.9.1")
        web.plug("default")
        assert web.lease().startswith("192.168.122.") and web.ping("192.168.122.1")
    finally:
        web.stop()
    assert _of_the_host(networks) == before


def test_guests_of_one_name(networks: Machine) -> None:
    web = Guest.start(networks, "web", bridge="lab9", ip="10.9.9.2/24", kind="station")
    node = Guest.start(networks, "node", bridge="lab9", ip="10.9.9.3/24")
    try:
        assert web.address() == "10.9.9.2" and web.ping("10.9.9.3", within=30)
        assert [type(Guest.find(networks, guest.name)) for guest in (web, node)] == [type(web), type(node)]
        for name, kind in (("web", "station"), ("web", "domain"), ("node", "station")):
            with pytest.raises(LabError, match=rf"{name}.* is there already"):
                Guest.start(networks, name, bridge="lab9", kind=kind)
        assert web.ping("10.9.9.3") and web.is_running() and node.is_running()
    finally:
        web.stop()
        node.stop()
    with pytest.raises(LabError, match="Network not found"):
        Guest.start(networks, "web", network="nonsense", kind="station")
    with pytest.raises(LabError, match="bridge nonsense: there is none on this host"):
        Guest.start(networks, "web", bridge="nonsense", kind="station")


@pytest.mark.parametrize(
    ("portgroup", "pvid"),
    [(None, "7"), ("web", "11"), ("plain", "7"), ("none", "has no port group none"), ("both", "trunk")],
)
def test_the_port_of_a_station_is_as_libvirt_says(portgroup: str | None, pvid: str) -> None:
    network = ElementTree.fromstring(
        "<network><name>lan</name><bridge name='br0'/><vlan><tag id='7'/></vlan><port isolated='yes'/>"
        "<portgroup name='web'><vlan><tag id='11'/></vlan></portgroup><portgroup name='plain' default='yes'/>"
        "<portgroup name='both'><vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan></portgroup></network>"
    )
    if not pvid.isdigit():
        with pytest.raises(LabError, match=pvid):
            port_in(network, portgroup)
    else:
        assert port_in(network, portgroup) == {"bridge": "br0", "pvid": pvid, "isolated": "yes"}


def test_a_command_that_a_guest_missed_is_sent_again(tmp_path: Path) -> None:
    """A serial port may drop a line. The command runs once."""
    loop = LOOP.replace("/run/", f"{tmp_path}/")
    guest = subprocess.Popen(["busybox", "sh", "-c", loop], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert guest.stdin and guest.stdout
    with socket.socket(socket.AF_UNIX) as port:
        port.bind(f"{tmp_path}/port")
        port.listen()
        console = [sys.executable, guest_console.__file__, f"{tmp_path}/port", "20"]
        client = subprocess.Popen(console, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdin
        client.stdin.write(f"echo x >>{tmp_path}/runs; exit 3")
        client.stdin.close()
        connection = port.accept()[0]
        with connection, connection.makefile("rb") as lines:
            copying = threading.Thread(target=lambda: deque(map(connection.sendall, guest.stdout or ()), maxlen=0))
            copying.start()
            dropped = {b"@part": 1, b"@run": 2}
            for line in lines:
                word = line.partition(b" ")[0]
                dropped[word] = dropped.get(word, 0) - 1
                if dropped[word] < 0:
                    guest.stdin.write(line)
                    guest.stdin.flush()
            guest.stdin.close()
            copying.join()
    assert client.stdout and json.loads(client.stdout.read()) == {"rc": 3, "output": ""}
    assert client.wait() == guest.wait() == 0
    assert (tmp_path / "runs").read_text() == "x\n"


def test_a_reboot_keeps_the_disk_and_loses_the_network(host: Machine) -> None:
    host.run(
        "ip link add ghost type bridge; echo kept > /etc/kept; echo net.ipv4.ip_forward=1 > /etc/sysctl.d/lab.conf"
    )
    identity = "cat /etc/machine-id; readlink /proc/self/ns/net"
    machine_id, namespace = host.run(identity).stdout.split()
    began = host.run("stat -c %Y /proc/1").stdout
    host.reboot()
    assert get(NAME).is_running()
    assert host.run("cat /etc/kept").stdout == "kept\n"
    new_id, new_namespace = host.run(identity).stdout.split()
    assert new_id == machine_id
    assert new_namespace != namespace
    assert host.run("stat -c %Y /proc/1").stdout != began
    assert host.run("ip link show ghost", check=False).returncode != 0
    assert host.run("cat /proc/sys/net/ipv4/ip_forward").stdout == "1\n"


@pytest.fixture
def crashed() -> Iterator[str]:
    create(CRASHED, "trixie", "container").down()
    yield CRASHED
    create(CRASHED, "trixie", "container").down()


@pytest.mark.parametrize("after", [0.0, 0.15, 0.5, 1.2])
def test_nothing_is_left_of_a_start_that_was_killed(crashed: str, after: float) -> None:
    kill_while_it_starts(crashed, "container", after)
    assert traces(crashed)
    clean.machine(crashed)
    assert traces(crashed) == []


def test_what_lost_its_state_is_removed_too(crashed: str) -> None:
    machine = create(crashed, "trixie", "container")
    machine.up(wait=False)
    shutil.rmtree(run_dir(crashed), ignore_errors=True)  # the container holds some of it
    assert net.netns_path(crashed).exists()
    clean.machine(crashed)
    assert traces(crashed) == []
    assert not machine.is_running()


def test_the_hosts_of_an_owner_go_with_their_lan_and_no_others(
    host: Machine, crashed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(owner.VARIABLE, "labowner/step")
    owner.ledger("labowner/step").unlink(missing_ok=True)
    create(crashed, "trixie", "container", links=["labowned"]).up(wait=False)
    net.make_station("labowned", ["192.0.2.1/24"])
    assert clean.owned("labowner/st") == []
    assert clean.owned("labowner") == [crashed]
    assert traces(crashed) == []
    assert not net.netns_path(net.station("labowned")).exists()
    assert "labowned" not in ports()
    assert host.is_running()
    (entry,) = owner.entries("labowner")
    assert entry["host"] == crashed
    assert entry["seconds"] > 0
    shutil.rmtree(owner.ledger("labowner/step").parent)


def test_a_dead_host_is_seen_and_started_anew(crashed: str) -> None:
    machine = create(crashed, "trixie", "container")
    machine.up(wait=False)
    os.kill(machine.state["leader"][0], signal.SIGKILL)
    wait_until(lambda: not get(crashed).is_running(), 10, "the end of a killed host")
    with pytest.raises(LabError, match="not running"):
        get(crashed).run("true")
    create(crashed, "trixie", "container").up()
    assert get(crashed).run("hostname").stdout.strip() == crashed
