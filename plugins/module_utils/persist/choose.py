# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tool keeps a host's interfaces over a reboot, and what its files should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from ..errors import OptionError
from .files import Draft, Request, Tool, ToolFacts
from .ifupdown.writer import Ifupdown
from .netplan.writer import Netplan
from .networkd.writer import Networkd
from .networkmanager.writer import NetworkManager
from .plan import NONE as NONE
from .plan import FileChanges

AUTO = "auto"

# By the names that users give.
TOOLS: Mapping[str, Tool] = {
    "networkd": Networkd(),
    "networkmanager": NetworkManager(),
    "netplan": Netplan(),
    "ifupdown": Ifupdown(),
}

# The order in which ``auto`` looks: netplan writes the files of the next two.
_ORDER = ("netplan", "networkmanager", "networkd", "ifupdown")

CHOICES = (AUTO, "networkd", "networkmanager", "netplan", "ifupdown", NONE)


@dataclass(frozen=True)
class Choice:
    """The tool, or ``none``; and what the user should know of it."""

    tool: str
    warning: Optional[str] = None


def choose(option: str, facts: ToolFacts, name: str, netns: Optional[str] = None) -> Choice:
    """What keeps the interface ``name``, given the option ``persist``; raises `OptionError` for what can't be."""
    if netns is not None and option not in (AUTO, NONE):
        raise OptionError(
            "persist", option, f"none where netns is given ({netns!r}): a namespace is gone after a reboot"
        )
    if option == NONE or netns is not None:
        return Choice(NONE)
    if option != AUTO:
        if option not in facts.installed:
            has = ", ".join(tool for tool in CHOICES if tool in facts.installed)
            raise OptionError("persist", option, f"a tool that this host has: {has or NONE}")
        return Choice(option)
    for tool in _ORDER:
        if tool in facts.in_charge & facts.installed:
            return Choice(tool)
    return Choice(
        NONE,
        f"{name} won't survive a reboot: this host has none of networkd, NetworkManager, netplan and ifupdown in charge;"
        " persist: none says that this is meant",
    )


def plan_files(tool: str, request: Request) -> FileChanges:
    """What has to change in the tool's files, so that the interface is as desired after a reboot."""
    draft = Draft(tool, request)
    if request.desired is not None:
        TOOLS[tool].write(draft, request.desired)
    TOOLS[tool].tidy(draft)
    return draft.result()


def overlay(files: Mapping[str, str], changes: Mapping[str, Optional[str]]) -> dict[str, str]:
    """The files with changes made."""
    return {path: text for path, text in {**files, **changes}.items() if text is not None}
