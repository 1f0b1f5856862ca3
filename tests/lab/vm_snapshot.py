# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A booted VM host, kept: its memory in a file, the state of its devices in another, its disk in an overlay.

An emulated machine takes most of a minute to boot and two seconds to be continued. The memory's file is mapped
privately by each machine that is continued from it, so they share what they don't change.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import images, vm_qemu
from .machine import known
from .system import sh
from .vm_accel import Accelerator, qemu_version
from .vm_image import Image

if TYPE_CHECKING:
    from .vm import VmMachine

# What the first user of a host would wait for: libvirt asks its QEMU what it can do, modules are linked into the
# kernel, and what Ansible's modules import is read from the disk. None of it leaves a trace in the host's state.
_WARM = r"""
set -eu
virsh version --daemon >/dev/null
virsh net-list --all >/dev/null
virsh domcapabilities --virttype kvm >/dev/null
virsh domcapabilities --virttype qemu >/dev/null
modprobe -a bridge 8021q dummy tun veth nf_tables nft_chain_nat nft_compat xt_conntrack xt_MASQUERADE xt_comment ip6t_REJECT ipt_REJECT
python3 -c 'import libvirt, lxml.etree, netaddr, pyroute2, json, zipfile, tempfile, platform, logging.handlers'
nft list ruleset >/dev/null
ip -j -d link >/dev/null
sync
"""


@dataclass(frozen=True)
class Snapshot:
    path: Path

    @property
    def ram(self) -> Path:
        return self.path / "ram"

    @property
    def devices(self) -> Path:
        return self.path / "devices"

    @property
    def disk(self) -> Path:
        return self.path / vm_qemu.DISK


def ready(image: Image, accelerator: Accelerator) -> Snapshot:
    """The snapshot of a booted machine of this image; makes it if it isn't there."""
    # It depends on QEMU, and on the devices that it was made with.
    parts = [qemu_version(), *accelerator.arguments, Path(vm_qemu.__file__).read_text(), Path(__file__).read_text()]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    snapshot = Snapshot(image.path / f"snapshot-{key}")
    images.once(snapshot.path, image.path / ".snapshot.lock", lambda: _make(snapshot, image, accelerator))
    return snapshot


def _make(snapshot: Snapshot, image: Image, accelerator: Accelerator) -> None:
    from .vm import VmMachine

    images.say(f"booting {image.distro} once, to keep its state (a minute or two)")
    # A machine like any other, so that `down` finds it if this is interrupted.
    machine = VmMachine(f"mk-{image.distro}", image.distro)
    machine.down()
    with images.building(snapshot.path, f"the snapshot of a booted {image.distro}") as place:
        place.mkdir()
        building = Snapshot(place)
        try:
            _boot_and_save(machine, building, image, accelerator)
            shutil.move(machine.dir / vm_qemu.DISK, building.disk)
        finally:
            machine.down()
        # Memory that was never used takes no room.
        sh(["fallocate", "--dig-holes", building.ram])
    _prune(snapshot)


def _boot_and_save(machine: VmMachine, building: Snapshot, image: Image, accelerator: Accelerator) -> None:
    machine.boot(image, accelerator, ram=building.ram)
    machine.wait_for_boot()
    machine.run(_WARM)
    # A connection that is open in the snapshot would be one to nobody.
    machine.drop_connections()
    with vm_qemu.Qmp(machine.dir) as qmp:
        qmp.save_devices(building.devices)


def _prune(newest: Snapshot) -> None:
    used = {str(machine.state.get("snapshot")) for machine in known()}
    for path in newest.path.parent.glob("snapshot-*"):
        if path != newest.path and str(path) not in used:
            shutil.rmtree(path, ignore_errors=True)
