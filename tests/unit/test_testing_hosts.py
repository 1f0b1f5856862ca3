# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The scenarios' files `hosts`, and the table of them in TESTING.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.hosts import HostsRun, Scenario, leading_comment, parse, scenarios, select, table, with_table

CHECKOUT = Path(__file__).resolve().parents[2]
SCENARIOS = CHECKOUT / "extensions" / "molecule"


def test_a_line_is_a_run() -> None:
    text = "# a comment\n\nall: uml both nftables\nfull: vm trixie TIMES=3 NAME=\n"
    assert parse(text) == [
        HostsRun("all", "uml", "both", "nftables"),
        HostsRun("full", "vm", "trixie", "", (("TIMES", "3"), ("NAME", ""))),
    ]


def test_a_run_tells_the_playbooks_its_hosts() -> None:
    (run,) = parse("all: vm trixie nftables TIMES=3")
    assert run.environment == {
        "VIRTNET_MOLECULE_KIND": "vm",
        "VIRTNET_MOLECULE_DISTRO": "trixie",
        "VIRTNET_MOLECULE_FIREWALL": "nftables",
        "TIMES": "3",
    }


def test_a_default_firewall_replaces_one_of_the_environment() -> None:
    (run,) = parse("all: vm trixie")
    assert run.environment["VIRTNET_MOLECULE_FIREWALL"] == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vms", "nat/hosts, line 1: 'vms': expected MODE: KIND DISTRO"),
        ("all: vm", "expected MODE: KIND DISTRO"),
        ("all: vm both iptables more", "expected MODE: KIND DISTRO"),
        ("# why\nsometimes: vm both", "line 2: mode 'sometimes': expected all or full"),
        ("all: moon both", "kind 'moon': expected container, uml or vm"),
        ("all: vm sid", "distro 'sid': expected bookworm, trixie or both"),
        ("all: vm both ufw", "firewall 'ufw': expected iptables or nftables"),
        ("all: vm bookworm nftables", "the libvirt of bookworm has only iptables"),
        ("all: vm both times=3", "'times=3': expected the name of a variable"),
        ("all: vm trixie\nall: vm bookworm", "two runs on the kind vm in mode all"),
        ("all: vm trixie\nfull: vm both iptables", "two runs on the kind vm in mode full"),
        ("# nothing", "nat/hosts: no line of the form"),
    ],
)
def test_what_is_wrong_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text, "nat/hosts")
    assert said in str(caught.value)


def test_a_full_run_includes_what_one_of_its_runs_shows_besides() -> None:
    runs = parse("all: container both\nall: vm trixie nftables\nfull: vm both nftables")
    assert [run.words for run in select(runs, "all")] == [
        "containers of Debian 12 and 13",
        "VMs of Debian 13, nftables",
    ]
    assert [run.words for run in select(runs, "full")] == [
        "containers of Debian 12 and 13",
        "VMs of Debian 12 and 13, nftables on Debian 13",
    ]


def test_only_the_first_paragraph_says_what_a_scenario_shows() -> None:
    text = "---\n# SPDX-License-Identifier: X\n# It shows\n# this.\n#\n#   VARIABLE   that\ndriver: x\n"
    assert leading_comment(text) == "It shows this."


def test_table_has_a_row_for_each_scenario() -> None:
    found = Scenario("nat", "It shows this.", tuple(parse("all: uml both\nfull: vm both")))
    last = table([found]).splitlines()[-1]
    assert last == "| `nat` | It shows this. | UML hosts of Debian 12 and 13 | VMs of Debian 12 and 13 |"


def test_a_document_without_the_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        with_table("# Testing\n", "| new |")


@pytest.mark.parametrize("found", list(scenarios(SCENARIOS)), ids=lambda found: str(found.name))
def test_each_scenario_says_what_it_shows_and_where(found: Scenario) -> None:
    assert found.shows.endswith(".")
    assert select(found.runs, "all")
    assert any(run.kind == "vm" and run.distro == "both" for run in select(found.runs, "full"))


def test_the_table_in_testing_md_is_the_scenarios() -> None:
    document = (CHECKOUT / "TESTING.md").read_text()
    assert document == with_table(document, table(list(scenarios(SCENARIOS)))), "run `script/test table`"
