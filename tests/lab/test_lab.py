# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab itself, on one container host: what it promises to the tests that stand on it, and to the machine it runs on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import Machine, clean, create, get, inventory, net, owner
from .guest import Guest
from .machine import LabError, run_dir
from .support import of_this_machine, traces
from .system import wait_until

pytestmark = pytest.mark.lab

NAME = "labtest"
CRASHED = "labcrash"


@pytest.fixture(scope="module")
def host() -> Iterator[Machine]:
    before = of_this_machine()
    machine = create(NAME, "trixie", "container")
    machine.down()
    try:
        machine.up()
        yield machine
    finally:
        machine.down()
    assert traces(NAME) == []
    assert of_this_machine() == before


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
    assert address in host.run("virsh net-dhcp-leases default").stdout
    assert guest.run("ping -c 1 -W 5 192.168.122.1")[0] == 0
    assert guest.run("ping -c 1 -W 1 192.168.122.99")[0] == 1
    assert guest.run("echo one; echo two >&2; exit 3") == (3, "one\ntwo\n")
    assert host.run(f"ip -brief link show {guest.ifname()}").stdout
    guest.stop()
    assert not guest.is_running()
    assert "web" not in host.run("virsh list --all --name").stdout.split()


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


def _kill_while_it_starts(name: str, after: float) -> None:
    code = f"from lab import create; create({name!r}, 'trixie', 'container').up()"
    path = str(Path(__file__).resolve().parents[1])
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    wait_until(lambda: bool(traces(name)), 30, "the start of a machine", 0.01)
    time.sleep(after)
    process.kill()
    assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("after", [0.0, 0.15, 0.5, 1.2])
def test_nothing_is_left_of_a_start_that_was_killed(crashed: str, after: float) -> None:
    _kill_while_it_starts(crashed, after)
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
    assert "labowned" not in _output(f"ip -n {net.netns('.lan')} -brief link")
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
