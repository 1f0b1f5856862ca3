# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Playbooks, run as a person runs them, by the real `ansible-playbook`; and what each task of them returned."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_callbacks

from .host import Host

FABRIC = "virtnet.kvm.fabric"
PREDICT = "virtnet.kvm.predict"
SYSCTL = "/etc/sysctl.d/99-virtnet-kvm.conf"
FORWARDING = f"sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding; test ! -e {SYSCTL} || cat {SYSCTL}"


@dataclass(frozen=True)
class Played:
    """A run: its output for people, and what `record.py` has written down."""

    done: subprocess.CompletedProcess[str]
    tasks: list[dict[str, Any]]
    recap: dict[str, int]

    @property
    def changed(self) -> int:
        return self.recap["changed"]

    @property
    def predicted(self) -> list[dict[str, Any]]:
        """What each prediction returned that has changes or a failure."""
        results = [task["result"] for task in self.tasks if task["action"] == PREDICT]
        return [result for result in results if "changes" in result or "msg" in result]

    @property
    def fabrics(self) -> list[dict[str, Any]]:
        """What each task with `fabric` returned; where a run has none, the predictions."""
        return [task["result"] for task in self.tasks if task["action"] == FABRIC] or self.predicted

    @property
    def fabric(self) -> dict[str, Any]:
        (found,) = self.fabrics
        return found


def play(
    host: Host,
    what: str | list[dict[str, Any]],
    variables: dict[str, Any],
    *arguments: str,
    fails: bool = False,
    tool: Path | None = None,
) -> Played:
    """Run plays, or a playbook by its name, in the collection's own form."""
    plays = [{"ansible.builtin.import_playbook": what}] if isinstance(what, str) else what
    record = host.inventory.with_suffix(".record")
    record.unlink(missing_ok=True)
    env = {
        "VIRTNET_RECORD": str(record),
        **ansible_callbacks.environment(Path(__file__).with_name("callback")),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_CALLBACKS_ENABLED": "record",
    }
    done = host.playbook(plays, "--extra-vars", json.dumps(variables), *arguments, env=env, tool=tool)
    assert (done.returncode != 0) == fails, f"{done.args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    entries = [json.loads(line) for line in record.read_text().splitlines()]
    recap = next(entry["recap"] for entry in entries if "recap" in entry)
    return Played(done, [entry for entry in entries if "task" in entry], recap[host.machine.name])


def of_networks(actions: list[str]) -> list[str]:
    """The steps of a prediction without those that prepare the host."""
    return [
        words
        for words in actions
        if not re.match("install |enable .* at boot|start .*[.]socket|write and load ", words)
    ]


def as_predicted(host: Host, what: str | list[dict[str, Any]], variables: dict[str, Any]) -> Played:
    """Run it with `--check --diff`, which must change nothing; for real, which must do just what was said; and again."""
    before = host.look(), host.shell(FORWARDING)
    said = play(host, what, variables, "--check", "--diff")
    assert (host.look(), host.shell(FORWARDING)) == before, "check mode has changed the host"
    came = play(host, what, variables, "--diff")
    for there, here in zip(said.fabrics, came.fabrics, strict=True):
        for key in ("changed", "diff"):
            assert there[key] == here[key], f"{key}: said {there[key]}, came {here[key]}"
        assert of_networks(there["actions"]) == here["actions"], f"said {there['actions']}, came {here['actions']}"
        for other, network in zip(there["networks"], here["networks"], strict=True):
            for key in ("name", "changed", "actions", "method", "guests", "before", "after"):
                assert other[key] == network[key], f"{key}: said {other[key]}, came {network[key]}"
    assert bool(said.changed) == bool(came.changed)
    settled = host.look()
    again = play(host, what, variables, "--diff")
    assert again.changed == 0, again.done.stdout
    assert host.look() == settled
    return came
