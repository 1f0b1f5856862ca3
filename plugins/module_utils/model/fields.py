# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as frozen dataclasses. One declaration gives the argument spec, the parser, the merge and the normal form.

A field is declared with `option`, and its type is the option's type: ``Optional[str|int|bool]``, ``Optional[SomeClass]``
for suboptions, ``Optional[tuple[str, ...]]`` and ``Optional[tuple[SomeClass, ...]]`` for lists. ``None`` means "left out"
in what a user gave and "not there" in what a host has. An empty value that was given (an empty string, list or dict, or
the field's ``removal``) removes the option, and becomes ``None`` when it is merged.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections.abc import Mapping
from typing import Any, Callable, Optional, TypeVar

from ..errors import OptionError

T = TypeVar("T")

# What isn't a character in XML (https://www.w3.org/TR/xml/#charsets), and so can't be in a host's configuration.
_UNWRITABLE = re.compile("[^\\t\\n\\r\\x20-\\uD7FF\\uE000-\\uFFFD\\U00010000-\\U0010FFFF]")

_NOTHING = type(None)
_field = functools.partial(dataclasses.field, default=None)

_SCALARS: dict[type, str] = {str: "str", int: "int", bool: "bool"}


def option(
    *,
    required: bool = False,
    choices: Optional[tuple[str, ...]] = None,
    norm: Optional[Callable[[str], str]] = None,
    absent: Any = None,
    minimum: Optional[int] = None,
    maximum: Optional[int] = None,
    removal: Any = "",
    host_chosen: bool = False,
    unordered: bool = False,
    hidden: bool = False,
    aliases: tuple[str, ...] = (),
) -> Any:
    """Declares an option.

    ``norm`` returns a string's normal form (see `values`). ``absent`` is the value that means the same as none.
    ``removal`` is the given value that removes the option. ``host_chosen`` options are chosen by the host where the user
    doesn't give them. ``unordered`` lists are compared as sets. ``hidden`` fields are no options. ``aliases`` are
    other names that the option has for users.
    """
    return _field(
        metadata={
            "required": required,
            "choices": choices,
            # the same few values come again and again: stored and running, current and predicted
            "norm": functools.lru_cache(maxsize=4096)(norm) if norm else None,
            "absent": absent,
            "minimum": minimum,
            "maximum": maximum,
            "removal": removal,
            "host_chosen": host_chosen,
            "unordered": unordered,
            "hidden": hidden,
            "aliases": aliases,
        },
    )


@dataclasses.dataclass(frozen=True)
class Shape:
    """The shape of a field: ``base`` is str, int, bool or a dataclass; with ``many`` it is a list of those."""

    name: str
    base: type
    many: bool
    meta: Mapping[str, Any]

    @property
    def option(self) -> str:
        """What the option is called: a field that has a word of Python's as its name ends with ``_``."""
        return self.name.rstrip("_")

    @functools.cached_property
    def nested(self) -> bool:
        return dataclasses.is_dataclass(self.base)


def shapes(cls: Callable[..., object]) -> tuple[Shape, ...]:
    """Returns the fields of an option class, in the order of their declaration."""
    return _shapes(cls)


@functools.cache
def _shapes(cls: type) -> tuple[Shape, ...]:
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        inner = next(arg for arg in typing.get_args(hints[field.name]) if arg is not _NOTHING)
        many = typing.get_origin(inner) is tuple
        base = typing.get_args(inner)[0] if many else inner
        found.append(Shape(field.name, base, many, field.metadata))
    return tuple(found)


def argument_spec(cls: type) -> dict[str, dict[str, object]]:
    """Returns the Ansible argument spec of an option class."""
    return {shape.option: _argument(shape) for shape in shapes(cls) if not shape.meta["hidden"]}


def _argument(shape: Shape) -> dict[str, object]:
    kind = "dict" if shape.nested else _SCALARS[shape.base]
    spec: dict[str, object] = {"type": "list", "elements": kind} if shape.many else {"type": kind}
    if shape.nested:
        spec["options"] = argument_spec(shape.base)
    if shape.meta["required"]:
        spec["required"] = True
    if shape.meta["aliases"]:
        spec["aliases"] = list(shape.meta["aliases"])
    if shape.meta["choices"]:
        spec["choices"] = list(shape.meta["choices"])
    return spec


def from_options(cls: type[T], given: Mapping[str, Any], path: str = "") -> T:
    """Returns the option class for what a user gave (Ansible's checked parameters), without keys that it doesn't have.

    ``path`` is where the options are, for errors. Raises `OptionError`.
    """
    values = {}
    for shape in shapes(cls):
        raw = given.get(shape.option)
        if raw is None or shape.meta["hidden"]:
            continue
        where = f"{path}.{shape.option}" if path else shape.option
        if shape.many:
            values[shape.name] = tuple(_parse_one(shape, item, f"{where}[{i}]") for i, item in enumerate(raw))
        else:
            values[shape.name] = _parse_one(shape, raw, where)
    return cls(**values)


def _parse_one(shape: Shape, raw: Any, where: str) -> Any:
    if shape.nested:
        return from_options(shape.base, raw, where)
    if not shape.many and _removes(shape, raw):
        return raw
    meta = shape.meta
    if shape.base is int:
        low, high = meta["minimum"], meta["maximum"]
        remedy = f"use {low} or more" if high is None else f"use {low} to {high}"
        if low is not None and raw < low:
            raise OptionError(where, raw, f"is too small; {remedy}")
        if high is not None and raw > high:
            raise OptionError(where, raw, f"is too large; {remedy}")
    if shape.base is str and _UNWRITABLE.search(raw):
        raise OptionError(where, raw, "contains control characters; remove them")
    return normal_value(where, raw, meta["norm"]) if meta["norm"] else raw


def normal_value(path: str, value: str, norm: Callable[[str], str]) -> str:
    """Returns the normal form of an option's value, see `values`. Raises `OptionError` with the option's path."""
    try:
        return norm(value)
    except ValueError as error:
        raise OptionError(path, value, str(error)) from None


def _removes(shape: Shape, value: Any) -> bool:
    if shape.many:
        return bool(value == ())
    if shape.nested:
        return all(getattr(value, inner.name) is None for inner in shapes(shape.base))
    # `False == 0`, so the types are compared as well
    return type(value) is type(shape.meta["removal"]) and value == shape.meta["removal"]


def merge(base: T, given: T) -> T:
    """Returns ``base`` with what was given: dicts merge, lists replace, empty values remove, ``None`` changes nothing."""
    changes: dict[str, Any] = {}
    for shape in shapes(type(base)):
        new, old = getattr(given, shape.name), getattr(base, shape.name)
        if new is None:
            continue
        if _removes(shape, new):
            changes[shape.name] = None
        elif shape.nested and not shape.many:
            changes[shape.name] = merge(old if old is not None else shape.base(), new)
        else:
            changes[shape.name] = new
    return dataclasses.replace(base, **changes) if changes else base  # type: ignore[type-var]


def canonical(value: T) -> T:
    """Returns the normal form for comparison: what means "absent" is ``None``, values are normalised, sets are sorted.

    Values that can't be normalised are left as they are: a host may hold what is refused as an option.
    """
    changes = {}
    for shape in shapes(type(value)):
        held = getattr(value, shape.name)
        if held is not None and (plain := _canonical_field(shape, held)) is not held:
            changes[shape.name] = plain
    return dataclasses.replace(value, **changes) if changes else value  # type: ignore[type-var]


def _canonical_field(shape: Shape, value: Any) -> Any:
    if _removes(shape, value):
        return None
    if shape.many:
        items = [_canonical_one(shape, item) for item in value]
        if shape.meta["unordered"]:
            items = sorted(dict.fromkeys(items), key=sort_key)
        return value if value == (plain := tuple(items)) else plain
    value = _canonical_one(shape, value)
    if shape.nested and _removes(shape, value):
        return None
    absent = shape.meta["absent"]
    return None if type(value) is type(absent) and value == absent else value


def _canonical_one(shape: Shape, value: Any) -> Any:
    if shape.nested:
        return canonical(value)
    if shape.meta["norm"]:
        try:
            return shape.meta["norm"](value)
        except ValueError:
            return value
    return value


def sort_key(value: object) -> str:
    """Returns a key that sorts option values of one class; any order will do that is the same on both sides."""
    return repr(value)


def to_options(value: object) -> dict[str, Any]:
    """Returns an option class in the structure of the options, without those that are ``None``."""
    shown: dict[str, Any] = {}
    for shape in shapes(type(value)):
        held = getattr(value, shape.name)
        if held is None or shape.meta["hidden"]:
            continue
        if shape.many:
            shown[shape.option] = [to_options(item) if shape.nested else item for item in held]
        else:
            shown[shape.option] = to_options(held) if shape.nested else held
    return shown


def without_host_chosen(value: T, given: Optional[T]) -> T:
    """Returns ``value`` without what the host chooses, unless it is given."""
    changes: dict[str, Any] = {}
    for shape in shapes(type(value)):
        held = getattr(value, shape.name)
        given_part = getattr(given, shape.name) if given is not None else None
        if held is None:
            continue
        kept = held
        if shape.meta["host_chosen"] and given_part is None:
            kept = None
        elif shape.nested and not shape.many:
            kept = without_host_chosen(held, given_part)
        if kept is not held:
            changes[shape.name] = kept
    return dataclasses.replace(value, **changes) if changes else value  # type: ignore[type-var]


def take_host_chosen(value: T, source: Optional[T]) -> T:
    """Returns ``value`` with what the host has chosen, copied from ``source`` where it is ``None`` in ``value``."""
    if source is None:
        return value
    changes: dict[str, Any] = {}
    for shape in shapes(type(value)):
        held, chosen = getattr(value, shape.name), getattr(source, shape.name)
        if shape.meta["host_chosen"] and held is None:
            changes[shape.name] = chosen
        elif shape.nested and not shape.many and chosen is not None:
            part = take_host_chosen(held if held is not None else shape.base(), chosen)
            changes[shape.name] = None if _removes(shape, part) else part
    return dataclasses.replace(value, **changes)  # type: ignore[type-var]
