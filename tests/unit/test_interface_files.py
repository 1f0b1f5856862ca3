# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The files by which interfaces survive a reboot: planned, written and undone together with the interfaces."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from unit.fake_interfaces import nic
from unit.fake_interfaces_host import InterfacesHost

Declared = tuple[str, dict[str, Any]]
BR0: Declared = ("bridge", {"name": "br0", "ports": [{"name": "eth0"}], "addresses": ["10.0.0.2/24"]})
BR1: Declared = ("bridge", {"name": "br1", "ports": [{"name": "eth1"}]})


def host(tool: str = "networkd") -> InterfacesHost:
    return InterfacesHost(nic("eth0", 2), nic("eth1", 3), tool=tool)


def test_written_after_the_interfaces_and_read_once() -> None:
    there = host()
    predicted = there.declare(BR0, BR1, check=True)
    assert there.files.texts == {} and there.files.reloads == []
    real = there.declare(BR0, BR1)
    assert [outcome.shown_after for outcome in real] == [outcome.shown_after for outcome in predicted]
    assert [outcome.returned["persist"] for outcome in real] == ["networkd"] * 2
    ((tool, names, texts),) = there.files.reloads
    assert (tool, names, texts) == ("networkd", ("br0", "br1"), there.files.texts)
    for outcome in real:
        kinds = [word.split(" ")[0] for word in outcome.actions]
        assert (
            kinds.index("write") > kinds.index("create") and outcome.actions[-1] == "have networkd read its files again"
        )
        assert (
            set(outcome.shown_after["files"]) == set(outcome.returned["files"]) and "files" not in outcome.shown_before
        )
    again = there.declare(BR0, BR1)
    assert [outcome.actions for outcome in again] == [[], []]


def test_removed_with_the_interface() -> None:
    there = host()
    there.declare(BR0)
    (outcome,) = there.declare(("bridge", {"name": "br0", "state": "absent"}))
    assert there.files.texts == {}
    assert (
        outcome.returned["method"] == "removed"
        and "files" in outcome.shown_before
        and "files" not in outcome.shown_after
    )


def test_only_the_files_are_missing() -> None:
    there = host()
    there.declare(BR0)
    there.kernel.calls.clear()
    there.files.texts.clear()
    (outcome,) = there.declare(BR0)
    assert outcome.returned["method"] == "changed" and there.kernel.calls == [] and there.files.texts


def test_all_is_undone_when_a_tool_fails() -> None:
    there = host()
    there.files.broken = True
    before = dict(there.kernel.kept)
    with pytest.raises(ApplyError, match="networkd read its files again: reload: is broken; the host is as it was"):
        there.declare(BR0)
    assert there.kernel.kept == before and there.files.texts == {}
    assert there.files.reloads[-1][2] == {}, "it reads its files once more after the undo"


def test_a_failure_before_the_files_does_not_reload_the_tool() -> None:
    there = host()
    there.fail_at(2, HostError("it", "is broken"))
    with pytest.raises(ApplyError):
        there.declare(BR0)
    assert there.files.reloads == []


@pytest.mark.parametrize("tool", ["networkmanager", "netplan"])
def test_a_tool_that_interferes_is_held_from_the_first_change_to_the_last(tool: str) -> None:
    there = host(tool)
    seen: list[set[str]] = []
    there.kernel.strike = lambda _number, _call: seen.append(set(there.files.held))
    (outcome,) = there.declare(BR0)
    assert seen and all(held == {tool} for held in seen)
    assert outcome.actions[0].startswith(f"pause {tool} ")
    assert there.files.held == set()


_BRIDGE: Declared = ("bridge", {"name": "br0", "adopt": "eth0"})
_VLAN: Declared = ("vlan", {"name": "vlan7", "parent": "eth0", "id": 7})


