# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataclasses as JSON, and back by the types that their fields declare.

A field's type is a scalar, bytes, a dataclass, an `Optional` or another union of these, or a tuple, list, frozenset or
mapping (by strings) of these. No class is registered: an object in JSON names its class, which is the declared one or a subclass of it; without a name
it is the declared one.
"""

from __future__ import annotations

import base64
import collections.abc
import dataclasses
import functools
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, TypeVar, Union

from ..errors import VirtnetError

T = TypeVar("T")

# What `json` reads and writes.
Json = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]

_CLASS = "="  # the key that names a value's class; no field can have that name

_MAKERS: Mapping[object, Callable[[Iterable[Any]], object]] = {
    tuple: tuple,
    list: list,
    frozenset: frozenset,
}
_MAPPINGS = (dict, collections.abc.Mapping)


def to_json(value: object) -> Json:
    """Returns the value as what `json` can write. A field that has its default is left out."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return {_key(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, frozenset):
        return sorted((to_json(item) for item in value), key=repr)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Json] = {_CLASS: type(value).__name__}
        for name, default in _defaults(type(value)):
            item = getattr(value, name)
            if item is not default and not _same(item, default):
                found[name] = to_json(item)
        return found
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


def from_json(cls: type[T], held: Json) -> T:
    """Returns the value of the class that `to_json` was given.

    Raises `VirtnetError` if ``held`` isn't such a value, as where another version of the code has written it.
    """
    value = _decode(cls, held, cls.__name__)
    if not isinstance(value, cls):
        raise _unusable(cls.__name__, held, cls.__name__)
    return value


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{key!r} is no key that JSON can hold")
    return key


_NO_DEFAULT = object()
_NONE = type(None)


@functools.cache
def _defaults(cls: type) -> Sequence[tuple[str, object]]:
    """Returns the fields of a class with their defaults. This is kept, because a set of rules may have thousands of objects."""
    found: list[tuple[str, object]] = []
    for field in dataclasses.fields(cls):
        if field.init and field.default_factory is not dataclasses.MISSING:
            found.append((field.name, field.default_factory()))
        elif field.init:
            found.append((field.name, _NO_DEFAULT if field.default is dataclasses.MISSING else field.default))
    return found


def _same(value: object, default: object) -> bool:
    """Returns whether both are equal and of one type, unlike `False == 0` and `1 == 1.0`."""
    return type(value) is type(default) and value == default


@functools.cache
def _field_types(cls: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}


def _classes(declared: type) -> Mapping[str, type]:
    """Returns the declared class and all that inherit from it, by name. Others may be imported later, so this isn't cached."""
    found = {declared.__name__: declared}
    children: list[type] = declared.__subclasses__()
    for subclass in children:
        found.update(_classes(subclass))
    return found


@functools.lru_cache(maxsize=1024)
def _parts(declared: Any) -> tuple[object, tuple[Any, ...], bool]:
    """Returns what a type consists of, and whether it is a dataclass."""
    return typing.get_origin(declared), typing.get_args(declared), dataclasses.is_dataclass(declared)


def _decode(declared: Any, held: Json, where: str) -> object:
    if declared is str and isinstance(held, str):
        return held
    origin, arguments, composed = _parts(declared)
    if origin is Union:
        return _decode_union(arguments, held, where)
    if origin in _MAKERS:
        return _MAKERS[origin](_decode_items(origin, arguments, held, where))
    if origin in _MAPPINGS and isinstance(held, Mapping):
        return {key: _decode(arguments[1], item, f"{where}[{key!r}]") for key, item in held.items()}
    if composed:
        return _decode_object(typing.cast(type, declared), held, where)
    if declared is bytes and isinstance(held, str):
        try:
            return base64.b64decode(held, validate=True)
        except ValueError:
            raise _unusable(where, held, "bytes in base64") from None
    if not _is_scalar(declared, held):
        raise _unusable(where, held, getattr(declared, "__name__", str(declared)))
    return held


def _decode_items(origin: object, arguments: tuple[Any, ...], held: Json, where: str) -> Iterable[object]:
    if isinstance(held, (str, Mapping)) or not isinstance(held, Sequence):
        raise _unusable(where, held, "a list")
    types: Sequence[Any] = [arguments[0]] * len(held)
    if origin is tuple and arguments[-1] is not Ellipsis:
        types = arguments
        if len(held) != len(types):
            raise _unusable(where, held, f"a list of {len(types)}")
    return [_decode(each, item, f"{where}[{place}]") for place, (each, item) in enumerate(zip(types, held))]


def _decode_union(members: tuple[Any, ...], held: Json, where: str) -> object:
    """Returns the value of the first member that fits. An object names its class, so that it fits only one."""
    if held is None and _NONE in members:
        return None
    problems = []
    for member in members:
        if member is not _NONE:
            try:
                return _decode(member, held, where)
            except VirtnetError as error:
                problems.append(error)
    raise problems[0] if len(problems) == 1 else _unusable(where, held, " or ".join(map(str, members)))


def _decode_object(declared: type, held: Json, where: str) -> object:
    name = held.get(_CLASS, declared.__name__) if isinstance(held, Mapping) else None
    found = _classes(declared).get(name) if isinstance(name, str) else None
    if found is None or not isinstance(held, Mapping):
        raise _unusable(where, held, f"a {declared.__name__}")
    types = _field_types(found)
    if unknown := set(held) - set(types) - {_CLASS}:
        raise _unusable(where, held, f"a {name}, which has no {', '.join(sorted(unknown))}")
    fields = {field: _decode(types[field], item, f"{where}.{field}") for field, item in held.items() if field != _CLASS}
    try:
        made: object = found(**fields)
    except TypeError as error:  # a field without a default is missing
        raise VirtnetError(f"{where}: {error}") from None
    return made


def _is_scalar(declared: object, held: Json) -> bool:
    """Returns whether it is a value of this type. An int may be a fraction: a kernel may have 1.5 s where an option has seconds."""
    if declared in (int, float):
        return isinstance(held, (int, float)) and not isinstance(held, bool)
    if declared is str:
        return isinstance(held, str)
    return isinstance(held, bool) if declared is bool else declared is _NONE and held is None


def _unusable(where: str, held: Json, expected: str) -> VirtnetError:
    return VirtnetError(f"{where}: {str(held)[:80]!r} can't be read: expected {expected}")
