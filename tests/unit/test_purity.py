# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The layers that only compute: nothing in them reads a host or changes one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
PURE = sorted(path for layer in ("model", "xml", "persist") for path in (MODULE_UTILS / layer).rglob("*.py"))

MODULES = frozenset(
    (
        "fcntl",
        "glob",
        "grp",
        "io",
        "os",
        "pathlib",
        "pwd",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "tempfile",
        "time",
    )
)
FUNCTIONS = frozenset(("eval", "exec", "input", "open", "print"))


def _name(path: Path) -> str:
    return path.relative_to(MODULE_UTILS).as_posix()


def impurities(source: str) -> Iterator[str]:
    """What a file imports or calls that reaches a host, each with its line."""
    for node in ast.walk(ast.parse(source)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [node.module or ""]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            yield f"line {node.lineno}: calls {node.func.id}"
        for module in modules:
            if module.split(".")[0] in MODULES:
                yield f"line {node.lineno}: imports {module}"


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_layer_reaches_no_host(path: Path) -> None:
    assert list(impurities(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import os.path",
        "from os import path",
        "def f():\n    import pwd",
        "open('x')",
        "[print(x) for x in y]",
    ],
)
def test_what_reaches_a_host_is_found(source: str) -> None:
    assert len(list(impurities(source))) == 1


@pytest.mark.parametrize("source", ["import posixpath", "from .os import x", "import ipaddress", "file.open()"])
def test_what_computes_is_left_alone(source: str) -> None:
    assert not list(impurities(source))
