# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that bind option classes to XML elements, and the two walks over them: read and write.

A `Table` says how one element is one value; its rules say which attributes, text and children make which field. What no
rule takes is kept as `Unknown` at the path where it stood, and put back there by `write`, so nothing is lost.

Items of a list are named in a path by what identifies them, not by their number: lists are sorted and changed between
reading and writing.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Callable, NamedTuple, Optional, Union
from urllib.parse import quote

from ..model.fields import canonical, shapes
from .document import Element, add, canonical_text, parse_document

VALUE = "value"  # the only field of a table whose value is no option class


class Unknown(NamedTuple):
    """What no rule takes: the path of the element it stood in, and `<element/>` or `@attribute=value`."""

    path: str
    xml: str


class Codec(NamedTuple):
    """A value as one attribute: ``decode`` raises ValueError, ``encode`` gives None for what is not written."""

    decode: Callable[[str], Any]
    encode: Callable[[Any], Optional[str]]


@dataclasses.dataclass(frozen=True)
class Attr:
    """A field in one attribute; ``default`` is its value where the element is there and the attribute isn't."""

    name: str
    field: str
    codec: Codec
    default: Any = None


@dataclasses.dataclass(frozen=True)
class Attrs:
    """A field in several attributes together."""

    names: tuple[str, ...]
    field: str
    decode: Callable[[Mapping[str, str]], Any]
    encode: Callable[[Any], Mapping[str, str]]


@dataclasses.dataclass(frozen=True)
class Text:
    """The text of the element itself."""

    field: str = VALUE


@dataclasses.dataclass(frozen=True)
class Foreign:
    """All children, whatever they are, each as canonical text."""

    field: str = VALUE


@dataclasses.dataclass(frozen=True)
class Child:
    """A field in a child element, or in all children of that tag (``many``).

    ``key`` are the fields that identify an item of a list (else all its scalars); ``plain`` says that the element means
    nothing when it is empty, so it may be made for what is unknown in it; ``desired`` says which values are written.
    """

    tag: str
    field: str
    table: Table
    many: bool = False
    key: tuple[str, ...] = ()
    plain: bool = False
    desired: Callable[[Any], bool] = lambda _value: True
    nsmap: Optional[Mapping[str, str]] = None

    @functools.cached_property
    def label(self) -> str:
        return self.tag.rpartition("}")[2]


Rule = Union[Attr, Attrs, Text, Foreign, Child]


class Table:
    """How one element is one value: an option class, or with ``cls`` None the bare value of the field ``VALUE``."""

    def __init__(self, cls: Optional[type], *rules: Rule, ignore: tuple[str, ...] = ()) -> None:
        self.cls = cls
        self.rules = rules
        self.ignore = frozenset(ignore)  # attributes of the running thing, no part of its definition
        self.attributes: dict[str, Union[Attr, Attrs]] = {}
        for rule in rules:
            if isinstance(rule, Attr):
                self.attributes[rule.name] = rule
            elif isinstance(rule, Attrs):
                self.attributes.update(dict.fromkeys(rule.names, rule))
        self.children = {rule.tag: rule for rule in rules if isinstance(rule, Child)}
        self.labels = {rule.label: rule for rule in self.children.values()}
        self.defaults = {r.field: r.default for r in rules if isinstance(r, Attr) and r.default is not None}
        self.text = next((rule.field for rule in rules if isinstance(rule, Text)), None)
        self.foreign = next((rule.field for rule in rules if isinstance(rule, Foreign)), None)

    def make(self, values: dict[str, Any]) -> Any:
        return self.cls(**values) if self.cls else values.get(VALUE)

    def take(self, value: Any, field: str) -> Any:
        return getattr(value, field) if self.cls else value


def read(table: Table, element: Element, unknown: list[Unknown], path: str = "") -> Any:
    """The value of an element; what isn't known is added to ``unknown``. None if it says nothing that is known."""
    values: dict[str, Any] = dict(table.defaults)
    _read_attributes(table, element, values, unknown, path)
    if table.text:
        values[table.text] = element.text or ""
    for child in element:
        if not isinstance(child.tag, str):  # an entity that isn't resolved
            continue
        rule = table.children.get(child.tag)
        if rule:
            _read_child(rule, child, values, unknown, path)
        elif table.foreign:
            values[table.foreign] = (*values.get(table.foreign, ()), canonical_text(child))
        else:
            unknown.append(Unknown(path, canonical_text(child)))
    return table.make(values) if values else None


def _read_attributes(table: Table, element: Element, values: dict[str, Any], unknown: list[Unknown], path: str) -> None:
    groups: dict[Attrs, dict[str, str]] = {}
    for name, text in element.items():
        rule = table.attributes.get(name)
        if isinstance(rule, Attr):
            try:
                values[rule.field] = rule.codec.decode(text)
            except ValueError:
                unknown.append(Unknown(path, f"@{name}={text}"))
        elif rule:
            groups.setdefault(rule, {})[name] = text
        elif name not in table.ignore:
            unknown.append(Unknown(path, f"@{name}={text}"))
    for group, found in groups.items():
        try:
            values[group.field] = group.decode(found)
        except ValueError:
            unknown.extend(Unknown(path, f"@{name}={text}") for name, text in found.items())


