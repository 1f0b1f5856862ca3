# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's networks, as ``virt_net`` and ``fabric.networks`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ..backend.libvirt.session import Session
from ..backend.os.paths import is_local
from ..contract import AnyResource, ArgumentSpec, Driver, Host, Kind, Options
from ..model.fields import argument_spec
from ..model.links import LinkDriver
from ..model.network.options import Network
from ..model.network.steps import NetworkDriver
from ..model.zones import ZoneDriver
from .common import STATE, URI

# A run that has no networks waits for none of the code that plans them, nor of that behind these drivers.


def _open_session(host: Host, where: Optional[str]) -> Driver:
    from ..backend.libvirt.session import open_session

    return open_session(host, where)


def _open_networks(host: Host, _where: Optional[str]) -> Driver:
    from ..backend.libvirt.guests import Guests
    from ..backend.libvirt.health import Health
    from ..backend.libvirt.networks import Networks

    connection = host.driver(Session).connection
    local = is_local(host.uri)
    return Networks(connection, Guests(connection, local=local), Health(local=local))


def _open_links(host: Host, _where: Optional[str]) -> LinkDriver:
    from ..backend.netlink.links import HostLinks, NoLinks

    return HostLinks() if is_local(host.uri) else NoLinks()


def _open_zones(host: Host, _where: Optional[str]) -> ZoneDriver:
    from ..backend.os.firewalld import Firewalld, NoFirewalld

    return Firewalld() if is_local(host.uri) else NoFirewalld()


class NetworkKind(Kind):
    """libvirt's networks."""

    plural = "networks"
    common_options = URI
    drivers = {
        Session: _open_session,
        NetworkDriver: _open_networks,
        LinkDriver: _open_links,
        ZoneDriver: _open_zones,
    }

    def argument_spec(self) -> ArgumentSpec:
        spec = argument_spec(Network)
        del spec["name"]["required"]  # the document has it where xml is given
        return {
            **spec,
            **STATE,
            "xml": {"type": "str"},
            "active": {"type": "bool"},
            "autostart": {"type": "bool"},
            "restart": {"type": "str", "choices": ["if_needed", "if_faster", "never"], "default": "if_needed"},
        }

    def constraints(self) -> dict[str, list[tuple[str, ...]]]:
        definition = [name for name in argument_spec(Network) if name != "name"]
        return {
            "required_one_of": [("name", "xml")],
            "mutually_exclusive": [("xml", name) for name in definition],
        }

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ._network_resource import network_of

        return network_of(options, path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._network_resource import describe_networks

        del options
        return describe_networks(host, names)


NETWORK = NetworkKind()
