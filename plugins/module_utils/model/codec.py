# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of the model as JSON, and back: any dataclass of plain values, tuples, and other such dataclasses."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Union

from .interface import options

_CLASS = "="  # the key that names a value's class; no field can have that name


def encode(value: Any) -> Any:
    """What `json` can write."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {_CLASS: type(value).__name__, **{name: held for name, held in fields.items() if held is not None}}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    return value


def decode(held: Any) -> Any:
    """The value that `encode` was given."""
    if isinstance(held, list):
        return tuple(decode(item) for item in held)
    if isinstance(held, dict):
        found = getattr(options, held[_CLASS])
        return found(**_fields(found, held))
    return held


def _fields(found: Any, held: dict[str, Any]) -> dict[str, Any]:
    """Every field by its name, as a ``None`` that isn't a field's default must come back as well."""
    hints = typing.get_type_hints(found)
    fields = {}
    for field in dataclasses.fields(found):
        if field.name in held:
            fields[field.name] = decode(held[field.name])
        elif typing.get_origin(hints[field.name]) is Union:
            fields[field.name] = None
    return fields
