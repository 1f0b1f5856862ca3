# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shaping of interfaces, as ``tc_shaping`` and ``fabric`` declare it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...contract import AnyResource, ArgumentSpec, Host, Kind, Options
from ...model.fields import argument_spec
from ...model.shaping.options import Shaping
from ...model.shaping.steps import ShapingDriver
from ...persist.device.steps import StoredSettings
from ..common import STATE
from ..device.stored import open_stored


def _open_shaping(_host: Host, _where: Optional[str]) -> ShapingDriver:
    from ...backend.tc.driver import TrafficControl

    return TrafficControl()


class ShapingKind(Kind):
    """The shaping of interfaces."""

    plural = "shaping"
    restorable = True
    drivers = {ShapingDriver: _open_shaping, StoredSettings: open_stored}

    def argument_spec(self) -> ArgumentSpec:
        return {**argument_spec(Shaping), "persist": {"type": "bool"}, **STATE}

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._resource import shaping_of

        return shaping_of(options, path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._info import describe_shaping

        del options
        return describe_shaping(host, names)

    def settle(self, resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
        from ._resource import settled_shaping

        return settled_shaping(resource, others)


SHAPING = ShapingKind()
