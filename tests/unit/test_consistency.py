# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a review would have to look for each time: that nothing of a module or role was forgotten, and the layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
MODULES = sorted(path for path in (PLUGINS / "modules").glob("*.py") if path.name != "__init__.py")
ROLES = sorted(path for path in (CHECKOUT / "roles").glob("*") if path.is_dir())
UTILS = sorted(path for path in MODULE_UTILS.rglob("*.py"))
OURS = sorted(
    path for directory in ("plugins/module_utils", "script", "tests") for path in (CHECKOUT / directory).rglob("*.py")
)

MOST_LINES = 400
MOST_FILES = 12

# From the top down: each may import those below it, and itself.
LAYERS = (
    *("checkpoint_runner", "reach_runner", "runner", "kinds", "engine", "run_state", "checkpoint"),
    *("backend", "xml", "persist", "model", "contract", "errors"),
)

# What comes from outside, and the only layers that may know of it.
OUTSIDE = {
    "ansible": {"runner", "checkpoint_runner"},
    "libvirt": {"backend"},
    "libvirt_qemu": {"backend"},
    "pyroute2": {"backend"},
    "nftables": {"backend"},
    "lxml": {"xml", "backend"},
}


def _name(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def _constants(path: Path) -> dict[str, Any]:
    """What the file assigns at its top level that is written out as a value."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


# ---- modules


def _integration_tests() -> dict[str, set[str]]:
    """Per module, the files that test it: test_<module>.py and test_<module>_<what>.py, where the longest name of a
    module counts, and each file that says `MODULES = ("<module>", ...)`."""
    names = sorted((path.stem for path in MODULES), key=len, reverse=True)
    found: dict[str, set[str]] = {name: set() for name in names}
    for path in (CHECKOUT / "tests" / "integration").rglob("test_*.py"):
        declared = list(_constants(path).get("MODULES", ()))
        assert set(declared) <= set(names), f"{_name(path)}: MODULES names what is no module"
        by_name = [name for name in names if f"{path.stem}_".startswith(f"test_{name}_")]
        for name in declared + by_name[:1]:
            found[name].add(_name(path))
    return found


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_module_has_an_integration_test(module: Path) -> None:
    assert _integration_tests()[module.stem], (
        f"no tests/integration/test_{module.stem}*.py, nor a MODULES that names it"
    )


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_module_has_examples_of_itself(module: Path) -> None:
    tasks = yaml.safe_load(_constants(module).get("EXAMPLES", "")) or []
    text = yaml.safe_dump(tasks)
    assert f"virtnet.kvm.{module.stem}:" in text


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_module_documents_what_it_returns(module: Path) -> None:
    assert yaml.safe_load(_constants(module).get("RETURN", ""))


def test_action_group_is_the_modules() -> None:
    group = _yaml(CHECKOUT / "meta" / "runtime.yml")["action_groups"]["kvm"]
    assert sorted(group) == [path.stem for path in MODULES]


# ---- roles


@pytest.mark.parametrize("role", ROLES, ids=_name)
def test_role_declares_its_variables(role: Path) -> None:
    specs = _yaml(role / "meta" / "argument_specs.yml")["argument_specs"]
    declared = {name: option for spec in specs.values() for name, option in spec.get("options", {}).items()}
    assert specs["main"].get("short_description")
    defaults_file = role / "defaults" / "main.yml"
    defaults = (_yaml(defaults_file) or {}) if defaults_file.exists() else {}
    assert set(defaults) <= set(declared), "in defaults/main.yml, but not in meta/argument_specs.yml"
    foreign = {name for name in declared if not name.startswith(f"{role.name}_")}
    assert not foreign, "a role's variables carry its name"


@pytest.mark.parametrize("role", ROLES, ids=_name)
def test_role_is_described(role: Path) -> None:
    """Galaxy refuses a role without a README, and shows what meta/main.yml says of it."""
    assert (role / "README.md").stat().st_size > 0
    info = _yaml(role / "meta" / "main.yml")["galaxy_info"]
    assert info["description"]
    assert info["license"] == "GPL-3.0-or-later"


# ---- release


def test_version_has_a_changelog() -> None:
    version = _yaml(CHECKOUT / "galaxy.yml")["version"]
    released = _yaml(CHECKOUT / "changelogs" / "changelog.yaml")["releases"]
    assert version in released
    assert f"v{version}" in (CHECKOUT / "CHANGELOG.md").read_text().replace("\\", "")


def test_changelog_announces_each_module() -> None:
    """`antsibull-changelog release` writes them, in the staged copy, where it finds the documentation."""
    releases = _yaml(CHECKOUT / "changelogs" / "changelog.yaml")["releases"].values()
    announced = {module["name"] for release in releases for module in release.get("modules", ())}
    assert {path.stem for path in MODULES} <= announced


# ---- code


@pytest.mark.parametrize("path", OURS, ids=_name)
def test_file_can_be_read_in_one_sitting(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= MOST_LINES, f"{_name(path)} has {lines} lines"


def test_folder_can_be_seen_at_a_glance() -> None:
    folders = {path.parent for path in UTILS}
    counts = {_name(folder): len([p for p in folder.glob("*.py") if p.name != "__init__.py"]) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MOST_FILES} == {}


def _layer(parts: tuple[str, ...]) -> str:
    return parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[tuple[str, ...]]:
    """The modules that a file imports, with those of ours as parts below module_utils after the word 'ours'."""
    package = path.relative_to(MODULE_UTILS).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _ours(tuple(alias.name.split(".")))
        elif isinstance(node, ast.ImportFrom):
            parts = tuple((node.module or "").split(".")) if node.module else ()
            if not node.level:
                yield _ours(parts)
                continue
            base = ("ours", *package[: len(package) - node.level + 1], *parts)
            # `from . import values` at the top names a module; elsewhere the package says which layer it is.
            yield from ([(*base, alias.name) for alias in node.names] if len(base) == 1 else [base])


def _ours(parts: tuple[str, ...]) -> tuple[str, ...]:
    prefix = ("ansible_collections", "virtnet", "kvm", "plugins", "module_utils")
    return ("ours", *parts[len(prefix) :]) if parts[: len(prefix)] == prefix else parts


@pytest.mark.parametrize("path", UTILS, ids=_name)
def test_layer_imports_only_what_is_below(path: Path) -> None:
    layer = _layer(path.relative_to(MODULE_UTILS).parts)
    if layer == "__init__":
        assert not list(_imports(path))
        return
    assert layer in LAYERS, f"{layer} is no layer: put it into one, or say in LAYERS where it is"
    allowed = LAYERS[LAYERS.index(layer) :]
    for imported in _imports(path):
        if imported[0] == "ours":
            assert imported[1] in allowed, f"{layer} imports {'.'.join(imported[1:])}"
        elif imported[0] in OUTSIDE:
            assert layer in OUTSIDE[imported[0]], f"{layer} imports {'.'.join(imported)}"


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_module_knows_no_host(module: Path) -> None:
    """A module is documentation and a few lines: it knows the runner, and nothing from outside but it."""
    for node in ast.walk(ast.parse(module.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name.split(".")[0] not in OUTSIDE, f"{module.stem} imports {name}"
