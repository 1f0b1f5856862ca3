# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's <network> document to `Network`, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Union

from ..errors import OptionError, VirtnetError
from ..model.network.options import (
    DhcpHost,
    DhcpRange,
    DnsHost,
    DnsSrv,
    DnsTxt,
    Network,
    PortGroup,
)
from . import network_tables as tables
from .binding import Unknown, read, write
from .document import NotXmlError, canonical_text, new, parse_document, to_text
from .parts import extra_of, unknown_of

Part = Union[DhcpRange, DhcpHost, DnsHost, DnsSrv, DnsTxt, PortGroup]

# What virNetworkUpdate takes, by its class: the element's tag and table.
_PARTS = {
    DhcpRange: ("range", tables.DHCP_RANGE),
    DhcpHost: ("host", tables.DHCP_HOST),
    DnsHost: ("host", tables.DNS_HOST),
    DnsSrv: ("srv", tables.DNS_SRV),
    DnsTxt: ("txt", tables.DNS_TXT),
    PortGroup: ("portgroup", tables.PORTGROUP),
}


class NotANetwork(VirtnetError):
    """A text that isn't the document of a libvirt network."""


def parse_network(text: str) -> Network:
    """Returns the network that a document describes, in the document's own spelling; raises `NotANetwork`.

    For comparison, use `model.network.options.normalise`.
    """
    try:
        root = parse_document(text)
    except NotXmlError as error:
        raise NotANetwork(str(error)) from None
    if root.tag != "network":
        raise NotANetwork(f"expected a <network> document, found <{root.tag}>")
    unknown: list[Unknown] = []
    network = read(tables.NETWORK, root, unknown) or Network()
    return replace(network, extra=extra_of(unknown)) if unknown else network


def render_network(network: Network) -> str:
    """Returns the document of a network, as libvirt would write it."""
    root = new("network")
    write(tables.NETWORK, root, network, unknown_of(network.extra))
    return to_text(root, pretty=True)


def render_part(part: Part) -> str:
    """Returns a part of a network as virNetworkUpdate takes it."""
    tag, table = _PARTS[type(part)]
    element = new(tag)
    write(table, element, part)
    return to_text(element)


def render_interface(dev: str) -> str:
    """Returns one of the interfaces in <forward> as virNetworkUpdate takes it."""
    element = new("interface")
    write(tables.INTERFACE, element, dev)
    return to_text(element)


def with_canonical_metadata(network: Network) -> Network:
    """Returns the network with its metadata as `parse_network` has it, so that all spellings compare equal.

    Raises `OptionError` for metadata that libvirt wouldn't keep.
    """
    if not network.metadata:
        return network
    return replace(network, metadata=tuple(_canonical_metadata(i, item) for i, item in enumerate(network.metadata)))


def _canonical_metadata(index: int, text: str) -> str:
    try:
        element = parse_document(text)
    except NotXmlError:
        raise OptionError(f"metadata[{index}]", text, "is not well-formed XML; give one element") from None
    # libvirt drops elements that are in no namespace (virXMLNodeSanitizeNamespaces)
    if not str(element.tag).startswith("{"):
        raise OptionError(
            f"metadata[{index}]", text, "is in no XML namespace, so that libvirt drops it; give it one (xmlns)"
        ) from None
    return canonical_text(element)
