# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""`script/test MODE`, once the environments are there."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from .paths import CACHE
from .runner import Run, summary
from .steps import steps

KEPT_RUNS = 10


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
    raise KeyboardInterrupt


def main(mode: str) -> int:
    # What ends a run from outside ends it as a person at the keyboard does: the machines are taken down.
    # A shell starts what runs in its background with SIGINT ignored, and the steps would inherit that.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    begun = time.monotonic()
    logs = _log_directory()
    todo = steps(mode, logs)
    print(f"{len(todo)} steps; logs in {logs}", flush=True)
    try:
        results = Run(todo, logs).run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(f"\nin {time.monotonic() - begun:.0f} s:\n{summary(results, todo)}", flush=True)
    return 1 if any(result.failed for result in results) else 0


sys.exit(main(sys.argv[1]))
