# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The <interface> elements of a <domain> document as NICs, with all options, and a document with one of them changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from ..model.guest_nic import options as model
from ..model.guest_nic.guest import Guest
from ..model.guest_nic.options import Nic, normalise
from ..model.nwfilter.options import Parameter
from .binding import (
    NUMBER,
    ON_OFF,
    STRING,
    VALUE,
    YES_NO,
    Attr,
    Child,
    Table,
    Text,
    Unknown,
    ValueTable,
    only,
    read,
    write,
)
from .document import Element, new, parse_document, to_text
from .parts import PCI_ADDRESS, RATE, RATE_ATTRIBUTES, VIRTUALPORT, VLAN, extra_of, unknown_of


class _NumberTable(ValueTable):
    """An element whose text is a number."""

    def make(self, values: Mapping[str, object]) -> object:
        text = str(values.get(VALUE))
        return int(text) if text.isdigit() else None


_SOURCE = Table(
    model.Source,
    Attr("network", "network", STRING),
    Attr("portgroup", "portgroup", STRING),
    Attr("bridge", "bridge", STRING),
    Attr("dev", "dev", STRING),
    Attr("mode", "mode", STRING),
    ignore=("portid",),
)
_BANDWIDTH = Table(
    model.NicBandwidth,
    Child("inbound", "inbound", Table(model.InboundRate, *RATE_ATTRIBUTES, Attr("floor", "floor", NUMBER))),
    Child("outbound", "outbound", RATE),
)
_PARAMETER = Table(Parameter, Attr("name", "name", STRING), Attr("value", "value", STRING))
_FILTERREF = Table(
    model.FilterRef,
    Attr("filter", "filter", STRING),
    Child("parameter", "parameters", _PARAMETER, many=True),
)
_GUEST_OFFLOADS = ("csum", "tso4", "tso6", "ecn", "ufo")
_HOST_OFFLOADS = (*_GUEST_OFFLOADS, "gso", "mrg_rxbuf")
_SWITCHES = ("ioeventfd", "event_idx", "packed", "iommu", "ats", "page_per_vq", "rss", "rss_hash_report")
_DRIVER = Table(
    model.NicDriver,
    *(Attr(name, name, STRING) for name in ("name", "txmode")),
    *(Attr(name, name, ON_OFF) for name in _SWITCHES),
    *(Attr(name, name, NUMBER) for name in ("queues", "rx_queue_size", "tx_queue_size")),
    Child("host", "host", Table(model.HostOffloads, *(Attr(name, name, ON_OFF) for name in _HOST_OFFLOADS))),
    Child("guest", "guest", Table(model.GuestOffloads, *(Attr(name, name, ON_OFF) for name in _GUEST_OFFLOADS))),
)
_COALESCE = Table(
    model.Coalesce,
    Child("rx", "rx_frames_max", ValueTable(Child("frames", VALUE, only("max", NUMBER)))),
)
_ROM = Table(
    model.Rom,
    Attr("enabled", "enabled", YES_NO),
    Attr("bar", "bar_", ON_OFF),
    Attr("file", "file", STRING),
)
_ADDRESS = ValueTable(PCI_ADDRESS)
# in the order in which libvirt writes them (virDomainNetDefFormat); it reads them in any order
_NIC = Table(
    model.Nic,
    Attr("type", "type", STRING),
    Attr("trustGuestRxFilters", "trust_guest_rx_filters", YES_NO),
    Child("mac", "mac", only("address")),
    # its attributes and children differ with the type, so that it may have none that is known
    Child("source", "source", _SOURCE, empty=True),
    Child("vlan", "vlan", VLAN),
    Child("virtualport", "virtualport", VIRTUALPORT),
    Child("bandwidth", "bandwidth", _BANDWIDTH),
    Child("port", "isolated", only("isolated", YES_NO)),
    Child("target", "target", only("dev")),
    Child("backend", "backend", Table(model.Backend, Attr("tap", "tap", STRING), Attr("vhost", "vhost", STRING))),
    Child("model", "model", only("type")),
    Child("driver", "driver", _DRIVER),
    Child("filterref", "filterref", _FILTERREF),
    Child("tune", "tune", Table(model.Tune, Child("sndbuf", "sndbuf", _NumberTable(Text())))),
    Child("link", "link", only("state")),
    Child("mtu", "mtu", only("size", NUMBER)),
    Child("coalesce", "coalesce", _COALESCE),
    Child("boot", "boot_order", only("order", NUMBER)),
    Child("alias", "alias", only("name")),
    Child("rom", "rom", _ROM),
    Child("acpi", "acpi_index", only("index", NUMBER)),
    Child("address", "address", _ADDRESS),
)


