# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML for netplan's files: read and written by PyYAML, which netplan needs itself, and edited a line at a time."""

from __future__ import annotations

import functools
import importlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Optional

from ..errors import MissingLibraryError, VirtnetError
from .files import added_line, comment_out


def _library() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise MissingLibraryError("PyYAML", str(error)) from error


def load(path: str, text: str) -> dict[str, Any]:
    """Returns a file's mapping, an empty one for anything else. Raises `VirtnetError` for what isn't YAML."""
    yaml = _library()
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise VirtnetError(f"read {path}: {' '.join(str(error).split())}") from error
    return found if isinstance(found, dict) else {}


class _Flow(dict[str, object]):
    """A mapping that is written in braces."""


def dump(value: Mapping[str, object]) -> list[str]:
    """Returns a file's lines: mappings with a line for each key; lists, and mappings in them, in one line."""
    text: str = _library().dump(value, Dumper=_dumper(), width=float("inf"), allow_unicode=True)
    return text.splitlines()


def _in_one_line(key: str, value: Mapping[str, object]) -> str:
    return dump({key: _Flow(value)})[0]


@functools.cache
def _dumper() -> Any:
    """Returns PyYAML's dumper with the layout of JSON: text is in double quotes unless it is a plain word."""
    members = {"ignore_aliases": lambda _dumper, _value: True, "write_double_quoted": _write_quoted}
    made: Any = type("Dumper", (_library().SafeDumper,), members)
    made.add_representer(str, _text)
    made.add_representer(dict, lambda dumper, held: _mapping(dumper, held, False))
    made.add_representer(_Flow, lambda dumper, held: _mapping(dumper, held, True))
    for kind in (list, tuple):
        made.add_representer(kind, lambda dumper, held: dumper.represent_sequence(_SEQUENCE, held, flow_style=True))
    return made


_MAPPING, _SEQUENCE, _STRING = (f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str"))  # yaml.org/type
# What YAML 1.1 (yaml.org/type/bool.html), which netplan's library reads, or some other version takes for no text.
_NO_TEXT = ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf")


def _text(dumper: Any, value: str) -> Any:
    plain = re.fullmatch(r"[A-Za-z_][\w.-]*", value) and value.lower() not in _NO_TEXT
    return dumper.represent_scalar(_STRING, value, style=None if plain else '"')


def _write_quoted(dumper: Any, text: str, split: bool = True) -> None:
    """Writes text as JSON has it, with the same escapes for all that isn't ASCII."""
    del split  # nothing is folded
    # beyond 16 bits JSON's escapes are pairs, which YAML doesn't know
    dumper.write_indicator(json.dumps(text, ensure_ascii=max(text, default="") <= "\uffff"), True)


def _mapping(dumper: Any, held: Mapping[str, object], flow: bool) -> Any:
    # PyYAML sorts the keys of a mapping, but not pairs (represent_mapping in its representer.py)
    return dumper.represent_mapping(_MAPPING, list(held.items()), flow_style=flow)


def without(path: str, text: str, where: tuple[str, ...], keys: Collection[str], name: str) -> str:
    """Returns a user's file in which some ``keys`` of a mapping don't count, for the interface ``name``.

    ``where`` is the mapping, as a path of keys. In block style the lines of the keys become comments; a mapping in braces
    does so as a whole, and a line of ours has what is left of it.
    """
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
        line = _in_one_line(block_path[-1], _cut(held, where[len(block_path) :], keys))
        return _hidden(text, [(start, end)], name, " " * block[0].start_mark.column + line)
    # netplan demands a mapping, so that one which would be empty gets a key without effect
    empty = f"{' ' * node.value[0][0].start_mark.column}dhcp4: false" if len(gone) == len(node.value) else ""
    return _hidden(text, gone, name, empty)


def line_of(text: str, where: tuple[str, ...]) -> int:
    """Returns the number of the line, from 1, in which a key stands; ``where`` is its path of keys."""
    node = _library().compose(text)
    for key in where[:-1]:
        node = _entry(node, key)[1]
    first: int = _entry(node, where[-1])[0].start_mark.line
    return first + 1


def _entry(node: Any, key: str) -> tuple[Any, Any]:
    found: tuple[Any, Any] = next(entry for entry in node.value if entry[0].value == key)
    return found


def _span(entry: tuple[Any, Any]) -> tuple[int, int]:
    """Returns the number of a key's first line, and of the one after the last of its value."""
    first, value = entry
    if getattr(value, "value", None) and not getattr(value, "flow_style", True):
        last = value.value[-1]
        return first.start_mark.line, _span(last if isinstance(last, tuple) else (last, last))[1]
    end = value.end_mark
    return first.start_mark.line, end.line + (1 if end.column else 0)


def _hidden(text: str, spans: list[tuple[int, int]], name: str, added: str) -> str:
    lines = text.split("\n")
    for start, end in spans:
        lines[start:end] = [comment_out(line, name) for line in lines[start:end]]
    if added:
        lines.insert(spans[0][0], added_line(added, name))
    return "\n".join(lines)


def _cut(held: Any, where: tuple[str, ...], keys: Collection[str]) -> Any:
    if where:
        return {key: _cut(value, where[1:], keys) if key == where[0] else value for key, value in held.items()}
    return {key: value for key, value in held.items() if key not in keys} or {"dhcp4": False}
