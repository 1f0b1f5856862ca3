# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces, as ``net_namespace`` and ``fabric`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...contract import AnyResource, ArgumentSpec, Host, Kind, Options
from ...errors import under
from ...model.fields import argument_spec, from_options
from ...model.namespace.options import NetNamespace
from ..common import STATE
from ..interface import BRIDGE


class NamespaceKind(Kind):
    """Named network namespaces."""

    plural = "namespaces"
    drivers = BRIDGE.drivers

    def argument_spec(self) -> ArgumentSpec:
        return {**argument_spec(NetNamespace), **STATE, **PERSIST}

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._namespace_resource import NamespaceResource

        with under(path):
            given = from_options(NetNamespace, options)
        stored = options["persist"] != "none"
        return NamespaceResource(given, present=options["state"] == "present", stored=stored, path=path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._namespace_resource import describe_namespaces

        del options
        return describe_namespaces(host, names)


PERSIST: ArgumentSpec = {"persist": {"type": "str", "choices": ["auto", "none"], "default": "auto"}}
NAMESPACE = NamespaceKind()
