# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a guest NIC, as https://libvirt.org/formatdomain.html#network-interfaces defines them, and its normal form."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Optional

from .. import values
from ..fields import canonical, merge, option
from ..libvirt_parts import Extra, Rate, VirtualPort, Vlan, normalise_vlan
from ..nwfilter.options import Parameter, normal_parameters

VIRTIO = "virtio"
USER_ALIAS = "ua-"
# The types of <interface> for which there are options; the others are kept as they are.
NETWORK, BRIDGE, DIRECT = "network", "bridge", "direct"
MACVTAP_MODES = ("vepa", "bridge", "private", "passthrough")
# Names that libvirt gives to devices itself, and so never stores (virDomainNetDefParseXML, virNetDevReserveName).
OWN_TARGETS = re.compile(r"(vnet|macvtap|macvlan|vif)\d+$")


def _alias(value: str) -> str:
    # virDomainDeviceAliasIsUserAlias, virDomainDeviceInfoParseXML
    if not re.fullmatch(r"ua-[A-Za-z0-9_-]+", value):
        raise ValueError("can't be the alias of a NIC; use ua- and then letters, digits, '-' and '_', such as ua-lan")
    return value


def _target(value: str) -> str:
    if OWN_TARGETS.match(value):
        raise ValueError("is a name that libvirt gives itself, so that it would not be stored; give another one")
    return values.ifname(value)


@dataclass(frozen=True)
class Source:
    """<source>: a network, with a group of its ports; a bridge; or a device of the host below a macvtap, with its mode."""

    network: Optional[str] = option(norm=values.object_name)
    portgroup: Optional[str] = option()
    bridge: Optional[str] = option(norm=values.ifname)
    dev: Optional[str] = option(norm=values.ifname)
    mode: Optional[str] = option(choices=MACVTAP_MODES, absent="vepa")


@dataclass(frozen=True)
class InboundRate(Rate):
    """<inbound>, which takes a guaranteed rate as well, where the network has a limit."""

    floor: Optional[int] = option(minimum=1, removal=0)


@dataclass(frozen=True)
class NicBandwidth:
    """<bandwidth> of an interface."""

    inbound: Optional[InboundRate] = option()
    outbound: Optional[Rate] = option()


@dataclass(frozen=True)
class FilterRef:
    """<filterref>: the nwfilter of the interface."""

    filter: Optional[str] = option(norm=values.object_name)
    parameters: Optional[tuple[Parameter, ...]] = option()


@dataclass(frozen=True)
class HostOffloads:
    """<driver><host>: offloads that QEMU accepts from the guest; libvirt's default for each is on."""

    csum: Optional[bool] = option()
    gso: Optional[bool] = option()
    tso4: Optional[bool] = option()
    tso6: Optional[bool] = option()
    ecn: Optional[bool] = option()
    ufo: Optional[bool] = option()
    mrg_rxbuf: Optional[bool] = option()


@dataclass(frozen=True)
class GuestOffloads:
    """<driver><guest>: offloads that the guest may use for what it receives."""

    csum: Optional[bool] = option()
    tso4: Optional[bool] = option()
    tso6: Optional[bool] = option()
    ecn: Optional[bool] = option()
    ufo: Optional[bool] = option()


@dataclass(frozen=True)
class NicDriver:
    """<driver>: how QEMU and the host's kernel serve a virtio NIC."""

    name: Optional[str] = option(choices=("qemu", "vhost"))
    queues: Optional[int] = option(minimum=1, maximum=256, removal=0, absent=1)  # libvirt keeps no single one
    rx_queue_size: Optional[int] = option(minimum=256, maximum=1024, removal=0)
    tx_queue_size: Optional[int] = option(minimum=256, maximum=1024, removal=0)
    txmode: Optional[str] = option(choices=("iothread", "timer"))
    ioeventfd: Optional[bool] = option()
    event_idx: Optional[bool] = option()
    packed: Optional[bool] = option()
    iommu: Optional[bool] = option()
    ats: Optional[bool] = option()
    page_per_vq: Optional[bool] = option()
    rss: Optional[bool] = option()
    rss_hash_report: Optional[bool] = option()
    host: Optional[HostOffloads] = option()
    guest: Optional[GuestOffloads] = option()


@dataclass(frozen=True)
class Coalesce:
    """<coalesce>: how many packets are collected before the guest is interrupted."""

    rx_frames_max: Optional[int] = option(minimum=1, removal=0)


