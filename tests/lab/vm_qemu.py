# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""One QEMU process: its command line, and its control socket (QMP)."""

from __future__ import annotations

import json
import os
import shlex
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from .booted import CONSOLE
from .machine import LabError
from .system import sh
from .vm_accel import QEMU, Accelerator
from .vm_boot import KERNEL_OPTIONS
from .vm_image import Image

MEMORY = "2G"
SOCKET = "qmp"
DISK = "disk.qcow2"
# Behind all that `command` names.
_FIRST_SLOT = 0xF


def make_overlay(backing: Path, backing_format: str, overlay: Path) -> None:
    overlay.unlink(missing_ok=True)
    sh(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", backing_format, overlay])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(
    image: Image,
    accelerator: Accelerator,
    port: int,
    *,
    ram: Path | None = None,
    share: bool = False,
    kernel_options: Sequence[str] = (),
    incoming: bool = False,
) -> list[str]:
    """QEMU for a VM whose files are in the directory that it is started in.

    A snapshot is made and restored with the same devices, in the same order: they are only written here.
    """
    options = [KERNEL_OPTIONS, *kernel_options]
    memory = f"memory-backend-file,id=ram,size={MEMORY},mem-path={_escaped(ram)},share={'on' if share else 'off'}"
    if ram is None:
        memory = f"memory-backend-ram,id=ram,size={MEMORY}"
    words = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-msg", "timestamp=on"]
    words += ["-machine", "pc,memory-backend=ram", *accelerator.arguments, "-m", MEMORY]
    words += ["-object", memory]
    words += ["-kernel", str(image.kernel), "-initrd", str(image.initramfs), "-append", " ".join(options)]
    # A lab's disk may be lost with the machine: nothing is ever synced.
    words += ["-drive", f"file={DISK},format=qcow2,if=virtio,cache=unsafe,discard=unmap"]
    # restrict: nothing gets out, and only the forwarded port gets in.
    words += ["-netdev", f"user,id=mgmt,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:{port}-:22"]
    words += ["-device", "virtio-net-pci,netdev=mgmt,mac=52:54:00:6c:61:62,romfile="]
    words += ["-device", "vmgenid,guid=auto", "-rtc", "base=utc"]
    words += ["-serial", f"file:{CONSOLE}", "-qmp", f"unix:{SOCKET},server=on,wait=off"]
    # Paused either way: further NICs are plugged in before it runs, so that snapshots needn't know of them.
    return [*words, *(["-incoming", "defer"] if incoming else ["-S"])]


def _escaped(path: Path | None) -> str:
    # A comma ends a value for QEMU, unless it is doubled.
    return str(path).replace(",", ",,")


class Qmp:
    """A connection to a QEMU's control socket."""

    def __init__(self, directory: Path, timeout: float = 30) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        # By way of a descriptor: a socket's path may only be 107 bytes long, and a cache may be anywhere.
        descriptor = os.open(directory, os.O_PATH)
        try:
            self._socket.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
        except OSError:
            self._socket.close()
            raise
        finally:
            os.close(descriptor)
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._lines.readline()
        self("qmp_capabilities")

    def __call__(self, name: str, *descriptors: int, **arguments: Any) -> Any:
        words = {"execute": name, "arguments": {key.replace("_", "-"): value for key, value in arguments.items()}}
        socket.send_fds(self._socket, [json.dumps(words).encode()], descriptors)
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU, asked for {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise LabError(f"QEMU ended while it was asked for {name}")

    def __enter__(self) -> Qmp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()

    # -- snapshots -----------------------------------------------------------------------------------------------

    def save_devices(self, target: Path) -> None:
        """Write all but the memory, which is a shared file, and leave the machine paused."""
        self("stop")
        self._ignore_shared_memory()
        # `exec:` and not `file:`, which QEMU knows since 8.2.
        self("migrate", uri=f"exec:cat > {shlex.quote(str(target))}")
        self._wait("query-migrate", "completed", ("failed", "cancelled"))

    def load_devices(self, source: Path) -> None:
        """Be where `save_devices` stopped; `cont` goes on from there."""
        self._ignore_shared_memory()
        self("migrate-incoming", uri=f"exec:cat {shlex.quote(str(source))}")
        self._wait("query-migrate", "completed", ("failed", "cancelled"))

    def plug(self, index: int, tap: int, mac: str) -> None:
        """Plug a further NIC in a machine that is paused; the machine will name them in the order of their index."""
        name = f"link{index}"
        self("getfd", tap, fdname=name)
        self("netdev_add", type="tap", id=name, fd=name)
        slot = f"{_FIRST_SLOT + index:x}"
        self("device_add", driver="virtio-net-pci", id=f"nic-{name}", netdev=name, mac=mac, romfile="", addr=slot)

    def _ignore_shared_memory(self) -> None:
        self("migrate-set-capabilities", capabilities=[{"capability": "x-ignore-shared", "state": True}])

    def _wait(self, query: str, wanted: str, bad: Sequence[str], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while (status := self(query).get("status")) != wanted:
            if status in bad or time.monotonic() > deadline:
                raise LabError(f"QEMU's {query} says {status!r}, where {wanted!r} was waited for")
            time.sleep(0.02)
