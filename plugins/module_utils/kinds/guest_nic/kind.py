# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The NICs of guests, as ``guest_nic`` and ``fabric.guest_nics`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...backend.libvirt.session import Session
from ...backend.os.paths import is_local
from ...contract import AnyResource, ArgumentSpec, Driver, Host, Kind, Options
from ...model.fields import argument_spec
from ...model.guest_nic.options import Nic
from ...model.guest_nic.steps import GuestNicDriver
from ...model.network.steps import NetworkDriver
from ..common import STATE, URI
from ..network import NETWORK
from ..nwfilter.filters import FILTER


def _open_guest_nics(host: Host, _where: Optional[str]) -> Driver:
    from ...backend.libvirt.guest_nics import GuestNics

    return GuestNics(host.driver(Session).connection, host.driver(NetworkDriver), local=is_local(host.uri))


class GuestNicKind(Kind):
    """The NICs of libvirt's guests."""

    plural = "guest_nics"
    common_options = URI
    drivers = {**NETWORK.drivers, **FILTER.drivers, GuestNicDriver: _open_guest_nics}

    def argument_spec(self) -> ArgumentSpec:
        return {
            "name": {"type": "str", "required": True, "aliases": ["guest"]},
            "index": {"type": "int"},
            **argument_spec(Nic),
            **STATE,
            "replug": {"type": "bool", "default": True},
            "replug_timeout": {"type": "int", "default": 20},
            "flap": {"type": "bool", "default": True},
            "exclusive": {"type": "bool", "default": False},
            "guest_missing": {"type": "str", "choices": ["fail", "ignore"], "default": "fail"},
        }

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._resource import nic_of

        return nic_of(options, path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._resource import describe_nics

        del options
        return describe_nics(host, names)

    def settle(self, resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
        from ._resource import settled_nic

        return settled_nic(resource, others)


GUEST_NIC = GuestNicKind()
