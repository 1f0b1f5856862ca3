# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What `script/test` runs when."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from testing.plan import Plan, default, load, save
from testing.step import Result, Step

CHECKOUT = Path(__file__).resolve().parents[2]
CORES = 2


def step(name: str, weight: int = 1, after: tuple[str, ...] = (), kind: str = "gate", hosts: str = "") -> Step:
    return Step(name, kind, ("true",), Path("/"), {}, weight=weight, after=after, hosts=hosts)


def simulate(
    steps: Sequence[Step], takes: Mapping[str, float], expected: Mapping[str, float] | None = None
) -> dict[str, tuple[float, float]]:
    """When each step starts and ends, if it takes this long."""
    plan = Plan(steps, expected or takes, CORES)
    now, waiting, running, spans = 0.0, list(steps), dict[str, float](), dict[str, tuple[float, float]]()
    while waiting or running:
        done = [name for name, (_began, end) in spans.items() if end <= now]
        if chosen := plan.choose(waiting, running, done):
            waiting.remove(chosen)
            running[chosen.name] = now
            spans[chosen.name] = (now, now + takes[chosen.name])
            weights = {one.name: min(one.weight, 2 * CORES) for one in steps}
            assert sum(weights[name] for name in running) <= plan.capacity
            continue
        assert running, f"nothing runs, and {waiting} wait"
        now = min(spans[name][1] for name in running)
        running = {name: began for name, began in running.items() if spans[name][1] > now}
    return spans


def ends(spans: Mapping[str, tuple[float, float]]) -> float:
    return max(end for _began, end in spans.values())


def test_the_longest_goes_first() -> None:
    steps = [step("short", 2), step("long", 2), step("middle", 2)]
    spans = simulate(steps, {"short": 1, "long": 5, "middle": 4})
    assert spans["long"][0] == spans["middle"][0] == 0
    assert spans["short"][0] == 4


def test_two_steps_on_hosts_run_side_by_side_and_one_on_two_vms_alone() -> None:
    spans = simulate([step("a", 2), step("b", 2), step("vms", 4)], {"a": 3, "b": 3, "vms": 10})
    assert spans == {"vms": (0, 10), "a": (10, 13), "b": (10, 13)}


def test_light_steps_fill_the_gaps_beside_steps_on_hosts_and_take_the_rest_after_them() -> None:
    steps = [step("hosts", 4), step("more hosts", 4), *(step(f"light {number}") for number in range(8))]
    spans = simulate(steps, {"hosts": 4, "more hosts": 3, **{f"light {number}": 5.0 for number in range(8)}})
    assert {name for name, (begins, _end) in spans.items() if begins == 0} == {"hosts", "light 0", "light 1"}
    assert spans["more hosts"] == (4, 7)


def test_what_needs_an_image_waits_for_it_while_others_run() -> None:
    steps = [step("build"), step("hosts", after=("build",)), step("gate one"), step("gate two")]
    spans = simulate(steps, {"build": 4, "hosts": 10, "gate one": 5, "gate two": 5})
    # Short as it is itself, the build is the beginning of what takes longest.
    assert spans["build"][0] == 0
    assert spans["hosts"] == (4, 14)
    assert ends(spans) == 14


def test_light_steps_never_take_the_place_of_a_step_on_hosts() -> None:
    lights = [step(f"light {number}") for number in range(9)]
    steps = [step("build"), step("hosts", 2, after=("build",)), *lights]
    spans = simulate(steps, {"build": 2, "hosts": 1, **{light.name: 3.0 for light in lights}})
    assert spans["hosts"] == (2, 3)


def test_nothing_is_lost_where_steps_take_longer_than_expected() -> None:
    steps = [step("a"), step("b"), step("vms", 4, after=("b",)), step("c"), step("d")]
    takes = {"a": 10.0, "b": 2.0, "vms": 3.0, "c": 7.0, "d": 1.0}
    spans = simulate(steps, takes, expected=dict.fromkeys(takes, 1.0))
    assert spans.keys() == takes.keys()


def test_a_step_too_heavy_for_the_machine_has_it_for_itself() -> None:
    spans = simulate([step("huge", 9), step("hosts", 2)], {"huge": 5, "hosts": 1})
    assert spans == {"huge": (0, 5), "hosts": (5, 6)}


def test_nothing_starts_before_what_it_needs() -> None:
    plan = Plan([step("build"), step("hosts", after=("build",))], {}, CORES)
    assert plan.choose([step("hosts", after=("build",))], ["build"], []) is None


def test_a_step_on_vms_is_expected_to_take_longer() -> None:
    assert default(step("molecule nat, vm", kind="molecule", hosts="vm")) > default(
        step("molecule nat, uml", kind="molecule", hosts="uml")
    )


def test_times_of_what_passed_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "durations.json"
    save(file, [Result(step("a"), 4.0, passed=1), Result(step("b"), 5.0, passed=1)])
    save(file, [Result(step("a"), 6.0, passed=1), Result(step("b"), 0.1, failed=1)])
    assert load(file) == {"a": 6.0, "b": 5.0}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": null}'])
def test_times_that_cannot_be_read_are_no_obstacle(tmp_path: Path, text: str) -> None:
    file = tmp_path / "durations.json"
    file.write_text(text)
    assert load(file) == {}


def test_each_host_of_the_integration_tests_has_a_step() -> None:
    def keys(path: str, name: str) -> list[str]:
        for node in ast.parse((CHECKOUT / path).read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            if isinstance(value, ast.Dict) and any(isinstance(t, ast.Name) and t.id == name for t in targets):
                return [ast.literal_eval(key) for key in value.keys if key]
        raise AssertionError(f"no {name} in {path}")

    assert keys("script/testing/steps.py", "INTEGRATION_HOSTS") == keys("tests/integration/conftest.py", "HOSTS")
