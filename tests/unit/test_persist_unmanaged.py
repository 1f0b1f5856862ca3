# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""networkd leaves an interface alone that it doesn't store, where a file for others would fit it."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Interface,
    InterfaceState,
    Tuntap,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import ToolFacts
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.networkd.unmanaged import (
    HELD,
    plan_unmanaged,
    unmanaged,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import PersistencePlan

RUNS = ToolFacts(frozenset({"networkd"}), frozenset({"networkd"}))
VETH = InterfaceState("veth", 7, Interface(name="va"))
ALL = "[Match]\nType=ether\n[Network]\nDHCP=yes\n"
USERS = "/etc/systemd/network/20-all.network"
OURS = "/etc/systemd/network/05-virtnet-kvm-va.network"


def _plan(
    files: dict[str, str],
    interface: Optional[InterfaceState] = VETH,
    facts: ToolFacts = RUNS,
    new: bool = True,
    stored: bool = True,
) -> PersistencePlan:
    return plan_unmanaged("va", interface, facts, files, new=new, stored=stored)


@pytest.mark.parametrize(
    ("path", "text", "ours"),
    [
        (USERS, ALL, OURS),
        ("/usr/lib/systemd/network/80-container-ve.network", "[Match]\nKind=veth\nName=v*\n", OURS),
        ("/etc/systemd/network/01-all.network", "[Match]\nName=*\n", OURS.replace("05-", "00-")),
        ("/etc/systemd/network/00-all.network", "[Match]\nName=*\n", OURS.replace("05-", "!-")),
        (USERS, "[Match]\nName=va\n[Network]\nDHCP=yes\n", None),  # meant for this one
        (USERS, "[Match]\nName=v*\n[Link]\nUnmanaged=yes\n", None),
        (USERS, "[Match]\nName=en*\n", None),
        (USERS, "[Match]\nType=bridge\n", None),
    ],
)
def test_only_where_a_file_for_others_fits(path: str, text: str, ours: Optional[str]) -> None:
    plan = _plan({path: text})
    assert plan.changes == ({ours: unmanaged("va")} if ours else {})
    # before the interface is created, and again when all is done
    assert (len(plan.before), len(plan.handlers)) == ((1, 1) if ours else (0, 0))


def test_a_tap_may_be_of_that_type() -> None:
    assert _plan({USERS: ALL}, InterfaceState("tun", 7, Tuntap(name="va"))).changes


def test_only_what_a_run_creates_or_one_that_was_killed() -> None:
    assert not _plan({USERS: ALL}, new=False).changes
    assert _plan({USERS: ALL, f"{HELD}va.network": unmanaged("va")}, new=False).changes
    assert not _plan({USERS: ALL, OURS: unmanaged("va")}).changes
    assert not _plan({USERS: ALL}, facts=replace(RUNS, in_charge=frozenset())).changes


def test_what_is_not_stored_is_gone_after_a_boot() -> None:
    (path,) = _plan({USERS: ALL}, stored=False).changes
    assert path == OURS.replace("/etc/", "/run/")


def test_it_goes_with_the_interface() -> None:
    assert _plan({USERS: ALL, OURS: unmanaged("va")}, None).changes == {OURS: None}
    assert not _plan({USERS: ALL, OURS: f"{unmanaged('va')}[Network]\n"}, None).changes
