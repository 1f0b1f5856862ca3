# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What came of the steps: counts, times, and the table at the end."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from .step import Result, Step

SLOWEST = 3
WIDTH = 120

_ACTION = re.compile(r"^INFO +\[?(?P<scenario>[\w-]+) > (?P<action>[a-z_]+)\]?")


class Actions:
    """How long each action of a scenario took, by when its first line was seen in the log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0
        self._begun: list[tuple[str, float]] = []

    def look(self, now: float | None = None) -> None:
        with self._log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            match = _ACTION.match(line)
            if match and (not self._begun or self._begun[-1][0] != match["action"]):
                self._begun.append((match["action"], time.monotonic() if now is None else now))

    def slowest(self, now: float | None = None) -> tuple[tuple[str, float], ...]:
        ends = [when for _name, when in self._begun[1:]] + [time.monotonic() if now is None else now]
        return longest([(name, end - when) for (name, when), end in zip(self._begun, ends)])


def longest(times: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(times, key=lambda each: -each[1])[:SLOWEST])


def result(step: Step, code: int | None, seconds: float) -> Result:
    """Counts, from the report of pytest if there is one."""
    passed = failed = skipped = 0
    reasons: list[str] = []
    times: list[tuple[str, float]] = []
    if step.report is None:
        passed, failed = (1, 0) if code == 0 else (0, 1)
    else:
        for case in _cases(step.report):
            times.append((case.get("name", ""), float(case.get("time", 0))))
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
    return Result(step, seconds, passed, failed, skipped, tuple(reasons), slowest=longest(times))


def _cases(report: Path) -> list[ElementTree.Element]:
    try:
        return list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return []  # it ended before, or while, it wrote it


def machine() -> str:
    """The size of this machine, without which times say little."""
    meminfo = Path("/proc/meminfo").read_text()
    total = re.search(r"^MemTotal: +(\d+) kB", meminfo, re.MULTILINE)
    memory = f", {int(total[1]) / 2**20:.0f} GiB of memory" if total else ""
    return f"{os.cpu_count()} cores{memory}"


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{int(seconds + 0.5) // 60}:{int(seconds + 0.5) % 60:02}"


def _row(cells: Sequence[str]) -> str:
    name, hosts, *numbers = cells
    return f"| {name:32} | {hosts:9} | " + " | ".join(f"{number:>9}" for number in numbers) + " |"


def table(results: Sequence[Result], order: Sequence[Step]) -> list[str]:
    """In the order of the steps, and as Markdown, so that it can be pasted in TESTING.md."""
    by_name = {found.step.name: found for found in results}
    lines = [
        _row(("step", "hosts", "time", "CPU", "CPU hosts", "passed", "failed", "skipped")),
        "| --- | --- | --: | --: | --: | --: | --: | --: |",
    ]
    for found in (by_name[step.name] for step in order if step.name in by_name):
        host_seconds = _minutes(found.host_seconds) if found.step.hosts else ""
        times = (_minutes(found.seconds), _minutes(found.own_seconds), host_seconds)
        counts = (str(found.passed), str(found.failed or ""), str(found.skipped or ""))
        lines.append(_row((found.step.name, found.step.hosts, *times, *counts)))
    return lines


def summary(results: Sequence[Result], order: Sequence[Step], seconds: float, where: str) -> str:
    """The table, and what it doesn't hold; the last line is the sum, in a form that machines read."""
    own = sum(found.own_seconds or 0 for found in results)
    hosts = sum(found.host_seconds for found in results)
    lines = [
        *table(results, order),
        "",
        f"Minutes and seconds. CPU is the processor time of the step itself, and of its hosts. On {where}:",
        f"{_minutes(seconds)} in all; CPU {_minutes(own + hosts)}: steps {_minutes(own)}, hosts {_minutes(hosts)}.",
        "",
        "slowest:",
    ]
    for found in results:
        worth = [f"{name} {taken:.0f} s" for name, taken in found.slowest if taken >= 1]
        if worth:
            lines += [f"  {found.step.name}:", *(f"    {words[: WIDTH - 4]}" for words in worth)]
    reasons = sorted({f"{found.step.name}: {reason}" for found in results for reason in found.reasons})
    if reasons:
        lines += ["", "skipped:", *(f"  {reason}" for reason in reasons)]
    passed, failed, skipped = (sum(getattr(r, name) for r in results) for name in ("passed", "failed", "skipped"))
    lines += ["", f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")]
    return "\n".join(lines)
