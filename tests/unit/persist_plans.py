# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The files of a tool for one interface, planned twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Interface,
    InterfaceState,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import plan_files
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import Request, ToolFacts, overlay
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import FileChanges


def planned(
    tool: str,
    desired: Optional[Interface],
    files: Optional[Mapping[str, str]],
    name: str,
    states: tuple[InterfaceState, ...],
    systemd: int = 0,
) -> FileChanges:
    """The changes, of which a second run has none."""
    there = files or {}
    name = name or (desired.name if desired else None) or ""
    known = {state.name: state for state in states}
    facts = ToolFacts(systemd=systemd, account_number=lambda _option, account: {"root": 0}.get(account))
    done = plan_files(tool, Request(name, desired, there, known, facts=facts))
    again = plan_files(tool, Request(name, desired, overlay(there, done.changes), known, facts=facts))
    assert again.changes == {}
    return done
