# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML as far as netplan's files need it: read by PyYAML, which netplan brings along, and edited a line at a time."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ..errors import MissingLibraryError, VirtnetError
from .files import hide, insert


def _library() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise MissingLibraryError("PyYAML", str(error)) from error


def load(path: str, text: str) -> dict[str, Any]:
    yaml = _library()
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise VirtnetError(f"read {path}: {' '.join(str(error).split())}") from error
    return found if isinstance(found, dict) else {}


def scalar(value: Any) -> str:
    """As JSON, which is YAML, but for what is plain in both."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_][\w.-]*", value) and not _means_else(value)
    return str(value) if plain else json.dumps(value)


def _means_else(word: str) -> bool:
    return word.lower() in ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf")


def flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(held)}" for key, held in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(held) for held in value) + "]"
    return scalar(value)


def dump(value: Mapping[str, Any], depth: int = 0) -> list[str]:
    """Mappings a key a line; lists, and mappings in them, in one line."""
    lines = []
    for key, held in value.items():
        start = f"{'  ' * depth}{scalar(key)}:"
        if isinstance(held, Mapping) and held:
            lines += [start, *dump(held, depth + 1)]
        else:
            lines.append(f"{start} {flow(held)}")
    return lines


def without(path: str, text: str, where: tuple[str, ...], keys: Iterable[str], name: str) -> str:
    """A user's file in which these keys of the mapping ``where`` (a path of keys) don't count, for an interface's sake.

    In block style it is just their lines; what is written in braces is written anew without them, in a line of ours.
    """
    keys = set(keys)
    node = _library().compose(text)
    block: Optional[tuple[Any, Any]] = None
    block_path: tuple[str, ...] = ()
    for depth, key in enumerate(where):
        if not node.flow_style:
            block, block_path = _entry(node, key), where[: depth + 1]
        node = _entry(node, key)[1]
    gone = [_span(entry) for entry in node.value if entry[0].value in keys]
    if not gone:
        return text
    if node.flow_style and block is not None:
        held = load(path, text)
        for key in block_path:
            held = held[key]
        start, end = _span(block)
        line = f"{' ' * block[0].start_mark.column}{scalar(block_path[-1])}: "
        return _hidden(text, [(start, end)], name, line + flow(_cut(held, where[len(block_path) :], keys)))
    # netplan wants a mapping, be it as good as an empty one
    empty = f"{' ' * node.value[0][0].start_mark.column}dhcp4: false" if len(gone) == len(node.value) else ""
    return _hidden(text, gone, name, empty)


def _entry(node: Any, key: str) -> tuple[Any, Any]:
    found: tuple[Any, Any] = next(entry for entry in node.value if entry[0].value == key)
    return found


def _span(entry: tuple[Any, Any]) -> tuple[int, int]:
    """The first line of a key and the one after the last of its value."""
    first, value = entry
    if getattr(value, "value", None) and not getattr(value, "flow_style", True):
        last = value.value[-1]
        return first.start_mark.line, _span(last if isinstance(last, tuple) else (last, last))[1]
    end = value.end_mark
    return first.start_mark.line, max(end.line + (1 if end.column else 0), first.start_mark.line + 1)


def _hidden(text: str, spans: list[tuple[int, int]], name: str, added: str) -> str:
    lines = text.split("\n")
    for start, end in spans:
        lines[start:end] = [hide(line, name) for line in lines[start:end]]
    if added:
        lines.insert(spans[0][0], insert(added, name))
    return "\n".join(lines)


def _cut(held: Any, where: tuple[str, ...], keys: set[str]) -> Any:
    if where:
        return {key: _cut(value, where[1:], keys) if key == where[0] else value for key, value in held.items()}
    return {key: value for key, value in held.items() if key not in keys} or {"dhcp4": False}