@dataclass(frozen=True)
class Rom:
    """<rom>: the boot ROM of the NIC."""

    enabled: Optional[bool] = option()
    bar_: Optional[bool] = option()
    file: Optional[str] = option()


@dataclass(frozen=True)
class Tune:
    """<tune>: the send buffer of the tap in bytes."""

    sndbuf: Optional[int] = option(minimum=1, removal=0)


@dataclass(frozen=True)
class Backend:
    """<backend>: the devices of the host that QEMU opens."""

    tap: Optional[str] = option()
    vhost: Optional[str] = option()


@dataclass(frozen=True)
class Nic:
    """An interface of a guest; ``type`` is that of <interface>, which follows from the source."""

    type: Optional[str] = option(hidden=True)
    mac: Optional[str] = option(norm=values.mac, removal=None)
    alias: Optional[str] = option(norm=_alias)
    source: Optional[Source] = option()
    model: Optional[str] = option(removal=None)
    driver: Optional[NicDriver] = option()
    filterref: Optional[FilterRef] = option()
    vlan: Optional[Vlan] = option()
    bandwidth: Optional[NicBandwidth] = option()
    mtu: Optional[int] = option(minimum=68, maximum=65535, removal=0)
    link: Optional[str] = option(choices=("up", "down"), absent="up")
    isolated: Optional[bool] = option(absent=False)
    trust_guest_rx_filters: Optional[bool] = option(absent=False)
    boot_order: Optional[int] = option(minimum=1, removal=0)
    target: Optional[str] = option(norm=_target)
    virtualport: Optional[VirtualPort] = option()
    coalesce: Optional[Coalesce] = option()
    rom: Optional[Rom] = option()
    tune: Optional[Tune] = option()
    backend: Optional[Backend] = option()
    acpi_index: Optional[int] = option(minimum=1, maximum=16383, removal=0)
    address: Optional[str] = option(norm=values.pci_address, host_chosen=True)
    extra: Optional[tuple[Extra, ...]] = option(hidden=True)

    def __str__(self) -> str:
        names = [name for name in (self.mac, self.alias) if name]
        return " ".join(names) or "without a MAC address"


def type_of(source: Optional[Source]) -> Optional[str]:
    """Returns the type of <interface> that a source needs."""
    if source is None:
        return None
    return NETWORK if source.network else BRIDGE if source.bridge else DIRECT if source.dev else None


def normalise(nic: Nic) -> Nic:
    """Returns the one form in which two NICs are compared, whether they are stored or live.

    A live NIC of a network has what the network resolves to as well: its bridge or device (virDomainActualNetDefContentsFormat),
    and a type to match. Sent back like that, it would leave the network, so only the network is kept. Names of
    devices and aliases that libvirt chooses at each start are dropped, as libvirt doesn't store them either.
    """
    nic = canonical(nic)
    source, kind = nic.source, nic.type
    if source and source.network:
        source, kind = Source(network=source.network, portgroup=source.portgroup), NETWORK
    elif source and source.bridge:
        source = Source(bridge=source.bridge)
    elif source and source.dev:
        source = Source(dev=source.dev, mode=source.mode)
    return canonical(
        replace(
            nic,
            type=kind,
            source=source,
            vlan=normalise_vlan(nic.vlan) if nic.vlan else None,
            filterref=_normal_filter(nic.filterref),
            target=None if nic.target and OWN_TARGETS.match(nic.target) else nic.target,
            alias=nic.alias if (nic.alias or "").startswith(USER_ALIAS) else None,
        )
    )


def _normal_filter(found: Optional[FilterRef]) -> Optional[FilterRef]:
    if found is None or not found.parameters:
        return found
    return replace(found, parameters=normal_parameters(found.parameters))


def with_given(base: Nic, given: Nic) -> Nic:
    """Returns a NIC with what was given. A source of another sort replaces the one that it had."""
    merged = merge(base, given)
    if given.source is not None and type_of(given.source):
        same = base.source is not None and _place(base.source) == _place(given.source)
        source = merge(base.source, given.source) if same and base.source else given.source
        merged = replace(merged, source=canonical(source), type=type_of(given.source))
    return normalise(merged)


def _place(source: Source) -> tuple[Optional[str], ...]:
    return source.network, source.bridge, source.dev


def generated_mac(uuid: str, key: str) -> str:
    """Returns a MAC address that is the same in each run, in the range of QEMU's (52:54:00)."""
    digest = hashlib.sha256(f"{uuid}/{key}".encode()).hexdigest()
    return ":".join(("52:54:00", digest[0:2], digest[2:4], digest[4:6]))
