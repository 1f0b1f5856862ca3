# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Runs on a lab host and does what it is asked, a line of JSON at a time: modules, shell commands, looks at the host.

A module is the very file that Ansible sent, exploded by Ansible's own `explode`, run by the host's own Python with the
arguments in Ansible's own form. That it runs in a fork of a process that has imported its libraries before makes it ten
times as fast. Faults are put in here, from outside: the product has no hooks for tests.
"""

from __future__ import annotations

import contextlib
import gc
import glob
import importlib
import json
import os
import pwd
import re
import runpy
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any, Callable

NAMESPACE = "ansible_collections.virtnet.kvm.plugins"
SECONDS = 100


def _preload() -> None:
    """What every module would spend its first half second on. Nothing here opens a connection."""
    for name in ("ansible.module_utils.basic", "libvirt", "lxml.etree", "pyroute2"):
        importlib.import_module(name)
    for name in ("kinds.registry", "checkpoint_runner"):
        importlib.import_module(f"{NAMESPACE}.module_utils.{name}")
    # A collection in a fork would touch, and so copy, every page of what is here.
    gc.freeze()


def _in_child(work: Callable[[], None]) -> tuple[str, str, int]:
    """Run it in a fork; what it wrote on stdout and stderr, and its exit status as `waitpid` has it."""
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out_end, 1)
        os.dup2(err_end, 2)
        os.closerange(3, 100)
        code = 1
        try:
            work()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
            os._exit(code)
    os.close(out_end)
    os.close(err_end)
    texts = _read(child, {out: b"", err: b""})
    return texts[out].decode(), texts[err].decode(), os.waitpid(child, 0)[1]


def _read(child: int, texts: dict[int, bytes]) -> dict[int, bytes]:
    deadline = time.monotonic() + SECONDS
    waiting = set(texts)
    while waiting:
        ready = select.select(list(waiting), [], [], max(0.0, deadline - time.monotonic()))[0]
        if not ready:
            os.kill(child, signal.SIGKILL)
            texts[max(texts)] += f"\nkilled, as it had run for {SECONDS} s".encode()
            break
        for end in ready:
            if data := os.read(end, 65536):
                texts[end] += data
            else:
                waiting.discard(end)
    for end in texts:
        os.close(end)
    return texts


def _settle() -> None:
    """Wait for udev, where there is one: it gives new interfaces other MAC addresses, some time after they are there."""
    if os.path.exists("/run/udev/control"):
        subprocess.run(["udevadm", "settle", "--timeout=30"], check=False, timeout=SECONDS)


def run_module(request: dict[str, Any]) -> dict[str, Any]:
    def work() -> None:
        from ansible.module_utils import basic

        arguments = {**request["internal"], **request["args"]}
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        if request.get("user"):
            _become(request["user"])
        if request.get("fault"):
            _put_in(request["fault"])
        os.umask(0o077)  # as on a hardened host: what is for others to read must be so all the same
        name = f"{NAMESPACE}.modules.{request['name']}"
        runpy.run_module(
            name, init_globals={"_module_fqn": name, "_modlib_path": None}, run_name="__main__", alter_sys=True
        )

    out, err, status = _in_child(work)
    return {"out": out, "err": err, "signal": status & 0x7F, "status": status >> 8}


def _become(name: str) -> None:
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ.pop("XDG_RUNTIME_DIR", None)


# What a fault can be put in: the module and class of a driver, and its calls that change something.
DRIVERS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "changes": (
        (
            "libvirt.networks",
            "Networks",
            ("define", "undefine", "start", "stop", "set_autostart", "update", "reconnect"),
        ),
        (
            "netlink.interfaces",
            "Interfaces",
            (
                *("add", "delete", "set", "set_master", "set_port", "add_vlans", "remove_vlans"),
                *("add_address", "remove_address", "add_route", "remove_route", "set_ipv6"),
            ),
        ),
        ("boot_tools.files", "Files", ("write", "reload")),
        ("libvirt.nwfilters", "NwFilters", ("define", "undefine", "bind", "unbind", "bring_up")),
    ),
    "moves": (("libvirt.guests", "Guests", ("_move",)),),
    "nics": (("libvirt.guest_nics", "GuestNics", ("update", "attach", "detach", "store")),),
}


def _put_in(fault: dict[str, Any]) -> None:
    """Before or after the n-th call that changes the host, or moves a guest: a signal, a shell command, or an error.

    ``name`` counts only the calls of that name.
    """
    errors = importlib.import_module(f"{NAMESPACE}.module_utils.errors")
    seen = 0

    def strike() -> None:
        if fault.get("shell"):
            subprocess.run(fault["shell"], shell=True, check=True, stdout=subprocess.DEVNULL)
        if fault.get("error"):
            raise errors.HostError("a fault that was put in", fault["error"])
        if fault.get("signal"):
            os.kill(os.getpid(), fault["signal"])
            time.sleep(0.1)  # Python takes it between two of its own instructions

    def wrap(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal seen
            seen += 1
            mine = seen == fault["at"]
            if mine and fault["when"] == "before":
                strike()
            result = method(*args, **kwargs)
            if mine and fault["when"] == "after":
                strike()
            return result

        return call

    for module, driver, names in DRIVERS[fault.get("calls", "changes")]:
        where = getattr(importlib.import_module(f"{NAMESPACE}.module_utils.backend.{module}"), driver)
        for name in names:
            if fault.get("name", name) == name:
                setattr(where, name, wrap(getattr(where, name)))


def run_shell(request: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        request["command"],
        check=False,
        shell=True,
        input=request.get("input") or "",
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return {"out": done.stdout, "err": done.stderr, "status": done.returncode}


def look(_request: dict[str, Any]) -> dict[str, Any]:
    """All that libvirt knows of all networks, and what the kernel knows of their bridges."""

    def work() -> None:
        import libvirt

        connection = libvirt.openReadOnly("qemu:///system")
        found = {}
        for network in connection.listAllNetworks(0):
            active, persistent = bool(network.isActive()), bool(network.isPersistent())
            bridge = network.bridgeName() if "<bridge " in network.XMLDesc(0) else None
            index = None
            if bridge and active and os.path.exists(f"/sys/class/net/{bridge}"):
                with open(f"/sys/class/net/{bridge}/ifindex", encoding="ascii") as file:
                    index = int(file.read())
            found[network.name()] = {
                "active": active,
                "persistent": persistent,
                "autostart": bool(network.autostart()) if persistent else False,
                "stored": network.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE) if persistent else None,
                "running": network.XMLDesc(0) if active else None,
                "bridge": bridge,
                "ifindex": index,
            }
        print(json.dumps(found))

    out, err, status = _in_child(work)
    if status:
        return {"out": "", "err": err, "status": 1}
    return {"out": out, "err": err, "status": 0}


# Where the tools that bring interfaces up at boot have their files, and where is remembered what was declared.
TOOLS = (
    "/etc/systemd/network",
    "/etc/netplan",
    "/etc/NetworkManager/system-connections",
    "/etc/network",
    "/etc/NetworkManager/dispatcher.d",
    "/var/lib/virtnet.kvm/interfaces",
    "/var/lib/virtnet.kvm/static_routes",
    "/var/lib/virtnet.kvm/ethtool",
    "/var/lib/virtnet.kvm/shaping",
    "/etc/udev/rules.d",
    "/etc/virtnet.kvm/links.d",
)
# The unit that creates namespaces and veth pairs at boot.
UNIT = (
    "/etc/systemd/system/virtnet-kvm-links.service",
    "/etc/systemd/system/multi-user.target.wants/virtnet-kvm-links.service",
    "/usr/local/lib/virtnet.kvm/links",
    # and the one that applies stored settings of devices
    "/etc/systemd/system/virtnet-kvm-device@.service",
)
_IPV6 = "/proc/sys/net/ipv6/conf/*/{disable_ipv6,accept_ra,autoconf,addr_gen_mode}"
_INTERFACES = f"""
set -e
ip -j -d link show; echo --
ip -j address show; echo --
ip -j -d route show table all; echo --
ip -j -d -6 route show table all; echo --
bridge -j -compressvlans vlan show; echo --
grep -H . {_IPV6} || true
"""


def interfaces(request: dict[str, Any]) -> dict[str, Any]:
    """What iproute2 says of the interfaces of a namespace, or of the host where there is none of that name, and the files that
    make them at boot."""
    netns = os.path.basename(request.get("netns") or "")
    inside = ["ip", "netns", "exec", netns] if os.path.exists(f"/run/netns/{netns}") and netns else []
    done = subprocess.run(
        [*inside, "bash", "-c", _INTERFACES], check=False, capture_output=True, text=True, timeout=SECONDS
    )
    if done.returncode:
        return {"out": "", "err": done.stderr, "status": 1}
    *tables, settings = done.stdout.split("--\n")
    links, addresses, routes, routes6, vlans = (json.loads(text or "[]") for text in tables)
    found = {
        "links": links,
        "addresses": addresses,
        "routes": [*routes, *routes6],
        "vlans": vlans,
        "ipv6": settings.splitlines(),
        "files": _files(),
    }
    return {"out": json.dumps(found), "err": "", "status": 0}


def _files() -> dict[str, str]:
    found = {}
    for home in TOOLS:
        for path in glob.glob(f"{home}/**", recursive=True):
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    found[path] = file.read()
    return found


def _clean_interfaces(files: dict[str, str]) -> None:
    """No namespaces and no interfaces but those that the host was booted with, and only the files that it had."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else ():
        subprocess.run(["ip", "netns", "delete", name], check=False)
    made = [name for name in os.listdir("/sys/class/net") if not re.fullmatch(r"lo|eth\d|sit0|bonding_masters", name)]
    for name in made:  # the other end of a pair may have gone with the first
        subprocess.run(["ip", "link", "delete", name], check=False, stderr=subprocess.DEVNULL)
    # what a run that was killed has left to do, and the settings of the roles
    units = [path for path in UNIT if os.path.lexists(path)]
    for path in [*glob.glob("/run/virtnet.kvm/*/*.json"), *glob.glob("/etc/sysctl.d/*virtnet-kvm*"), *units]:
        os.unlink(path)
    for path, text in _files().items():
        if path not in files:
            os.unlink(path)
        elif text != files[path]:
            with open(path, "w", encoding="utf-8") as file:
                file.write(files[path])