@pytest.mark.parametrize(
    ("match", "declared", "paused"),
    [
        ("MACAddress=52:54:00:00:00:02", _BRIDGE, True),
        ("MACAddress=52:54:00:00:00:02", _VLAN, True),
        ("PermanentMACAddress=52:54:00:00:00:02", _BRIDGE, False),
        ("Name=eth*", _BRIDGE, False),
    ],
)
def test_networkd_is_held_where_a_users_file_fits_a_new_interface(match: str, declared: Declared, paused: bool) -> None:
    """Both have the MAC address of the NIC."""
    there = host()
    there.files.texts["/etc/systemd/network/20-lan.network"] = f"[Match]\n{match}\n[Network]\nDHCP=yes\n"
    kind, options = declared
    (outcome,) = there.declare(declared)
    assert (outcome.actions[0] == f"pause networkd while {options['name']} changes") is paused, outcome.actions
    assert there.files.held == set()
    (outcome,) = there.declare((kind, {**options, "mtu": 1400}))
    assert "pause" not in str(outcome.actions), "it is there, and its file is ours"


def test_a_tool_that_is_held_is_let_go_of_where_nothing_was_written() -> None:
    there = host("networkmanager")
    there.fail_at(2, HostError("it", "is broken"))
    with pytest.raises(ApplyError, match="the host is as it was"):
        there.declare(BR0)
    assert there.files.held == set()
    assert there.files.reloads == [("networkmanager", ("br0",), {})]


def test_a_tool_that_could_not_be_held_whole_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    there = host("networkmanager")

    def half(tool: str, _name: str) -> None:
        there.files.held.add(tool)
        raise HostError("stop it", "is broken")

    monkeypatch.setattr(there.files, "hold", half)
    with pytest.raises(ApplyError, match="stop it: is broken; the host is as it was"):
        there.declare(BR0)
    assert there.files.held == set() and there.kernel.calls == []


def test_a_tool_is_held_for_no_change_of_the_files_alone() -> None:
    there = host("networkmanager")
    there.declare(BR0)
    there.files.texts.clear()
    (outcome,) = there.declare(BR0)
    assert [words.split()[0] for words in outcome.actions] == ["write", "write", "write", "have"]


def test_nothing_is_stored_for_a_namespace() -> None:
    there = host()
    (outcome,) = there.declare(("bridge", {"name": "br0", "netns": "blue", "persist": "auto"}))
    assert outcome.returned["persist"] == "none" and outcome.warnings == [] and there.files.texts == {}
    assert outcome.actions == ["create bridge br0 in namespace blue", "bring up br0 in namespace blue"]


def test_a_host_without_a_tool() -> None:
    there = InterfacesHost(nic("eth0", 2))
    (outcome,) = there.declare(("bridge", {"name": "br0", "persist": "auto"}))
    assert outcome.returned["persist"] == "none" and "won't survive a reboot" in outcome.warnings[0]


def test_settings_that_the_tool_changes_by_itself() -> None:
    """networkd accepts router advertisements itself, and sets the kernel to ignore them."""
    there = host()
    there.declare(("bridge", {"name": "br0", "ipv6": {"accept_ra": "always"}}))
    ipv6 = there.kernel.kept["br0"].definition.ipv6
    assert ipv6 and ipv6.accept_ra == "never"
    assert any("IPv6AcceptRA=yes" in text for text in there.files.texts.values())
    (again,) = there.declare(("bridge", {"name": "br0", "ipv6": {"accept_ra": "always"}}))
    assert again.actions == []


@pytest.mark.parametrize("tool", ["networkd", "ifupdown", "networkmanager"])
@pytest.mark.parametrize("together", [True, False])
def test_a_tap_that_a_bridge_lists_is_in_the_files_of_the_bridge(tool: str, together: bool) -> None:
    there = host(tool)
    tap, bridge = ("tap", {"name": "tap1"}), ("bridge", {"name": "br0", "ports": [{"name": "tap1"}]})
    runs: list[tuple[Declared, ...]] = [(tap, bridge)] if together else [(tap,), (bridge,)]
    for declared in runs:
        there.declare(*declared)
    assert [outcome.actions for declared in runs for outcome in there.declare(*declared)] == [[], []]


@pytest.mark.parametrize("tool", ["networkd", "ifupdown", "networkmanager"])
def test_a_tap_stays_on_the_bridge_that_it_names(tool: str) -> None:
    there = host(tool)
    there.declare(("bridge", {"name": "br0"}), ("tap", {"name": "tap1", "bridge": "br0"}))
    texts = dict(there.files.texts)
    (again,) = there.declare(("tap", {"name": "tap1"}))
    assert again.actions == [] and there.files.texts == texts
