# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Owners: on behalf of what a machine was started, and what the machines of an owner have used.

VIRTNET_LAB_OWNER names the owner of each machine that is started: words joined with `/`, such as `test-4711/nat`. What an
owner has, `test-4711` has too. So one command removes the machines of one step of a test run, or of the whole run, and no
others. Each machine that is removed adds a line to its owner's ledger, CACHE/owners/OWNER.jsonl.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from .machine import LabError, cache_dir, run_dir

VARIABLE = "VIRTNET_LAB_OWNER"
PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


def check(owner: str) -> str:
    if not PATTERN.fullmatch(owner):
        raise LabError(f"owner {owner!r}: expected words of a-z, 0-9, '.', '_' and '-', joined with '/'")
    return owner


def current() -> str | None:
    """The owner of what this process starts."""
    found = os.environ.get(VARIABLE)
    return check(found) if found else None


def covers(owner: str, other: str | None) -> bool:
    """Is `other` this owner, or a part of it?"""
    return other is not None and (other == owner or other.startswith(f"{owner}/"))


def ledger(owner: str) -> Path:
    return cache_dir() / "owners" / f"{check(owner)}.jsonl"


def ledgers(owner: str) -> list[Path]:
    """The ledgers of an owner and of its parts."""
    one = ledger(owner)
    return sorted(path for path in (one, *one.with_suffix("").rglob("*.jsonl")) if path.is_file())


def entries(owner: str) -> list[dict[str, Any]]:
    return [json.loads(line) for path in ledgers(owner) for line in path.read_text().splitlines()]


def note(name: str, seconds: float) -> None:
    """Add to the owner's ledger what a machine has used, while its state is still there."""
    try:
        data = json.loads((run_dir(name) / "state.json").read_text())
    except FileNotFoundError:
        return
    if not (whose := data.get("owner")):
        return
    path = ledger(whose)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"host": name, "kind": data["kind"], "seconds": round(seconds, 3), "links": data["opts"].get("links", [])}
    with path.open("a") as file:  # one short write: lines of several processes don't mix
        file.write(json.dumps(line) + "\n")