def _clean_stations() -> None:
    """The lab's guests that are no domains; their NICs go with the other interfaces."""
    for home in glob.glob("/run/virtnet-lab/*"):
        with contextlib.suppress(OSError), open(f"{home}/state", encoding="utf-8") as state:
            pid, name = state.read().split()
            with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                if comm.read().strip() == name:
                    os.kill(int(pid), signal.SIGKILL)
        shutil.rmtree(home)


def clean(request: dict[str, Any]) -> dict[str, Any]:
    """No guests of either kind, no networks but an inactive `default`, which Debian brings, and no interfaces that were not there."""

    def work() -> None:
        import libvirt

        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        connection = libvirt.open("qemu:///system")
        for domain in connection.listAllDomains(0):
            for step in (domain.destroy, domain.undefine):
                with contextlib.suppress(libvirt.libvirtError):
                    step()
        for network in connection.listAllNetworks(0):
            keep = network.name() == "default"
            for step in (network.destroy,) if keep else (network.destroy, network.undefine):
                with contextlib.suppress(libvirt.libvirtError):
                    step()
        connection.close()
        _clean_stations()
        _clean_interfaces(request["files"])

    err, status = _in_child(work)[1:]
    return {"out": "", "err": err, "status": status}


# What a test may leave behind, a line each: by it `clean` proves itself.
_TRACES = """
ip -o link show | awk '{ print "link", $2, $3 }' | sed 's/,LOWER_UP//; s/,NO-CARRIER//; s/NO-CARRIER,//'
ip -o address show scope global | awk '{ print "address", $2, $4 }'
ip -o route show | awk '{ print "route", $0 }'
ip -o rule show | awk '{ print "rule", $0 }'
tc qdisc show dev eth0 | awk '{ print "queue", $0 }'
ls /run/netns 2>/dev/null | sed 's/^/namespace /'
ps -e -o comm= | grep -E '^(dnsmasq|qemu-system|udhcpc|tcpdump|ping|radvd)' | sed 's/^/process /'
find /etc/sysctl.d /run/virtnet.kvm -type f '(' -path '/etc/*' -o -name '*.json' ')' 2>/dev/null | sed 's/^/file /'
nft list ruleset | grep -E 'virbr|iifname|oifname' | sed 's/^/firewall /'
"""


def traces(_request: dict[str, Any]) -> dict[str, Any]:
    """All that a host has beyond what a test may rely on, in lines that are the same as long as nothing is added."""
    done = subprocess.run(["sh", "-c", _TRACES], check=False, capture_output=True, text=True, timeout=SECONDS)
    return {"out": done.stdout, "err": done.stderr, "status": 0}


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    _preload()
    answers = {
        "module": run_module,
        "shell": run_shell,
        "look": look,
        "interfaces": interfaces,
        "clean": clean,
        "traces": traces,
    }
    files = _files()
    print("ready", flush=True)
    for line in sys.stdin:
        request = {"files": files, **json.loads(line)}
        try:
            if request["do"] in ("module", "interfaces"):
                _settle()
            reply = answers[request["do"]](request)
        except subprocess.TimeoutExpired:
            reply = {"out": "", "err": f"did not end within {SECONDS} s", "status": 124}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
