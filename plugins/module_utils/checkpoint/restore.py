# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a host to its snapshot. This is run from the copy of the code, by a timer of systemd's or by hand.

Nobody is there to see an error and try again. So what fails doesn't keep the rest: each thing is tried by itself, and all
of it again until nothing differs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Callable, Optional, Protocol

from ..contract import DriverType
from ..errors import VirtnetError
from ..model.interface.requests import InterfaceDriver
from ..model.interface.steps import InterfaceStep, steps_to
from .parts.files import Files, differing, read_files, restore_files, tools_of
from .parts.interfaces import Aim, Snapshot, aim
from .parts.link_local import link_local_changes
from .parts.routes import RawRoute, renumbered, route_changes

ROUNDS = 5

VLAN_FILTERING = "bridge vlan filtering"  # of `InterfaceDriver.features`

# What a tool does after it has read its files again comes a little later.
SETTLE_SECONDS = 1.0


class Host(Protocol):
    @property
    def root(self) -> str:
        """Where the directory / of its files is."""

    @property
    def uri(self) -> str: ...
    def driver(self, kind: type[DriverType], where: Optional[str] = None) -> DriverType: ...
    def routes(self) -> set[RawRoute]: ...
    def link_local(self) -> Mapping[str, tuple[str, ...]]: ...
    def reload(self, tool: str, names: tuple[str, ...], changed: Sequence[str]) -> bool: ...
    def forget(self) -> None: ...


class Restore:
    """One restore; ``actions`` is what it did, ``left`` what it couldn't do, once it has run."""

    def __init__(self, host: Host, snapshot: Snapshot, files: Files, foreign: Callable[[], frozenset[str]]) -> None:
        self._host = host
        self._snapshot = snapshot
        self._files = files
        self._foreign = foreign
        self._changed: list[str] = []
        self.actions: list[str] = []
        self.left: tuple[str, ...] = ()
        self._errors: dict[str, str] = {}

    def put_back_files(self) -> None:
        """First, as tools read them by themselves; all of them are on the disk when this returns."""
        changed, errors = restore_files(self._files, self._host.root)
        self._changed += changed
        self.actions += [f"put back {path}" if path in self._files else f"remove {path}" for path in changed]
        self._errors = {**{key: said for key, said in self._errors.items() if key not in changed}, **errors}

    def run(self) -> None:
        """What runs, which brings the host back; then the tools, and once more what they have made of it."""
        names = self.names()
        self._converge()
        asked = [tool for tool in tools_of(self._changed, self._host.root) if self._reload(tool, names)]
        if asked:
            time.sleep(SETTLE_SECONDS)
            self._converge()
        self.left = tuple(self._remaining())

    def _reload(self, tool: str, names: tuple[str, ...]) -> bool:
        words = f"have {tool} read its files again"
        try:
            if not self._host.reload(tool, names, self._changed):
                return False
        except Exception as error:  # as below
            self._errors[words] = str(error) if isinstance(error, VirtnetError) else repr(error)
        else:
            self.actions.append(words)
        return True

    def _try(self, words: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # whatever it was: the rest is still to be done
            self._errors[words] = str(error) if isinstance(error, VirtnetError) else repr(error)
        else:
            self._errors.pop(words, None)
            self.actions.append(words)

    def _converge(self) -> None:
        """A step may fail because another one, which comes after it, has yet to be done."""
        for _round in range(ROUNDS):
            begun = len(self.actions) + len(self._errors)
            steps = [*self._do(self._to_interfaces()), *self._do(self._to_the_rest())]
            if not steps or begun == len(self.actions) + len(self._errors):
                return

    def _do(self, steps: Sequence[Any]) -> Sequence[Any]:
        for step in steps:
            self._try(step.words, partial(step.do, self._host))
        return steps

    def _aim(self) -> Aim:
        self._host.forget()
        found = self._host.driver(InterfaceDriver).all()
        return aim(self._snapshot, found, self._foreign(), time.monotonic())

    def _to_interfaces(self) -> Sequence[InterfaceStep]:
        target = self._aim().target
        driver = self._host.driver(InterfaceDriver)
        return steps_to(driver.all(), target, bridge_vlans=VLAN_FILTERING in driver.features())

    def _to_the_rest(self) -> Sequence[Any]:
        """To what else they had; most of it comes with them."""
        goal = self._aim()
        found = self._host.driver(InterfaceDriver).all()
        then = {name: state.index for name, state in self._snapshot.interfaces.items()}
        now = {name: state.index for name, state in found.items()}
        routes = [renumbered(route, then, now) for route in self._snapshot.routes]
        return [
            *link_local_changes(self._snapshot.link_local, self._host.link_local(), goal.target, goal.ours),
            *route_changes([route for route in routes if route], self._host.routes(), goal.ours),
        ]

    def _steps(self) -> Sequence[Any]:
        return self._to_interfaces() or self._to_the_rest()

    def names(self) -> tuple[str, ...]:
        """The interfaces that have to change."""
        return tuple(sorted({name for step in self._to_interfaces() for name in step.becomes}))

    def planned(self) -> list[str]:
        """All that would be done, in words."""
        paths = differing(self._files, read_files(self._host.root))
        return [
            *(f"put back {path}" if path in self._files else f"remove {path}" for path in paths),
            *(step.words for step in self._steps()),
        ]

    def _remaining(self) -> list[str]:
        left = list(self._aim().left)
        for words in (step.words for step in self._steps()):
            left.append(f"{words} ({self._errors.pop(words)})" if words in self._errors else words)
        for path in differing(self._files, read_files(self._host.root)):
            left.append(self._errors.pop(path, f"put back {path} (it was changed again)"))
        left += [f"{words} ({error})" for words, error in self._errors.items() if words.startswith("have ")]
        return left
