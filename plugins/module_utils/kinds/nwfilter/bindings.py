# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bindings of taps that aren't a libvirt guest's to filters, as ``nwfilter_binding`` and ``fabric`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...backend.libvirt.session import Session
from ...contract import AnyResource, ArgumentSpec, Host, Kind, Options
from ...errors import under
from ...model.fields import argument_spec, from_options
from ...model.links import LinkDriver
from ...model.nwfilter.facts import FilterDriver
from ...model.nwfilter.options import BindingOptions
from ..common import STATE, URI
from ..network import NETWORK
from .filters import open_filters


class BindingKind(Kind):
    """Bindings of devices to filters."""

    plural = "filter_bindings"
    common_options = URI
    drivers = {
        Session: NETWORK.drivers[Session],
        LinkDriver: NETWORK.drivers[LinkDriver],
        FilterDriver: open_filters,
    }

    def argument_spec(self) -> ArgumentSpec:
        return {**argument_spec(BindingOptions), **STATE}

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._binding_resource import BindingResource, checked_parameters

        with under(path):
            given = checked_parameters(from_options(BindingOptions, options))
        return BindingResource(given, present=options["state"] == "present", path=path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._binding_resource import describe_bindings

        del options
        return describe_bindings(host, names)


BINDING = BindingKind()
