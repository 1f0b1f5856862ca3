# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Root file systems from Debian's packages, built once and kept in the cache.

A file system is named after a hash of its recipe: change the recipe and the next use builds anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .machine import LabError, images_dir, known
from .system import held_locks, locked, sh

HOST_PACKAGES = (
    # a Debian that boots and is reached
    "systemd-sysv",
    "dbus",
    "openssh-server",
    # what a KVM host has
    "libvirt-daemon-system",
    "libvirt-clients",
    "qemu-system-x86",
    "ipxe-qemu",
    "dnsmasq-base",
    "nftables",
    "iptables",
    "ebtables",
    "iproute2",
    # what else may decide about packets; it is off until a test starts it
    "firewalld",
    "ufw",
    # what the modules import
    "python3",
    "python3-apt",
    "python3-libvirt",
    "python3-lxml",
    "python3-netaddr",
    "python3-nftables",
    "python3-pyroute2",
    "python3-yaml",
    # what a test looks with
    "busybox-static",
    "conntrack",
    "iputils-ping",
    "tcpdump",
)

# With less than this free, in bytes, what failed has probably failed for lack of room.
_FULL = 50_000_000

# Documentation and translations are a third of the size, and nobody reads them here.
_LEFT_OUT = ("man", "doc", "locale", "info", "lintian", "bash-completion")

# Run in the finished tree; $1 is its path.
HOST_SETUP = r"""
set -eu
root="$1"
# Each machine brings its own identity.
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id"
ln -s /etc/machine-id "$root/var/lib/dbus/machine-id"
# systemd-resolved makes it a link to a file of its own, and a command for the records of other programs.
rm -f "$root/etc/resolv.conf" "$root/etc/.resolv.conf.systemd-resolved.bak" "$root/sbin/resolvconf"
: > "$root/etc/resolv.conf"
rm -f "$root/etc/libvirt/qemu/networks/autostart/default.xml"
cat > "$root/etc/ssh/sshd_config.d/lab.conf" <<END
UseDNS no
UsePAM no
MaxSessions 100
MaxStartups 100
END
# Timers have nothing to do in a lab; libvirt-guests would wait minutes for guests that know no ACPI.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    e2scrub_reap.service libvirt-guests.service systemd-networkd-wait-online.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
chroot "$root" systemctl disable --quiet firewalld.service ufw.service
"""


@dataclass(frozen=True)
class Recipe:
    """What a root file system is made of."""

    label: str
    distro: str
    packages: tuple[str, ...] = HOST_PACKAGES
    # Shell script that is run on the finished tree, whose path is $1.
    setup: str = HOST_SETUP
    variant: str = "minbase"
    # Further suites of Debian that packages may come from.
    suites: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        parts = [self.distro, sorted(self.packages), self.setup, self.variant, _LEFT_OUT, *self.suites]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]

    @property
    def path(self) -> Path:
        return images_dir() / f"{self.label}-{self.distro}-{self.key}"


def say(words: str) -> None:
    print(f"lab: {words}", file=sys.stderr, flush=True)


def root_fs(recipe: Recipe) -> Path:
    """The tree of a recipe; builds it if it isn't there."""
    once(recipe.path, images_dir() / f".{recipe.label}-{recipe.distro}.lock", lambda: _build(recipe))
    return recipe.path


def once(wanted: Path, lock: Path, build: Callable[[], None]) -> None:
    """Build a directory that isn't there. Who else wants it waits for it."""
    if not wanted.is_dir():
        with locked(lock):
            if not wanted.is_dir():
                build()


@contextmanager
def building(wanted: Path, what: str) -> Iterator[Path]:
    """A directory to build something in, which becomes `wanted` at the end, and is removed if anything goes wrong."""
    began = time.monotonic()
    place = wanted.with_name(f".building-{wanted.name}")
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield place
        place.rename(wanted)
    except OSError as error:
        raise LabError(f"{what} can't be built: {error}") from None
    except LabError as error:
        free = shutil.disk_usage(place.parent).free
        hint = f"; the disk of {place.parent} is full" if free < _FULL else ""
        raise LabError(f"{what} can't be built: {error}{hint}") from None
    finally:
        for left in (place, Path(f"{place}.all")):
            shutil.rmtree(left, ignore_errors=True)
    say(f"built {wanted.name} in {time.monotonic() - began:.0f} s")


def _build(recipe: Recipe) -> None:
    say(f"building the {recipe.label} image of {recipe.distro} (a minute or two, once)")
    with building(recipe.path, f"the {recipe.label} image of {recipe.distro}") as place:
        _bootstrap(recipe, place)
        sh(["sh", "-c", recipe.setup, "setup", place])
    prune(recipe.path, f"{recipe.label}-{recipe.distro}-*")


def _bootstrap(recipe: Recipe, place: Path) -> None:
    excludes = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    log = images_dir() / f"{recipe.label}-{recipe.distro}.log"
    command = ["nice", "mmdebstrap", "--mode=root", f"--variant={recipe.variant}", *excludes]
    for suite in recipe.suites:
        # The mirror is the one that mmdebstrap has written there for the distribution itself.
        line = f"s/ {recipe.distro} main/ {suite} main/p"
        command.append(f'--setup-hook=cd "$1/etc/apt" && sed -n "{line}" sources.list >lab && cat lab >>sources.list')
    command += [f"--include={','.join(recipe.packages)}", recipe.distro, str(place)]
    # Optional, for a machine that reaches Debian's packages by another way than mmdebstrap's own default.
    if mirror := os.environ.get("VIRTNET_LAB_MIRROR"):
        command.append(mirror)
    with log.open("w") as output:
        done = subprocess.run(
            command,
            check=False,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            pass_fds=held_locks(),
        )
    if done.returncode != 0:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith("E: ") or "No space" in line] or lines[-1:]
        why = (telling or ["it said nothing"])[0].removeprefix("E: ").rstrip(".")
        raise LabError(f"{why} (all of it is in {log})")


def prune(newest: Path, pattern: str) -> None:
    """Remove the images that older recipes made, unless a machine still stands on one."""
    used = {str(machine.state.get("image")) for machine in known()}
    for path in images_dir().glob(pattern):
        if path.is_dir() and path != newest and str(path) not in used:
            shutil.rmtree(path, ignore_errors=True)


def container_root(distro: str) -> Path:
    return root_fs(Recipe("container", distro, HOST_PACKAGES, setup=HOST_SETUP + _CONTAINER_SETUP))


# A container's /proc/sys is read-only but for the network's part, which is the part that a reboot must bring back.
_CONTAINER_SETUP = r"""
mkdir -p "$root/etc/systemd/system/systemd-sysctl.service.d"
cat > "$root/etc/systemd/system/systemd-sysctl.service.d/lab.conf" <<END
[Unit]
ConditionPathIsReadWrite=
ConditionPathIsReadWrite=/proc/sys/net
[Service]
SuccessExitStatus=1
END
"""


def ssh_key() -> Path:
    """The private key of the lab's own; its public part is beside it."""
    key = images_dir() / "id_ed25519"
    if not key.exists():
        with locked(images_dir() / ".key.lock"):
            if not key.exists():
                new = images_dir() / "id_ed25519.new"
                sh(["rm", "-f", new, f"{new}.pub"])
                sh(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "virtnet-lab", "-f", new])
                Path(f"{new}.pub").rename(f"{key}.pub")
                new.rename(key)
    return key


def public_key() -> str:
    return Path(f"{ssh_key()}.pub").read_text()
