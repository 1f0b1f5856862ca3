# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables that bind option classes to XML elements, and the two functions that go through them: `read` and `write`.

A `Table` says how one element is one value; its rules say which attributes, text and children make which field. What no
rule takes is kept as `Unknown` with the path at which it stood, and `write` puts it back there, so nothing is lost.

A path names the items of a list by what identifies them, not by their number: lists are sorted and changed between
reading and writing.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Callable, Generic, NamedTuple, Optional, TypeVar, Union
from urllib.parse import quote

from ..model.fields import canonical, shapes
from .document import Element, add, canonical_text, parse_document

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

VALUE = "value"  # the only field of a `ValueTable`


class Unknown(NamedTuple):
    """What no rule takes: the path of the element it stood in, and ``<element/>`` or ``@attribute=value``."""

    path: str
    xml: str


class Codec(NamedTuple):
    """A value as one attribute: ``decode`` raises ValueError, ``encode`` returns None for what is not written."""

    decode: Callable[[str], object]
    encode: Callable[[object], Optional[str]]


@dataclasses.dataclass(frozen=True)
class Attr:
    """A field in one attribute; ``default`` is its value where the element is there and the attribute isn't."""

    name: str
    field: str
    codec: Codec
    default: object = None


@dataclasses.dataclass(frozen=True)
class Attrs:
    """A field of text in several attributes together; ``decode`` raises ValueError."""

    names: tuple[str, ...]
    field: str
    decode: Callable[[Mapping[str, str]], str]
    encode: Callable[[str], Mapping[str, str]]


@dataclasses.dataclass(frozen=True)
class Text:
    """The text of the element itself."""

    field: str = VALUE


@dataclasses.dataclass(frozen=True)
class Foreign:
    """All children, of any tag, each as canonical text."""

    field: str = VALUE


@dataclasses.dataclass(frozen=True)
class Child:
    """A field in a child element, or in all children of that tag (``many``).

    - ``key`` are the fields that identify an item of a list; without it, all its scalars do;
    - ``plain``: an empty element has no meaning, so `write` may add it to hold what is unknown in it;
    - ``empty``: the element is a value even where nothing in it is known, as an item of a list always is;
    - ``desired`` says which values are written.
    """

    tag: str
    field: str
    table: Table[object]
    many: bool = False
    key: tuple[str, ...] = ()
    plain: bool = False
    empty: bool = False
    desired: Callable[[object], bool] = lambda _value: True
    nsmap: Optional[Mapping[str, str]] = None

    @functools.cached_property
    def label(self) -> str:
        """The tag without its namespace."""
        return self.tag.rpartition("}")[2]


Rule = Union[Attr, Attrs, Text, Foreign, Child]


class Table(Generic[T_co]):
    """How one element is one value of an option class."""

    def __init__(self, cls: Callable[..., T_co], *rules: Rule, ignore: tuple[str, ...] = ()) -> None:
        self.cls = cls
        self.rules = rules
        self.ignore = frozenset(ignore)  # attributes that tell how it runs, no part of the definition
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

    def make(self, values: Mapping[str, object]) -> T_co:
        """Returns the value that has these fields."""
        return self.cls(**values)

    def make_empty(self) -> Optional[T_co]:
        """Returns the value of an element that says nothing; None if there is none."""
        return self.cls()

    def take(self, value: object, field: str, /) -> object:
        """Returns a field of a value."""
        held: object = getattr(value, field)
        return held

    def identify(self, value: object, key: tuple[str, ...], /) -> str:
        """Returns what tells an item of a list from the others."""
        value = canonical(value)
        names = key or [shape.name for shape in shapes(self.cls) if not (shape.many or shape.nested)]
        return ",".join(str(self.take(value, name) or "") for name in names)


class ValueTable(Table[object]):
    """How one element is one plain value, such as a string; its rules call the value `VALUE`."""

    def __init__(self, *rules: Rule, ignore: tuple[str, ...] = ()) -> None:
        super().__init__(object, *rules, ignore=ignore)

    def make(self, values: Mapping[str, object]) -> object:
        return values.get(VALUE)

    def make_empty(self) -> None:
        return None

    def take(self, value: object, _field: str, /) -> object:
        return value

    def identify(self, value: object, _key: tuple[str, ...], /) -> str:
        return str(value)


def read(table: Table[T], element: Element, unknown: list[Unknown], path: str = "") -> Optional[T]:
    """Returns the value of an element, or None if it says nothing that is known; adds the rest to ``unknown``."""
    values = dict(table.defaults)
    _read_attributes(table, element, values, unknown, path)
    if table.text:
        values[table.text] = element.text or ""
    for child in element.iterchildren("*"):  # "*" leaves out an entity that isn't resolved
        rule = table.children.get(child.tag)
        if rule:
            _read_child(rule, child, values, unknown, path)
        elif table.foreign:
            _append(values, table.foreign, canonical_text(child))
        else:
            unknown.append(Unknown(path, canonical_text(child)))
    return table.make(values) if values else None


