# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The NICs of guests: read, updated, attached and detached while the guest runs, and stored in its definition.

https://libvirt.org/html/libvirt-libvirt-domain.html
"""

from __future__ import annotations

import contextlib
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Optional

from ...errors import HostError
from ...model.guest_nic.guest import Guest
from ...model.guest_nic.inherited import without_inherited
from ...model.guest_nic.options import BRIDGE, NETWORK, Nic, Source
from ...model.guest_nic.steps import GuestNicDriver
from ...model.network.options import Network
from ...model.network.steps import NetworkDriver
from ...xml.guest_nic import insert_nic, read_guest, read_macs, read_nics, remove_nic, render_nic, replace_nic
from ..netlink import links
from ..nftables import filter_rules
from .binding import LibvirtModule, VirConnect, VirDomain
from .connection import libvirt_errors, libvirt_module
from .guest_agent import addresses_by_agent
from .guests import OPENVSWITCH, PARKING

_POLL = 0.1
# The order of what virDomainInterfaceStats returns.
_COUNTERS = (
    *("rx_bytes", "rx_packets", "rx_errors", "rx_dropped"),
    *("tx_bytes", "tx_packets", "tx_errors", "tx_dropped"),
)


class GuestNics(GuestNicDriver):
    """The NICs of the guests of one connection; a guest is read once, and again after `forget`."""

    def __init__(self, connection: VirConnect, networks: NetworkDriver, *, local: bool) -> None:
        self._connection = connection
        self._networks = networks
        self._local = local
        self._guests: dict[str, Optional[Guest]] = {}
        self._definitions: Optional[dict[str, Network]] = None

    def forget(self) -> None:
        """Forgets what was read, as something has been changed."""
        self._guests.clear()
        self._definitions = None

    def names(self) -> list[str]:
        with libvirt_errors("list the guests"):
            return sorted(domain.name() for domain in self._connection.listAllDomains(0))

    def guest(self, name: str) -> Optional[Guest]:
        if name not in self._guests:
            self._guests[name] = self._read(name)
        return self._guests[name]

    def _read(self, name: str) -> Optional[Guest]:
        domain = self._find(name)
        if domain is None:
            return None
        libvirt = libvirt_module()
        with libvirt_errors(f"read guest {name}"):
            stored = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE) if domain.isPersistent() else None
            live = domain.XMLDesc(0) if domain.isActive() else None
            paused = live is not None and domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED
        guest = read_guest(name, stored, live, paused=paused)
        own = {id(guest.live_of(nic)): nic for nic in guest.stored}
        nics = tuple(without_inherited(nic, own.get(id(nic)), self._known_networks()) for nic in guest.live)
        return replace(guest, live=nics)

    def _known_networks(self) -> dict[str, Network]:
        if self._definitions is None:
            self._definitions = {name: network for name, network, _active in self._networks.definitions()}
        return self._definitions

    def macs(self) -> list[tuple[str, str]]:
        libvirt = libvirt_module()
        found: list[tuple[str, str]] = []
        with libvirt_errors("list the guests"):
            domains = self._connection.listAllDomains(0)
        for domain in domains:
            try:
                name = domain.name()
                texts = [domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)]
                if domain.isActive():
                    texts.append(domain.XMLDesc(0))
            except libvirt.libvirtError:
                continue  # it has just ended
            found.extend((mac, name) for text in texts for mac in read_macs(text))
        return found

    def vlan_filtering(self, bridge: str) -> Optional[bool]:
        if not self._local or not links.is_bridge(bridge):
            return None
        try:
            with open(f"{links.SYS_NET}/{bridge}/bridge/vlan_filtering", encoding="ascii") as file:
                return file.read().strip() == "1"
        except OSError:
            return False  # a kernel without CONFIG_BRIDGE_VLAN_FILTERING

    def has_interface(self, name: str) -> bool:
        return not self._local or (bool(name) and links.exists(name))

    def _guarded(self, nic: Nic) -> AbstractContextManager[None]:
        """Keeps other guests filtered while libvirt sets the filter of one."""
        return filter_rules.guarded() if self._local and nic.filterref else contextlib.nullcontext()

    def update(self, guest: str, nic: Nic) -> None:
        with self._guarded(nic), libvirt_errors(f"update NIC {nic.mac} of guest {guest}"):
            self._get(guest).updateDeviceFlags(render_nic(nic), libvirt_module().VIR_DOMAIN_AFFECT_LIVE)
        self.forget()

    def reconnect(self, guest: str, nic: Nic) -> None:
        """Moves a NIC to an empty bridge and back: libvirt only connects a tap when its definition has another bridge than before."""
        source = nic.source or Source()
        bridge = source.bridge or (self._bridge(source.network) if source.network else None)
        device = self._device(guest, nic.mac)
        if not bridge or not device or not self._local or not links.is_tap(device):
            return
        if links.master_of(device) in (bridge, OPENVSWITCH):
            return
        try:
            links.add_bridge(PARKING)
            self.update(guest, replace(nic, type=BRIDGE, source=Source(bridge=PARKING)))
            self.update(guest, replace(nic, type=NETWORK if source.network else BRIDGE))
        finally:
            links.remove_empty_bridge(PARKING)

    def _bridge(self, network: str) -> Optional[str]:
        state = self._networks.observe(network)
        bridge = state.definition.bridge if state else None
        return bridge.name if bridge else None

    def _device(self, name: str, mac: Optional[str]) -> Optional[str]:
        guest = self.guest(name)
        found = zip(guest.live, guest.devices) if guest else ()
        return next((device for nic, device in found if nic.mac == mac), None)

    def attach(self, guest: str, nic: Nic) -> None:
        with self._guarded(nic), libvirt_errors(f"attach NIC {nic.mac} to guest {guest}"):
            self._get(guest).attachDeviceFlags(render_nic(nic), libvirt_module().VIR_DOMAIN_AFFECT_LIVE)
        self.forget()

    def detach(self, guest: str, nic: Nic, seconds: int) -> None:
        """Waits by itself: libvirt reports success after 5 s, whether the guest has released the NIC or not (qemuDomainDetachDeviceLive)."""
        doing = f"detach NIC {nic.mac} from guest {guest}"
        deadline = time.monotonic() + seconds
        with libvirt_errors(doing):
            self._get(guest).detachDeviceFlags(render_nic(nic), libvirt_module().VIR_DOMAIN_AFFECT_LIVE)
        while True:
            self.forget()
            found = self.guest(guest)
            if found is None or not any(nic.mac == each.mac and nic.address == each.address for each in found.live):
                return
            if time.monotonic() > deadline:
                raise HostError(
                    doing,
                    f"the guest has not released it within {seconds} s; QEMU can't take the request back, so the NIC goes when"
                    f" the guest is reset, and is there again when {guest} is started. Set replug to false, or raise replug_timeout",
                )
            time.sleep(_POLL)

    def store(self, guest: str, old: Optional[Nic], new: Optional[Nic], place: Optional[int] = None) -> None:
        """Defines the guest again with one <interface> changed, as C(virsh edit) does: the NIC keeps its place in the list."""
        libvirt = libvirt_module()
        doing = f"store NIC {(new or old or Nic()).mac} of guest {guest}"
        with libvirt_errors(doing):
            flags = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
            text = self._get(guest).XMLDesc(flags)
        nics = read_nics(text)
        if old is not None:
            place = _place_of(nics, old)
            if place is None:
                raise HostError(doing, "the definition no longer has this NIC; run the task again")
            self._define(doing, remove_nic(text, place) if new is None else replace_nic(text, place, new))
        elif new is not None:
            at = len(nics) if place is None else place
            address = new.address or self._live_address(guest, new.mac)
            try:
                self._define(doing, insert_nic(text, at, replace(new, address=address)))
            except HostError:
                if address == new.address:
                    raise
                self._define(doing, insert_nic(text, at, new))  # another stored device has that address
        self.forget()

    def _live_address(self, name: str, mac: Optional[str]) -> Optional[str]:
        """Returns the PCI address of a live NIC, so that the guest finds it at the same place after its next start."""
        guest = self.guest(name)
        return next((nic.address for nic in (guest.live if guest else ()) if nic.mac == mac), None)

    def _define(self, doing: str, text: str) -> None:
        with libvirt_errors(doing):
            self._connection.defineXML(text)

    def details(self, guest: str, mac: str, device: Optional[str]) -> dict[str, object]:
        domain = self._get(guest)
        counters: dict[str, int] = {}
        if device:
            with contextlib.suppress(libvirt_module().libvirtError):
                counters = dict(zip(_COUNTERS, domain.interfaceStats(device)))
        return {"addresses": _addresses(domain, mac), "counters": counters}

    def _find(self, name: str) -> Optional[VirDomain]:
        libvirt = libvirt_module()
        with libvirt_errors(f"find guest {name}"):
            try:
                return self._connection.lookupByName(name)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    return None
                raise

    def _get(self, name: str) -> VirDomain:
        found = self._find(name)
        if found is None:
            raise HostError(f"find guest {name}", "libvirt has no guest of that name")
        return found


def _place_of(nics: tuple[Nic, ...], nic: Nic) -> Optional[int]:
    same = [place for place, each in enumerate(nics) if each.mac == nic.mac]
    exact = [place for place in same if nics[place].address == nic.address]
    return next(iter([*exact, *same]), None)


def _addresses(domain: VirDomain, mac: str) -> list[dict[str, object]]:
    """Returns the addresses of a live NIC from the DHCP servers of libvirt, the host's neighbour table and the guest's agent."""
    libvirt = libvirt_module()
    found: list[dict[str, object]] = []
    for source, number in _sources(libvirt).items():
        try:
            interfaces = domain.interfaceAddresses(number, 0)
        except libvirt.libvirtError:
            continue
        for each in interfaces.values():
            if str(each["hwaddr"] or "").lower() == mac:
                found.extend({"address": address["addr"], "source": source} for address in each["addrs"] or ())
    found.extend(
        {"address": address, "source": "agent"} for address, _on, of in addresses_by_agent(domain) if of == mac
    )
    return found


def _sources(libvirt: LibvirtModule) -> dict[str, int]:
    return {
        "lease": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
        "arp": libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
    }
