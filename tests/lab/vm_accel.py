# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Which accelerator VMs get: KVM where a trial boot works, else QEMU's own emulation.

A /dev/kvm that opens proves little: on a machine that is virtual itself it may abort at the first unknown register, or
stall. So one kernel is booted with it, for a bounded time, and the answer is kept for as long as the machine's kernel
and QEMU stay the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import images, vm_boot
from .machine import LabError, images_dir
from .system import locked, sh

QEMU = "qemu-system-x86_64"
TRIAL_SECONDS = 20


@dataclass(frozen=True)
class Accelerator:
    name: str
    arguments: tuple[str, ...]


# The emulated CPU can do AMD's virtualisation, so domains of type kvm run in an emulated VM too. It is one, as before QEMU
# 8.1 one CPU may run what another is just patching: Linux then dies of `Oops: int3` now and then, as it patches itself
# whenever a guest or a firewall's rule comes or goes ("accel/tcg: Always lock pages before translation").
TCG = Accelerator("tcg", ("-accel", "tcg", "-cpu", "max", "-smp", "1"))
KVM = Accelerator("kvm", ("-accel", "kvm", "-cpu", "host", "-smp", "2"))


def qemu_version() -> str:
    try:
        return sh([QEMU, "--version"]).splitlines()[0]
    except FileNotFoundError:
        raise LabError(f"{QEMU} is missing; `script/bootstrap lab` installs it") from None


def choose(kernel: Path, initramfs: Path) -> Accelerator:
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    parts = [platform.release(), qemu_version(), str(kernel)]
    answer = images_dir() / f".kvm-trial-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]}"
    with locked(images_dir() / ".kvm-trial.lock"):
        if not answer.exists():
            images.say("trying whether /dev/kvm can run a machine (once)")
            works = _trial(KVM, kernel, initramfs)
            images.say("it can: VMs are fast" if works else "it can't: VMs are emulated, and slow")
            answer.write_text("works" if works else "does not work")
    return KVM if answer.read_text() == "works" else TCG


def _trial(accelerator: Accelerator, kernel: Path, initramfs: Path) -> bool:
    command = [QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-machine", "pc", *accelerator.arguments]
    command += ["-m", "512M", "-display", "none", "-serial", "stdio", "-kernel", str(kernel)]
    command += ["-initrd", str(initramfs), "-append", f"{vm_boot.KERNEL_OPTIONS} {vm_boot.TRIAL_OPTION}"]
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=TRIAL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return vm_boot.TRIAL_ANSWER.encode() in done.stdout
