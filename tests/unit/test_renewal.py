# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A shaping whose device is created again by another resource of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import (
    Host,
    Notes,
    Plan,
    Resource,
    Shown,
    Step,
    World,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError, Outcome, run
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.shaping.kind import SHAPING
from ansible_collections.virtnet.kvm.plugins.module_utils.model.links import LinkFacts
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.steps import RawTree, ShapingDriver
from unit.fake_notes import FakeNotes
from unit.fake_shaping import FakeTrafficControl, ShapingHost

_BEFORE: dict[str, Any] = {"rate": "10mbit"}
_AFTER: dict[str, Any] = {
    "rate": "20mbit",
    "default": "a",
    "classes": [{"name": "a", "rate": "2mbit"}, {"name": "b", "rate": "3mbit"}],
}


@dataclass(frozen=True)
class Recreate(Step):
    """Creates the device again, as a restart of its network does; the undo of that does, too."""

    device: str
    words = "create it again"  # type: ignore[assignment]

    def do(self, host: Host) -> None:
        driver = host.driver(ShapingDriver)
        assert isinstance(driver, FakeTrafficControl)
        driver._called("create it again")
        driver.trees[self.device] = RawTree()

    undo = do


class Device(Resource[None]):
    """The device, which is created again in each run."""

    name, label, present = "web0", "device web0", True  # type: ignore[assignment]

    def current(self, host: Host) -> None:
        del host

    def plan(self, current: None, world: World, notes: Notes) -> Plan[None]:
        del notes
        steps = (Recreate(self.name),)
        world.facts(LinkFacts).renew(self.name, steps)
        return Plan(steps, current)

    def show(self, state: None, plan: Plan[None]) -> Shown:
        del state, plan
        return {}


def _run(host: ShapingHost, egress: dict[str, Any], *, check: bool = False) -> Outcome:
    shaping = SHAPING.parse({"device": "web0", "state": "present", "egress": egress, "ingress": {"rate": "5mbit"}})
    _device, outcome = run(host, FakeNotes(), [Device(), shaping], check=check)
    return outcome


@pytest.fixture
def host() -> ShapingHost:
    host = ShapingHost()
    host.apply(egress=_BEFORE, ingress={"rate": "5mbit"})
    return host


@pytest.mark.parametrize("egress", [_BEFORE, _AFTER])
def test_it_is_set_up_again(host: ShapingHost, egress: dict[str, Any]) -> None:
    checked = _run(host, egress, check=True)
    made = _run(host, egress)
    assert made.actions[-1] == "set up shaping of web0 again" and made.actions == checked.actions
    assert made.shown_after == checked.shown_after and not made.warnings
    assert not host.apply(egress=egress, ingress={"rate": "5mbit"}).actions, "something is missing"


def test_the_first_one_has_steps_of_its_own() -> None:
    made = _run(ShapingHost(), _AFTER)
    assert "create htb as the root of egress of web0" in made.actions and not made.handlers


def test_it_is_as_before_when_any_call_fails(host: ShapingHost) -> None:
    before, file = host.kernel.trees["web0"], dict(host.stored.files)
    first = len(host.kernel.calls)
    _run(host, _AFTER)
    calls = len(host.kernel.calls) - first
    assert calls > 8
    for number in range(calls):
        host = ShapingHost()
        host.apply(egress=_BEFORE, ingress={"rate": "5mbit"})
        host.kernel.strike = len(host.kernel.calls) + number + 1
        with pytest.raises(ApplyError, match="the host is as it was"):
            _run(host, _AFTER)
        assert host.kernel.trees["web0"] == before and host.stored.files == file, number
