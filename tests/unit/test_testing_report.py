# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What `script/test` says of its steps: why one failed, and the table at the end."""

from __future__ import annotations

from pathlib import Path

from testing.report import Actions, result, summary, table
from testing.step import Result, Step
from testing.telling import telling


def step(name: str, kind: str = "gate", report: Path | None = None, hosts: str = "") -> Step:
    return Step(name, kind, ("true",), Path("/"), {}, report=report, hosts=hosts)


CHECKED = """\
INFO     [nat > verify] Executing

TASK [Check] *******************************************************************
ok: [nat-c12] => (item=web)
failed: [nat-c13] (item=web) =>
    ansible_loop_var: item
    cmd:
    - 'if { ping }; then echo ok; else echo ''NOT SO: reaches the world''; fi'
    msg: 'Task failed: Action failed: A ''failed_when'' expression evaluated to ''True''.'
    stderr: ''
    stdout: |-
        ok: has an address
        NOT SO: reaches the world
            PING 198.51.100.2
            1 packets transmitted, 0 received
        ok: reaches its gateway
        NOT SO: reaches its gateway by IPv6

PLAY RECAP *********************************************************************
nat-c13                    : ok=7    changed=3    failed=1
ERROR    [nat > verify] Executed: Failed
"""


def test_a_check_that_failed_is_told_with_its_host_and_its_words() -> None:
    assert telling("molecule", CHECKED.splitlines()) == [
        "nat-c13, web: Check",
        "    NOT SO: reaches the world",
        "        PING 198.51.100.2",
        "        1 packets transmitted, 0 received",
        "    NOT SO: reaches its gateway by IPv6",
    ]


def test_a_command_that_failed_is_told_by_what_it_said() -> None:
    log = """\
TASK [Boot the guests side by side] ***
fatal: [nat-c13]: FAILED! =>
    changed: false
    msg: The command exited with a non-zero return code.
    rc: 3
    stderr: |-
        lab: nat-c13 is not running
    stdout: ''
"""
    assert telling("molecule", log.splitlines()) == [
        "nat-c13: Boot the guests side by side",
        "    lab: nat-c13 is not running",
    ]


def test_a_module_that_failed_is_told_by_its_message() -> None:
    log = """\
TASK [Apply networks] ***
fatal: [nat-c12]: FAILED! =>
    changed: false
    msg: 'owner: can''t be changed while tap0 is in use'
fatal: [nat-c13]: UNREACHABLE! =>
    changed: false
    msg: 'Task failed: Connection timed out'
    unreachable: true
"""
    assert telling("molecule", log.splitlines()) == [
        "nat-c12: Apply networks",
        "    owner: can't be changed while tap0 is in use",
        "nat-c13: Apply networks",
        "    Connection timed out",
    ]


def test_of_many_failures_the_first_are_told() -> None:
    log = [
        line.format(number)
        for number in range(30)
        for line in ("TASK [Do {}] ***", "fatal: [nat-c12]: FAILED! =>", "    msg: number {}")
    ]
    told = telling("molecule", log)
    assert told[:2] == ["nat-c12: Do 0", "    number 0"]
    assert len(told) == 40


def test_what_was_ignored_is_not_told() -> None:
    log = """\
TASK [Try] ***
failed: [nat-c12] (item=a) =>
    msg: no
failed: [nat-c12] (item=b) =>
    msg: no
...ignoring
fatal: [nat-c13]: FAILED! =>
    msg: it is broken
"""
    assert telling("molecule", log.splitlines()) == ["nat-c13: Try", "    it is broken"]


def test_what_changed_in_the_second_run_is_told() -> None:
    log = """\
CRITICAL Idempotence test failed because of the following tasks:
*  [nat-c13] => virtnet.kvm.nat : Apply networks
"""
    assert telling("molecule", log.splitlines()) == [
        "changed in the second run, which should change nothing:",
        "*  [nat-c13] => virtnet.kvm.nat : Apply networks",
    ]


