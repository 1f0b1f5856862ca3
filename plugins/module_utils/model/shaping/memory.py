# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of a shaping: what was declared, and the numbers that the kernel knows the classes by.

The kernel has no place for the name of a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from ...errors import OptionError
from ..fields import from_options, to_options
from .options import Shaping


@dataclass(frozen=True)
class Memory:
    """``minors`` are the numbers of the classes by their names, by direction; ``root`` and ``hook`` are what was at the
    interface before, and is restored: the kind of its root, and of what filters packets that come in. ``persist``: it is
    applied whenever the interface is created."""

    declared: Shaping
    minors: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    root: str = ""
    hook: str = ""
    persist: bool = False

    def options(self) -> dict[str, Any]:
        """Returns what was declared as the kind parses it."""
        return {**to_options(self.declared), "state": "present"}

    def others(self) -> dict[str, Any]:
        """Returns the rest, as JSON holds it."""
        minors = {side: dict(minors) for side, minors in self.minors.items() if minors}
        return {"minors": minors, "root": self.root, "hook": self.hook}


def recalled(held: Mapping[str, Any]) -> Optional[Memory]:
    """Returns what a file remembers, as JSON holds it; ``None`` where it isn't complete."""
    try:
        declared = from_options(Shaping, held["options"])
        minors = {}
        for side, each in held["minors"].items():
            classes = getattr(getattr(declared, side), "classes", None) or ()
            order = {name: place for place, name in enumerate(("", *(known.name for known in classes)))}
            names = sorted(each, key=lambda name: order.get(name, len(order)))  # JSON may be sorted in another way
            minors[side] = {str(name): int(each[name]) for name in names}
        return Memory(declared, minors, str(held["root"]), str(held["hook"]), held["persist"] is True)
    except (ValueError, KeyError, TypeError, AttributeError, OptionError):
        return None
