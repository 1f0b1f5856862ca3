# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a host to its snapshot. This is run from the copy of the code, by a timer of systemd's or by hand.

Nobody is there to see an error and try again. So what fails doesn't keep the rest: each thing is tried by itself, and all
of it again until nothing differs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Callable, Optional, Protocol

from ..errors import VirtnetError
from ..model.interface_compare import InterfaceStep, steps_to
from ..model.interface_steps import FileDriver, InterfaceDriver
from .checkpoint_aim import Aim, Snapshot, aim
from .checkpoint_files import Files, differing, read_files, restore_files, tools_of

ROUNDS = 5

VLAN_FILTERING = "bridge vlan filtering"  # of `InterfaceDriver.features`

# What a tool does after it has read its files again comes a little later.
SETTLE_SECONDS = 1.0


class Host(Protocol):
    @property
    def files(self) -> FileDriver: ...
    def interfaces(self, netns: Optional[str]) -> InterfaceDriver: ...
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
        changed, errors = restore_files(self._files)
        self._changed += changed
        self.actions += [f"put back {path}" if path in self._files else f"remove {path}" for path in changed]
        self._errors.update(errors)

    def run(self) -> None:
        """What runs, which brings the host back; then the tools, and once more what they have made of it."""
        names = self.names()
        self._converge()
        tools = tools_of(self._changed)
        for tool in tools:
            self._try(f"have {tool} read its files again", partial(self._host.files.reload, tool, names))
        if tools:
            time.sleep(SETTLE_SECONDS)
            self._converge()
        self.left = tuple(self._remaining())

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
            steps = self.steps()
            for step in steps:
                self._try(step.words, partial(step.do, self._host))
            if not steps:
                return

    def _aim(self) -> Aim:
        self._host.forget()
        found = self._host.interfaces(None).all()
        return aim(self._snapshot, found, self._foreign(), time.monotonic())

    def steps(self) -> Sequence[InterfaceStep]:
        """What is to be done to the interfaces."""
        target = self._aim().target
        driver = self._host.interfaces(None)
        return steps_to(driver.all(), target, bridge_vlans=VLAN_FILTERING in driver.features())

    def names(self) -> tuple[str, ...]:
        """The interfaces that have to change."""
        return tuple(sorted({name for step in self.steps() for name in step.becomes}))

    def planned(self) -> list[str]:
        """All that would be done, in words."""
        paths = differing(self._files, read_files())
        return [
            *(f"put back {path}" if path in self._files else f"remove {path}" for path in paths),
            *(step.words for step in self.steps()),
        ]

    def _remaining(self) -> list[str]:
        left = list(self._aim().left)
        for words in (step.words for step in self.steps()):
            left.append(f"{words} ({self._errors.pop(words)})" if words in self._errors else words)
        for path in differing(self._files, read_files()):
            left.append(self._errors.pop(path, f"put back {path} (it was changed again)"))
        left += [f"{words} ({error})" for words, error in self._errors.items() if words.startswith("have ")]
        return left
