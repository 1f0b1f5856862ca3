# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a small guest is booted with: Debian's cloud kernel and an initramfs of a static busybox, in memory only.

The guest asks for a lease on `eth0` and obeys commands on its serial port (`guest_console.py` is the other end). Words
on the kernel's command line make variants: `lab.name=`, `lab.vlan=` (a tag on eth0), `lab.ip=` (an address and no DHCP).
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from . import images
from .images import Recipe, root_fs
from .machine import images_dir, known
from .system import locked
from .vm_boot import kernel_version, unpack_kernel, write_initramfs

MODULES = ("virtio_pci", "virtio_net", "8021q")

# Only what the guest is made of stays of the packages.
_RECIPE = Recipe(
    "guest",
    "trixie",
    packages=("linux-image-cloud-amd64", "busybox-static"),
    variant="extract",
    setup=r"""
set -eu
rm -rf "$1.all"
mv "$1" "$1.all"
mkdir -p "$1/boot" "$1/bin" "$1/lib"
mv "$1.all"/boot/vmlinuz-* "$1/boot/"
mv "$1.all/usr/bin/busybox" "$1/bin/"
mv "$1.all/usr/lib/modules" "$1/lib/"
rm -r "$1.all"
""",
)

# Obeys what the other end says.
LOOP = r"""script='' last=''
while read -r word rest; do
    case $word in
    @part) script=$script$rest; printf '\n@lab part\n';;
    @sync) script=''; printf '\n@lab sync %s\n' "$rest";;
    @run)
        mark=${rest% *}
        if [ "$mark" != "$last" ]; then
            last=$mark
            printf '\n@lab run %s\n' "$mark"
            printf %s "$script" | base64 -d >/run/command
            timeout "${rest#* }" sh /run/command </dev/null >/run/output 2>&1
            printf '\n@lab begin %s\n' $?; base64 /run/output; printf '\n@lab end\n'
        fi;;
    esac
done
"""

_INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
echo 1 > /proc/sys/kernel/printk
name=guest vlan='' address=''
for word in $(cat /proc/cmdline); do
    case $word in lab.name=*) name=${word#*=};; lab.vlan=*) vlan=${word#*=};; lab.ip=*) address=${word#*=};; esac
done
hostname "$name"
for module in $(cat /modules/order); do insmod "/modules/$module"; done
ip link set lo up
ip link set eth0 up
device=eth0
if [ -n "$vlan" ]; then
    device=eth0.$vlan
    ip link add link eth0 name "$device" type vlan id "$vlan"
    ip link set "$device" up
fi
if [ -n "$address" ]; then
    ip address add "$address" dev "$device"
else
    udhcpc -f -i "$device" -s /dhcp -x "hostname:$name" -p /run/udhcpc.pid -t 8 -T 1 -A 1 >/run/udhcpc.log 2>&1 &
fi
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty raw -echo
@LOOP@poweroff -f
"""

# The first field of the lease is the address; it is there for as long as the lease is.
DHCP_SCRIPT = r"""#!/bin/sh
case $1 in
deconfig) rm -f /run/lease; ip -4 address flush dev "$interface"; ip link set "$interface" up;;
bound|renew)
    ip -4 address replace "$ip/$mask" dev "$interface"
    [ -z "$router" ] || ip route replace default via "${router%% *}" dev "$interface"
    : > /etc/resolv.conf
    [ -z "$domain" ] || echo "search $domain" >> /etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >> /etc/resolv.conf; done
    echo "$ip $mask router=$router dns=$dns domain=$domain lease=$lease mtu=$mtu serverid=$serverid" > /run/lease.new
    mv /run/lease.new /run/lease;;
esac
"""


def files_dir() -> Path:
    """What a host may see of the cache, and container hosts have mounted."""
    path = images_dir() / "guest-files"
    path.mkdir(parents=True, exist_ok=True)
    return path


def guest_files() -> Path:
    """The directory with `vmlinux`, `initramfs` and `console.py`; its name changes when one of them does."""
    console = Path(__file__).with_name("guest_console.py")
    parts = (_RECIPE.key, _INIT, DHCP_SCRIPT, " ".join(MODULES), console.read_text())
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    done = files_dir() / key
    if done.is_dir():
        return done
    root = root_fs(_RECIPE)
    with locked(images_dir() / ".guest-files.lock"):
        if not done.is_dir():
            # The guests that a running host has defined name these files.
            if not any(known()):
                for old in files_dir().iterdir():
                    shutil.rmtree(old)
            with images.building(done, "the small guests") as place:
                place.mkdir(mode=0o755)
                unpack_kernel(root / "boot" / f"vmlinuz-{kernel_version(root)}", place / "vmlinux")
                scripts = {
                    "init": _INIT.replace("@LOOP@", LOOP),
                    "dhcp": DHCP_SCRIPT,
                    "etc/hosts": "127.0.0.1 localhost\n",
                }
                write_initramfs(place / "initramfs", root, root / "bin/busybox", MODULES, scripts)
                shutil.copy(console, place / "console.py")
                for path in place.iterdir():
                    path.chmod(0o644)
    return done
