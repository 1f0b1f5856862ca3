# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""That roles, playbooks and the filter say the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import _MAKERS
from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology_options import NEEDED, SPECS
from conftest import CHECKOUT

ROLES = CHECKOUT / "roles"


def _yaml(*parts: str) -> Any:
    return yaml.safe_load(CHECKOUT.joinpath(*parts).read_text())


@pytest.mark.parametrize("kind", list(SPECS))
def test_a_role_has_the_options_of_its_topology(kind: str) -> None:
    """The role's variables, its task and the filter name the same options, with the same defaults and choices."""
    known = SPECS[kind]
    declared = _yaml("roles", kind, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert {name.removeprefix(f"{kind}_") for name in declared} == set(known)
    for name, option in known.items():
        _same(declared[f"{kind}_{name}"], option, f"{kind}_{name}")
        if name in NEEDED[kind]:
            assert declared[f"{kind}_{name}"]["required"] is True
    defaults = _yaml("roles", kind, "defaults", "main.yml")
    assert defaults == {f"{kind}_{name}": option["default"] for name, option in known.items() if "default" in option}
    (task,) = _yaml("roles", kind, "tasks", "main.yml")
    assert set(task["vars"][f"{kind}_topology"]) == {"type", *known}


def _same(declared: dict[str, Any], option: dict[str, Any], where: str) -> None:
    for key in ("type", "default", "choices", "elements"):
        assert declared.get(key) == option.get(key), f"{where}: {key}"
    inner, mine = option.get("options", {}), declared.get("options", {})
    assert set(mine) == set(inner), where
    for name, suboption in inner.items():
        assert bool(mine[name].get("required")) == bool(suboption.get("required")), f"{where}.{name}"
        _same(mine[name], suboption, f"{where}.{name}")


def test_each_topology_is_known_everywhere() -> None:
    assert set(SPECS) == set(_MAKERS) == set(NEEDED)
    assert {path.stem for path in (CHECKOUT / "docs" / "topologies").glob("*.md")} == set(SPECS)
    documented = (CHECKOUT / "plugins" / "filter" / "as_fabric.yml").read_text()
    readme = (CHECKOUT / "README.md").read_text()
    for kind in SPECS:
        assert f"C({kind})" in documented
        assert f"docs/topologies/{kind}.md" in readme
