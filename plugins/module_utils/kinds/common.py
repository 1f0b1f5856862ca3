# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several kinds have in common: options, their resource, and the names of what they provide to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, Optional, TypeVar

from ..backend.os.paths import SYSTEM_URI
from ..contract import ArgumentSpec, Options, Resource, State
from ..model.namespace.options import short_name

URI: ArgumentSpec = {"uri": {"type": "str", "default": SYSTEM_URI}}
STATE: ArgumentSpec = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}

Given = TypeVar("Given")


@dataclass(frozen=True)
class DeclaredResource(Resource[State], Generic[State, Given]):
    """A resource as its options, ``given``, declare it; ``path`` is where they stand, if not at the top."""

    #: What the kind is called before a name.
    noun: ClassVar[str]
    #: The option that names the resource.
    key: ClassVar[str] = "name"

    given: Given
    present: bool = True
    path: str = ""

    @property
    def name(self) -> str:
        return getattr(self.given, self.key) or ""

    @property
    def label(self) -> str:
        return f"{self.noun} {self.name}"


def interface_name(netns: Optional[str], name: str) -> str:
    """Returns what an interface is called in `Resource.provides` and `Resource.needs`."""
    return f"interface {name}" + (f" in {netns}" if netns else "")


def text(options: Options, name: str) -> Optional[str]:
    """Returns an option that is a string, or ``None`` where it was left out."""
    value = options.get(name)
    return None if value is None else str(value)


def namespace_label(netns: str) -> str:
    """Returns what a network namespace is called in `Resource.provides` and `Resource.needs`, by its name or path."""
    return f"namespace {short_name(netns)}"


def filter_label(name: str) -> str:
    """Returns what a network filter is called in `Resource.provides` and `Resource.needs`."""
    return f"filter {name}"
