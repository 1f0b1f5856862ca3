# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshot of a host: taken by all parts, written as JSON, and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import VirtnetError
from ..model.codec import Json, from_json, to_json
from .part import Host, Part, Snapshot
from .parts.registry import PARTS
from .store import Store

_FILE = "snapshot.json"


def take(store: Store, host: Host) -> Snapshot:
    """Keeps what the host has now in the store, and returns it. Raises `HostError`."""
    snapshot = Snapshot({part.name: part.take(host) for part in PARTS})
    store.write(_FILE, encode(snapshot, PARTS))
    return snapshot


def load(store: Store) -> Snapshot:
    """Returns the snapshot in the store. Raises `VirtnetError` if there is none."""
    held = store.read(_FILE)
    if not held:
        raise VirtnetError(f"there is no snapshot in {store.directory}")
    return decode(held, PARTS)


def encode(snapshot: Snapshot, parts: Sequence[Part[Any]]) -> dict[str, Json]:
    """Returns these parts of a snapshot as what `json` can write."""
    return {part.name: to_json(snapshot.of(part)) for part in parts}


def decode(held: Json, parts: Sequence[Part[Any]]) -> Snapshot:
    """Returns the snapshot of these parts that `encode` was given. Raises `VirtnetError` if one is missing or damaged."""
    kept = held if isinstance(held, Mapping) else {}
    return Snapshot({part.name: from_json(part.kept, kept.get(part.name)) for part in parts})
