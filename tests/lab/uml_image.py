# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The disk of UML hosts: the packages and the settings of VM hosts, with the kernel's modules and an init of the lab."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from . import guest_image, images, net, uml_kernel, vm_image
from .machine import images_dir
from .system import sh

INIT = "/sbin/lab-init"

# The kernel hands words of its command line that it doesn't know to init as its environment: LAB_NAME, LAB_ADDRESS,
# LAB_MACHINE_ID, LAB_BACKEND. What they say is written once, when the host starts for the first time.
_INIT = f"""#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
if [ ! -e /var/lib/virtnet-lab/started ]; then
    echo "$LAB_NAME" >/etc/hostname
    printf '127.0.0.1 localhost\\n127.0.1.1 %s\\n::1 localhost\\n' "$LAB_NAME" >/etc/hosts
    echo "$LAB_MACHINE_ID" >/etc/machine-id
    [ -z "$LAB_BACKEND" ] || echo "firewall_backend = \\"$LAB_BACKEND\\"" >/etc/libvirt/network.conf
    : >/var/lib/virtnet-lab/started
fi
for path in /sys/class/net/vec*; do
    ip link set "${{path##*/}}" name "eth${{path##*/vec}}"
done
ip link set lo up
ip link set eth0 up
ip address add "$LAB_ADDRESS/16" broadcast + dev eth0
ip address add "$LAB_ADDRESS6/64" dev eth0 nodad
ip route add default via {net.GATEWAY}
ip route add default via {net.GATEWAY6}
umount /sys
exec env -i /lib/systemd/systemd
"""

# Run on the copy of the tree: $1 is its path, $2 the kernel's modules.
_SETUP = r"""
set -eu
rm -rf "$1"/usr/lib/modules/* "$1"/boot/*
cp -a "$2"/lib/modules/. "$1/usr/lib/modules/"
"""


@dataclass(frozen=True)
class Image:
    """What a UML host is started from. All of it is only read."""

    path: Path
    kernel: uml_kernel.Kernel

    @property
    def disk(self) -> Path:
        return self.path / "disk.ext4"


def image(distro: str) -> Image:
    """The image of a distro; builds it if it isn't there."""
    kernel = uml_kernel.kernel()
    packages = vm_image.recipe(distro)
    guests = guest_image.guest_files()
    sources = [Path(__file__), Path(vm_image.__file__)]
    made_of = [
        packages.key,
        guests.name,
        kernel.path.name,
        images.public_key(),
        *(path.read_text() for path in sources),
    ]
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:12]
    found = Image(images_dir() / f"umldisk-{distro}-{key}", kernel)
    lock = images_dir() / f".umldisk-{distro}.lock"
    images.once(found.path, lock, lambda: _build(found, images.root_fs(packages), guests, distro))
    return found


def _build(wanted: Image, packages: Path, guests: Path, distro: str) -> None:
    with images.building(wanted.path, f"the disk of UML hosts with {packages.name}") as place:
        root = place / "root"
        root.parent.mkdir()
        vm_image.copy_root(packages, root)
        vm_image.set_up(root, guests)
        sh(["sh", "-c", _SETUP, "setup", root, wanted.kernel.modules])
        init = root / INIT.lstrip("/")
        init.write_text(_INIT)
        init.chmod(0o755)
        vm_image.make_disk(root, Image(place, wanted.kernel).disk)
    images.prune(wanted.path, f"umldisk-{distro}-*")