def read_nics(text: str) -> tuple[Nic, ...]:
    """Returns the NICs of a guest's document in normal form, in its order."""
    return tuple(normalise(_read(element)) for element in parse_document(text).iterfind("devices/interface"))


def read_macs(text: str) -> list[str]:
    """Returns the MAC addresses of a guest's document."""
    found = parse_document(text).iterfind("devices/interface/mac")
    return [dict(each.items()).get("address", "").lower() for each in found]


def _read(element: Element) -> Nic:
    unknown: list[Unknown] = []
    found = read(_NIC, element, unknown) or Nic()
    return replace(found, extra=extra_of(unknown)) if unknown else found


def render_nic(nic: Nic) -> str:
    """Returns a NIC as the <interface> that libvirt's calls take."""
    return to_text(_element(nic))


def _element(nic: Nic) -> Element:
    element = new("interface")
    write(_NIC, element, nic, unknown_of(nic.extra))
    return element


def read_guest(name: str, stored: Optional[str], live: Optional[str], *, paused: bool = False) -> Guest:
    """Returns a guest by its documents: the stored one, and that of the running guest."""
    root = parse_document(live or stored or "")
    running = parse_document(live) if live else None
    return Guest(
        name=name,
        uuid=next((each.text or "" for each in root.iterfind("uuid")), ""),
        persistent=stored is not None,
        running=live is not None,
        paused=paused,
        acpi=_has(root, "features/acpi"),
        free_ports=_free_ports(running) if running is not None else None,
        os_boot=_has(parse_document(stored), "os/boot") if stored else False,
        stored=read_nics(stored) if stored else (),
        live=read_nics(live) if live else (),
        devices=tuple(_device(each) for each in running.iterfind("devices/interface")) if running is not None else (),
    )


def _has(root: Element, path: str) -> bool:
    return next(iter(root.iterfind(path)), None) is not None


def _device(interface: Element) -> Optional[str]:
    return next((dict(each.items()).get("dev") for each in interface.iterfind("target")), None)


def _free_ports(root: Element) -> Optional[int]:
    """Returns the number of PCI Express root ports that have no device; ``None`` for a machine with plain PCI.

    A device can be added to a running guest only at such a port, and each takes one device (virDomainPCIAddressFlagsCompatible).
    """
    ports: set[int] = set()
    express = False
    for each in root.iterfind("devices/controller"):
        found = dict(each.items())
        express = express or found.get("model") == "pcie-root"
        fixed = any(dict(target.items()).get("hotplug") == "off" for target in each.iterfind("target"))
        if found.get("model") == "pcie-root-port" and found.get("index", "").isdigit() and not fixed:
            ports.add(int(found["index"]))
    if not express:
        return None
    used = {dict(each.items()).get("bus", "") for each in root.iterfind("devices//address[@type='pci']")}
    return len(ports - {int(bus, 0) for bus in used if bus})


def replace_nic(text: str, place: int, nic: Nic) -> str:
    """Returns a guest's document with another NIC at a place of its list."""
    root, devices, found = _interfaces(text)
    devices.insert(_position(devices, found[place]), _element(nic))
    devices.remove(found[place])
    return to_text(root)


def insert_nic(text: str, place: int, nic: Nic) -> str:
    """Returns a guest's document with one more NIC at a place of its list, or at its end."""
    root, devices, found = _interfaces(text)
    if place < len(found):
        devices.insert(_position(devices, found[place]), _element(nic))
    elif found:
        devices.insert(_position(devices, found[-1]) + 1, _element(nic))
    else:
        devices.append(_element(nic))
    return to_text(root)


def remove_nic(text: str, place: int) -> str:
    """Returns a guest's document without the NIC at a place of its list."""
    root, devices, found = _interfaces(text)
    devices.remove(found[place])
    return to_text(root)


def _interfaces(text: str) -> tuple[Element, Element, list[Element]]:
    root = parse_document(text)
    devices = next(iter(root.iterfind("devices")))
    return root, devices, list(devices.iterchildren("interface"))


def _position(devices: Element, child: Element) -> int:
    return next(place for place, each in enumerate(devices.iterchildren("*")) if each is child)
