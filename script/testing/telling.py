# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a person wants to see of the log of a step that failed: what was found, and on which host."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

MOST_LINES = 40
MOST_OF_THE_END = 15
MOST_OF_ONE = 8

# How a line begins that the runner itself adds to a log.
OF_THE_RUNNER = "script/test: "

_FAILED = re.compile(
    r"^(?:fatal|failed): \[(?P<host>[^\]]+)\](?:: (?P<word>[A-Z]+)!)?(?: \(item=(?P<item>.*)\))? =>(?P<rest>.*)$"
)
_TASK = re.compile(r"^TASK \[(?P<name>.*)\]")
_WRAPPED = re.compile(r"^(Task failed: )?((Action|Module) failed: )?")
_ERROR = re.compile(r"^(ERROR|FATAL|CRITICAL|E  )|\berror: ")


def telling(kind: str, lines: Sequence[str], report: Path | None = None) -> list[str]:
    """The lines that the runner prints of a failed step."""
    if kind == "molecule":
        found = _of_ansible(lines)
    elif report is not None and report.exists():
        found = list(_of_pytest(report))
    else:
        found = []
    # What failed first is why the rest did; of other logs the last errors are the ones that ended it.
    found = found[:MOST_LINES] or [line for line in lines if _ERROR.search(line) and "glob failed" not in line]
    ours = [line for line in lines if line.startswith(OF_THE_RUNNER)]
    others = found[-MOST_LINES:] or [line for line in lines if line.strip() and line not in ours][-MOST_OF_THE_END:]
    return [*others, *ours]


def _of_pytest(report: Path) -> Iterator[str]:
    """Each test that failed, by its id, which holds the host, and what its assertion found."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except ElementTree.ParseError:
        return  # the run ended while it wrote it
    for case in cases:
        for trouble in (*case.findall("failure"), *case.findall("error")):
            yield f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
            said = [line[1:].strip() for line in (trouble.text or "").splitlines() if line.startswith("E  ")]
            said = said or (trouble.get("message") or "").splitlines()
            yield from (f"    {line}" for line in said[:MOST_OF_ONE])


def _of_ansible(lines: Sequence[str]) -> list[str]:
    """Each task that failed: the host, the task, and what it found."""
    task = ""
    found: list[tuple[str, str, list[str]]] = []  # host, task, lines
    for number, line in enumerate(lines):
        if match := _TASK.match(line):
            task = match["name"]
        elif match := _FAILED.match(line):
            block = list(_indented(lines[number + 1 :]))
            item = f", {match['item']}" if match["item"] else ""
            said = list(_said(block)) or [match["rest"].strip() or (match["word"] or "failed").lower()]
            # The loop's own line says no more than those of its items.
            if said != ["One or more items failed"]:
                head = f"{match['host']}{item}: {task}"
                found.append((match["host"], task, [head, *(f"    {words}" for words in said)]))
        elif line.startswith("...ignoring") and found:
            host = found[-1][0]
            found = [each for each in found if each[:2] != (host, task)]
        elif "Idempotence test failed" in line:
            changed = [other.strip() for other in lines[number + 1 :] if other.startswith("*")]
            found.append(("", "", ["changed in the second run, which should change nothing:", *changed]))
    return [words for _host, _task, said in found for words in said]


def _indented(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if line and not line.startswith(" "):
            return
        yield line


def _said(block: Sequence[str]) -> Iterator[str]:
    """What checks found not to be so, with what their commands printed; else the task's message and its command's words."""
    checks = list(_not_so(block))
    if checks:
        yield from checks
        return
    message = [_WRAPPED.sub("", words) for words in _value(block, "msg")]
    of_command = any("non-zero return code" in words or "failed_when" in words for words in message)
    yield from () if of_command else message[:MOST_OF_ONE]
    if of_command or not message:
        words = _value(block, "stderr") or _value(block, "stdout") or message
        yield from words[-MOST_OF_ONE:]
    yield from _value(block, "module_stderr")[-MOST_OF_ONE:]


def _not_so(block: Sequence[str]) -> Iterator[str]:
    depth = None
    for line in block:
        indent = len(line) - len(line.lstrip())
        if line.lstrip().startswith("NOT SO: "):
            depth = indent
            yield line.strip()
        elif depth is not None and line.strip() and indent > depth:
            yield line[depth:]
        else:
            depth = None


def _value(block: Sequence[str], key: str) -> list[str]:
    """The lines of a value in a task's result as YAML."""
    for number, line in enumerate(block):
        if line.lstrip().startswith(f"{key}:"):
            depth = len(line) - len(line.lstrip())
            first = line.strip()[len(key) + 1 :].strip()
            found = [] if first[:1] in ("", "|", ">") else [_unquoted(first)]
            for other in block[number + 1 :]:
                if other.strip() and len(other) - len(other.lstrip()) <= depth:
                    break
                found.append(other.strip())
            return [words for words in found if words]
    return []


def _unquoted(words: str) -> str:
    return words[1:].removesuffix("'").replace("''", "'") if words.startswith("'") else words
