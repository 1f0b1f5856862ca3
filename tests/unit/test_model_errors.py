# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The text of errors: the option, the value, the problem, and what to do about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import (
    HostError,
    MissingLibraryError,
    OptionError,
    under,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.xml import document

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
# A problem reads on from the value, so it begins with one of these.
VERBS = ("is ", "isn't ", "has ", "can't ", "doesn't ", "needs ", "contains ", "forwards ", "overlaps ")


def test_the_value_and_the_problem_are_one_sentence() -> None:
    error = OptionError("mtu", 5, "is too small; use 68 to 65535")
    assert str(error) == "mtu: 5 is too small; use 68 to 65535"
    assert (error.option, error.value, error.problem) == ("mtu", 5, "is too small; use 68 to 65535")
    missing = OptionError("parent", None, "is missing; give an interface")
    assert str(missing) == "parent: is missing; give an interface"


@pytest.mark.parametrize(
    ("path", "option", "found"),
    [
        ("vlans[0]", "id", "vlans[0].id"),
        ("ips", "[0].dhcp", "ips[0].dhcp"),
        ("vlans[0]", "", "vlans[0]"),
        ("", "id", "id"),
    ],
)
def test_an_option_below_a_path(path: str, option: str, found: str) -> None:
    with pytest.raises(OptionError) as error, under(path):
        raise OptionError(option, 0, "is too small; use 1")
    assert (error.value.option, error.value.value, error.value.problem) == (found, 0, "is too small; use 1")


def test_other_errors_have_no_path() -> None:
    with pytest.raises(HostError, match=r"^start network lan: no such bridge$") as error, under("networks[0]"):
        raise HostError("start network lan", OSError("no such bridge"))
    assert (error.value.doing, error.value.cause) == ("start network lan", "no such bridge")


def test_a_missing_library_is_no_fault_of_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "_MISSING", "Traceback: no lxml")
    document._parser.cache_clear()
    defaults = {name: option.get("default") for name, option in NETWORK.argument_spec().items()}
    try:
        with pytest.raises(MissingLibraryError) as error:
            NETWORK.parse({**defaults, "xml": "<network><name>lan</name></network>"}, "networks[0]")
    finally:
        document._parser.cache_clear()
    assert (error.value.library, error.value.trace) == ("lxml", "Traceback: no lxml")


def _problems() -> Iterator[tuple[str, str]]:
    """Each problem that is written out in the plugins, with its place."""
    for path in sorted(PLUGINS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = f"{path.relative_to(PLUGINS)}:{node.lineno}"
            if node.func.id == "OptionError" and len(node.args) == 3:
                yield from ((place, text) for text in _texts(node.args[2]) if not text.startswith("{}"))
            if node.func.id == "ValueError" and path.name == "values.py":
                yield from ((place, text) for text in _texts(node.args[0]))


def _texts(node: ast.expr) -> list[str]:
    """The text of a literal, with ``{}`` where it is formatted; nothing for what is not written out there."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return []


PROBLEMS = list(_problems())


def test_problems_are_found() -> None:
    assert len(PROBLEMS) > 100


@pytest.mark.parametrize(("place", "problem"), PROBLEMS, ids=[place for place, _problem in PROBLEMS])
def test_a_problem_reads_on_from_the_value_and_ends_with_a_remedy(place: str, problem: str) -> None:
    assert problem.startswith(VERBS), f"{place}: {problem}"
    assert re.search("[;,:] ", problem), f"{place}: {problem}"
    assert not problem.endswith("."), f"{place}: {problem}"
