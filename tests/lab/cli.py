# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Command line of the lab."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import clean, images, net
from .guest import KINDS as GUEST_KINDS
from .guest import Guest, Nic, start_guests
from .machine import DISTROS, FIREWALL_BACKENDS, KINDS, LabError, Machine, create, get, inventory, known
from .system import wait_until

_EPILOG = """\
examples:
  script/lab up d13                           a Debian 13 host in a container
  script/lab up d12 --distro bookworm         a Debian 12 host beside it
  script/lab ssh d13 -- virsh net-list --all
  script/lab guest start d13 web --network default
  script/lab guest exec d13 web -- ping -c1 192.168.122.1
  script/lab inventory > /tmp/lab.yml; ansible -i /tmp/lab.yml lab -m ping
  script/lab down --all                       remove all, also what a crash left
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="script/lab",
        description="KVM hosts to try the collection on: real Debian, real libvirt, nothing of this machine touched.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    build = commands.add_parser("build", help="build the images now rather than at first use")
    build.add_argument("--kind", choices=KINDS, default="container")
    build.add_argument("--distro", choices=DISTROS, action="append", help="default: all")

    up = commands.add_parser("up", help="start a host; stale state of the same name is removed first")
    up.add_argument("name")
    up.add_argument("--distro", choices=DISTROS, help="default: trixie; bookworm for a name that ends in 12")
    up.add_argument("--kind", choices=KINDS, default="container")
    up.add_argument("--firewall-backend", choices=FIREWALL_BACKENDS, help="for libvirt's networks; default: its own")
    up.add_argument(
        "--kernel-option", action="append", default=[], metavar="WORD", help="such as ipv6.disable=1 (uml, vm)"
    )
    up.add_argument("--link", action="append", default=[], metavar="LAN", help="plug eth1 (eth2 …) in this LAN")

    down = commands.add_parser("down", help="stop hosts and remove all that they made")
    down.add_argument("name", nargs="*")
    down.add_argument("--all", action="store_true", help="all hosts, and what a crashed lab left")
    down.add_argument("--owner", help="all hosts that were started with this VIRTNET_LAB_OWNER, and their LANs")

    commands.add_parser("reboot", help="reboot a host; its disk is kept").add_argument("name")
    commands.add_parser("list", help="show the hosts")

    ssh = commands.add_parser("ssh", help="log in, or run a command: script/lab ssh NAME [-- COMMAND…]")
    ssh.add_argument("name")
    ssh.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")

    wait = commands.add_parser("wait", help="wait until a host answers, or until a command on it succeeds")
    wait.add_argument("name")
    wait.add_argument("--seconds", type=float, default=60, help="how long at most; default: %(default)s")
    wait.add_argument("words", nargs="*", metavar="COMMAND", help="… wait NAME -- COMMAND…")

    inv = commands.add_parser(
        "inventory", help="print an Ansible inventory of the running hosts, in JSON, which is YAML"
    )
    inv.add_argument("name", nargs="*", metavar="NAME[=ADDRESS]", help="default: all; ADDRESS is one in --via's LAN")
    inv.add_argument("--via", metavar="LAN", help="reach hosts that are given an ADDRESS from this LAN's station")

    station = commands.add_parser(
        "station", help="have a bare machine in a LAN between hosts, and perhaps run a command on it"
    )
    station.add_argument("lan")
    station.add_argument("--address", action="append", default=[], metavar="CIDR", help="all that it is to have")
    station.add_argument("words", nargs="*", metavar="COMMAND", help="… station LAN -- COMMAND…")

    guest = commands.add_parser("guest", help="start|stop|exec|ping|address|plug|listen: small guests on a host")
    _guest_parser(guest.add_subparsers(dest="action", required=True, metavar="ACTION"))
    return parser


_AS = """domain: a real guest of libvirt. station: a network namespace with a NIC in the network's bridge, there in a
fraction of a second. It is not `script/lab station`, which stands in a LAN between hosts."""


def _guest_parser(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    def action(name: str, words: str, guests: str = "") -> argparse.ArgumentParser:
        parser = actions.add_parser(name, help=words)
        parser.add_argument("name", metavar="host")
        parser.add_argument("guest", nargs=guests or None)
        return parser

    start = action("start", "start guests side by side, and wait for their leases", "+")
    start.add_argument("--as", dest="kind", choices=GUEST_KINDS, default="domain", help=_AS)
    for parser in (start, action("plug", "plug a running guest in another network or bridge")):
        parser.add_argument("--network", default="default")
        parser.add_argument("--portgroup")
        parser.add_argument("--bridge", help="plug it in a bridge of the host, in place of a network of libvirt's")
    start.add_argument("--mac")
    start.add_argument("--vlan", type=int, metavar="ID", help="have it put this tag on its frames")
    start.add_argument("--ip", metavar="CIDR", help="a fixed address, in place of a lease")
    start.add_argument("--no-wait", action="store_true", help="don't wait for leases")
    action("stop", "stop guests and forget them", "+")
    run = action("exec", "run a command in a guest: … exec HOST GUEST -- COMMAND…")
    run.add_argument(
        "--timeout", type=int, default=60, metavar="SECONDS", help="the command is ended then; default: 60"
    )
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND")
    ping = action("ping", "whether a ping from a guest is answered within some seconds")
    ping.add_argument("address")
    ping.add_argument("--within", type=int, default=10, metavar="SECONDS", help="default: 10")
    address = action("address", "wait for a guest's address beyond link-local ones, and print it")
    address.add_argument("-6", dest="version", action="store_const", const=6, default=4, help="that of IPv6")
    address.add_argument("--within", type=int, default=60, metavar="SECONDS", help="default: 60")
    listen = action("listen", "have a guest answer at a port with a line")
    listen.add_argument("port", type=int)
    listen.add_argument("--udp", action="store_true", help="only a station can")
    listen.add_argument("--text", help="default: the guest's name")


def _build(args: argparse.Namespace) -> int:
    from .guest_image import guest_files

    guest_files()
    for distro in args.distro or DISTROS:
        print(_BUILDERS[args.kind](distro))
    return 0


def _build_vm(distro: str) -> Path:
    from . import vm_image

    return vm_image.build(distro)


def _build_uml(distro: str) -> Path:
    from . import uml_image, uml_kernel

    if refusal := uml_kernel.why_not():
        images.say(f"{refusal}; VMs take the place of UML hosts")
        return _build_vm(distro)
    return uml_image.image(distro).path


_BUILDERS: dict[str, Callable[[str], Path]] = {
    "container": images.container_root,
    "uml": _build_uml,
    "vm": _build_vm,
}


def _up(args: argparse.Namespace) -> int:
    distro = args.distro or ("bookworm" if args.name.endswith("12") else "trixie")
    began = time.monotonic()
    machine = create(
        args.name,
        distro,
        args.kind,
        firewall_backend=args.firewall_backend,
        links=args.link,
        kernel_options=args.kernel_option,
    )
    machine.check_free()
    machine.up()
    version = machine.run("virsh version --daemon").stdout.strip().rpartition(" ")[2]
    print(f"{machine.name} is up after {time.monotonic() - began:.1f} s: {distro}, {args.kind}, libvirt {version}")
    print(f"  script/lab ssh {machine.name}")
    return 0


def _down(args: argparse.Namespace) -> int:
    if args.all:
        clean.everything()
        return 0
    if args.owner:
        for name in clean.owned(args.owner):
            print(name)
    elif not args.name:
        raise LabError("which host? Give names, --owner OWNER, or --all")
    for name in args.name:
        clean.machine(name)
    return 0


def _reboot(args: argparse.Namespace) -> int:
    began = time.monotonic()
    get(args.name).reboot()
    print(f"{args.name} is back after {time.monotonic() - began:.1f} s")
    return 0


def _list(_args: argparse.Namespace) -> int:
    machines = list(known())
    for machine in machines:
        what = "running" if machine.is_running() else "dead (script/lab down removes what is left)"
        address = machine.inventory_vars()["ansible_host"] if machine.is_running() else "-"
        print(f"{machine.name:<12} {machine.distro:<9} {machine.kind:<10} {address:<15} {what}")
    if not machines:
        print("no hosts; `script/lab up d13` starts one", file=sys.stderr)
    return 0


def _command(words: Sequence[str]) -> str:
    """One word is a line for the shell; of several, each is an argument as it is."""
    words = words[1:] if words and words[0] == "--" else words
    return words[0] if len(words) == 1 else shlex.join(words)


def _ssh(args: argparse.Namespace) -> int:
    command = get(args.name).ssh_args()
    if remote := _command(args.words):
        command.append(remote)
    sys.stdout.flush()
    os.execvp(command[0], command)


def _wait(args: argparse.Namespace) -> int:
    machine = get(args.name)
    command = _command(args.words) or "true"
    said = ""

    def succeeds() -> bool:
        nonlocal said
        done = machine.run(command, check=False)
        said = (done.stderr or done.stdout).strip()
        return done.returncode == 0

    wait_until(succeeds, args.seconds, f"`{command}` to succeed on {args.name}", 0.3, lambda: said)
    return 0


def _running(names: Sequence[str]) -> list[Machine]:
    machines = [get(name) for name in names] if names else [machine for machine in known() if machine.is_running()]
    for machine in machines:
        if not machine.is_running():
            raise LabError(f"{machine.name} is not running")
    return machines


def _inventory(args: argparse.Namespace) -> int:
    given = [name.partition("=")[::2] for name in args.name]
    addresses = {name: address for name, address in given if address}
    if bool(addresses) != bool(args.via):
        raise LabError("--via LAN and NAME=ADDRESS: expected both or neither")
    # JSON is YAML, and needs no library.
    print(json.dumps(inventory(_running([name for name, _address in given]), args.via, addresses), indent=2))
    return 0


def _station(args: argparse.Namespace) -> int:
    station = net.station(args.lan)
    if args.address or not args.words:
        net.make_station(args.lan, args.address)
    elif not net.netns_path(station).exists():
        raise LabError(f"no station in {args.lan}; `script/lab station {args.lan} --address CIDR` makes one")
    if args.words:
        sys.stdout.flush()
        os.execvp("nsenter", [*net.inside(station), "sh", "-c", _command(args.words)])
    return 0


def _guest(args: argparse.Namespace) -> int:
    (machine,) = _running([args.name])
    if args.action == "start":
        return _guest_start(machine, args)
    if args.action == "stop":
        for name in args.guest:
            Guest.find(machine, name).stop()
        return 0
    return _GUEST_ACTIONS[args.action](Guest.find(machine, args.guest), args)


def _guest_start(machine: Machine, args: argparse.Namespace) -> int:
    nic = Nic(args.network, args.bridge, args.portgroup, args.mac, args.vlan, args.ip)
    for guest in start_guests(machine, args.guest, nic, args.kind, wait_lease=not args.no_wait):
        port = f"{'veth' if args.kind == 'station' else 'tap'} {guest.ifname()}"
        address = "" if args.no_wait else f", address {args.ip or guest.lease()}"
        print(f"{guest.name} runs on {machine.name}: {port}{address}")
    return 0


def _guest_exec(guest: Guest, args: argparse.Namespace) -> int:
    if not (command := _command(args.words)):
        raise LabError("which command? script/lab guest exec HOST GUEST -- COMMAND…")
    code, output = guest.run(command, args.timeout)
    print(output, end="")
    return code


def _guest_ping(guest: Guest, args: argparse.Namespace) -> int:
    answered = guest.ping(args.address, args.within)
    print(f"{args.address} {'has answered' if answered else f'has not answered within {args.within} s'}")
    return 0 if answered else 1


def _guest_address(guest: Guest, args: argparse.Namespace) -> int:
    print(guest.address(args.version, args.within))
    return 0


def _guest_plug(guest: Guest, args: argparse.Namespace) -> int:
    guest.plug(args.network, bridge=args.bridge, portgroup=args.portgroup)
    return 0


def _guest_listen(guest: Guest, args: argparse.Namespace) -> int:
    guest.listen(args.port, "udp" if args.udp else "tcp", args.text)
    return 0


_GUEST_ACTIONS: dict[str, Callable[[Guest, argparse.Namespace], int]] = {
    "exec": _guest_exec,
    "ping": _guest_ping,
    "address": _guest_address,
    "plug": _guest_plug,
    "listen": _guest_listen,
}

_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "build": _build,
    "up": _up,
    "down": _down,
    "reboot": _reboot,
    "list": _list,
    "ssh": _ssh,
    "wait": _wait,
    "inventory": _inventory,
    "station": _station,
    "guest": _guest,
}


def main(argv: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(argv)
    try:
        if os.geteuid() != 0:
            raise LabError("the lab makes namespaces and containers: run it as root")
        return _COMMANDS[args.command](args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
