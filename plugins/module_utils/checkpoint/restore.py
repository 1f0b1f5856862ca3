# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a host to its snapshot. This runs from the copy of the code, started by a systemd timer or by hand.

No user is there to see an error and try again. So a step that fails doesn't stop the others: each is tried by itself, and
all of them again until nothing differs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import VirtnetError
from .part import Host, Part, Snapshot, Step
from .parts.registry import PARTS

ROUNDS = 5

# A boot tool changes interfaces some time after it has read its files again: later on a busy host.
SETTLE_SECONDS = 1.0
QUIET_ROUNDS, SETTLE_ROUNDS = 2, 6


class Restore:
    """One restore. ``actions`` is what it has done, ``left`` what it couldn't do, both in words."""

    def __init__(self, host: Host, snapshot: Snapshot, parts: Sequence[Part[Any]] = PARTS) -> None:
        self._host = host
        self._snapshot = snapshot
        self._parts = parts
        self._done: dict[str, list[Step]] = {part.name: [] for part in parts}
        self._errors: dict[str, str] = {}
        self._handler_errors: dict[str, str] = {}
        self.actions: list[str] = []
        self.left: tuple[str, ...] = ()

    def restore_disk(self) -> None:
        """Restores the files, first of all, as some boot tools read them by themselves. They are on the disk on return."""
        self._round([part for part in self._parts if part.on_disk])

    def restore_running(self) -> None:
        """Restores what runs; then the handlers, such as a boot tool that reads its files again; then what these changed."""
        handlers = [handler for part in self._parts for handler in self._handlers_of(part, self._done[part.name])]
        self._converge()
        for handler in handlers:
            self._try(handler, self._handler_errors)
        if handlers:
            self._settle()
        self.left = tuple(self._remaining())

    def restore_at_boot(self) -> None:
        """Restores the files before anything reads them; nothing runs yet."""
        self.restore_disk()
        for part in self._parts:
            for handler in part.boot_handlers(self._done[part.name], self._host):
                self._try(handler, self._handler_errors)
        self.left = tuple(self._remaining())

    def predicted(self) -> list[str]:
        """Returns what would be done, in words."""
        needed = self._needed()
        steps = [step for _part, found in needed for step in found]
        handlers = [handler for part, found in needed for handler in self._handlers_of(part, found)]
        return [step.words for step in (*steps, *handlers)]

    def _handlers_of(self, part: Part[Any], done: Sequence[Step]) -> Sequence[Step]:
        self._host.forget()
        return part.handlers(done, self._snapshot, self._host) if done else ()

    def _steps_of(self, part: Part[Any]) -> Sequence[Step]:
        self._host.forget()
        return part.steps(self._snapshot, self._host)

    def _converge(self) -> None:
        """Repeats the steps until nothing changes any more. A step can fail because it needs a later one to be done first."""
        running = [part for part in self._parts if not part.on_disk]
        for _number in range(ROUNDS):
            before = len(self.actions), set(self._errors)
            if not self._round(running) or before == (len(self.actions), set(self._errors)):
                return

    def _settle(self) -> None:
        """Restores what the handlers still change, until there was nothing to restore for some rounds."""
        quiet = 0
        for _number in range(SETTLE_ROUNDS):
            time.sleep(SETTLE_SECONDS)
            before = len(self.actions)
            self._converge()
            quiet = quiet + 1 if len(self.actions) == before else 0
            if quiet == QUIET_ROUNDS:
                return

    def _round(self, parts: Sequence[Part[Any]]) -> bool:
        """Runs the steps of these parts once; returns whether there were any."""
        found = False
        for part in parts:
            for step in self._steps_of(part):
                found = True
                if self._try(step, self._errors):
                    self._done[part.name].append(step)
        return found

    def _try(self, step: Step, errors: dict[str, str]) -> bool:
        words = step.words
        try:
            step.do(self._host)
        except Exception as error:  # whatever it is: the other steps are still to be done
            errors[words] = str(error) if isinstance(error, VirtnetError) else repr(error)
            return False
        errors.pop(words, None)
        self.actions.append(words)
        return True

    def _needed(self) -> list[tuple[Part[Any], Sequence[Step]]]:
        """Returns the steps that are needed now, by part, without those of parts that others bring back."""
        found: list[tuple[Part[Any], Sequence[Step]]] = []
        busy: set[str] = set()
        for part in self._parts:
            if busy.isdisjoint(part.brought_by) and (steps := self._steps_of(part)):
                found.append((part, steps))
                busy.add(part.name)
        return found

    def _remaining(self) -> Iterator[str]:
        for part in self._parts:
            self._host.forget()
            yield from part.lost(self._snapshot, self._host)
        for words in (step.words for _part, steps in self._needed() for step in steps):
            if words in self._errors:
                yield _failure(words, self._errors[words])
            else:
                yield f"{words} (it was done, and is needed again)" if words in self.actions else words
        for words, error in self._handler_errors.items():
            yield _failure(words, error)


def _failure(words: str, error: str) -> str:
    """Returns what failed, and why. An error that begins with these words says both."""
    return error if error.startswith(words) else f"{words} ({error})"
