# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""That nothing is lost between a network and its document, whatever is in them."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import (
    canonical,
    from_options,
    merge,
    to_options,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import (
    Network,
    normalise,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.network import (
    parse_network,
    render_network,
)
from unit.strategies import networks

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
    root = etree.fromstring(text.replace("<network", '<network xmlns:new="urn:new"', 1).encode())
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
