# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The kernel of UML hosts: Linux's newest source package of Debian, built for User-Mode Linux.

Debian's own user-mode-linux packages lack parts of nftables. `uml_kernel.config` names what a KVM host's network needs, all of
it built in; the rest is left out, so that two cores build it in some minutes. The result is kept by the configuration.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import images
from .machine import LabError, cache_dir, images_dir, known
from .system import held_locks, locked, sh

CONFIG = Path(__file__).with_name("uml_kernel.config")
TRIAL_SECONDS = 30
# So long a failed build is not tried again.
REFUSAL_SECONDS = 600
_TRIAL_ANSWER = "lab-trial-passed"
_CONFIGURE = ("make", "ARCH=um", "allnoconfig")
_MAKE = ("make", "ARCH=um")
_INSTALL = ("make", "ARCH=um", "modules_install", "INSTALL_MOD_STRIP=1")
# What of a failed build's output says why it failed.
_TELLING = re.compile(r": (fatal )?error:|No space left|not recognized|not found")

# The package `linux-source` depends on the source of the newest kernel that backports have.
_SOURCE = images.Recipe(
    "uml-source",
    "trixie",
    packages=("linux-source/trixie-backports",),
    setup=r"""
set -eu
mv "$1" "$1.all"
mkdir "$1"
mv "$1.all"/usr/src/linux-source-*.tar.xz "$1/linux.tar.xz"
rm -r "$1.all"
""",
    variant="extract",
    suites=("trixie-backports",),
)

# What every kernel process is started with. con: the kernel's and systemd's messages go to its standard error.
OPTIONS = ("seccomp=on", "con=null", "ssl=null", "con0=null,fd:2", "panic=-1", "quiet", "audit=0", "net.ifnames=0")

# The machine has none of these until it is asked for them, as with a distribution's kernel, where they are modules.
NO_DEVICES = ("dummy.numdummies=0", "ifb.numifbs=0", "bonding.max_bonds=0")


@dataclass(frozen=True)
class Kernel:
    path: Path

    @property
    def binary(self) -> Path:
        return self.path / "linux"

    @property
    def modules(self) -> Path:
        """A directory with `lib/modules`."""
        return self.path / "modules"


def kernel() -> Kernel:
    """The kernel of this configuration; builds it if it isn't there. Raises LabError if it can't be had."""
    made_of = [*_wanted(), *_CONFIGURE, *_MAKE, *_INSTALL, _SOURCE.key]
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:12]
    found = Kernel(images_dir() / f"uml-kernel-{key}")
    images.once(found.path, images_dir() / ".uml-kernel.lock", lambda: _build(found))
    return found


def why_not() -> str | None:
    """Why UML hosts can't be had on this machine, in one sentence; None if they can."""
    refusal = images_dir() / ".uml-refused"
    if refusal.exists() and time.time() - refusal.stat().st_mtime < REFUSAL_SECONDS:
        return refusal.read_text()
    try:
        built = kernel()
    except LabError as error:
        refusal.write_text(str(error))
        return str(error)
    answer = built.path / f"trial-{platform.release()}"
    with locked(images_dir() / ".uml-trial.lock"):
        if not answer.exists():
            answer.write_text(_trial(built))
    said = answer.read_text()
    return f"this machine can't run User-Mode Linux: {said}" if said else None


def environment() -> dict[str, str]:
    """That of a kernel's process: the file that is its memory must be on a tmpfs."""
    return {**os.environ, "TMPDIR": "/dev/shm"}


def _trial(built: Kernel) -> str:
    """Boot it with a file system of one program; empty if that works, else its last words."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for directory in ("dev", "proc"):
            (root / directory).mkdir()
        shutil.copy2("/bin/busybox", root / "busybox")
        script = f"#!/busybox sh\n/busybox echo {_TRIAL_ANSWER} >&2\n/busybox poweroff -f\n"
        (root / "init").write_text(script)
        (root / "init").chmod(0o755)
        command = [str(built.binary), "mem=64M", "rootfstype=hostfs", f"rootflags={root}", "rw", "init=/init", *OPTIONS]
        process = subprocess.Popen(
            [*command, f"uml_dir={root}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        try:
            said = process.communicate(timeout=TRIAL_SECONDS)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return f"a trial did not end within {TRIAL_SECONDS} s"
    return "" if _TRIAL_ANSWER in said else (said.strip().splitlines() or ["it said nothing"])[-1]


def _build(wanted: Kernel) -> None:
    images.say("building the kernel of UML hosts (some minutes, once)")
    log = cache_dir() / "logs" / "uml-kernel.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with images.building(wanted.path, "the kernel of UML hosts") as place:
        archive = images.root_fs(_SOURCE) / "linux.tar.xz"
        tree = place / "tree"
        tree.mkdir(parents=True)
        with log.open("w") as output:
            _compile(archive, tree, Kernel(place), output.fileno(), log)
        shutil.rmtree(tree)
    _prune(wanted)


def _compile(archive: Path, tree: Path, building: Kernel, output: int, log: Path) -> None:
    def step(*words: str | Path, **env: str) -> None:
        done = subprocess.run(
            ["nice", *map(str, words)],
            check=False,
            cwd=tree,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=held_locks(),
        )
        if done.returncode != 0:
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            telling = [line for line in lines if _TELLING.search(line)] or lines[-1:] or ["nothing was said"]
            raise LabError(f"{telling[0].strip()} (all of it is in {log})")

    step("tar", "--strip-components=1", "-xJf", archive)
    step(*_CONFIGURE, KCONFIG_ALLCONFIG=str(CONFIG))
    _check_config((tree / ".config").read_text())
    step(*_MAKE, f"-j{os.cpu_count() or 1}")
    step(*_INSTALL, f"INSTALL_MOD_PATH={building.modules}")
    for link in building.modules.glob("lib/modules/*/build"):
        link.unlink()
    sh(["strip", "-o", building.binary, tree / "linux"])


def _wanted() -> list[str]:
    return [line for line in CONFIG.read_text().splitlines() if line.startswith("CONFIG_")]


def _check_config(made: str) -> None:
    """Kconfig drops what it doesn't know or what lacks something, without a word."""
    lines = set(made.splitlines())
    if dropped := [line for line in _wanted() if line not in lines]:
        raise LabError(f"this source doesn't take {', '.join(dropped)}")


def _prune(newest: Kernel) -> None:
    """Remove what older configurations made, unless a host runs, which starts its kernel's file anew when it reboots."""
    if any(machine.kind == "uml" for machine in known()):
        return
    for path in images_dir().glob("uml-kernel-*"):
        if path != newest.path:
            shutil.rmtree(path, ignore_errors=True)
