# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""`script/test MODE`, once the environments are there, and with the lock of the cache held."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import ansible_callbacks

from . import plan, report
from .owners import Owners, remove_earlier
from .paths import CACHE
from .runner import Run
from .steps import steps

KEPT_RUNS = 10
DURATIONS = CACHE / "durations.json"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _log_directory() -> Path:
    """One for this run; `logs/latest` leads to it."""
    home = CACHE / "logs"
    logs = home / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    logs.mkdir(parents=True)
    latest = home / f".latest-{os.getpid()}"
    latest.symlink_to(logs.name)
    latest.rename(home / "latest")
    for old in sorted(path for path in home.iterdir() if path.is_dir() and not path.is_symlink())[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)
    return logs


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    for number in SIGNALS:
        signal.signal(number, _be_patient)
    raise KeyboardInterrupt


def _be_patient(_signum: int, _frame: FrameType | None) -> None:
    print("ending the steps and removing their hosts; this takes up to a minute", file=sys.stderr, flush=True)


def main(mode: str) -> int:
    # What ends a run from outside ends it as a person at the keyboard does: the steps end, and their hosts are removed.
    # A shell starts what runs in its background with SIGINT ignored, and the steps would inherit that.
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    begun = time.monotonic()
    run = owners = None
    try:
        for words in remove_earlier():
            print(f"an earlier run was killed and {words}", flush=True)
        logs = _log_directory()
        shutil.rmtree(ansible_callbacks.payloads(), ignore_errors=True)
        todo = steps(mode, logs)
        owners = Owners(logs.name)
        run = Run(todo, plan.Plan(todo, plan.load(DURATIONS)), logs, owners)
        print(f"{len(todo)} steps; logs in {logs}", flush=True)
        results = run.run()
    except KeyboardInterrupt:
        if run and owners:
            run.stop()
            owners.close()
            plan.save(DURATIONS, run.results)
        print("interrupted; the steps have ended, and their hosts are removed", file=sys.stderr)
        return 130
    owners.close()
    plan.save(DURATIONS, results)
    print(f"\n{report.summary(results, todo, time.monotonic() - begun, report.machine())}", flush=True)
    return 1 if any(result.failed for result in results) else 0


sys.exit(main(sys.argv[1]))
