# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's own interfaces, as ``linux_bridge``, ``vlan_iface``, ``macvlan_iface``, ``tuntap`` and ``fabric`` declare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Optional

from ..contract import AnyResource, ArgumentSpec, Host, Kind, Options
from ..errors import under
from ..model.fields import argument_spec, from_options, normal_value
from ..model.interface.options import Interface, LinuxBridge, MacvlanIface, Tuntap, VlanIface
from ..model.interface.requests import AccountDriver, InterfaceDriver
from ..model.links import LinkDriver
from ..model.namespace.steps import NamespaceDriver
from ..model.values import ifname
from ..persist.choose import CHOICES
from ..persist.steps import FileDriver
from ..persist.uplink.requests import LeaseDriver
from .common import STATE, text

# A run that has no interfaces waits for none of the code that plans them, nor of that behind these drivers.


def _open_interfaces(_host: Host, netns: Optional[str]) -> InterfaceDriver:
    from ..backend.netlink.interfaces import Interfaces

    return Interfaces(netns)


def _open_accounts(_host: Host, _where: Optional[str]) -> AccountDriver:
    from ..backend.os.accounts import Accounts

    return Accounts()


def _open_files(_host: Host, _where: Optional[str]) -> FileDriver:
    from ..backend.boot_tools.files import Files

    return Files()


def _open_leases(_host: Host, _where: Optional[str]) -> LeaseDriver:
    from ..backend.netlink.leases import Leases

    return Leases()


def _open_links(_host: Host, _where: Optional[str]) -> LinkDriver:
    from ..backend.netlink.links import HostLinks

    return HostLinks()


def open_namespaces(_host: Host, _where: Optional[str]) -> NamespaceDriver:
    from ..backend.netns.namespaces import Namespaces

    return Namespaces()


class InterfaceKind(Kind):
    """One kind of interface."""

    restorable = True
    info_options = {"netns": {"type": "str"}}
    drivers = {
        InterfaceDriver: _open_interfaces,
        AccountDriver: _open_accounts,
        FileDriver: _open_files,
        LinkDriver: _open_links,
        LeaseDriver: _open_leases,
        NamespaceDriver: open_namespaces,
    }

    #: What one is called in messages, the class of its options, and the options that only such a module has.
    word: ClassVar[str]
    option_class: ClassVar[type[Interface]]
    own_options: ClassVar[ArgumentSpec] = {"recreate": {"type": "bool", "default": True}}

    def argument_spec(self) -> ArgumentSpec:
        persist: dict[str, object] = {"type": "str", "choices": list(CHOICES), "default": "auto"}
        common: ArgumentSpec = {**STATE, "netns": {"type": "str"}, "persist": persist}
        return {**argument_spec(self.option_class), **common, **self.own_options}

    def parse(self, options: Options, path: str = "") -> AnyResource:
        from ..model.interface.desired import DesiredInterface
        from ._interface_resource import InterfaceResource

        adopt = text(options, "adopt")
        with under(path):
            given = from_options(self.option_class, options)
            if adopt is not None:
                normal_value("adopt", adopt, ifname)
        desired = DesiredInterface(
            given=given,
            present=options["state"] == "present",
            netns=text(options, "netns"),
            persist=str(options["persist"]),
            adopt=adopt,
            purge_taps=bool(options.get("purge_taps")),
            recreate=options.get("recreate") is not False,
        )
        return InterfaceResource(desired, self.word, path)

    def info(self, host: Host, names: Optional[Sequence[str]], options: Options) -> list[dict[str, object]]:
        from ._interface_resource import describe_interfaces

        return describe_interfaces(host, self.option_class, names, text(options, "netns"))


class BridgeKind(InterfaceKind):
    plural, word, option_class = "bridges", "bridge", LinuxBridge
    own_options = {"adopt": {"type": "str"}, "purge_taps": {"type": "bool", "default": False}}

    def settle(self, resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
        from ._interface_resource import settled_bridge

        return settled_bridge(resource, others)


class VlanKind(InterfaceKind):
    plural, word, option_class = "vlans", "vlan", VlanIface


class MacvlanKind(InterfaceKind):
    plural, word, option_class = "macvlans", "macvlan", MacvlanIface


class TuntapKind(InterfaceKind):
    plural, word, option_class = "taps", "tap", Tuntap

    def settle(self, resource: AnyResource, others: Sequence[AnyResource]) -> AnyResource:
        from ._interface_resource import settled_tap

        return settled_tap(resource, others)


BRIDGE = BridgeKind()
VLAN = VlanKind()
MACVLAN = MacvlanKind()
TUNTAP = TuntapKind()