def test_a_test_that_failed_is_told_by_its_id_and_its_assertion(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="tests.integration.test_a" name="test_b[trixie-c]" time="2.5">'
        '<failure message="assert 1 == 2">def test_b():\n&gt;   assert 1 == 2\nE   assert 1 == 2\nE    +  where</failure>'
        '</testcase><testcase classname="tests.integration.test_a" name="test_c[trixie]" time="1.5"/></testsuite></testsuites>'
    )
    told = telling("integration", ["E   words of another log"], report)
    assert told == ["test_a::test_b[trixie-c]", "    assert 1 == 2", "    +  where"]
    counted = result(step("integration, trixie", report=report), 1, 4.0)
    assert (counted.passed, counted.failed) == (1, 1)
    assert counted.slowest == (("test_b[trixie-c]", 2.5), ("test_c[trixie]", 1.5))


def test_a_gate_is_told_by_its_errors_or_its_end() -> None:
    assert telling("gate", ["a", "x.py:1: error: no", "b"]) == ["x.py:1: error: no"]
    assert telling("gate", ["", *map(str, range(100)), ""]) == [str(number) for number in range(85, 100)]


def test_how_a_step_was_ended_is_told_last() -> None:
    log = ["ERROR: it is broken", "script/test: not done after 15 minutes, interrupted", "bye"]
    assert telling("gate", log) == log[:2]
    assert telling("gate", log[1:]) == ["bye", log[1]]


def test_a_report_that_ends_in_the_middle_is_a_failure(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text("<testsuites><testsuite>")
    assert telling("unit", ["ERROR: it was killed"], report) == ["ERROR: it was killed"]
    assert result(step("units", report=report), None, 1.0).failed == 1


def test_an_exit_code_counts_where_no_test_failed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite><testcase name="a" time="0"/></testsuite></testsuites>')
    counted = result(step("units", report=report), 2, 1.0)
    assert (counted.passed, counted.failed) == (1, 1)


def test_actions_of_a_scenario_have_times(tmp_path: Path) -> None:
    log = tmp_path / "log"
    actions = Actions(log)
    for when, text in ((1.0, "INFO     [nat > create] Executing\n"), (5.0, "TASK [x]\nINFO     [nat > con"), (6.0, "")):
        with log.open("a") as file:
            file.write(text)
        actions.look(when)
    with log.open("a") as file:
        file.write("verge] Executing\n")
    actions.look(8.0)
    assert actions.slowest(20.0) == (("converge", 12.0), ("create", 7.0))


def _results() -> tuple[Result, ...]:
    nat = step("molecule nat, uml", "molecule", hosts="uml")
    return (
        Result(
            nat, 125.4, passed=1, own_seconds=30.0, host_seconds=90.0, slowest=(("converge", 60.0), ("destroy", 0.2))
        ),
        Result(step("units"), 61.0, passed=7, failed=2, skipped=1, reasons=("no VLANs",), own_seconds=59.6),
    )


def test_the_last_line_is_the_sum() -> None:
    found = _results()
    order = [each.step for each in found]
    assert summary(found, order, 130, "2 cores").splitlines()[-1] == "8 passed, 2 failed, 1 skipped"
    assert summary(found[:1], order[:1], 130, "2 cores").splitlines()[-1] == "1 passed, 0 failed"


def test_the_summary_has_times_and_reasons() -> None:
    found = _results()
    text = summary(found, [each.step for each in found], 130, "2 cores, 8 GiB of memory")
    assert "On 2 cores, 8 GiB of memory:\n2:10 in all; CPU 3:00: steps 1:30, hosts 1:30." in text
    assert "\n    converge 60 s\n" in text
    assert "destroy" not in text
    assert "\n  units: no VLANs\n" in text


def test_the_table_is_markdown_in_120_columns_in_the_order_of_the_steps() -> None:
    found = _results()
    lines = table(found, [found[1].step, found[0].step])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[2] == ["units", "", "1:01", "1:00", "", "7", "2", "1"]
    assert rows[3] == ["molecule nat, uml", "uml", "2:05", "0:30", "1:30", "1", "", ""]
    assert len({len(row) for row in rows}) == 1
    assert max(map(len, lines)) <= 120
