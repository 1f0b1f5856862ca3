# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shaping of interfaces as a part of a checkpoint: what was declared for each, which is planned and applied again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Optional

from ... import contract
from ...backend.boot_tools.device_settings import DeviceSettings
from ...backend.host import Host as AnyHost
from ...backend.os.paths import SYSTEM_URI
from ...backend.tc.driver import TrafficControl
from ...errors import VirtnetError
from ...model.shaping.options import Shaping, Side
from ...model.shaping.plan import ShapingFacts
from ...model.shaping.steps import ShapingDriver
from ...persist.device.shapings import PART, memory_in, plan_stored, read_shaping
from ...persist.device.steps import StoredSettings
from ..part import Host, Part, Snapshot
from .interfaces import INTERFACES


@dataclass(frozen=True)
class SavedShapings:
    """The files of a snapshot, by interface; ``differing`` are the interfaces that weren't as declared."""

    texts: Mapping[str, str] = field(default_factory=dict)
    differing: frozenset[str] = frozenset()


@contextmanager
def _drivers(root: str) -> Iterator[AnyHost]:
    host = AnyHost(
        SYSTEM_URI,
        {
            ShapingDriver: lambda _host, _where: TrafficControl(),
            StoredSettings: lambda _host, _where: DeviceSettings(root.rstrip("/")),
        },
    )
    try:
        yield host
    finally:
        host.close()


class ShapingPart(Part[SavedShapings]):
    """The shaping of all interfaces that one was declared for."""

    name = "shaping"
    kept = SavedShapings
    brought_by = (INTERFACES.name,)

    def take(self, host: Host) -> SavedShapings:
        with _drivers(host.root) as own:
            texts = _texts(own)
            return SavedShapings(texts, frozenset(name for name in texts if _steps(own, name, texts[name])))

    def steps(self, snapshot: Snapshot, host: Host) -> Sequence[RestoreShaping]:
        saved = snapshot.of(self)
        with _drivers(host.root) as own:
            now = _texts(own)
            return [
                RestoreShaping(host.root, step)
                for name in sorted({*saved.texts, *now})
                if name not in saved.differing or saved.texts.get(name) != now.get(name)
                for step in _steps(own, name, saved.texts.get(name))
            ]


SHAPING = ShapingPart()


def _texts(host: contract.Host) -> dict[str, str]:
    stored = host.driver(StoredSettings)
    return {name: stored.text(PART, name) or "" for name in stored.devices(PART)}


def _steps(host: contract.Host, device: str, text: Optional[str]) -> Sequence[contract.Step]:
    """Returns the steps to the shaping that a file declares; ``None`` for none. What isn't possible is left out."""
    memory = memory_in(text)
    declared = memory.declared if memory else Shaping(device=device)
    given = Shaping(device=device, egress=declared.egress or Side(), ingress=declared.ingress or Side())
    try:
        state = read_shaping(host, device)
        return plan_stored(
            given,
            state,
            ShapingFacts(contract.World(host)),
            present=memory is not None,
            link=state.link,
            persist=memory.persist if memory else None,
        ).steps
    except VirtnetError:
        return ()


@dataclass(frozen=True)
class RestoreShaping:
    """One step to the shaping of the snapshot."""

    root: str
    step: contract.Step

    @property
    def words(self) -> str:
        return self.step.words

    def do(self, _host: Host) -> None:
        with _drivers(self.root) as own:
            self.step.do(own)
