# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""How `script/test` runs steps: each ends with all its processes, and what needs one that failed isn't run."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from testing import processes, runner
from testing.plan import Plan
from testing.processes import Process
from testing.step import Step


def step(name: str, script: str, after: tuple[str, ...] = (), seconds: float = 60) -> Step:
    return Step(name, "gate", ("sh", "-c", script), Path("/"), dict(os.environ), minutes=seconds / 60, after=after)


class NoHosts:
    """What stands for the owners of hosts where no step has any."""

    def __init__(self, left: str = "") -> None:
        self.left = left

    def environment(self, step: Step) -> dict[str, str]:
        return {"OWNER": step.slug}

    def remove(self, _step: Step) -> str:
        return self.left

    def seconds(self, _step: Step) -> float:
        return 7.0


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No control groups, which take root, and short patience."""
    monkeypatch.setattr(processes, "_groups", lambda: None)
    monkeypatch.setattr(processes, "GRACE_SECONDS", 2)
    monkeypatch.setattr(processes, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(runner, "CACHE", tmp_path)


def run(steps: list[Step], logs: Path, owners: NoHosts | None = None) -> runner.Run:
    return runner.Run(steps, Plan(steps, {}, 2), logs, owners or NoHosts())  # type: ignore[arg-type]


def _process(script: str, output: Path, seconds: float = 60) -> tuple[Process, int]:
    descriptor = os.open(output, os.O_RDWR | os.O_CREAT)
    return Process(step("a", script, seconds=seconds), {}, descriptor), descriptor


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_an_exit_code_is_handed_on(tmp_path: Path) -> None:
    process, _output = _process("exit 3", tmp_path / "log")
    assert process.wait(lambda: False, lambda: None) == 3


def test_a_step_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    process, _output = _process("exec sleep 60", tmp_path / "log", seconds=0.1)
    assert process.wait(lambda: False, lambda: None) is None
    assert "script/test: not done after" in (tmp_path / "log").read_text()


def test_a_step_that_was_killed_is_said_to_be(tmp_path: Path) -> None:
    process, _output = _process("kill -9 $$", tmp_path / "log")
    assert process.wait(lambda: False, lambda: None) == -9
    assert (tmp_path / "log").read_text() == "\nscript/test: ended by signal SIGKILL\n"


def test_what_a_step_leaves_in_its_session_is_ended(tmp_path: Path) -> None:
    process, _output = _process(f"sleep 60 & echo $! > {tmp_path}/pid", tmp_path / "log")
    assert process.wait(lambda: False, lambda: None) == 0
    pid = int((tmp_path / "pid").read_text())
    assert not _gone(pid)
    process.end()
    deadline = time.monotonic() + 5
    while not _gone(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _gone(pid)


def test_each_step_runs_whatever_became_of_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = run([step("bad", "echo ERROR: it is broken; exit 1"), step("good", "true")], tmp_path).run()
    assert {result.step.name: (result.passed, result.failed) for result in results} == {"bad": (0, 1), "good": (1, 0)}
    assert "    | ERROR: it is broken\n" in capsys.readouterr().out


def test_what_needs_a_step_that_failed_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marker = tmp_path / "ran"
    steps = [step("build", "exit 1"), step("hosts", f"touch {marker}", after=("build",))]
    results = run(steps, tmp_path).run()
    assert [result.failed for result in results] == [1, 1]
    assert not marker.exists()
    assert "not run: it needs the step 'build', which failed" in capsys.readouterr().out


def test_a_step_has_its_owner_in_the_environment_and_the_time_of_its_hosts(tmp_path: Path) -> None:
    (result,) = run([step("a b", f"echo $OWNER > {tmp_path}/owner")], tmp_path).run()
    assert (tmp_path / "owner").read_text() == "a-b\n"
    assert result.host_seconds == 7.0


def test_hosts_that_a_step_left_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run([step("a", "true")], tmp_path, NoHosts("left hosts, which are removed: nat-c12")).run()
    assert "        a left hosts, which are removed: nat-c12\n" in capsys.readouterr().out


def test_a_run_that_is_stopped_ends_its_steps(tmp_path: Path) -> None:
    stopped = run([step("a", f"touch {tmp_path}/begun; exec sleep 60"), step("b", "exec sleep 60")], tmp_path)
    thread = threading.Thread(target=stopped.run)
    thread.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    began = time.monotonic()
    stopped.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert time.monotonic() - began < 10


def test_steps_that_need_each_other_are_refused(tmp_path: Path) -> None:
    # Of a plan that has them only as steps that wait: their times would have no end.
    steps = [step("a", "true"), step("b", "true", after=("a",))]
    waiting = runner.Run(steps[1:], Plan(steps, {}, 2), tmp_path, NoHosts())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="need each other, or a step that isn't there: b"):
        waiting.run()
