# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The processes of a step: started in a control group of their own, and ended with all that they started.

Ansible's asynchronous tasks leave the session of the step, so a signal to a process group wouldn't reach them. Where there
are no control groups, for a user who isn't root, a step's session is all that is ended, and its time is not known.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from lab import cgroup
from lab.machine import LabError
from lab.system import lab_id

from .step import Step
from .telling import OF_THE_RUNNER

GRACE_SECONDS = 30
POLL_SECONDS = 0.2

_ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"'


def _groups() -> Path | None:
    """The control group that holds those of all steps."""
    if os.geteuid() != 0:
        return None
    try:
        return cgroup.hierarchy() / f"virtnet-test-{lab_id()}"
    except LabError:
        return None


def end_leftovers() -> None:
    """Ends what steps of an earlier run are still doing. Only for who holds the lock of a run."""
    parent = _groups()
    for group in parent.iterdir() if parent is not None and parent.exists() else ():
        if group.is_dir():
            cgroup.end([group], group.name)
            cgroup.remove([group], group.name)


class Process:
    """One step that runs."""

    def __init__(self, step: Step, extra: Mapping[str, str], output: int) -> None:
        self._step = step
        self._output = output
        parent = _groups()
        self._group = parent / step.slug if parent else None
        command = list(step.command)
        if self._group:
            self._group.mkdir(parents=True, exist_ok=True)
            command = ["sh", "-c", _ENTER, str(self._group), *command]
        self._process = subprocess.Popen(
            command,
            cwd=step.cwd,
            env={**step.env, **extra},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self, stopped: Callable[[], bool], look: Callable[[], None]) -> int | None:
        """The exit code; None if it took too long or the run is stopped. `look` is called now and then meanwhile."""
        deadline = time.monotonic() + self._step.minutes * 60
        while (code := self._process.poll()) is None:
            look()
            if stopped():
                self._interrupt()
                return None
            if time.monotonic() > deadline:
                self._say(f"not done after {self._step.minutes:g} minutes, interrupted")
                self._interrupt()
                return None
            time.sleep(POLL_SECONDS)
        look()
        if code < 0:
            self._say(f"ended by signal {signal.Signals(-code).name}")
        return code

    def _say(self, words: str) -> None:
        os.write(self._output, f"\n{OF_THE_RUNNER}{words}\n".encode())

    def _interrupt(self) -> None:
        """Ask as Ctrl-C does, so that pytest writes its report."""
        self._process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)

    def end(self) -> float | None:
        """End what is left of it; returns the processor time of all that it did."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        seconds = None
        if self._group:
            try:
                cgroup.end([self._group], self._step.name)
                seconds = cgroup.used_seconds(self._group)
                cgroup.remove([self._group], self._step.name)
            except LabError as error:
                self._say(str(error))
        self._process.wait()
        return seconds