def _read_attributes(
    table: Table[object], element: Element, values: dict[str, object], unknown: list[Unknown], path: str
) -> None:
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


def _read_child(rule: Child, child: Element, values: dict[str, object], unknown: list[Unknown], path: str) -> None:
    if rule.field in values and not rule.many:  # libvirt takes the first, too
        _keep_whole(rule, child, unknown, path)
        return
    inner: list[Unknown] = []
    value = read(rule.table, child, inner)
    if value is None and (rule.many or rule.empty):
        value = rule.table.make_empty()
    if value is None:
        if inner:
            _keep_whole(rule, child, unknown, path)
        return
    if rule.many:
        _append(values, rule.field, value)
    else:
        values[rule.field] = value
    if inner:
        here = _join(path, _segment(rule, value))
        unknown.extend(Unknown(_join(here, found.path) if found.path else here, found.xml) for found in inner)


def _append(values: dict[str, object], field: str, item: object) -> None:
    """Adds an item to a field that is a list."""
    values[field] = (*_items(values.get(field, ())), item)


def _items(held: object) -> tuple[object, ...]:
    """Returns a list's items."""
    if not isinstance(held, tuple):
        raise TypeError(f"not the items of a list: {held!r}")
    return held


def _keep_whole(rule: Child, child: Element, unknown: list[Unknown], path: str) -> None:
    """Keeps an element of which nothing is known, or the second of its tag where one is enough."""
    for name in rule.table.ignore.intersection(child.keys()):
        del child.attrib[name]
    unknown.append(Unknown(path, canonical_text(child)))


def _join(path: str, segment: str) -> str:
    return f"{path}/{segment}" if path else segment


def _segment(rule: Child, value: object) -> str:
    if not rule.many:
        return rule.label
    return f"{rule.label}[{quote(rule.table.identify(value, rule.key), safe=':,')}]"


def ordered(unknown: Iterable[Unknown]) -> list[Unknown]:
    """Returns the unknown in one order, as lists may be read in any.

    Elements of one parent stay in their order, which may mean something; attributes are sorted by name.
    """
    return sorted(unknown, key=lambda u: (u.path, not u.xml.startswith("@"), u.xml if u.xml.startswith("@") else ""))


def write(table: Table[object], element: Element, value: object, unknown: Iterable[Unknown] = ()) -> None:
    """Fills ``element`` with ``value``, and puts back what was unknown where its parent is still there."""
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


def _write(
    table: Table[object], element: Element, value: object, places: Optional[dict[str, Element]], path: str
) -> None:
    for rule in table.rules:
        held = table.take(value, rule.field)
        if held is None or held == ():
            continue
        if not isinstance(rule, Child):
            _write_scalar(rule, element, held)
            continue
        for item in filter(rule.desired, _items(held) if rule.many else (held,)):
            child = add(element, rule.tag, rule.nsmap)
            here = path
            if places is not None:
                here = _join(path, _segment(rule, item))
                places.setdefault(here, child)
            _write(rule.table, child, item, places, here)


def _write_scalar(rule: Union[Attr, Attrs, Text, Foreign], element: Element, held: object) -> None:
    if isinstance(rule, Attr):
        text = rule.codec.encode(held)
        if text is not None:
            element.set(rule.name, text)
    elif isinstance(rule, Attrs):
        for name, text in rule.encode(str(held)).items():
            element.set(name, text)
    elif isinstance(rule, Text):
        element.text = str(held)
    else:
        for item in _items(held):
            element.append(parse_document(str(item)))


def _place(table: Table[object], path: str, places: dict[str, Element]) -> Optional[Element]:
    """Returns the element at a path; makes it, where all that is missing has no meaning by itself."""
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


def _number(text: str) -> int:
    # libvirt takes hexadecimal in places, and writes decimal
    return int(text, 16) if text[:2].lower() == "0x" else int(text)


def _switch(on: str, off: str) -> Codec:
    words = {on: True, off: False}

    def decode(text: str) -> bool:
        if text not in words:
            raise ValueError(text)
        return words[text]

    return Codec(decode, lambda value: on if value else off)


STRING = Codec(str, str)
NUMBER = Codec(_number, str)
YES_NO = _switch("yes", "no")
ON_OFF = _switch("on", "off")
# an attribute for which libvirt takes no "no"
YES = Codec(YES_NO.decode, lambda value: "yes" if value else None)


def only(name: str, codec: Codec = STRING, ignore: tuple[str, ...] = ()) -> ValueTable:
    """Returns the table of an element that is one attribute."""
    return ValueTable(Attr(name, VALUE, codec), ignore=ignore)


TEXT = ValueTable(Text())
FOREIGN = ValueTable(Foreign())
