# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Runs on a lab host and does what it is asked, a line of JSON at a time: modules, shell commands, looks at libvirt.

A module is the very file that Ansible sent, exploded by Ansible's own `explode`, run by the host's own Python with the
arguments in Ansible's own form. That it runs in a fork of a process that has imported its libraries before makes it ten
times as fast. Faults are put in here, from outside: the product has no hooks for tests.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pwd
import runpy
import select
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
    importlib.import_module(f"{NAMESPACE}.module_utils.runner")


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


CALLS = ("define", "undefine", "start", "stop", "set_autostart", "update", "plug_in")


def _put_in(fault: dict[str, Any]) -> None:
    """Before or after the n-th call that changes a network, or moves a guest: a signal, a shell command, or an error."""
    networks = importlib.import_module(f"{NAMESPACE}.module_utils.backend.networks")
    guests = importlib.import_module(f"{NAMESPACE}.module_utils.backend.guests")
    errors = importlib.import_module(f"{NAMESPACE}.module_utils.errors")
    moves = fault.get("calls") == "moves"
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

    where, names = (guests.Guests, ("_move",)) if moves else (networks.Networks, CALLS)
    for name in names:
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


def clean(_request: dict[str, Any]) -> dict[str, Any]:
    """No guests, and no networks but an inactive `default`, which Debian brings."""

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

    err, status = _in_child(work)[1:]
    return {"out": "", "err": err, "status": status}


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    _preload()
    answers = {"module": run_module, "shell": run_shell, "look": look, "clean": clean}
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = answers[request["do"]](request)
        except subprocess.TimeoutExpired:
            reply = {"out": "", "err": f"did not end within {SECONDS} s", "status": 124}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
