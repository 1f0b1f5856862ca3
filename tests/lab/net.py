# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab's own network namespaces: one for the controller, one for each container host, one for each LAN.

Nothing is ever made in the machine's own namespace. All names hang on the lab's id, so that what is here can be found
and removed without a record of it, and two labs (two cache directories) don't meet.

    vk-ID-.ctl   bridge `mgmt` 198.18.0.1/16, fd98:18::1/64: the way from Ansible to the hosts, and the hosts' gateway
    vk-ID-NAME   a container host: `eth0` on the bridge `mgmt`, `eth1` … on LANs
    vk-ID-.lan   one bridge for each LAN, with no address: a switch. VMs are plugged in it by taps
    vk-ID-@LAN   a station: one NIC in a LAN, and the addresses that it was given
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .machine import LabError, check_lan, known, run_dir
from .system import lab_id, locked, sh

GATEWAY = "198.18.0.1"
GATEWAY6 = "fd98:18::1"
_GATEWAY_NUMBER = 1

_TUN = "/dev/net/tun"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000


def netns(name: str) -> str:
    return f"vk-{lab_id()}-{name}"


def netns_path(name: str) -> Path:
    return Path("/run/netns") / netns(name)


def controller() -> Path:
    return netns_path(".ctl")


def inside(name: str) -> list[str]:
    """The beginning of a command that runs in a namespace of the lab."""
    return ["nsenter", f"--net={netns_path(name)}"]


def _ip(name: str, batch: str) -> None:
    """Many `ip` commands in one process."""
    sh(["ip", "-n", netns(name), "-batch", "-"], input=batch)


def _make(name: str) -> bool:
    """Make a namespace; tells whether it is new."""
    if netns_path(name).exists():
        return False
    sh(["ip", "netns", "add", netns(name)])
    # A host starts as a stock kernel does, whatever this machine's own settings are (they are inherited).
    settings = "echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding"
    sh([*inside(name), "sh", "-c", f"({settings}) 2>/dev/null || true"])
    _ip(name, "link set lo up\n")
    return True


def _bridges(name: str) -> set[str]:
    listing = sh(["ip", "-n", netns(name), "-brief", "link", "show", "type", "bridge"], check=False)
    return {line.split()[0] for line in listing.splitlines()}


def _make_controller() -> None:
    if netns_path(".ctl").exists():
        if "mgmt" in _bridges(".ctl"):
            return
        sh(["ip", "netns", "delete", netns(".ctl")])  # its maker was killed halfway
    _make(".ctl")
    _ip(
        ".ctl",
        # its own MAC, or it would have another one whenever the port with the lowest one comes or goes, and hosts lose their gateway
        f"link add mgmt address {mac(_GATEWAY_NUMBER)} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"
        f"address add {GATEWAY}/16 dev mgmt\n"
        f"address add {GATEWAY6}/64 dev mgmt nodad\n"
        "link set mgmt up\n",
    )


def _make_lan(lan: str) -> None:
    _make(".lan")
    if lan not in _bridges(".lan"):
        _ip(".lan", f"link add {lan} type bridge stp_state 0 forward_delay 0\nlink set {lan} up\n")


def address(number: int) -> str:
    """The management address of the machine with this number, which is 2 or more."""
    return f"198.18.{number >> 8}.{number & 255}"


def address6(number: int) -> str:
    return f"fd98:18::{number:x}"


def mac(number: int, index: int = 0) -> str:
    """The MAC of the NIC with this index of the machine with this number."""
    return f"02:18:{index:02x}:00:{number >> 8:02x}:{number & 255:02x}"


def plug(name: str, number: int, links: list[str]) -> None:
    """Make the namespace of a machine, with its cables."""
    with locked(run_dir() / ".net.lock"):
        _make_controller()
        for lan in links:
            _make_lan(lan)
        if not _make(name):
            raise LabError(f"namespace {netns(name)} is there already")
        peers = [(".ctl", "mgmt", f"m{number}"), *((".lan", lan, f"p{number}.{i}") for i, lan in enumerate(links, 1))]
        for index, (where, bridge, port) in enumerate(peers):
            _ip(
                name,
                f"link add eth{index} address {mac(number, index)} type veth peer name {port} netns {netns(where)}\n",
            )
            _ip(where, f"link set {port} master {bridge} up\n")
        _ip(
            name,
            "link set eth0 up\n"
            f"address add {address(number)}/16 broadcast + dev eth0\n"
            f"address add {address6(number)}/64 dev eth0 nodad\n"
            f"route add default via {GATEWAY}\n"
            f"route add default via {GATEWAY6}\n",
        )


