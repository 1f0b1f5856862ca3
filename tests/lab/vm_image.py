# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The disk, kernel and initramfs of VM hosts: the same Debian as the containers', and what makes it boot quickly.

Boot time is CPU time here, since the CPU is emulated where KVM is not to be had. So whatever starts a process and has
no use in a lab is left out. What makes or names network devices stays as Debian ships it.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import guest_image, images, vm_boot
from .machine import images_dir
from .system import sh

_PACKAGES = (
    "linux-image-cloud-amd64",
    "udev",
    "kmod",
    "xz-utils",
    # what may configure a host's interfaces, besides systemd-networkd
    "network-manager",
    "netplan.io",
    "ifupdown",
    "bridge-utils",
    "vlan",
    "systemd-resolved",
    # what tunes a host
    "ethtool",
    "irqbalance",
    "tuned",
)
# It is large, so that only those hosts have it that can start containers.
_DOCKER = {"bookworm": ("docker.io",), "trixie": ("docker.io", "docker-cli")}
DISK_SIZE = "6G"

# systemd-machined (libvirt's domains), kmod-static-nodes (/dev/net/tun) and logind are needed, slow as they are.
MASKED_UNITS = """
    apt-daily.service console-getty.service dev-hugepages.mount dev-mqueue.mount getty@.service getty-static.service
    ldconfig.service logrotate.timer modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service
    modprobe@fuse.service proc-sys-fs-binfmt_misc.automount serial-getty@.service sys-fs-fuse-connections.mount
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-ask-password-console.path
    systemd-ask-password-wall.path systemd-binfmt.service systemd-hwdb-update.service
    systemd-journal-catalog-update.service systemd-journal-flush.service systemd-pstore.service
    systemd-random-seed.service systemd-rfkill.socket systemd-tmpfiles-clean.timer systemd-udev-load-credentials.service
    systemd-update-done.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
""".split()

MASKED_GENERATORS = """
    systemd-bless-boot-generator systemd-cryptsetup-generator systemd-debug-generator systemd-getty-generator
    systemd-gpt-auto-generator systemd-hibernate-resume-generator systemd-import-generator systemd-rc-local-generator
    systemd-run-generator systemd-ssh-generator systemd-system-update-generator systemd-tpm2-generator
    systemd-veritysetup-generator
""".split()

# All but those for devices of the network, for modules to load by themselves, and for systemd.
MASKED_RULES = """
    50-firmware 55-dm 60-autosuspend 60-block 60-cdrom_id 60-drm 60-evdev 60-fido-id 60-infiniband 60-input-id
    60-mdevctl 60-persistent-alsa 60-persistent-input 60-persistent-storage 60-persistent-storage-dm
    60-persistent-storage-mtd 60-persistent-storage-tape 60-persistent-v4l 60-sensor 60-serial 64-btrfs 70-camera
    70-joystick 70-memory 70-mouse 70-power-switch 70-touchpad 70-uaccess 71-seat 73-seat-late 75-probe_mtd 78-sound-card
    90-iocost 95-dm-notify
""".split()

# None of those that may configure interfaces, or tune the host, does, until somebody enables it.
DISABLED_UNITS = """
    NetworkManager.service NetworkManager-dispatcher.service NetworkManager-wait-online.service networking.service
    systemd-networkd.service systemd-networkd.socket irqbalance.service tuned.service
    systemd-resolved.service docker.service docker.socket containerd.service
""".split()

# Run on a copy of the tree: $1 is its path, $2 the SSH key that is let in, $3 the files of the small guests.
_SETUP = r"""
set -eu
root="$1"
mask() { dir="$1"; shift; mkdir -p "$dir"; for name in "$@"; do ln -sf /dev/null "$dir/$name"; done; }
etc="$root/etc"
mask "$etc/systemd/system" {units}
mask "$etc/systemd/system-generators" {generators}
mask "$etc/udev/rules.d" {rules}
chroot "$root" systemctl disable --quiet {disabled}
# It would start a shell for each interface that comes and goes, also where ifupdown has nothing to do.
mask "$etc/udev/rules.d" 80-ifupdown.rules
# eth0, the way in, has its address from the initramfs. Whoever is enabled leaves it as it is: systemd-networkd and
# ifupdown have no file about it, and so does netplan; NetworkManager would take whatever is there.
mkdir -p "$etc/NetworkManager/conf.d" "$etc/network/interfaces.d"
printf '[keyfile]\nunmanaged-devices=interface-name:{management}\n' > "$etc/NetworkManager/conf.d/lab.conf"
printf 'source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n' > "$etc/network/interfaces"
# The kernel is not started from this disk.
rm -rf "$root"/boot/initrd.img* "$root"/initrd.img* "$root"/vmlinuz*

mkdir -p "$etc/systemd/journald.conf.d" "$etc/systemd/system/ssh.service.d" "$etc/systemd/system/systemd-udev-trigger.service.d"
printf '[Journal]\nStorage=volatile\n' > "$etc/systemd/journald.conf.d/lab.conf"
printf '[Service]\nExecStartPre=\n' > "$etc/systemd/system/ssh.service.d/lab.conf"
# Of the devices that are there at boot these alone have rules left.
cat > "$etc/systemd/system/systemd-udev-trigger.service.d/lab.conf" <<END
[Service]
ExecStart=
ExecStart=-udevadm trigger --action=add --subsystem-match=net --subsystem-match=misc
END
# For the VM's own domains. Nothing of the boot waits for it but libvirt, which looks for it when it starts.
cat > "$etc/systemd/system/lab-kvm.service" <<END
[Unit]
DefaultDependencies=no
Before=libvirtd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'modprobe -q kvm_amd || modprobe -q kvm_intel || true'
END
mkdir -p "$etc/systemd/system/libvirtd.service.wants"
ln -sf ../lab-kvm.service "$etc/systemd/system/libvirtd.service.wants/lab-kvm.service"
echo tun > "$etc/modules-load.d/lab.conf"
# Modules are many and small, and an emulated CPU is long at unpacking them.
chroot "$root" sh -c 'find /lib/modules/ -name "*.ko.xz" -exec xz -d {} + && depmod "$(ls /lib/modules)"'

mkdir -p -m 700 "$root/root/.ssh"
echo "$2" > "$root/root/.ssh/authorized_keys"
guests="$root/var/lib/virtnet-lab"
mkdir -p "$guests/files"
chmod 1777 "$guests"
cp -a "$3" "$guests/files/"
"""


