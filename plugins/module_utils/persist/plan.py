# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to change so that something is there again after a reboot: from a provider to files, steps and handlers. Pure.

A provider reads files when the host starts, and makes what they say. For interfaces these are the boot tools, see
`interfaces`; a service of ours that loads a set of rules is one, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Optional, Protocol, TypeVar, Union

from .steps import HoldTool, ReloadTool, StopDhcp, WriteFile

NONE = "none"  # in place of a provider's name
UNIT = "systemd"  # by a unit of ours, see `unit.service`

Stored_contra = TypeVar("Stored_contra", contravariant=True)


@dataclass(frozen=True)
class FileChanges:
    """Files to write, in this order, or to remove (``None``); empty where all is as it should be. ``unsupported`` has a
    sentence for each thing that the provider can't store; ``renews_leases`` is `files.Draft`'s."""

    changes: Mapping[str, Optional[str]]
    unsupported: tuple[str, ...] = ()
    renews_leases: bool = False


class Provider(Protocol[Stored_contra]):
    """What reads files when the host starts. ``Stored_contra`` is what is to be stored, together with the files that there are."""

    @property
    def name(self) -> str:
        """The name that users, the results and the driver of the files have for it."""

    def interferes(self, stored: Stored_contra) -> bool:
        """Returns whether it would at once change something of what a run changes, and so is stopped before that."""

    def changes(self, stored: Stored_contra) -> FileChanges:
        """Returns what has to change in its files."""

    def concerned(self, stored: Stored_contra) -> tuple[str, ...]:
        """Returns the names of what it brings in line when it reads its files again."""


@dataclass(frozen=True)
class PersistencePlan:
    """What has to be done: ``before`` and after (``steps``) what changes the running host, and once at the end of all
    plans (``handlers``). ``tool`` is the provider's name; without ``changes`` in its files there are no steps."""

    tool: str = NONE
    before: tuple[Union[HoldTool, StopDhcp], ...] = ()
    steps: tuple[WriteFile, ...] = ()
    handlers: tuple[ReloadTool, ...] = ()
    warnings: tuple[str, ...] = ()
    changes: Mapping[str, Optional[str]] = field(default_factory=dict)
    renews_leases: bool = False


def with_others(plan: PersistencePlan, *others: PersistencePlan) -> PersistencePlan:
    """Returns a plan with the steps, handlers and files of others; its ``tool`` stays, and so does the rest."""
    plans = (plan, *others)
    return replace(
        plan,
        before=tuple(step for each in plans for step in each.before),
        steps=tuple(step for each in plans for step in each.steps),
        handlers=tuple(handler for each in plans for handler in each.handlers),
        changes={path: text for each in plans for path, text in each.changes.items()},
    )


def plan_provider(
    provider: Provider[Stored_contra], stored: Stored_contra, files: Mapping[str, str], *, name: str, changes_host: bool
) -> PersistencePlan:
    """Plans what a provider has to store for ``name``. ``files`` are all of its files, by path; ``changes_host`` says
    whether something is changed in what runs, too."""
    found = provider.changes(stored)
    steps = tuple(WriteFile(provider.name, path, text, files.get(path)) for path, text in found.changes.items())
    held = bool(steps) and changes_host and provider.interferes(stored)
    return PersistencePlan(
        tool=provider.name,
        before=(HoldTool(provider.name, name),) if held else (),
        steps=steps,
        handlers=(ReloadTool(provider.name, provider.concerned(stored)),) if steps else (),
        warnings=found.unsupported,
        changes=found.changes,
        renews_leases=found.renews_leases,
    )
