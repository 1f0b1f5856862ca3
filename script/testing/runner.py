# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Run steps side by side, as the plan says, keep a log of each, and remove what each leaves."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import report
from .owners import Owners
from .paths import CACHE
from .plan import Plan
from .processes import Process
from .step import Result, Step
from .telling import telling


class Run:
    """One run of several steps; a step is run whatever became of the others, except of those that it needs."""

    def __init__(self, steps: Sequence[Step], plan: Plan, logs: Path, owners: Owners) -> None:
        self._waiting = list(steps)
        self._plan = plan
        self._logs = logs
        self._owners = owners
        self._started = time.monotonic()
        self._changed = threading.Condition()
        self._running: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self.results: list[Result] = []

    def run(self) -> list[Result]:
        with self._changed:
            while self._waiting or self._running:
                if self._stopped:
                    self._waiting.clear()
                self._give_up()
                passed = {result.step.name for result in self.results if not result.failed}
                step = self._plan.choose(self._waiting, self._running, passed)
                if step is not None:
                    self._start(step)
                elif self._running:
                    self._changed.wait()
                elif self._waiting:
                    names = ", ".join(waiting.name for waiting in self._waiting)
                    raise RuntimeError(f"steps that need each other, or a step that isn't there: {names}")
        return self.results

    def stop(self) -> None:
        """End all steps, side by side, and remove their hosts."""
        self._stopped = True
        for thread in self._threads:
            thread.join()

    def _start(self, step: Step) -> None:
        self._waiting.remove(step)
        self._running[step.name] = time.monotonic()
        thread = threading.Thread(target=self._run_step, args=(step,), name=step.name)
        self._threads.append(thread)
        thread.start()

    def _give_up(self) -> None:
        """What needs a step that failed, isn't run."""
        failed = {result.step.name for result in self.results if result.failed}
        for step in [step for step in self._waiting if failed.intersection(step.after)]:
            self._waiting.remove(step)
            needed = ", ".join(sorted(failed.intersection(step.after)))
            self._finish(Result(step, 0.0, failed=1), [f"not run: it needs the step '{needed}', which failed"])

    def _run_step(self, step: Step) -> None:
        log = self._logs / f"{step.slug}.log"
        try:
            result = self._try(step, log)
            lines = telling(step.kind, log.read_text(errors="replace").splitlines(), step.report)
        except Exception as error:  # a fault of the runner must not leave the run waiting for this step
            result, lines = Result(step, 0.0, failed=1), [f"{type(error).__name__}: {error}"]
        with self._changed:
            del self._running[step.name]
            self._finish(result, [*lines, str(log)])
            self._changed.notify_all()

    def _try(self, step: Step, log: Path) -> Result:
        hung = _hangs()
        result = self._once(step, log)
        if result.failed and step.hosts == "vm" and not self._stopped and (new := _hangs() - hung):
            # An emulated machine that hangs or crashes says nothing of what is tested on it. Once is bad luck.
            print(f"        a VM hung in {step.name}, see {', '.join(sorted(map(str, new)))}; once more", flush=True)
            log.rename(log.with_suffix(".hung.log"))
            result = self._once(step, log)
        return result

    def _once(self, step: Step, log: Path) -> Result:
        begun = time.monotonic()
        with log.open("wb") as output:
            actions = report.Actions(log) if step.kind == "molecule" else None
            look: Callable[[], None] = actions.look if actions else lambda: None
            process = Process(step, self._owners.environment(step), output.fileno())
            try:
                code = process.wait(lambda: self._stopped, look)
            finally:
                own_seconds = process.end()
                left = self._owners.remove(step)
        result = report.result(step, code, time.monotonic() - begun)
        if left:
            print(f"        {step.name} {left}", flush=True)
        return dataclasses.replace(
            result,
            own_seconds=own_seconds,
            host_seconds=self._owners.seconds(step),
            slowest=actions.slowest() if actions else result.slowest,
        )

    def _finish(self, result: Result, lines: list[str]) -> None:
        """Called with the lock held: one report at a time."""
        self.results.append(result)
        if self._stopped:
            return
        word = "FAILED" if result.failed else "ok"
        elapsed = time.monotonic() - self._started
        print(f"[{elapsed:5.0f}s] {word:6} {result.step.name} ({result.seconds:.1f} s)", flush=True)
        if result.failed:
            print(*(f"    | {line}" for line in lines[:-1]), f"    {lines[-1]}", sep="\n", flush=True)


def _hangs() -> set[Path]:
    """The lab's reports of VMs that hung or crashed."""
    return set((CACHE / "logs").glob("hang-*"))
