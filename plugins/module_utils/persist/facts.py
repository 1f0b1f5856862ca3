# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the boot tools, as plans see them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from ..contract import Facts
from .files import ToolFacts, overlay
from .plan import UNIT
from .steps import FileDriver
from .unit.service import keeps_namespace


class FileFacts(Facts):
    """The files of the host as they will be when what is planned so far is done."""

    @property
    def tools(self) -> ToolFacts:
        facts = self.host.driver(FileDriver).facts()
        return replace(facts, keeps_namespace=lambda name: keeps_namespace(self.read(UNIT), name))

    def read(self, tool: str) -> Mapping[str, str]:
        """Returns the files of a tool by path."""
        return overlay(self.host.driver(FileDriver).read(tool), self._planned.get(tool, {}))

    def expect(self, tool: str, changes: Mapping[str, Optional[str]]) -> None:
        """Takes a plan into account: the files will be like this, or will be removed (``None``)."""
        self._planned.setdefault(tool, {}).update(changes)

    @functools.cached_property
    def _planned(self) -> dict[str, dict[str, Optional[str]]]:
        return {}
