# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshot: the host's interfaces, and the files that keep them."""

from __future__ import annotations

import time

from ..errors import VirtnetError
from ..model.codec import decode, encode
from ..model.interface.requests import InterfaceDriver
from .host import NetworkHost
from .parts.files import Files, decode_files, encode_files, read_files
from .parts.interfaces import Snapshot
from .parts.libvirt_bridges import foreign_bridges
from .parts.routes import RawRoute
from .store import Store

_NAME = "snapshot.json"


def take(store: Store, host: NetworkHost) -> Files:
    """Keep what the host has now; the files are returned as well."""
    files = read_files(host.root)
    held = {
        "taken": time.monotonic(),
        "interfaces": {name: encode(state) for name, state in host.driver(InterfaceDriver).all().items()},
        "routes": [
            [route.body.hex(), list(route.devices)] for route in sorted(host.routes(), key=lambda route: route.body)
        ],
        "link_local": dict(host.link_local()),
        "foreign": sorted(foreign_bridges()),
        "files": encode_files(files),
    }
    store.write(_NAME, held)
    return files


def load(store: Store) -> tuple[Snapshot, Files]:
    """What was kept."""
    held = store.read(_NAME)
    if not held:
        raise VirtnetError(f"there is no snapshot in {store.directory}")
    interfaces = {name: decode(state) for name, state in held["interfaces"].items()}
    routes = frozenset(RawRoute(bytes.fromhex(body), tuple(devices)) for body, devices in held["routes"])
    link_local = {name: tuple(cidrs) for name, cidrs in held["link_local"].items()}
    snapshot = Snapshot(held["taken"], interfaces, frozenset(held["foreign"]), routes, link_local)
    return snapshot, decode_files(held["files"])
