# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules and `fabric` have to know of a kind of resource. A module imports its own kind only: what isn't imported
costs a start nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

URI = {"uri": {"type": "str", "default": "qemu:///system"}}


@dataclass(frozen=True)
class Kind:
    """``plural`` is the list that `fabric` and the `_info` module have it in; ``options`` is the argument spec, ``rules``
    what goes with what in it, ``parse`` makes a resource of options. ``describe`` is for the `_info` module: a host, the
    names that were asked for (``None``: all) and the module's options in, descriptions out. ``asks``
    are the options of that module besides the names, ``where`` those of all modules, `fabric` too."""

    plural: str
    options: Callable[[], dict[str, Any]]
    rules: Callable[[], dict[str, Any]]
    parse: Callable[..., Any]
    describe: Callable[[Any, Optional[Sequence[str]], Mapping[str, Any]], list[dict[str, Any]]]
    asks: Mapping[str, Any]
    where: Mapping[str, Any] = field(default_factory=dict)


def provided(netns: Optional[str], name: str) -> str:
    """What an interface is to those that need it."""
    return f"interface {name}" + (f" in {netns}" if netns else "")