def _read_child(rule: Child, child: Element, values: dict[str, Any], unknown: list[Unknown], path: str) -> None:
    if rule.field in values and not rule.many:  # libvirt takes the first, too
        _keep_whole(rule, child, unknown, path)
        return
    inner: list[Unknown] = []
    value = read(rule.table, child, inner)
    if value is None and rule.many and rule.table.cls:
        value = rule.table.make({})  # an item that says nothing is still an item
    if value is None:
        if inner:
            _keep_whole(rule, child, unknown, path)
        return
    values[rule.field] = (*values.get(rule.field, ()), value) if rule.many else value
    if inner:
        here = _join(path, _segment(rule, value))
        unknown.extend(Unknown(_join(here, found.path) if found.path else here, found.xml) for found in inner)


def _keep_whole(rule: Child, child: Element, unknown: list[Unknown], path: str) -> None:
    """An element of which nothing is known, or the second of its kind where one is enough."""
    for name in rule.table.ignore.intersection(child.keys()):
        del child.attrib[name]
    unknown.append(Unknown(path, canonical_text(child)))


def _join(path: str, segment: str) -> str:
    return f"{path}/{segment}" if path else segment


def _segment(rule: Child, value: Any) -> str:
    if not rule.many:
        return rule.label
    if rule.table.cls:
        value = canonical(value)
        names = rule.key or [shape.name for shape in shapes(rule.table.cls) if not (shape.many or shape.nested)]
        value = ",".join(str(getattr(value, name) or "") for name in names)
    return f"{rule.label}[{quote(str(value), safe=':,')}]"


def ordered(unknown: Iterable[Unknown]) -> list[Unknown]:
    """One order, whatever the order of the items it was found in; elements of one parent stay as they were."""
    return sorted(unknown, key=lambda u: (u.path, not u.xml.startswith("@"), u.xml if u.xml.startswith("@") else ""))


def write(table: Table, element: Element, value: Any, unknown: Iterable[Unknown] = ()) -> None:
    """Fill ``element`` with ``value``, and put back what was unknown where its parent is still there."""
    # Elements first: an attribute in a namespace declares it anew, which would change the prefixes of what is below.
    found = sorted(unknown, key=lambda each: each.xml.startswith("@"))
    places: Optional[dict[str, Element]] = {"": element} if found else None
    _write(table, element, value, places, "")
    for path, xml in found:
        place = _place(table, path, places or {})
        if place is None:
            continue
        if not xml.startswith("@"):
            place.append(parse_document(xml))
            continue
        name, text = xml[1:].split("=", 1)
        if name not in place.attrib:
            place.set(name, text)


def _write(table: Table, element: Element, value: Any, places: Optional[dict[str, Element]], path: str) -> None:
    for rule in table.rules:
        held = table.take(value, rule.field)
        if held is None or held == ():
            continue
        if isinstance(rule, Child):
            for item in held if rule.many else (held,):
                if rule.desired(item):
                    child = add(element, rule.tag, rule.nsmap)
                    here = path
                    if places is not None:
                        here = _join(path, _segment(rule, item))
                        places.setdefault(here, child)
                    _write(rule.table, child, item, places, here)
        else:
            _write_scalar(rule, element, held)


def _write_scalar(rule: Union[Attr, Attrs, Text, Foreign], element: Element, held: Any) -> None:
    if isinstance(rule, Attr):
        text = rule.codec.encode(held)
        if text is not None:
            element.set(rule.name, text)
    elif isinstance(rule, Attrs):
        for name, text in rule.encode(held).items():
            element.set(name, text)
    elif isinstance(rule, Text):
        element.text = held
    else:
        for item in held:
            element.append(parse_document(item))


def _place(table: Table, path: str, places: dict[str, Element]) -> Optional[Element]:
    """The element at a path; made, when all that is missing means nothing by itself."""
    if path in places:
        return places[path]
    here = ""
    for segment in path.split("/"):
        rule = table.labels.get(segment.partition("[")[0])
        below = _join(here, segment)
        if rule is None or (below not in places and not rule.plain):
            return None
        if below not in places:
            places[below] = add(places[here], rule.tag, rule.nsmap)
        here, table = below, rule.table
    return places[here]


def _identity(value: str) -> str:
    return value


def _number(value: str) -> int:
    # libvirt takes hexadecimal in places, and writes decimal
    return int(value, 16) if value[:2].lower() == "0x" else int(value)


def _switch(on: str, off: str) -> Codec:
    words = {on: True, off: False}

    def decode(value: str) -> bool:
        if value not in words:
            raise ValueError(value)
        return words[value]

    return Codec(decode, lambda value: on if value else off)


STRING = Codec(_identity, _identity)
NUMBER = Codec(_number, str)
YES_NO = _switch("yes", "no")
ON_OFF = _switch("on", "off")
# an attribute for which libvirt takes no "no"
YES = Codec(YES_NO.decode, lambda value: "yes" if value else None)


def only(name: str, codec: Codec = STRING, ignore: tuple[str, ...] = ()) -> Table:
    """An element that is one attribute."""
    return Table(None, Attr(name, VALUE, codec), ignore=ignore)


TEXT = Table(None, Text())
FOREIGN = Table(None, Foreign())
