# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Guests as stations: a network namespace of the host with a NIC in a bridge, a DHCP client, and a resolver of its own.

A station is there in a fraction of a second, and needs no more of a host than its bridge. It is a guest to the network: its
lease, its names and whom it reaches are the same. It is none to libvirt, which neither lists it nor plugs it in again. Its
commands are busybox's, as a domain's are, and see the same files.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from .guest import HOST_DIR, STATIONS, Guest, Nic, with_mac
from .guest_image import DHCP_SCRIPT
from .machine import LabError, Machine

_SCRIPT = Path(__file__).with_name("guest_station.sh")
_LISTEN = Path(__file__).with_name("guest_listen.py")

# Run with the files in its input when they aren't there. Two that do it at a time don't meet.
_INSTALL = """\
set -e
new=$(mktemp -d {home}.XXXXXX)
{files}
chmod 755 "$new" "$new"/*
mv -T "$new" {home} 2>/dev/null || rm -r "$new"
"""

# $1 is the name, $2 a command, $3 the seconds that it has. Its status comes after all else, and by the other output. What it
# leaves running in the background keeps a file open, but not our connection.
_RUN = """\
read -r pid port <{stations}/$1/state && read -r comm </proc/$pid/comm && [ "$comm" = "$port" ] || {{
    echo it is not running >&2
    exit 1
}}
env -i HOME=/run PATH=/usr/sbin:/usr/bin:/sbin:/bin nsenter --target "$pid" --net --mount --uts --pid busybox sh -c '
    busybox timeout "$2" busybox sh -c "$1" </dev/null >/run/output.$$ 2>&1
    status=$?
    cat /run/output.$$
    rm /run/output.$$
    exit $status' run "$2" "$3"
echo "status $?" >&2
"""


def port_of(name: str) -> str:
    """A station's veth on the host: 15 characters at most. No guest has a dot in its name."""
    return f"st-{name}" if len(name) <= 12 else f"st.{name[:5]}.{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _installed() -> tuple[str, str]:
    """Where a host has what its stations are made of, and the script that puts it there."""
    files = {"station.sh": _SCRIPT.read_text(), "listen.py": _LISTEN.read_text(), "dhcp": DHCP_SCRIPT}
    key = hashlib.sha256("\0".join(files.values()).encode()).hexdigest()[:12]
    home = f"{HOST_DIR}/station-{key}"
    put = "".join(f"cat >\"$new\"/{name} <<'END OF FILE'\n{text}END OF FILE\n" for name, text in files.items())
    return home, _INSTALL.format(home=home, files=put)


def _do(machine: Machine, words: Sequence[str], settings: Mapping[str, str]) -> None:
    """Run the script on the host, in one go."""
    home, install = _installed()
    given = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    present = f"{{ test -d {home} || {{ mkdir -p {HOST_DIR} && sh; }}; }}"
    command = f"cd / && {present} && {given} sh {home}/station.sh {shlex.join(words)}"
    done = machine.run(command, check=False, input=install)
    if done.returncode != 0:
        raise LabError(f"{machine.name}: {(done.stderr or done.stdout).strip()}")


class Station(Guest):
    @classmethod
    def boot(cls, machine: Machine, names: Sequence[str], nic: Nic) -> None:
        settings = {**_port(machine, nic, names), "vlan": str(nic.vlan or ""), "address": nic.ip or ""}
        words = [word for name in names for word in (name, with_mac(nic, machine, name).mac or "", port_of(name))]
        _do(machine, ["start", *words], settings)

    def run(self, cmd: str, timeout: int = 60) -> tuple[int, str]:
        script = _RUN.format(stations=STATIONS)
        words = ["sh", "-c", script, "run", self.name, cmd, str(timeout)]
        done = self.machine.run(shlex.join(words), check=False, timeout=timeout + 30)
        said, _newline, status = done.stderr.strip().rpartition("\n")
        if done.returncode != 0 or not status.startswith("status "):
            raise LabError(f"{self}: {done.stderr.strip() or said}")
        return int(status.split()[1]), done.stdout

    def ifname(self) -> str:
        return port_of(self.name)

    def is_running(self) -> bool:
        probe = f"read -r pid port <{STATIONS}/{self.name}/state && read -r comm </proc/$pid/comm && test $comm = $port"
        return self.machine.run(f"{{ {probe}; }} 2>/dev/null", check=False).returncode == 0

    def stop(self) -> None:
        _do(self.machine, ["stop", self.name], {})

    def _move(self, nic: Nic) -> None:
        settings = _port(self.machine, nic, ())
        if settings["pvid"] or settings["isolated"]:
            raise LabError(f"{self}: it can't be plugged in a port of a VLAN, or an isolated one, while it runs")
        port = self.ifname()
        self.machine.run(f"ip link set {port} nomaster && ip link set {port} master {shlex.quote(settings['bridge'])}")

    def _serve(self, port: int, protocol: str, text: str) -> str:
        home, _install = _installed()
        return f"python3 {home}/listen.py {protocol} {port} {text}"


def _port(machine: Machine, nic: Nic, names: Sequence[str]) -> dict[str, str]:
    """What the port is to be: its bridge, its VLAN, and whether it is isolated. The names must be those of no domain."""
    ask = "list --all --name" if nic.bridge else f"list --all --name; net-dumpxml {shlex.quote(nic.network)}"
    done = machine.run(f"virsh {shlex.quote(ask)}", check=False)
    if done.returncode != 0:
        raise LabError(f"{machine.name}: {done.stderr.strip().splitlines()[-1].removeprefix('error: ')}")
    found, opening, network = done.stdout.partition("<network")
    if taken := sorted({*found.split()} & {*names}):
        raise LabError(f"guest {taken[0]} on {machine.name} is there already, as a domain")
    if nic.bridge:
        return {"bridge": nic.bridge, "pvid": "", "isolated": ""}
    return port_in(ElementTree.fromstring(opening + network), nic.portgroup)


def port_in(network: ElementTree.Element, portgroup: str | None) -> dict[str, str]:
    """The port that libvirt would give a guest: a port group's own VLAN comes before the network's."""
    name = network.findtext("name")
    bridge = network.find("bridge")
    if bridge is None:
        raise LabError(f"network {name}: it has no bridge, so that a station can't be plugged in; a domain can")
    key, value = ("name", portgroup) if portgroup else ("default", "yes")
    group = network.find(f"portgroup[@{key}='{value}']")
    if portgroup and group is None:
        raise LabError(f"network {name}: it has no port group {portgroup}")
    vlans = [vlan for there in (group, network) if there is not None for vlan in there.findall("vlan")]
    vlan = vlans[0] if vlans else None
    tags = [] if vlan is None else vlan.findall("tag")
    if len(tags) > 1 or (vlan is not None and vlan.get("trunk") == "yes"):
        raise LabError(f"network {name}: a station's port can't be a trunk; a domain's can")
    isolated = network.find("port[@isolated='yes']") is not None
    return {
        "bridge": bridge.get("name", ""),
        "pvid": tags[0].get("id", "") if tags else "",
        "isolated": "yes" if isolated else "",
    }
