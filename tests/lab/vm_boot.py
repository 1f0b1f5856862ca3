# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a VM host is booted with: Debian's kernel, uncompressed, and an initramfs of three megabytes.

QEMU starts an uncompressed `vmlinux` by its PVH entry, which spares an emulated CPU the boot loader and the
decompression; the distribution's own initramfs alone would take ten seconds of such a CPU.
"""

from __future__ import annotations

import lzma
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .machine import LabError

# QEMU's user network: the guest has 10.0.2.15, and QEMU itself, which forwards the SSH port, is 10.0.2.2.
MANAGEMENT_DEVICE = "eth0"
MANAGEMENT_CIDR = "10.0.2.15/24"
# It answers to a ping and leads nowhere: enough to tell a network with a way out from one without.
GATEWAY = "10.0.2.2"

MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ext4", "crc32c_generic")

# Debian 12's kernel is packed with lz4, Debian 13's with zstd.
_DECOMPRESS = {
    b"\x02\x21\x4c\x18": ["lz4", "-dc"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dc"],
    b"\xfd7zXZ\x00": ["xz", "-dc"],
}

# Nothing here changes what a network does. They spare an emulated CPU what a lab has no use for: calibrations,
# self-tests, mitigations of hardware that isn't there, and waiting for entropy and for RCU's grace periods.
KERNEL_OPTIONS = (
    "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 panic=-1 mitigations=off audit=0 nokaslr no_timer_check "
    "tsc=reliable random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1 lsm=yama systemd.show_status=0"
)

TRIAL_OPTION = "lab.trial"
TRIAL_ANSWER = "lab-trial-passed"

_INIT = f"""#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
# All that the trial of an accelerator asks for.
case "$(busybox cat /proc/cmdline)" in *{TRIAL_OPTION}*) echo {TRIAL_ANSWER}; busybox poweroff -f;; esac
for module in $(busybox cat /modules/order); do busybox insmod /modules/$module; done
busybox ip link set lo up
busybox ip address add {MANAGEMENT_CIDR} dev {MANAGEMENT_DEVICE}
busybox ip link set {MANAGEMENT_DEVICE} up
busybox ip route add default via {GATEWAY}
tries=0
until busybox mount -t ext4 -o noatime /dev/vda /root; do
    tries=$((tries + 1)); [ $tries -lt 50 ] || exec busybox sh
    busybox sleep 0.1
done
busybox mount --move /dev /root/dev
busybox umount /sys /proc
exec busybox switch_root /root /lib/systemd/systemd
"""


def kernel_version(root: Path) -> str:
    """The one kernel that is installed below root."""
    found = sorted(path.name for path in (root / "lib/modules").iterdir())
    if len(found) != 1:
        raise LabError(f"{root}: expected one kernel, found {', '.join(found) or 'none'}")
    return found[0]


def unpack_kernel(vmlinuz: Path, vmlinux: Path) -> None:
    """Write the ELF file that a bzImage carries. The offsets are those of the kernel's x86 boot protocol."""
    image = vmlinuz.read_bytes()
    if image[0x202:0x206] != b"HdrS":
        raise LabError(f"{vmlinuz} is not an x86 kernel")
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (image[0x1F1] + 1) * 512 + offset
    payload = image[start : start + length]
    for magic, command in _DECOMPRESS.items():
        if payload.startswith(magic):
            # The kernel's build appends the size in four bytes, which a decompressor would take for a broken frame.
            done = subprocess.run(command, input=payload[:-4], capture_output=True, check=True)
            vmlinux.write_bytes(done.stdout)
            return
    raise LabError(f"{vmlinuz}: compressed with something else than {', '.join(c[0] for c in _DECOMPRESS.values())}")


def _module_name(path: str) -> str:
    return Path(path).name.split(".ko")[0].replace("-", "_")


def read_module(path: Path) -> bytes:
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def _in_loading_order(modules_dir: Path, names: Sequence[str]) -> list[Path]:
    """The files of these modules in the order in which they load; a module that is built in has none.

    A module says itself what it needs, so this does without depmod's index, which a tree may lack.
    """
    files = {_module_name(path.name): path for path in modules_dir.rglob("*.ko*")}
    built_in = {_module_name(line) for line in (modules_dir / "modules.builtin").read_text().splitlines()}
    order: list[Path] = []

    def add(name: str) -> None:
        if name in built_in:
            return
        if name not in files:
            raise LabError(f"{modules_dir} has no module {name}")
        if files[name] in order:
            return
        needs = re.search(rb"\0depends=([^\0]*)\0", read_module(files[name]))
        for need in needs[1].decode().replace("-", "_").split(",") if needs else ():
            if need:
                add(need)
        order.append(files[name])

    for name in names:
        add(name)
    return order


def write_initramfs(
    target: Path, root: Path, busybox: Path, modules: Sequence[str], scripts: Mapping[str, str]
) -> None:
    """An initramfs of a static busybox, the named modules of the kernel below root, and scripts by their paths.

    `/modules/order` in it lists the modules' files in the order to load them in.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        tree = Path(name)
        for directory in ("bin", "dev", "etc", "modules", "proc", "root", "run", "sys", "tmp"):
            (tree / directory).mkdir()
        shutil.copy2(busybox, tree / "bin/busybox")
        order = []
        for path in _in_loading_order(root / "lib/modules" / kernel_version(root), modules):
            order.append(path.name.removesuffix(".xz"))
            (tree / "modules" / order[-1]).write_bytes(read_module(path))
        (tree / "modules/order").write_text("\n".join(order) + "\n")
        for script, text in scripts.items():
            (tree / script).write_text(text)
            (tree / script).chmod(0o755)
        files = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        pack = ["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"]
        done = subprocess.run(pack, cwd=tree, input=files.encode(), capture_output=True, check=True)
        target.write_bytes(done.stdout)


def build_initramfs(root: Path, busybox: Path, target: Path) -> None:
    """The initramfs of a VM host: it reaches the disk and the network, and goes."""
    write_initramfs(target, root, busybox, MODULES, {"init": _INIT})
