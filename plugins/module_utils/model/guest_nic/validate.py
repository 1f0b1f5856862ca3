# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest NIC can't be, found before anything is changed. libvirt stores almost all of it, and the guest then doesn't start."""

from __future__ import annotations

from typing import Optional

from ...errors import OptionError
from ..fields import shapes
from ..network.options import OWN_BRIDGE_MODES, dotted, mode_of
from .facts import GuestNicFacts
from .filters import check_filter
from .guest import Guest
from .live import differing
from .options import BRIDGE, DIRECT, NETWORK, VIRTIO, Nic, NicDriver, Source, type_of

# The version from which libvirt sets VLANs on a Linux bridge.
BRIDGE_VLANS = 11_000_000
# What libvirt refuses for a macvtap (virDomainNetDefValidate), or what has no meaning there.
_OF_TAPS = ("mtu", "isolated", "coalesce")
_LARGEST_TX_RING = 256
_SINCE = {"rss": 8_003_000, "rss_hash_report": 8_003_000, "page_per_vq": 7_009_000}


def check_source(given: Nic) -> None:
    """Refuses a source that names no place, or several. Pure."""
    source = given.source
    if source is None:
        return
    places = [name for name in ("network", "bridge", "dev") if getattr(source, name)]
    if not places and not source.portgroup and not source.mode:
        raise OptionError("source", None, "is empty; give network, bridge or dev in it")
    if len(places) > 1:
        raise OptionError(
            f"source.{places[1]}",
            getattr(source, places[1]),
            f"can't be given together with source.{places[0]}; leave out one",
        )
    if source.portgroup and places and places[0] != "network":
        raise OptionError(
            "source.portgroup", source.portgroup, f"has no meaning with {places[0]}; give network, or leave it out"
        )
    if source.mode and places and places[0] != "dev":
        raise OptionError("source.mode", source.mode, f"has no meaning with {places[0]}; give dev, or leave it out")


def check_type(before: Nic, after: Nic) -> None:
    """Refuses to change a NIC of another type, such as vhostuser: there are no options for what is in its source."""
    changed = differing(before, after)
    if changed and before.type not in (NETWORK, BRIDGE, DIRECT):
        raise OptionError(
            changed[0],
            None,
            f"can't be changed, as the NIC is of the type {before.type}; remove it, and add another one",
        )


def check_nic(given: Nic, desired: Nic, before: Optional[Nic], guest: Guest, facts: GuestNicFacts) -> None:
    """Refuses what can't work. ``desired`` has what the NIC has already, and ``before`` is that. Raises `OptionError`."""
    source = desired.source
    if source is None or type_of(source) not in (NETWORK, BRIDGE, DIRECT):
        if given.source is not None or before is None:
            raise OptionError("source", None, "has no network, bridge or dev; give one of them")
        return
    if before is None or before.source != source:
        _check_place(source, guest, facts)
    for name in _OF_TAPS if not facts.on_bridge(source) else ():
        if getattr(desired, name):
            value = getattr(desired, name)
            problem = "isn't possible with a macvtap; remove the setting, or use a network or bridge"
            raise OptionError(name, value if isinstance(value, int) else None, problem)
    _check_mac(desired, before, guest, facts)
    _check_target(given, before, facts)
    check_filter(given, desired, before, facts)
    _check_vlan(given, desired, before, facts)
    _check_driver(given, desired, facts)
    _check_bandwidth(given, desired, facts)
    if given.boot_order and guest.os_boot:
        raise OptionError(
            "boot_order",
            given.boot_order,
            f"can't be set while the definition of {guest.name} has <boot> in <os>; remove that with virsh edit",
        )
    if given.backend and facts.libvirt < BRIDGE_VLANS and guest.running:
        version = dotted(facts.libvirt)
        raise OptionError(
            "backend", None, f"is ignored by libvirt {version} while a guest runs; stop {guest.name} first"
        )


def _check_place(source: Source, guest: Guest, facts: GuestNicFacts) -> None:
    if source.network:
        active = facts.network_state(source.network)
        if active is None:
            raise OptionError("source.network", source.network, "is no network of libvirt; create it first")
        if not active and guest.running:
            raise OptionError(
                "source.network", source.network, f"is not active, and {guest.name} runs; start the network first"
            )
        network = facts.network(source.network)
        groups = [group.name or "" for group in (network.portgroups or ())] if network else None
        if source.portgroup and groups is not None and source.portgroup not in groups:
            has = f"{', '.join(groups)}" if groups else "none"
            raise OptionError(
                "source.portgroup",
                source.portgroup,
                f"is no port group of {source.network}; use one that it has: {has}",
            )
    elif source.bridge:
        if facts.is_local() and not facts.bridge_exists(source.bridge):
            problem = "is not a bridge; give the name of one"
            if not facts.interface_exists(source.bridge):
                problem = "doesn't exist on this host; create it first"
            raise OptionError("source.bridge", source.bridge, problem)
    elif source.dev and not facts.interface_exists(source.dev):
        raise OptionError("source.dev", source.dev, "doesn't exist on this host; give the name of an interface")


