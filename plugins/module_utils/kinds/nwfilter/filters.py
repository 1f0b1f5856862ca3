# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's network filters, as ``nwfilter`` and ``fabric`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...backend.libvirt.session import Session
from ...backend.os.paths import is_local
from ...contract import AnyResource, ArgumentSpec, Driver, Host, Kind, Options
from ...model.fields import argument_spec
from ...model.nwfilter.facts import FilterDriver
from ...model.nwfilter.options import ACTIONS, DIRECTIONS, Reference
from ...model.nwfilter.protocols import PROTOCOLS
from ..common import STATE, URI
from ..network import NETWORK

RULE: ArgumentSpec = {
    "action": {"type": "str", "choices": list(ACTIONS)},
    "direction": {"type": "str", "choices": list(DIRECTIONS)},
    "priority": {"type": "int"},
    "statematch": {"type": "bool"},
    "protocol": {"type": "str", "choices": list(PROTOCOLS)},
    "match": {"type": "dict"},
    "match_not": {"type": "dict"},
    "filterref": {"type": "dict", "options": argument_spec(Reference)},
}
DEFINITION: ArgumentSpec = {
    "chain": {"type": "str"},
    "priority": {"type": "int"},
    "rules": {"type": "list", "elements": "dict", "options": RULE},
}


def open_filters(host: Host, _where: Optional[str]) -> Driver:
    from ...backend.libvirt.nwfilters import NwFilters

    return NwFilters(host.driver(Session).connection, local=is_local(host.uri))


class FilterKind(Kind):
    """libvirt's network filters."""

    plural = "filters"
    common_options = URI
    drivers = {Session: NETWORK.drivers[Session], FilterDriver: open_filters}

    def argument_spec(self) -> ArgumentSpec:
        return {"name": {"type": "str"}, **STATE, **DEFINITION, "xml": {"type": "str"}}

    def constraints(self) -> dict[str, list[tuple[str, ...]]]:
        return {
            "required_one_of": [("name", "xml")],
            "mutually_exclusive": [("xml", name) for name in DEFINITION],
        }

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._filter_resource import filter_of

        return filter_of(options, path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._filter_resource import describe_filters

        del options
        return describe_filters(host, names)


FILTER = FilterKind()
