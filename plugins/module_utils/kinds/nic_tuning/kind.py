# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of network devices, as the module and the list of ``fabric`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...contract import AnyResource, ArgumentSpec, Host, Kind, Options
from ...model.fields import argument_spec
from ...model.nic_tuning.options import NicTuning
from ...model.nic_tuning.steps import NicDriver
from ...persist.device.steps import StoredSettings
from ..common import STATE
from ..device.stored import open_stored


def _open_nics(_host: Host, _where: Optional[str]) -> NicDriver:
    from ...backend.ethtool.devices import Nics

    return Nics()


class NicTuningKind(Kind):
    """The settings of network devices that ethtool(8) shows and changes."""

    plural = "nic_tuning"
    drivers = {NicDriver: _open_nics, StoredSettings: open_stored}

    def argument_spec(self) -> ArgumentSpec:
        extra: ArgumentSpec = {"offloads": {"type": "dict"}, "persist": {"type": "bool"}}
        return {**argument_spec(NicTuning), **extra, **STATE}

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._resource import nic_tuning_of

        return nic_tuning_of(options, path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._resource import describe_nics

        del options
        return describe_nics(host, names)


NIC_TUNING = NicTuningKind()