def unplug(name: str) -> None:
    """Remove the namespace of a machine, with its cables."""
    with locked(run_dir() / ".net.lock"):
        if not netns_path(name).exists():
            return
        # Cables first: the end of a namespace is slow and happens later, and the other ends would keep their names.
        listing = sh(["ip", "-n", netns(name), "-brief", "link", "show", "type", "veth"], check=False)
        for device in (line.split()[0].partition("@")[0] for line in listing.splitlines()):
            sh(["ip", "-n", netns(name), "link", "delete", device], check=False)
        sh(["ip", "netns", "delete", netns(name)])


def open_tap(lan: str, port: str) -> int:
    """A port of a LAN, as the descriptor of a tap. It is gone when all who have the descriptor are."""
    with locked(run_dir() / ".net.lock"):
        _make_lan(lan)
        return _open_port(".lan", lan, port)


def open_management_tap(number: int) -> int:
    """The other end of the eth0 of the machine with this number, as the descriptor of a tap."""
    with locked(run_dir() / ".net.lock"):
        _make_controller()
        return _open_port(".ctl", "mgmt", f"m{number}")


def _open_port(where: str, bridge: str, port: str) -> int:
    # A thread may enter a namespace by itself. It ends with the pool, and nobody else was there.
    with ThreadPoolExecutor(1) as pool:
        descriptor = pool.submit(_open_tun, netns_path(where)).result()
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", port.encode(), _IFF_TAP | _IFF_NO_PI))
        _ip(where, f"link set {port} master {bridge} up\n")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_tun(namespace: Path) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    with namespace.open() as handle:
        if libc.setns(handle.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"can't enter {namespace}")
    try:
        return os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(f"{_TUN}: {error.strerror}; a host's NICs are taps: load the module tun") from None


def station(lan: str) -> str:
    """The station in a LAN: a name for `inside` and `netns_path`."""
    return f"@{check_lan(lan)}"


def make_station(lan: str, addresses: Sequence[str]) -> None:
    """Have a station in a LAN with exactly these addresses, each with its prefix length."""
    name = station(lan)
    with locked(run_dir() / ".net.lock"):
        _make_lan(lan)
        if _make(name):
            port = f"station-{hashlib.sha256(lan.encode()).hexdigest()[:6]}"
            _ip(name, f"link add eth0 type veth peer name {port} netns {netns('.lan')}\nlink set eth0 up\n")
            _ip(".lan", f"link set {port} master {lan} up\n")
        given = [f"address add {address} dev eth0{' nodad' if ':' in address else ''}" for address in addresses]
        _ip(name, "\n".join(["address flush dev eth0 scope global", *given, ""]))


def remove_lan(lan: str) -> None:
    """Remove a LAN and its station. Fine when there is none."""
    name = station(lan)
    with locked(run_dir() / ".net.lock"):
        if netns_path(name).exists():
            # Its cable first, as `unplug` does.
            sh(["ip", "-n", netns(name), "link", "delete", "eth0"], check=False)
            sh(["ip", "netns", "delete", netns(name)])
        if netns_path(".lan").exists():
            sh(["ip", "-n", netns(".lan"), "link", "delete", lan, "type", "bridge"], check=False)


def _names() -> list[str]:
    prefix = netns("")
    return sorted(path.name.removeprefix(prefix) for path in Path("/run/netns").glob(f"{prefix}*"))


def remove_shared() -> None:
    """Remove what no machine uses any more."""
    with locked(run_dir() / ".net.lock"):
        for name in _names():
            if name.startswith((".", "@")):
                sh(["ip", "netns", "delete", netns(name)])


def remove_idle() -> None:
    """Remove what is for all machines, if there is no machine, nor a station. A machine that starts has its record before."""
    with locked(run_dir() / ".net.lock"):
        names = _names()
        if not any(known()) and all(name.startswith(".") for name in names):
            for name in names:
                sh(["ip", "netns", "delete", netns(name)])


def leftovers() -> list[str]:
    """The machines that have a namespace, with or without a state of theirs."""
    return [name for name in _names() if not name.startswith((".", "@"))]
