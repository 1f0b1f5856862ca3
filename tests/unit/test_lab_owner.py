# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Owners of lab hosts: which hosts are one's own, and what they have used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab import owner
from lab.machine import LabError, run_dir


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTNET_CACHE", str(tmp_path))
    monkeypatch.delenv(owner.VARIABLE, raising=False)


def _host(name: str, whose: str | None, links: list[str] | None = None) -> None:
    run_dir(name).mkdir(parents=True)
    state = {"name": name, "kind": "container", "owner": whose, "opts": {"links": links or []}}
    (run_dir(name) / "state.json").write_text(json.dumps(state))


@pytest.mark.parametrize(
    ("other", "expected"),
    [("run", True), ("run/step", True), ("run2", False), ("run2/step", False), ("other/run", False), (None, False)],
)
def test_an_owner_has_what_its_parts_have(other: str | None, expected: bool) -> None:
    assert owner.covers("run", other) is expected


@pytest.mark.parametrize("name", ["", "/", "../x", "run/", "/run", "Run", "run/..", "a b"])
def test_an_owner_that_is_no_path_below_the_cache_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="owner"):
        owner.ledger(name)


def test_the_environment_says_whose_a_host_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert owner.current() is None
    monkeypatch.setenv(owner.VARIABLE, "run/step")
    assert owner.current() == "run/step"


def test_what_hosts_have_used_is_kept_for_each_owner() -> None:
    _host("a", "run/one", ["lan"])
    _host("b", "run/two")
    _host("c", "run2")
    _host("d", None)
    for name, seconds in (("a", 1.5), ("b", 2.0), ("a", 0.5), ("c", 8.0), ("d", 9.0), ("never", 1.0)):
        owner.note(name, seconds)
    assert [(entry["host"], entry["seconds"]) for entry in owner.entries("run")] == [("a", 1.5), ("a", 0.5), ("b", 2.0)]
    assert owner.entries("run/one")[0]["links"] == ["lan"]
    assert owner.entries("run2")[0]["seconds"] == 8.0
    assert len(owner.entries("nobody")) == 0
