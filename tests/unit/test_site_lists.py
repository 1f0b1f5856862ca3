# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""That the playbooks, the action and the task that applies changes know the same lists."""

from __future__ import annotations

from typing import Any, Optional

import pytest
import yaml

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.plugin_utils import predicted
from ansible_collections.virtnet.kvm.plugins.plugin_utils.site_lists import SITE_LISTS, written_as
from conftest import CHECKOUT


def _yaml(*parts: str) -> Any:
    return yaml.safe_load(CHECKOUT.joinpath(*parts).read_text())


def test_they_are_lists_of_fabric() -> None:
    assert set(predicted.KINDS) <= {kind.plural for kind in KINDS}


def test_the_playbooks_say_which_variable_holds_each() -> None:
    applied = _yaml("playbooks", "site.yml")[0]["vars"]["host_lists_in"]
    removed = _yaml("playbooks", "teardown.yml")[0]["tasks"][0]["virtnet.kvm.predict"]["lists"]
    assert list(applied) == list(removed) == list(SITE_LISTS)
    assert applied == removed
    assert all(variable.startswith("virtnet_") for variable in applied.values())


def test_a_task_applies_each() -> None:
    (task,) = _yaml("roles", "host", "tasks", "networks.yml")
    lists = [kind for kind in predicted.KINDS if kind not in predicted.INTERFACES]
    assert task["virtnet.kvm.fabric"] == {kind: f"{{{{ host_wanted.{kind} }}}}" for kind in lists}


@pytest.mark.parametrize(
    ("option", "written"),
    [
        ("policies[2].rules[1].source.name", "virtnet_policy[1].source.name"),
        ("policies[2].rules[0]", "virtnet_policy[0]"),
        ("policies[1].rules[0].to", None),  # of a topology
        ("policies[2].name", None),
        ("portforwards[0].forwards[3].listen.port", "virtnet_forwards[3].listen.port"),
        ("shaping[1].egress.rate", "virtnet_shaping[1].egress.rate"),
        ("outbound[0].rules[0].to", None),  # the host has no such variable
        ("guest_nics[0].source", None),  # one guest has several
        ("networks[0].mtu", None),
        ("", None),
    ],
)
def test_an_error_names_the_variable(option: str, written: Optional[str]) -> None:
    variables = _yaml("playbooks", "site.yml")[0]["vars"]["host_lists_in"]
    first = {"policies": 2, "portforwards": 0, "shaping": 0, "guest_nics": 0}
    assert written_as(option, variables, first) == written
