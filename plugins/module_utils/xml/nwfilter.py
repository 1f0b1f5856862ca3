# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's <filter> and <filterbinding> documents: https://libvirt.org/formatnwfilter.html."""

from __future__ import annotations

import uuid as _uuid
from collections.abc import Mapping
from typing import Optional

from ..errors import VirtnetError
from ..model.nwfilter.normal import normal_match
from ..model.nwfilter.options import (
    RULE_PRIORITY,
    Binding,
    Entry,
    Filter,
    Match,
    Owner,
    Parameter,
    Parameters,
    Reference,
    Rule,
    normal_parameters,
)
from ..model.nwfilter.protocols import PROTOCOLS
from .document import Element, NotXmlError, add, new, parse_document, to_text

_OFF = ("0", "false")  # virNWFilterRuleParse: with all other texts statematch is on
_ON = ("1", "true")


class NotAFilterError(VirtnetError):
    """A document that isn't one of a filter, or has parts that libvirt would drop."""


def filter_options(text: str) -> dict[str, object]:
    """Returns what a user's document says, in the structure of the options; raises `NotAFilterError`.

    The values are those of the document: the same rules as for options find out whether they are possible.
    """
    try:
        root = parse_document(text)
    except NotXmlError as error:
        raise NotAFilterError(str(error)) from None
    if root.tag != "filter":
        raise NotAFilterError(f"its root element is <{root.tag}>, and not <filter>")
    _only(root, {"name", "chain", "priority"})
    found: dict[str, object] = dict(root.items())
    rules: list[dict[str, object]] = []
    for child in root.iterchildren("*"):
        if child.tag == "uuid":
            found["uuid"] = _checked_uuid((child.text or "").strip())
        elif child.tag == "rule":
            rules.append(_rule_options(child))
        elif child.tag == "filterref":
            _only(child, {"filter"})
            parameters = [dict(each.items()) for each in child.iterchildren("*")]
            rules.append({"filterref": {"filter": child.attrib.get("filter"), "parameters": parameters}})
        else:
            raise NotAFilterError(f"libvirt has no <{child.tag}> in a <filter>")
    return {**found, "rules": rules}


def _checked_uuid(text: str) -> str:
    try:
        return str(_uuid.UUID(text))
    except ValueError:
        raise NotAFilterError(f"its <uuid>, {text!r}, is none") from None


def _only(element: Element, names: set[str]) -> None:
    others = [name for name in element.keys() if name not in names]  # noqa: SIM118  (an lxml element is no dict)
    if others:
        raise NotAFilterError(f"libvirt has no attribute {others[0]} in a <{element.tag}>")


def _rule_options(element: Element) -> dict[str, object]:
    _only(element, {"action", "direction", "priority", "statematch"})
    found: dict[str, object] = dict(element.items())
    if "statematch" in found:
        if found["statematch"] not in (*_OFF, *_ON):
            raise NotAFilterError(f"statematch of a <rule> is {found['statematch']!r}, and not true or false")
        found["statematch"] = found["statematch"] in _ON
    protocols = list(element.iterchildren("*"))
    tags = list(dict.fromkeys(each.tag for each in protocols))
    if len(tags) > 1:
        names = " and ".join(f"<{tag}>" for tag in tags)
        raise NotAFilterError(f"a <rule> has {names}, of which libvirt takes one protocol only")
    for each in protocols:
        found["protocol"] = each.tag
        match = dict(each.items())
        word = match.pop("match", "yes")
        if word not in ("yes", "no"):
            raise NotAFilterError(f"match of a <{each.tag}> is {word!r}, and not yes or no")
        option = "match" if word == "yes" else "match_not"
        if found.get(option):
            raise NotAFilterError(f"a <rule> has several <{each.tag}>, of which the last one counts")
        found[option] = match
    return found


def parse_filter(text: str) -> tuple[Filter, str]:
    """Returns a filter as libvirt has it, in normal form, and its UUID."""
    root = parse_document(text)
    chain = root.attrib.get("chain", "root")
    entries: list[Entry] = []
    uuid = ""
    for child in root.iterchildren("*"):
        if child.tag == "uuid":
            uuid = (child.text or "").strip()
        elif child.tag == "rule":
            entries.append(_parse_rule(child))
        elif child.tag == "filterref":
            entries.append(Reference(child.attrib.get("filter", ""), _parse_parameters(child) or None))
    # libvirt leaves out the priority 0, and no other one (virNWFilterDefFormat)
    return Filter(root.attrib.get("name", ""), chain, int(root.attrib.get("priority", 0)), tuple(entries)), uuid


