# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The playbook of the surveys as AWX runs it: by ansible-runner, with the answers as extra variables; its events and artifacts."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
import yaml

from integration.support.host import CHECKOUT, Host, staged
from integration.support.plays import FORWARDING, SYSCTL

PLAYBOOK = [{"name": "Apply the topology of the survey", "ansible.builtin.import_playbook": "virtnet.kvm.survey"}]
BAD = "192.168.150.0/33"


@dataclass(frozen=True)
class Job:
    """A finished run: what AWX shows of it."""

    status: str
    changed: list[str]
    """Tasks that changed something, in order."""
    failures: list[dict[str, Any]]
    artifacts: dict[str, Any]


def launch(host: Host, answers: dict[str, Any], *arguments: str) -> Job:
    """Run the playbook of a project, as awx/main/tasks/jobs.py does for a job template."""
    home = Path(
        tempfile.mkdtemp(prefix="job-", dir=host.inventory.parent)
    )  # of its own, as ansible-runner keeps the arguments
    (home / "project").mkdir()
    (home / "project" / "network.yml").write_text(yaml.safe_dump(PLAYBOOK))
    config = home / "ansible.cfg"  # nobody's own settings
    config.touch()
    done = ansible_runner.run(
        private_data_dir=str(home),
        playbook="network.yml",
        inventory=str(host.inventory),
        extravars=answers,
        cmdline=" ".join(arguments) or None,
        envvars={
            "ANSIBLE_COLLECTIONS_PATH": str(staged()),
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_PIPELINING": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        },
        settings={"job_timeout": 120},
        quiet=True,
    )
    events = [(event["event"], event["event_data"]) for event in done.events]
    (artifacts,) = [data["artifact_data"] for event, data in events if event == "playbook_on_stats"]
    return Job(
        done.status,
        [data["task"] for event, data in events if event == "runner_on_ok" and data["res"].get("changed")],
        [data["res"] for event, data in events if event == "runner_on_failed"],
        artifacts,
    )


@pytest.fixture
def fresh(clean: Host) -> Iterator[Host]:
    """A host on which no playbook was run."""
    clean.shell(f"rm -f {SYSCTL}; sysctl -q net.ipv4.ip_forward=0")
    yield clean
    clean.shell(f"rm -f {SYSCTL}")


def _answers(**given: Any) -> dict[str, Any]:
    """The answers as AWX passes them: the survey's defaults, empty texts and null among them, with those of the user."""
    spec = json.loads((CHECKOUT / "docs" / "awx" / "nat.json").read_text())["spec"]
    answers = {question["variable"]: question["default"] for question in spec}
    assert answers["survey_nat_domain"] == "" and answers["survey_nat_dhcp"] == "true"
    return {**answers, "survey_nat_cidr6": None, **{f"survey_nat_{name}": answer for name, answer in given.items()}}


@pytest.mark.once
def test_a_survey_in_check_mode_and_for_real(fresh: Host) -> None:
    """The job in check mode predicts the artifacts of the real one; a second one has none; a bad answer names its question."""
    answers = _answers(
        name="lan",
        cidr="192.168.150.0/24",
        dhcp_range="{start: 192.168.150.100, end: 192.168.150.199}",
        hosts="- mac: 52:54:00:00:00:10\n  ip: 192.168.150.10\n  name: db\n",
    )
    before = fresh.look(), fresh.shell(FORWARDING)

    predicted = launch(fresh, answers, "--check", "--diff")
    assert predicted.status == "successful", predicted
    (name,) = predicted.artifacts["virtnet_changes"]
    assert name == fresh.machine.name
    changes = dict(predicted.artifacts["virtnet_changes"][name])
    assert (
        "policy rules of set net-lan: add lan to every network (default) allowed" in changes.pop("policies")["net-lan"]
    )
    assert changes == {
        "bridges": {},
        "vlans": {},
        "networks": {"lan": ["create network lan", "set autostart=true on network lan", "start network lan"]},
    }
    assert predicted.changed == ["Predict changes to hosts with topologies"]
    assert (fresh.look(), fresh.shell(FORWARDING)) == before, "check mode has changed the host"

    real = launch(fresh, answers)
    assert real.status == "successful", real
    assert real.artifacts == predicted.artifacts
    assert "Apply networks, guests and rules" in real.changed
    lan = fresh.look()["lan"]
    assert lan["active"] and lan["autostart"]
    assert "52:54:00:00:00:10" in lan["stored"] and "192.168.150.199" in lan["stored"]
    # Without an answer to cidr6, the host doesn't become an IPv6 router.
    assert "ipv6" not in fresh.shell(f"cat {SYSCTL}")

    again = launch(fresh, answers)
    assert (again.status, again.changed, again.artifacts) == ("successful", [], {}), again

    settled = fresh.look(), fresh.shell(FORWARDING)
    refused = launch(fresh, {**answers, "survey_nat_cidr": BAD})
    (failure,) = refused.failures
    assert refused.status == "failed" and not refused.artifacts
    assert f"survey_nat_cidr: '{BAD}' " in failure["msg"] and "\n" not in failure["msg"].strip(), failure["msg"]
    assert (fresh.look(), fresh.shell(FORWARDING)) == settled
