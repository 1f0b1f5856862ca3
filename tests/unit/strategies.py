# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Values of the option classes for property tests, made from the same declarations as the argument spec."""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import Shape, shapes
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    Forward,
    Network,
)

# All characters of XML, with those that it has to escape more often than by chance.
TEXT = st.text(
    st.sampled_from("ab<&>\"'] \n\tß")
    | st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"),
    max_size=8,
)
_OCTET = st.integers(0, 255)
_V4 = st.ip_addresses(v=4).map(str)
_V6 = st.ip_addresses(v=6).map(str)


def _interface(version: int, longest: int) -> st.SearchStrategy[str]:
    # an address that is all zeros has no prefix of its own for libvirt
    addresses = st.ip_addresses(v=version).filter(int)
    return st.builds(lambda address, prefix: f"{address}/{prefix}", addresses, st.integers(1, longest))


_INTERFACE = _interface(4, 32) | _interface(6, 128)
_BY_NORM: dict[str, st.SearchStrategy[str]] = {
    "mac": st.lists(_OCTET, min_size=5, max_size=5).map(lambda rest: ":".join(f"{byte:02X}" for byte in [0x52, *rest])),
    "ip": _V4 | _V6,
    "ipv4": _V4,
    "interface_cidr": _INTERFACE,
    "domain": st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,3}", fullmatch=True),
    "route_target": st.just("default") | _INTERFACE.map(lambda text: str(ipaddress.ip_interface(text).network)),
    "vlan_range": st.integers(1, 4094).map(str),
    "network_cidr": _INTERFACE.map(lambda text: str(ipaddress.ip_interface(text).network)),
    "uuid": st.uuids().map(str),
    "ifname": st.from_regex(r"[a-z][a-z0-9_.-]{0,14}", fullmatch=True),
    "object_name": st.from_regex(r"[A-Za-z0-9<&'][A-Za-z0-9 ß_.-]{0,14}[a-z0-9]", fullmatch=True),
    "pci_address": st.from_regex(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", fullmatch=True),
}
METADATA = st.builds(
    lambda name, text: f'<x:{name} xmlns:x="urn:{name}"><x:inner at="{text}"></x:inner>{text}</x:{name}>',
    st.sampled_from(["app", "tool", "note"]),
    st.from_regex(r"[a-z0-9]{0,6}", fullmatch=True),
)


def _scalar(shape: Shape) -> st.SearchStrategy[Any]:
    meta = shape.meta
    if shape.base is bool:
        return st.booleans()
    if shape.base is int:
        return st.integers(meta["minimum"] or 0, meta["maximum"] or 2**31)
    if meta["choices"]:
        return st.sampled_from(meta["choices"])
    return _BY_NORM[meta["norm"].__name__] if meta["norm"] else TEXT


def _field(cls: type, shape: Shape) -> st.SearchStrategy[Any]:
    if shape.meta["hidden"]:
        return st.none()
    if (cls, shape.name) == (Network, "metadata"):
        one: st.SearchStrategy[Any] = METADATA
    else:
        one = options(shape.base) if shape.nested else _scalar(shape)
    if shape.many:
        one = st.lists(one, max_size=3).map(tuple)
    return one if shape.meta["required"] else st.none() | one


@functools.cache
def options(cls: Any) -> st.SearchStrategy[Any]:
    """Returns a strategy for values of an option class, with the required options."""
    made = st.builds(cls, **{shape.name: _field(cls, shape) for shape in shapes(cls)})
    return made.map(_one_mode) if cls is Forward else made


def _one_mode(forward: Forward) -> Forward:
    """Returns ``forward`` without the rest where its mode forwards nothing."""
    return Forward(mode=forward.mode) if forward.mode in (None, "none") else replace(forward)


def networks() -> st.SearchStrategy[Network]:
    return options(Network)
