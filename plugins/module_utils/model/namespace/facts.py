# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which network namespaces a host has."""

from __future__ import annotations

import functools
from typing import Optional

from ...contract import Facts
from ...errors import OptionError
from .options import short_name
from .steps import NamespaceDriver


class NamespaceFacts(Facts):
    """The network namespaces of the host as they will be when what is planned so far is done."""

    @functools.cached_property
    def _planned(self) -> dict[str, bool]:
        return {}

    def expect(self, name: str, *, present: bool) -> None:
        """Takes the plan of a namespace into account."""
        self._planned[name] = present

    def exists(self, netns: Optional[str]) -> bool:
        """Returns whether a namespace will be there, by its name or path; the host's own (``None``) always is."""
        if netns is None:
            return True
        planned = self._planned.get(short_name(netns))
        return self.host.driver(NamespaceDriver).exists(netns) if planned is None else planned

    def check(self, netns: Optional[str], option: str = "netns") -> None:
        """Refuses a namespace that the same run removes. Raises `OptionError`."""
        if netns is not None and self._planned.get(short_name(netns)) is False:
            raise OptionError(option, netns, "is removed by the same run; leave the namespace, or remove this from it")

    def is_new(self, netns: Optional[str]) -> bool:
        """Returns whether a namespace is created by this run."""
        if netns is None or not self._planned.get(short_name(netns)):
            return False
        return not self.host.driver(NamespaceDriver).exists(netns)
