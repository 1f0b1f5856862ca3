# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types of libvirt's Python binding, as far as it is used, and its import, which may fail.

Most calls of the binding have no types of their own; these are the types in libvirt-python 9.0 (Debian 12) and later.
The names are libvirt's: https://libvirt.org/html/index.html
"""
# ruff: noqa: N802, N803, N815

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Callable, Optional, Protocol, TypedDict

try:
    import libvirt as _libvirt
except ImportError:
    IMPORT_TRACE = traceback.format_exc()
else:
    IMPORT_TRACE = ""


class LibvirtError(Exception):
    """The type of ``libvirt.libvirtError``; catch that one, as nothing raises this."""

    def get_error_code(self) -> Optional[int]: ...
    def get_error_message(self) -> Optional[str]: ...


class DhcpLease(TypedDict):
    """An item of what ``virNetwork.DHCPLeases`` returns (libvirt_virNetworkGetDHCPLeases in libvirt-override.c)."""

    iface: Optional[str]
    expirytime: int
    type: int
    mac: Optional[str]
    iaid: Optional[str]
    ipaddr: Optional[str]
    prefix: int
    hostname: Optional[str]
    clientid: Optional[str]


class GuestAddr(TypedDict):
    """An address of `GuestInterface`."""

    addr: str
    prefix: int
    type: int


class GuestInterface(TypedDict):
    """What ``virDomain.interfaceAddresses`` returns of an interface (libvirt_virDomainInterfaceAddresses in libvirt-override.c)."""

    addrs: Optional[list[GuestAddr]]
    hwaddr: Optional[str]


class VirNetwork(Protocol):
    """A network of a connection; its calls raise ``libvirtError``."""

    def name(self) -> str: ...
    def isActive(self) -> int: ...
    def isPersistent(self) -> int: ...
    def autostart(self) -> int: ...
    def setAutostart(self, autostart: int) -> int: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def DHCPLeases(self, mac: Optional[str] = None, flags: int = 0) -> list[DhcpLease]: ...
    def create(self) -> int: ...
    def destroy(self) -> int: ...
    def undefine(self) -> int: ...
    def update(self, command: int, section: int, parentIndex: int, xml: str, flags: int = 0) -> int: ...


class VirDomain(Protocol):
    """A guest of a connection; its calls raise ``libvirtError``."""

    def name(self) -> str: ...
    def UUIDString(self) -> str: ...
    def isPersistent(self) -> int: ...
    def isActive(self) -> int: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def interfaceAddresses(self, source: int, flags: int = 0) -> dict[str, GuestInterface]: ...
    def updateDeviceFlags(self, xml: str, flags: int = 0) -> int: ...
    def attachDeviceFlags(self, xml: str, flags: int = 0) -> int: ...
    def detachDeviceFlags(self, xml: str, flags: int = 0) -> int: ...
    def state(self, flags: int = 0) -> Sequence[int]: ...
    def interfaceStats(self, device: str) -> Sequence[int]: ...


class VirNWFilter(Protocol):
    """A network filter of a connection; its calls raise ``libvirtError``."""

    def name(self) -> str: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def undefine(self) -> int: ...


class VirNWFilterBinding(Protocol):
    """The binding of a device to a network filter; its calls raise ``libvirtError``."""

    def XMLDesc(self, flags: int = 0) -> str: ...
    def delete(self) -> int: ...


class VirConnect(Protocol):
    """A connection to a hypervisor; its calls raise ``libvirtError``."""

    def close(self) -> int: ...
    def getLibVersion(self) -> int: ...
    def listAllNetworks(self, flags: int = 0) -> Sequence[VirNetwork]: ...
    def networkLookupByName(self, name: str) -> VirNetwork: ...
    def networkDefineXML(self, xml: str) -> VirNetwork: ...
    def listAllDomains(self, flags: int = 0) -> Sequence[VirDomain]: ...
    def lookupByName(self, name: str) -> VirDomain: ...
    def defineXML(self, xml: str) -> VirDomain: ...
    def listAllNWFilters(self, flags: int = 0) -> Sequence[VirNWFilter]: ...
    def nwfilterLookupByName(self, name: str) -> VirNWFilter: ...
    def nwfilterDefineXML(self, xmlDesc: str) -> VirNWFilter: ...
    def listAllNWFilterBindings(self, flags: int = 0) -> Sequence[VirNWFilterBinding]: ...
    def nwfilterBindingLookupByPortDev(self, portdev: str) -> VirNWFilterBinding: ...
    def nwfilterBindingCreateXML(self, xml: str, flags: int = 0) -> VirNWFilterBinding: ...


class LibvirtModule(Protocol):
    """The module ``libvirt``."""

    libvirtError: type[LibvirtError]

    VIR_CONNECT_LIST_DOMAINS_ACTIVE: int
    VIR_DOMAIN_AFFECT_LIVE: int
    VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT: int
    VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP: int
    VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE: int
    VIR_DOMAIN_PAUSED: int
    VIR_DOMAIN_XML_INACTIVE: int
    VIR_DOMAIN_XML_SECURE: int
    VIR_ERR_ACCESS_DENIED: int
    VIR_ERR_AUTH_FAILED: int
    VIR_ERR_AUTH_UNAVAILABLE: int
    VIR_ERR_NO_DOMAIN: int
    VIR_ERR_NO_NETWORK: int
    VIR_ERR_NO_NWFILTER: int
    VIR_ERR_NO_NWFILTER_BINDING: int
    VIR_ERR_RPC: int
    VIR_ERR_SYSTEM_ERROR: int
    VIR_NETWORK_SECTION_DNS_HOST: int
    VIR_NETWORK_SECTION_DNS_SRV: int
    VIR_NETWORK_SECTION_DNS_TXT: int
    VIR_NETWORK_SECTION_FORWARD_INTERFACE: int
    VIR_NETWORK_SECTION_IP_DHCP_HOST: int
    VIR_NETWORK_SECTION_IP_DHCP_RANGE: int
    VIR_NETWORK_SECTION_PORTGROUP: int
    VIR_NETWORK_UPDATE_AFFECT_CONFIG: int
    VIR_NETWORK_UPDATE_AFFECT_LIVE: int
    VIR_NETWORK_UPDATE_COMMAND_ADD_LAST: int
    VIR_NETWORK_UPDATE_COMMAND_DELETE: int
    VIR_NETWORK_UPDATE_COMMAND_MODIFY: int
    VIR_NETWORK_XML_INACTIVE: int

    def getVersion(self, name: Optional[str] = None) -> int: ...
    def open(self, name: Optional[str] = None) -> VirConnect: ...
    def registerErrorHandler(self, f: Callable[[object, list[object]], None], ctx: object) -> int: ...


LIBVIRT: Optional[LibvirtModule] = None if IMPORT_TRACE else _libvirt