def _parse_rule(element: Element) -> Rule:
    given: Mapping[str, str] = dict(element.items())
    protocol: Optional[str] = None
    # libvirt writes an element for what a packet must have, and one for what it must not have
    match: dict[str, str] = {}
    match_not: dict[str, str] = {}
    for each in element.iterchildren("*"):
        if each.tag in PROTOCOLS and protocol in (None, each.tag):
            protocol = each.tag
            attributes = dict(each.items())
            (match_not if attributes.pop("match", "yes") == "no" else match).update(attributes)
    return Rule(
        given.get("action", ""),
        given.get("direction", ""),
        int(given.get("priority", RULE_PRIORITY)),
        given.get("statematch", "true").lower() not in _OFF,
        protocol,
        normal_match(protocol, match),
        normal_match(protocol, match_not),
    )


def _parse_parameters(element: Element) -> Parameters:
    found = (Parameter(each.attrib.get("name"), each.attrib.get("value")) for each in element.iterfind("parameter"))
    return normal_parameters(tuple(found))


def render_filter(definition: Filter, uuid: Optional[str] = None) -> str:
    """Returns the document of a filter. libvirt refuses a definition of an existing one without its UUID."""
    root = new("filter")
    root.set("name", definition.name)
    root.set("chain", definition.chain)
    root.set("priority", str(definition.priority))
    if uuid:
        add(root, "uuid").text = uuid
    for entry in definition.rules:
        if isinstance(entry, Reference):
            _add_reference(root, entry.filter or "", entry.parameters or ())
        else:
            _add_rule(root, entry)
    return to_text(root, pretty=True)


def _add_reference(parent: Element, name: str, parameters: Parameters) -> None:
    element = add(parent, "filterref")
    element.set("filter", name)
    for each in parameters:
        parameter = add(element, "parameter")
        parameter.set("name", each.name or "")
        parameter.set("value", each.value or "")


def _add_rule(parent: Element, rule: Rule) -> None:
    element = add(parent, "rule")
    element.set("action", rule.action)
    element.set("direction", rule.direction)
    element.set("priority", str(rule.priority))
    if not rule.statematch:
        element.set("statematch", "false")
    if rule.protocol is None:
        return
    if rule.match or not rule.match_not:
        _add_protocol(element, rule.protocol, rule.match)
    if rule.match_not:
        _add_protocol(element, rule.protocol, (("match", "no"), *rule.match_not))


def _add_protocol(parent: Element, tag: str, attributes: Match) -> None:
    element = add(parent, tag)
    for name, value in attributes:
        element.set(name, value)


def parse_binding(text: str) -> Binding:
    """Returns a binding as libvirt has it. Its variable MAC, which libvirt adds, is left out."""
    root = parse_document(text)

    def attribute(path: str, name: str) -> str:
        return next((each.attrib.get(name, "") for each in root.iterfind(path)), "")

    def content(path: str) -> str:
        return next(((each.text or "").strip() for each in root.iterfind(path)), "")

    mac = attribute("mac", "address")
    reference = next(root.iterfind("filterref"), None)
    parameters = _parse_parameters(reference) if reference is not None else ()
    return Binding(
        attribute("portdev", "name"),
        mac,
        attribute("filterref", "filter"),
        tuple(each for each in parameters if each != Parameter("MAC", mac)),
        Owner(content("owner/name"), content("owner/uuid")),
    )


def render_binding(binding: Binding) -> str:
    """Returns the document of a binding."""
    root = new("filterbinding")
    owner = add(root, "owner")
    add(owner, "name").text = binding.owner.name
    add(owner, "uuid").text = binding.owner.uuid
    add(root, "portdev").set("name", binding.device)
    add(root, "mac").set("address", binding.mac)
    _add_reference(root, binding.filter, binding.parameters)
    return to_text(root, pretty=True)


def guest_nics(text: str) -> list[tuple[str, str, str, Parameters]]:
    """Returns the MAC address, the tap, the filter and its parameters of each interface of a domain."""
    found = []
    for interface in parse_document(text).iterfind("devices/interface"):
        held = {
            tag: next((each.attrib.get(name, "") for each in interface.iterfind(tag)), "")
            for tag, name in (("mac", "address"), ("target", "dev"), ("filterref", "filter"))
        }
        parameters = next((_parse_parameters(each) for each in interface.iterfind("filterref")), ())
        found.append((held["mac"], held["target"], held["filterref"], parameters))
    return found
