# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""That nothing is lost between networks and interfaces and their documents, whatever is in them."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any, Optional

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import (
    canonical,
    from_options,
    merge,
    to_options,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import normalise_vlan
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    Network,
    normalise,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.domain import (
    InterfaceElement,
    interface_on,
    read_interfaces,
    render_interface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.network import (
    parse_network,
    render_network,
)
from unit.strategies import networks, options
from unit.xml_content import content

# Generating a network over all fields is most of the work here, and a busy machine is no finding.
thorough = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@thorough
@given(networks())
def test_a_network_comes_back_from_its_document(network: Network) -> None:
    assert normalise(parse_network(render_network(network))) == normalise(network)


@thorough
@given(networks())
def test_a_document_that_was_rendered_is_rendered_the_same_again(network: Network) -> None:
    text = render_network(normalise(network))
    assert render_network(parse_network(text)) == text


@thorough
@given(networks())
def test_the_normal_form_is_its_own_normal_form(network: Network) -> None:
    assert canonical(canonical(network)) == canonical(network)
    assert normalise(normalise(network)) == normalise(network)


@thorough
@given(networks())
def test_what_is_shown_can_be_given_back_and_changes_nothing(network: Network) -> None:
    base = normalise(network)
    assert merge(base, from_options(Network, to_options(base))) == base


def _with_additions(text: str, draw: Any) -> tuple[str, int]:
    """A document with attributes and elements that nobody knows, in places that are not the user's own (metadata)."""
    root = etree.fromstring(re.sub("^<([a-z]+)", r'<\1 xmlns:new="urn:new"', text).encode())
    places = [
        element
        for element in root.iter("*")
        if not any(e.tag == "metadata" for e in [element, *element.iterancestors()])
    ]
    chosen = draw(st.lists(st.sampled_from(places), min_size=1, max_size=5, unique=True))
    for number, element in enumerate(chosen):
        value = draw(st.sampled_from(["", "plain", "<&\"'>", "a=b", " \n"]))
        # (white space beside an element is no content)
        if draw(st.booleans()) or element.text:
            element.set(draw(st.sampled_from(["future", "{urn:new}future"])), value)
        else:
            added = etree.SubElement(element, draw(st.sampled_from(["future", "{urn:new}future"])), number=str(number))
            etree.SubElement(added, "inner").text = value
    return etree.tostring(root, encoding="unicode"), len(chosen)


@thorough
@given(networks(), st.data())
def test_what_nobody_knows_survives(network: Network, data: st.DataObject) -> None:
    text, additions = _with_additions(render_network(normalise(network)), data.draw)
    parsed = parse_network(text)
    extra = parsed.extra or ()
    # two items that are equal in all that identifies them can't be told apart
    assume(len({(each.path, (each.xml or "").partition("=")[0]) for each in extra}) == len(extra))
    assert len(extra) == additions
    assert parse_network(render_network(parsed)) == parsed
    settled = normalise(parsed)
    assert settled.extra == parsed.extra
    assert normalise(parse_network(render_network(settled))) == settled


@thorough
@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_elements_of_different_kinds_means_nothing(network: Network, random: Any) -> None:
    root = etree.fromstring(render_network(network).encode())
    shuffled = copy.deepcopy(root)
    tags = sorted({child.tag for child in root}, key=str)
    random.shuffle(tags)
    shuffled[:] = sorted(shuffled, key=lambda child: tags.index(child.tag))
    assert parse_network(etree.tostring(shuffled, encoding="unicode")) == parse_network(render_network(network))


# ---- a domain's interfaces


def _plain(interface: InterfaceElement) -> InterfaceElement:
    """The form in which two interfaces are compared."""
    interface = canonical(interface)
    if interface.vlan:
        interface = replace(interface, vlan=normalise_vlan(interface.vlan))
    return canonical(interface)


def _domain(*interfaces: str) -> str:
    return f"<domain><name>g</name><devices><disk/>{''.join(interfaces)}</devices></domain>"


@thorough
@given(st.lists(options(InterfaceElement), max_size=3))
def test_interfaces_come_back_from_a_domains_document(interfaces: list[InterfaceElement]) -> None:
    found = read_interfaces(_domain(*map(render_interface, interfaces)))
    assert [_plain(interface) for interface in found] == [_plain(interface) for interface in interfaces]


def _with_unknown(interface: InterfaceElement, data: st.DataObject) -> tuple[str, InterfaceElement, int]:
    """An interface's document with what nobody knows in it, and what is read of it."""
    text, additions = _with_additions(render_interface(_plain(interface)), data.draw)
    (found,) = read_interfaces(_domain(text))
    tags = [tag.id for tag in (found.vlan.tags if found.vlan else None) or ()]
    assume(len(set(tags)) == len(tags))  # two tags of one VLAN can't be told apart
    return text, found, additions


@thorough
@given(options(InterfaceElement), st.data())
def test_what_nobody_knows_of_an_interface_survives(interface: InterfaceElement, data: st.DataObject) -> None:
    text, found, additions = _with_unknown(interface, data)
    assert len(found.extra or ()) == additions
    assert _plain(replace(found, extra=None)) == _plain(interface)
    assert content(render_interface(found)) == content(text)


def _moved_by_hand(text: str, network: Optional[str], bridge: Optional[str]) -> str:
    """An interface that is moved by an edit of its document, which touches nothing else."""
    root = etree.fromstring(text)
    root.set("type", "network" if network else "bridge")
    source = root.find("source")
    portgroup = source.get("portgroup")
    source.attrib.clear()
    if network:
        source.set("network", network)
    else:
        source.set("bridge", bridge)
    if network and portgroup:
        source.set("portgroup", portgroup)
    return etree.tostring(root, encoding="unicode")


@thorough
@given(
    options(InterfaceElement).filter(lambda interface: interface.source and interface.mac),
    st.sampled_from([("lan", None), (None, "br7")]),
    st.data(),
)
def test_a_move_changes_only_the_type_and_the_source(
    interface: InterfaceElement, to: tuple[Optional[str], Optional[str]], data: st.DataObject
) -> None:
    text, found, _additions = _with_unknown(interface, data)
    assume(found.source and found.mac)
    network, bridge = to
    moved = interface_on(_domain(text), found.mac or "", network=network, bridge=bridge)
    assert moved is not None
    assert content(moved) == content(_moved_by_hand(text, network, bridge))
