# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of firewall rules, as modules and the lists of ``fabric`` declare them: port forwards, outbound rules and policies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional

from ..backend.libvirt.session import Session
from ..contract import AnyResource, ArgumentSpec, Driver, Host, Kind, Options
from ..errors import under
from ..model.fields import argument_spec, from_options
from ..model.firewall.facts import GuestDriver
from ..model.firewall.steps import FirewallDriver
from ..model.network.steps import NetworkDriver
from ..model.outbound.options import OutboundRules
from ..model.policy.options import Policy
from ..model.portforward.options import PortForwards
from ..model.portforward.targets import NeighbourDriver
from ..model.zones import ZoneDriver
from .common import STATE, URI
from .network import NETWORK

if TYPE_CHECKING:
    from ._rule_set_resource import RuleSetResource


def _open_firewall(_host: Host, _where: Optional[str]) -> FirewallDriver:
    from ..backend.nftables.firewall import NftFirewall

    return NftFirewall()


def _open_guests(host: Host, _where: Optional[str]) -> Driver:
    from ..backend.libvirt.guest_addresses import LibvirtGuestAddresses

    return LibvirtGuestAddresses(host.driver(Session).connection, host.driver(NetworkDriver))


def _open_neighbours(_host: Host, _where: Optional[str]) -> NeighbourDriver:
    from ..backend.nftables.neighbours import Neighbours

    return Neighbours()


class RuleSetKind(Kind):
    """Sets of firewall rules, each of which has a name."""

    common_options = URI
    drivers = {**NETWORK.drivers, FirewallDriver: _open_firewall, GuestDriver: _open_guests}
    options: type

    def argument_spec(self) -> ArgumentSpec:
        spec = argument_spec(self.options)
        spec["name"]["default"] = "default"
        return {**spec, **STATE}

    @property
    @abstractmethod
    def resource(self) -> type[RuleSetResource[Any]]:
        """The class of the sets, which is loaded only where a run has one."""

    def parse(self, options: Options, path: str = "") -> AnyResource:
        with under(path):
            given: object = from_options(self.options, options)
        return self.resource(given, options["state"] == "present", path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        del options
        return self.resource.described(host, names)

    def info_on_host(self, host: Host) -> Options:
        from ..model.firewall.others import FIREWALLD, described

        others = host.driver(FirewallDriver).others()
        return {"others": described(others, host.driver(ZoneDriver).zones() if FIREWALLD in others.programs else None)}


class PortForwardKind(RuleSetKind):
    """Sets of port forwards."""

    plural = "portforwards"
    options = PortForwards
    drivers = {**RuleSetKind.drivers, NeighbourDriver: _open_neighbours}

    @property
    def resource(self) -> type[RuleSetResource[Any]]:
        from ._portforward_resource import PortForwardResource

        return PortForwardResource


class OutboundKind(RuleSetKind):
    """Sets of outbound rules: masquerade and SNAT."""

    plural = "outbound"
    options = OutboundRules

    @property
    def resource(self) -> type[RuleSetResource[Any]]:
        from ._outbound_resource import OutboundResource

        return OutboundResource


class PolicyKind(RuleSetKind):
    """Sets of policy rules: who may connect to whom."""

    plural = "policies"
    options = Policy

    @property
    def resource(self) -> type[RuleSetResource[Any]]:
        from ._policy_resource import PolicyResource

        return PolicyResource


PORTFORWARD = PortForwardKind()
OUTBOUND = OutboundKind()
POLICY = PolicyKind()
