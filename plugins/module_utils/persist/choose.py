# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which boot tool stores a host's interfaces, and what its files should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from ..errors import OptionError
from .declared.paths import path_of
from .files import Draft, Request, Tool, ToolFacts
from .plan import NONE, UNIT, FileChanges

AUTO = "auto"


class _Writers(dict[str, Tool]):
    """The writers by the names that users give, each imported when it is first needed: a run uses one or two."""

    def __missing__(self, name: str) -> Tool:
        writer = self[name] = _writer(name)
        return writer


def _writer(name: str) -> Tool:
    if name == "networkd":
        from .networkd.writer import Networkd

        return Networkd()
    if name == "networkmanager":
        from .networkmanager.writer import NetworkManager

        return NetworkManager()
    if name == "netplan":
        from .netplan.writer import Netplan

        return Netplan()
    from .ifupdown.writer import Ifupdown

    return Ifupdown()


TOOLS: Mapping[str, Tool] = _Writers()

# The order in which ``auto`` looks. netplan comes first, as it writes the files of the next two.
_ORDER = ("netplan", "networkmanager", "networkd", "ifupdown")

CHOICES = (AUTO, "networkd", "networkmanager", "netplan", "ifupdown", NONE)


@dataclass(frozen=True)
class Choice:
    """A boot tool, or ``none``, with a warning for the user."""

    tool: str
    warning: Optional[str] = None


def choose(option: str, facts: ToolFacts, name: str, netns: Optional[str] = None, others: Sequence[str] = ()) -> Choice:
    """Returns what stores the interface ``name``, by the option ``persist``.

    Where several tools are in charge, it is the one that has a file for it, or for one of the ``others``, which it takes over
    or has as ports. Raises `OptionError` for a tool that the host doesn't have, or that can't store it, and where two tools
    have such files.
    """
    if netns is not None and option not in (AUTO, NONE):
        raise OptionError(
            "persist",
            option,
            f"isn't possible with netns ({netns!r}), as no boot tool creates interfaces in a namespace; set it to auto",
        )
    if option == NONE:
        return Choice(NONE)
    if netns is not None:
        return Choice(UNIT if facts.keeps_namespace(netns) else NONE)
    if option != AUTO:
        if option not in facts.installed:
            has = ", ".join(tool for tool in CHOICES if tool in facts.installed)
            raise OptionError("persist", option, f"is not installed on this host; use {has or NONE}")
        return Choice(option, _also_configured(option, facts, (name, *others)))
    working = [tool for tool in _ORDER if tool in facts.in_charge & facts.installed]
    if len(working) > 1:
        for each in (name, *others):
            claims = facts.claims(each)
            if len(claims) > 1:
                both = " and ".join(f"{path} ({tool})" for tool, path in claims.items())
                raise OptionError(
                    "persist",
                    option,
                    f"isn't clear, as {both} are both for {each}; remove one of them, or set persist to the other",
                )
            if claims:
                return Choice(next(iter(claims)))
    if working:
        return Choice(working[0])
    return Choice(
        NONE,
        f"{name}: won't survive a reboot, because none of netplan, NetworkManager, networkd and ifupdown manages this"
        " host's network; enable one of them, or set persist to none to accept that",
    )


def _also_configured(tool: str, facts: ToolFacts, names: Sequence[str]) -> Optional[str]:
    """Returns a warning where a file of another tool is for one of these interfaces, too."""
    for name in names if len(facts.in_charge) > 1 else ():
        for other, path in facts.claims(name).items():
            if other != tool:
                return f"{name}: {path} ({other}) is for it too, and {other} sets it up by that file at the next boot; remove it there"
    return None


def plan_files(tool: str, request: Request) -> FileChanges:
    """Returns what has to change in a tool's files so that the interface is as desired after a reboot."""
    found = _planned(tool, request)
    return FileChanges({}, found.unsupported) if request.earlier and not _tools_own(request, found) else found


def _tools_own(request: Request, found: FileChanges) -> set[str]:
    """Returns which of the tool's own files change."""
    return set(found.changes) - {path_of(request.name)}


def _planned(tool: str, request: Request) -> FileChanges:
    draft = Draft(tool, request)
    declaration = request.declaration
    if declaration is not None and not declaration.complete:
        TOOLS[tool].write_beside(draft, declaration.options)
    elif request.desired is not None:
        TOOLS[tool].write(draft, request.desired)
    TOOLS[tool].tidy(draft)
    if declaration is not None:
        from .declared.declaration import lines

        draft.write(path_of(request.name), *lines(replace(declaration, former=draft.former)))
    return draft.result()
