# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a veth pair (veth(4)): two interfaces, each of which gets what is sent on the other one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Optional

from .. import values
from ..fields import option, shapes
from ..interface.options import Interface, KindTraits
from ..namespace.options import short_name


def _namespace(value: str) -> str:
    if not value:
        raise ValueError("is no network namespace; leave it out for the host's own")
    return short_name(value)


@dataclass(frozen=True, order=True)
class EndName:
    """An interface by its namespace (``None``: the host's own) and its name."""

    name: str
    netns: Optional[str] = None

    def __str__(self) -> str:
        return self.name if self.netns is None else f"{self.name} in namespace {self.netns}"


def as_interface(definition: Interface) -> Interface:
    """Returns the options that every interface has."""
    held: dict[str, Any] = {shape.name: getattr(definition, shape.name) for shape in shapes(Interface)}
    return Interface(**held)


@dataclass(frozen=True)
class VethEnd(Interface):
    """One end of a pair."""

    traits: ClassVar[KindTraits] = KindTraits("veth", kernel_kind="veth", kernel_words="veth pairs (module veth)")

    netns: Optional[str] = option(norm=_namespace, removal=None)
    bridge: Optional[str] = option(norm=values.ifname)

    @property
    def end_name(self) -> EndName:
        return EndName(self.name or "", self.netns)

    @property
    def interface(self) -> Interface:
        """The options that every interface has."""
        return as_interface(self)


@dataclass(frozen=True)
class VethPair(VethEnd):
    """A pair: the options of one end, and those of the other one in ``peer``."""

    peer: Optional[VethEnd] = option()

    @property
    def title(self) -> str:
        return f"{self.word} pair {self.name}"