def _check_mac(desired: Nic, before: Optional[Nic], guest: Guest, facts: GuestNicFacts) -> None:
    if desired.mac is None or (before is not None and before.mac == desired.mac):
        return
    other = facts.guest_with_mac(desired.mac, guest.name)
    if other:
        raise OptionError("mac", desired.mac, f"is in use by guest {other}; give another one")
    if any(nic.mac == desired.mac for nic in guest.nics):
        raise OptionError("mac", desired.mac, f"is in use by another NIC of {guest.name}; give another one")


def _check_target(given: Nic, before: Optional[Nic], facts: GuestNicFacts) -> None:
    if not given.target or (before is not None and before.target == given.target) or not facts.is_local():
        return
    if facts.interface_exists(given.target):
        raise OptionError("target", given.target, "is already the name of an interface; give another one")


def _check_vlan(given: Nic, desired: Nic, before: Optional[Nic], facts: GuestNicFacts) -> None:
    source = desired.source or Source()
    if desired.vlan is None or (given.vlan is None and before is not None and before.source == source):
        return
    if desired.virtualport and desired.virtualport.type == "openvswitch":
        return
    option = "vlan" if given.vlan is not None else "source"
    network = facts.network(source.network) if source.network else None
    if not facts.on_bridge(source):
        raise OptionError(
            option, None, "has VLAN tags for a macvtap, on which libvirt sets none; use a VLAN interface as source.dev"
        )
    if network and mode_of(network) in OWN_BRIDGE_MODES:
        raise OptionError(
            option,
            None,
            f"has VLAN tags, which network {source.network} can't carry; use a network of the mode bridge, or a bridge",
        )
    if network and network.virtualport and network.virtualport.type == "openvswitch":
        return
    if facts.libvirt < BRIDGE_VLANS:
        raise OptionError(
            option,
            None,
            f"has VLAN tags, which libvirt sets on a bridge only from 11.0, and this is {dotted(facts.libvirt)}; use a bridge for each VLAN",
        )
    bridge = facts.bridge_of(source)
    if bridge and facts.filters_vlans(bridge) is False:
        raise OptionError(
            option, None, f"has VLAN tags, which bridge {bridge} ignores; set vlan_filtering on the bridge"
        )


def _check_driver(given: Nic, desired: Nic, facts: GuestNicFacts) -> None:
    driver = given.driver
    if driver is None:
        return
    named = [shape.name for shape in shapes(NicDriver) if getattr(driver, shape.name)]
    if named and not (desired.model or "").startswith(VIRTIO):
        name = named[0]
        value = getattr(driver, name)
        shown = value if isinstance(value, (str, int)) else None
        raise OptionError(
            f"driver.{name}",
            shown,
            f"needs the model virtio, and the NIC has {desired.model or 'another one'}; set model to virtio",
        )
    for name in ("rx_queue_size", "tx_queue_size"):
        size = getattr(driver, name)
        if size and size & (size - 1):
            raise OptionError(f"driver.{name}", size, "is not a power of 2; use 256, 512 or 1024")
    if driver.tx_queue_size and driver.tx_queue_size > _LARGEST_TX_RING:
        raise OptionError(
            "driver.tx_queue_size",
            driver.tx_queue_size,
            f"is more than QEMU has for a tap; use {_LARGEST_TX_RING}, or leave it out",
        )
    whole = desired.driver or NicDriver()
    if driver.rss_hash_report and not whole.rss:
        raise OptionError("driver.rss_hash_report", True, "needs driver.rss; set that, too")
    for name, since in _SINCE.items():
        if getattr(driver, name) and facts.libvirt < since:
            raise OptionError(
                f"driver.{name}",
                True,
                f"needs libvirt {dotted(since)}, and this is {dotted(facts.libvirt)}; leave it out",
            )


def _check_bandwidth(given: Nic, desired: Nic, facts: GuestNicFacts) -> None:
    found = desired.bandwidth
    if given.bandwidth is None or found is None:
        return
    for direction in ("inbound", "outbound"):
        rate = getattr(found, direction)
        floor = getattr(rate, "floor", None)
        if rate is not None and not rate.average and not floor:
            raise OptionError(
                f"bandwidth.{direction}.average", None, "is missing; give it, or remove the direction with {}"
            )
        if rate is not None and rate.peak and rate.average and rate.peak < rate.average:
            raise OptionError(
                f"bandwidth.{direction}.peak",
                rate.peak,
                f"is less than the average, {rate.average}; give more, or leave it out",
            )
    floor = found.inbound.floor if found.inbound else None
    if floor:
        source = desired.source or Source()
        network = facts.network(source.network) if source.network else None
        if source.network is None or (network is not None and not (network.bandwidth and network.bandwidth.inbound)):
            raise OptionError(
                "bandwidth.inbound.floor", floor, "needs a network that has a bandwidth.inbound itself; set that first"
            )
