# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of a shaping: what was declared, and the numbers that the kernel knows the classes by.

The kernel has no place for the name of a class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from ...errors import OptionError
from ..fields import from_options, to_options
from .options import Shaping

DIRECTORY = "/run/virtnet.kvm/shaping"
PATTERN = f"{DIRECTORY}/*.json"


@dataclass(frozen=True)
class Memory:
    """``minors`` are the numbers of the classes by their names, by direction; ``root`` and ``hook`` are what was at the
    interface before, and is restored: the kind of its root, and of what filters packets that come in."""

    declared: Shaping
    minors: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    root: str = ""
    hook: str = ""


def memory_path(device: str) -> str:
    """Returns the path of the file of an interface, whose name has no slash."""
    return f"{DIRECTORY}/{device}.json"


def memory_text(memory: Memory) -> str:
    """Returns the text of the file."""
    held: dict[str, Any] = {
        "declared": to_options(memory.declared),
        "minors": {side: dict(minors) for side, minors in memory.minors.items() if minors},
        "root": memory.root,
        "hook": memory.hook,
    }
    return json.dumps(held, indent=1) + "\n"


def recalled(text: Optional[str]) -> Optional[Memory]:
    """Returns what a file remembers; ``None`` where there is none, or it can't be read."""
    try:
        held = json.loads(text or "")
        minors = {
            side: {str(name): int(number) for name, number in each.items()} for side, each in held["minors"].items()
        }
        return Memory(from_options(Shaping, held["declared"]), minors, str(held["root"]), str(held["hook"]))
    except (ValueError, KeyError, TypeError, AttributeError, OptionError):
        return None
