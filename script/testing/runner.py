# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Run steps two at a time, keep a log of each, and count."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from .paths import CACHE
from .steps import Step, log_name

LANES = 2
GRACE_SECONDS = 60
TAIL_LINES = 40


@dataclass(frozen=True)
class Result:
    step: Step
    seconds: float
    passed: int
    failed: int
    skipped: int
    reasons: tuple[str, ...] = ()
    """Why tests were skipped."""


class Run:
    """One run of several steps; every step is run, whatever became of the others."""

    def __init__(self, steps: Sequence[Step], logs: Path) -> None:
        self._waiting = list(steps)
        self._logs = logs
        self._started = time.monotonic()
        self._changed = threading.Condition()
        self._heavy = False
        self._stopped = False
        self._running: set[subprocess.Popen[bytes]] = set()
        self.results: list[Result] = []

    def run(self) -> list[Result]:
        lanes = [threading.Thread(target=self._lane, name=f"lane {lane}") for lane in range(LANES)]
        for lane in lanes:
            lane.start()
        try:
            for lane in lanes:
                lane.join()
        except KeyboardInterrupt:
            self._stop()
            raise
        return self.results

    def _lane(self) -> None:
        while (step := self._take()) is not None:
            result = self._run_step(step)
            with self._changed:
                self.results.append(result)
                self._heavy = self._heavy and not step.heavy
                self._changed.notify_all()

    def _take(self) -> Step | None:
        """The next step that may run now; None when there is nothing left for this lane."""
        with self._changed:
            while self._waiting and not self._stopped:
                for step in self._waiting:
                    if not (step.heavy and self._heavy):
                        self._waiting.remove(step)
                        self._heavy = self._heavy or step.heavy
                        return step
                self._changed.wait()
            return None

    def _run_step(self, step: Step) -> Result:
        log = self._logs / f"{log_name(step.name)}.log"
        begun = time.monotonic()
        hung = _hangs()
        with log.open("wb") as output:
            code = self._execute(step, output.fileno())
        if code != 0 and not self._stopped and (new := _hangs() - hung):
            # An emulated machine that hangs or crashes says nothing of what is tested on it. Once is bad luck.
            print(f"        a VM hung in {step.name}, see {', '.join(sorted(map(str, new)))}; once more", flush=True)
            log.rename(log.with_suffix(".hung.log"))
            with log.open("wb") as output:
                code = self._execute(step, output.fileno())
        result = _result(step, code, time.monotonic() - begun)
        self._report(result, log)
        return result

    def _execute(self, step: Step, output: int) -> int | None:
        """The exit code; None if it took too long."""
        process = subprocess.Popen(
            step.command,
            cwd=step.cwd,
            env=step.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.add(process)
        try:
            return process.wait(step.minutes * 60)
        except subprocess.TimeoutExpired:
            os.write(output, f"\nNot done after {step.minutes} minutes: interrupted.\n".encode())
            _end(process)
            return None
        finally:
            self._running.discard(process)

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for process in list(self._running):
            _end(process)

    def _report(self, result: Result, log: Path) -> None:
        word = "FAILED" if result.failed else "ok"
        with self._changed:  # one at a time
            elapsed = time.monotonic() - self._started
            print(f"[{elapsed:5.0f}s] {word:6} {result.step.name} ({result.seconds:.1f} s)", flush=True)
            if result.failed:
                lines = _telling(log.read_text(errors="replace").splitlines())
                print(*(f"    | {line}" for line in lines), f"    {log}", sep="\n", flush=True)


def _hangs() -> set[Path]:
    """The lab's reports of VMs that hung or crashed."""
    return set((CACHE / "logs").glob("hang-*"))


def _telling(lines: list[str]) -> list[str]:
    """What a person wants of a log first: what calls itself an error, else the end."""
    errors = [line for line in lines if line.startswith(("ERROR", "FATAL", "E  "))]
    return (errors or lines)[-TAIL_LINES:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask as Ctrl-C does, so that pytest takes its machines down; insist later."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _result(step: Step, code: int | None, seconds: float) -> Result:
    passed = failed = skipped = 0
    reasons: list[str] = []
    if step.report is None:
        passed, failed = (1, 0) if code == 0 else (0, 1)
    elif step.report.exists():
        for case in ElementTree.parse(step.report).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif (skip := case.find("skipped")) is not None:
                skipped += 1
                reasons.append(skip.get("message", ""))
            else:
                passed += 1
    # An exit code says more than the counts: no test at all, a crash, an interruption.
    if code != 0:
        failed = max(failed, 1)
    return Result(step, seconds, passed, failed, skipped, tuple(reasons))


def summary(results: Sequence[Result], order: Sequence[Step]) -> str:
    """A table in the order of the steps; its last line is the sum, in a form that machines read."""
    by_name = {result.step.name: result for result in results}
    lines = [f"{'step':32} {'seconds':>8} {'passed':>7} {'failed':>7} {'skipped':>8}"]
    for step in order:
        result = by_name[step.name]
        counts = f"{result.passed:7} {result.failed:7} {result.skipped:8}"
        lines.append(f"{step.name:32} {result.seconds:8.1f} {counts}")
    reasons = sorted({f"{result.step.name}: {reason}" for result in results for reason in result.reasons})
    if reasons:
        lines += ["", "skipped:", *(f"  {reason}" for reason in reasons)]
    passed, failed, skipped = (sum(getattr(r, name) for r in results) for name in ("passed", "failed", "skipped"))
    lines += ["", f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")]
    return "\n".join(lines)