@dataclass(frozen=True)
class Image:
    """What a VM is started from. All of it is only read."""

    distro: str
    path: Path

    @property
    def disk(self) -> Path:
        return self.path / "disk.ext4"

    @property
    def kernel(self) -> Path:
        return self.path / "vmlinux"

    @property
    def initramfs(self) -> Path:
        return self.path / "initramfs"


def _setup() -> str:
    text = _SETUP.replace("{units}", " ".join(MASKED_UNITS))
    text = text.replace("{generators}", " ".join(MASKED_GENERATORS))
    text = text.replace("{disabled}", " ".join(DISABLED_UNITS)).replace("{management}", vm_boot.MANAGEMENT_DEVICE)
    return text.replace("{rules}", " ".join(f"{name}.rules" for name in MASKED_RULES))


def recipe(distro: str) -> images.Recipe:
    """The packages of a host with a kernel of its own: a VM host, or a UML host."""
    packages = (*images.HOST_PACKAGES, *_PACKAGES, *_DOCKER[distro])
    return images.Recipe("vm", distro, packages, setup=images.HOST_SETUP)


def image(distro: str) -> Image:
    """The image of a distro; builds it if it isn't there."""
    packages = recipe(distro)
    guests = guest_image.guest_files()
    # The files that say how it is made are part of its name: who changes them gets a new one.
    sources = [Path(__file__), Path(vm_boot.__file__)]
    made_of = [packages.key, guests.name, images.public_key(), *(path.read_text() for path in sources)]
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:12]
    found = Image(distro, images_dir() / f"vmdisk-{distro}-{key}")
    lock = images_dir() / f".vmdisk-{distro}.lock"
    images.once(found.path, lock, lambda: _build(found, images.root_fs(packages), guests))
    return found


def build(distro: str) -> Path:
    """All that the first machine of a distro would wait for."""
    from . import vm_accel, vm_snapshot  # which stand on this file

    found = image(distro)
    accelerator = vm_accel.choose(found.kernel, found.initramfs)
    if accelerator is vm_accel.TCG:
        vm_snapshot.ready(found, accelerator)
    return found.path


def _build(wanted: Image, packages: Path, guests: Path) -> None:
    with images.building(wanted.path, f"the disk of VM hosts with {packages.name}") as place:
        building = Image(wanted.distro, place)
        root = place / "root"
        root.parent.mkdir()
        copy_root(packages, root)
        version = vm_boot.kernel_version(root)
        vm_boot.unpack_kernel(root / f"boot/vmlinuz-{version}", building.kernel)
        set_up(root, guests)
        vm_boot.build_initramfs(root, root / "usr/bin/busybox", building.initramfs)
        make_disk(root, building.disk)
    images.prune(wanted.path, f"vmdisk-{wanted.distro}-*")


def copy_root(packages: Path, root: Path) -> None:
    sh(["cp", "-a", "--reflink=auto", packages, root])


def set_up(root: Path, guests: Path) -> None:
    """Make a copy of the packages' tree a host with a kernel of its own."""
    sh(["sh", "-c", _setup(), "setup", root, images.public_key().strip(), guests])


def make_disk(root: Path, disk: Path) -> None:
    """Turn a tree into a disk."""
    sh(["truncate", "-s", DISK_SIZE, disk])
    # No mount, no loop device: mkfs fills it.
    sh(["mkfs.ext4", "-q", "-F", "-O", "^metadata_csum", "-d", root, disk])
    shutil.rmtree(root)
