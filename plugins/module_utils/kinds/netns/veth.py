# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veth pairs, as ``veth_pair`` and ``fabric`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...contract import AnyResource, ArgumentSpec, Host, Kind, Options
from ...errors import under
from ...model.fields import argument_spec, from_options
from ...model.namespace.steps import NamespaceDriver
from ...model.veth.options import VethPair
from ...model.veth.steps import VethDriver
from ..common import STATE, text
from ..interface import BRIDGE
from .namespace import PERSIST


def _open_veth(host: Host, _where: Optional[str]) -> VethDriver:
    from ...backend.netns.veth import VethPairs

    return VethPairs(host.driver(NamespaceDriver))


class VethKind(Kind):
    """Veth pairs."""

    plural = "veth_pairs"
    info_options = {"netns": {"type": "str"}}
    drivers = {**BRIDGE.drivers, VethDriver: _open_veth}

    def argument_spec(self) -> ArgumentSpec:
        return {**argument_spec(VethPair), **STATE, **PERSIST}

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._veth_resource import VethResource

        with under(path):
            given = from_options(VethPair, options)
        stored = options["persist"] != "none"
        return VethResource(given, present=options["state"] == "present", stored=stored, path=path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._veth_resource import describe_pairs

        return describe_pairs(host, names, text(options, "netns"))

    def settle(self, resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
        from ._veth_resource import settled_pair

        return settled_pair(resource, others)


VETH = VethKind()
