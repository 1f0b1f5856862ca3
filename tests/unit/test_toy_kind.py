# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A kind of resource that no file of the collection knows, through the modules that every kind has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils import run_state
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import lock
from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_fabric, run_info, run_resource
from unit.run_module import run_module
from unit.toy_kind import Flag, FlagKind


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlagKind:
    for module in (run_state, lock):
        monkeypatch.setattr(module, "run_directory", lambda _uri: str(tmp_path / "run"))
    return FlagKind(tmp_path)


def files(tmp_path: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}


def test_a_module_declares_one(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flag(**options: Any) -> dict[str, Any]:
        return run_module(monkeypatch, lambda: run_resource(kind), name="a", **options)

    predicted = flag(color="green", check=True, diff=True)
    assert files(tmp_path) == {}
    made = flag(color="green", diff=True)
    assert files(tmp_path) == {"a.flag": "green", "salutes": "!"}
    assert made == predicted
    assert made["changed"] and made["actions"] == ["create flag a", "salute the flags"] and made["method"] == "painted"
    assert made["before"] == {"name": "a", "state": "absent"}
    assert made["after"] == {"name": "a", "state": "present", "color": "green"}
    assert made["diff"]["after"] == "state: present\nname: a\ncolor: green\n"
    again = flag()
    assert not again["changed"] and again["actions"] == [] and again["after"] == made["after"] and "diff" not in again
    gone = flag(state="absent")
    assert gone["changed"] and gone["actions"] == ["remove flag a", "salute the flags"]
    assert not flag(state="absent")["changed"]


def test_the_info_module_reads_them(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / f"{name}.flag").write_text("green")
    read = run_module(monkeypatch, lambda: run_info(kind))
    assert [flag["name"] for flag in read["flags"]] == ["a", "b"] and not read["changed"]
    assert run_module(monkeypatch, lambda: run_info(kind), name=["b", "c"])["flags"] == [
        {"name": "b", "color": "green"}
    ]


def test_fabric_has_a_list_of_them(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed comes first, is known to the plans after it, and the handler is done once."""
    declared = [{"name": "top", "beside": "base"}, {"name": "base", "color": "green"}]

    def fabric(**options: Any) -> dict[str, Any]:
        return run_module(monkeypatch, lambda: run_fabric((*KINDS, kind)), **options)

    predicted = fabric(flags=declared, check=True)
    made = fabric(flags=declared)
    assert made["actions"] == predicted["actions"] == ["create flag base", "create flag top", "salute the flags"]
    assert made["restorable"] and [flag["name"] for flag in made["flags"]] == ["top", "base"]
    assert [flag["after"] for flag in made["flags"]] == [flag["after"] for flag in predicted["flags"]]
    assert files(tmp_path)["salutes"] == "!"
    again = fabric(flags=declared)
    assert not again["changed"] and not again["restorable"] and again["actions"] == []
    refused = fabric(flags=[{"name": "x", "beside": "nowhere"}])
    assert refused["failed"] and refused["option"] == "flags[0].beside"


def test_all_is_undone_when_one_fails(kind: FlagKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.flag").write_text("green")
    before = files(tmp_path)
    declared = [{"name": "a", "color": "red"}, {"name": "b"}, {"name": "cursed"}]
    failed = run_module(monkeypatch, lambda: run_fabric([kind]), flags=declared)
    assert failed["failed"] and failed["msg"] == "create flag cursed: the pole broke; the host is as it was"
    assert files(tmp_path) == {**before, "salutes": "!"}


def test_two_in_one_run_are_refused(kind: FlagKind, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = run_module(monkeypatch, lambda: run_fabric([kind]), flags=[{"name": "a"}, {"name": "a", "color": "green"}])
    assert failed["msg"] == "flag a is declared twice; declare it once"


def test_a_resource_knows_its_state_only(kind: FlagKind) -> None:
    """What the engine sees of all kinds alike."""
    resource = kind.parse({"name": "a", "state": "absent"}, "flags[3]")
    assert (resource.name, resource.label, resource.path, resource.present) == ("a", "flag a", "flags[3]", False)
    assert replace(resource, given=Flag("a", beside="b")).needs(None) == {"flag b"}
    with pytest.raises(VirtnetError, match=r"flags\[3\].beside"):
        replace(resource, given=Flag("a", beside="b"), present=True).plan(None, World(_Nowhere(kind)), {})


class _Nowhere:
    uri = "test:///default"

    def __init__(self, kind: FlagKind) -> None:
        self._kind = kind

    def driver(self, kind: type[Any], where: Optional[str] = None) -> Any:
        return self._kind.drivers[kind](self, where)

    def forget(self) -> None: ...
