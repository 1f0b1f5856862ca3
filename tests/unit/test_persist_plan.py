# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""From what is desired to the tool, the files, the steps and the handlers by which it survives a reboot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.desired import DesiredInterface
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Interface,
    InterfaceState,
    Ipv6,
    LinuxBridge,
    Port,
    Tuntap,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.plan import ObservedInterface
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import ToolFacts, header
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.interfaces import (
    as_managed,
    plan_persistence,
    stored_interface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.plan import (
    FileChanges,
    PersistencePlan,
    plan_provider,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.steps import HoldTool, ReloadTool, StopDhcp, WriteFile

# -- a provider of something else ----------------------------------------------------------------------------------------

UNIT, RULES = "/etc/systemd/system/rules.service", "/etc/rules"


@dataclass(frozen=True)
class RulesAtBoot:
    """Loads a set of rules when the host starts."""

    at_once: bool = False
    name: str = "rules"

    def interferes(self, _stored: Mapping[str, Optional[str]]) -> bool:
        return self.at_once

    def changes(self, stored: Mapping[str, Optional[str]]) -> FileChanges:
        return FileChanges(stored, ("colours are not stored",))

    def concerned(self, stored: Mapping[str, Optional[str]]) -> tuple[str, ...]:
        return tuple(sorted(stored))


def _rules(
    stored: Mapping[str, Optional[str]], *, interferes: bool = False, changes_host: bool = True
) -> PersistencePlan:
    there = {UNIT: "old\n"}
    return plan_provider(RulesAtBoot(interferes), stored, there, name="web", changes_host=changes_host)


def test_files_are_written_and_read_again_at_the_end() -> None:
    assert _rules({RULES: "new\n", UNIT: None}) == PersistencePlan(
        tool="rules",
        steps=(WriteFile("rules", RULES, "new\n", None), WriteFile("rules", UNIT, None, "old\n")),
        handlers=(ReloadTool("rules", (RULES, UNIT)),),
        warnings=("colours are not stored",),
        changes={RULES: "new\n", UNIT: None},
    )


def test_without_a_change_nothing_is_done() -> None:
    assert _rules({}, interferes=True) == PersistencePlan(tool="rules", warnings=("colours are not stored",))


def test_what_interferes_is_held_while_the_host_is_changed() -> None:
    assert _rules({RULES: "new\n"}, interferes=True).before == (HoldTool("rules", "web"),)
    assert _rules({RULES: "new\n"}, interferes=True, changes_host=False).before == ()


class Disk:
    """The driver of the files, as far as steps need it."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)
        self.done: list[object] = []

    def driver(self, _kind: type[Any], _where: Optional[str] = None) -> Disk:
        return self

    def write(self, path: str, text: Optional[str]) -> None:
        self.texts.pop(path, None)
        if text is not None:
            self.texts[path] = text

    def hold(self, tool: str, name: str) -> None:
        self.done.append(("hold", tool, name))

    def reload(self, tool: str, names: tuple[str, ...]) -> None:
        self.done.append(("reload", tool, names))


@pytest.mark.parametrize(
    ("text", "was", "words"),
    [("new", None, f"write {RULES}"), ("new", "old", f"change {RULES}"), (None, "old", f"remove {RULES}")],
)
def test_file_is_written_and_set_back(text: Optional[str], was: Optional[str], words: str) -> None:
    step = WriteFile("rules", RULES, text, was)
    before: dict[str, str] = {} if was is None else {RULES: was}
    disk: Any = Disk(before)
    step.do(disk)
    assert disk.texts == ({} if text is None else {RULES: text})
    step.undo(disk)
    assert disk.texts == before
    assert step.words == words and not step.composite


def test_tool_is_held_and_reads_its_files_again_in_either_direction() -> None:
    disk: Any = Disk({})
    hold, reload = HoldTool("rules", "web"), ReloadTool("rules", ("web",))
    hold.do(disk)
    reload.do(disk)
    assert disk.done == [("hold", "rules", "web"), ("reload", "rules", ("web",))]
    hold.undo(disk)
    reload.undo(disk)
    assert disk.done[2:] == [("reload", "rules", ("web",))], "the tool is let go of once, after all is set back"
    assert hold.composite, "one that fails halfway has stopped the tool all the same"
    assert (hold.words, reload.words) == ("pause rules while web changes", "have rules read its files again")


def test_tool_reads_its_files_once_for_all_that_it_concerns() -> None:
    first = ReloadTool("rules", ("a", "b"))
    assert first.merge(ReloadTool("rules", ("b", "c"))) == ReloadTool("rules", ("a", "b", "c"))
    assert first.merge(ReloadTool("others", ("b",))) is None
    assert first.merge(WriteFile("rules", RULES, None, None)) is None


def test_tool_reads_its_files_if_one_was_written_or_it_was_held() -> None:
    reload = ReloadTool("rules", ("web",))
    assert reload.triggered_by([object(), WriteFile("rules", RULES, None, None)])
    assert reload.triggered_by([HoldTool("rules", "web")])
    assert not reload.triggered_by([WriteFile("others", RULES, None, None), HoldTool("others", "web"), object()])


# -- interfaces ----------------------------------------------------------------------------------------------------------

MAC = "52:54:00:00:00:01"
ETH0 = InterfaceState("", 2, Interface(name="eth0", mac=MAC))
BR0 = LinuxBridge(name="br0", mac=MAC, mtu=1500, ports=(Port(name="eth0", cost=100), Port(name="vnet0", cost=2)))
GIVEN = LinuxBridge(name="br0")
AFTER = ObservedInterface(InterfaceState("bridge", 3, BR0), BR0, taps=frozenset({"vnet0"}))


def _facts(*tools: str) -> ToolFacts:
    return ToolFacts(frozenset(tools), frozenset(tools), 257)


def _plan(
    desired: DesiredInterface, *tools: str, after: ObservedInterface = AFTER, changes_host: bool = True
) -> PersistencePlan:
    return plan_persistence(desired, after, _facts(*tools), lambda _tool: {}, {"eth0": ETH0}, changes_host=changes_host)


def test_interface_is_stored_by_the_tool_in_charge() -> None:
    found = _plan(DesiredInterface(GIVEN, persist="auto"), "networkd", "ifupdown")
    assert found.tool == "networkd"
    assert found.handlers == (ReloadTool("networkd", ("br0",)),)
    assert found.before == ()
    assert {step.path: step.text for step in found.steps} == found.changes
    assert "/etc/systemd/network/05-virtnet-kvm-br0.netdev" in found.changes


@pytest.mark.parametrize(
    ("tool", "changes_host", "held"),
    [
        ("networkmanager", True, True),
        ("netplan", True, True),
        ("networkmanager", False, False),
        ("ifupdown", True, False),
    ],
)
def test_tools_that_interfere_are_held(tool: str, changes_host: bool, held: bool) -> None:
    found = _plan(DesiredInterface(GIVEN, persist=tool), tool, changes_host=changes_host)
    assert found.before == ((HoldTool(tool, "br0"),) if held else ())
    assert found.steps


@pytest.mark.parametrize(
    ("tool", "names"), [("networkd", ("br0", "eth0")), ("ifupdown", ("br0", "eth0")), ("networkmanager", ("br0",))]
)
def test_adopted_interface_is_set_up_too(tool: str, names: tuple[str, ...]) -> None:
    found = _plan(DesiredInterface(GIVEN, persist=tool, adopt="eth0"), tool)
    assert found.handlers == (ReloadTool(tool, names),)


def test_without_a_tool_nothing_is_stored_and_a_warning_says_so() -> None:
    found = _plan(DesiredInterface(GIVEN, persist="auto"))
    assert found == PersistencePlan(warnings=found.warnings)
    assert "br0" in found.warnings[0]
    assert _plan(DesiredInterface(GIVEN, persist="none")) == PersistencePlan()
    assert _plan(DesiredInterface(GIVEN, persist="auto", netns="blue"), "networkd") == PersistencePlan()
    assert _plan(DesiredInterface(GIVEN, persist="auto", present=False)) == PersistencePlan()
    with pytest.raises(OptionError, match="persist"):
        _plan(DesiredInterface(GIVEN, persist="netplan"), "networkd")


def test_files_go_with_the_interface() -> None:
    gone = DesiredInterface(GIVEN, persist="ifupdown", present=False)
    path = "/etc/network/interfaces.d/virtnet-kvm-br0"
    found = plan_persistence(
        gone,
        ObservedInterface(None, None),
        _facts("ifupdown"),
        {"ifupdown": {path: header("br0")}}.__getitem__,
        {},
        changes_host=True,
    )
    assert found.changes == {path: None}


# -- what of an interface is stored --------------------------------------------------------------------------------------


def _stored(given: Interface, after: Interface = BR0, files: Optional[Mapping[str, str]] = None, **desired: Any) -> Any:
    seen = ObservedInterface(None, after, taps=AFTER.taps)
    return stored_interface(DesiredInterface(given, **desired), seen, files or {})


def test_neither_guests_taps_nor_what_the_host_chooses_is_stored() -> None:
    assert _stored(GIVEN) == LinuxBridge(name="br0", ports=(Port(name="eth0"),))
    given = replace(GIVEN, mtu=1500, ports=(Port(name="eth0", cost=100), Port(name="vnet0")))
    assert _stored(given) == LinuxBridge(name="br0", mtu=1500, ports=(Port(name="eth0", cost=100), Port(name="vnet0")))
    assert _stored(GIVEN, replace(BR0, ports=(Port(name="vnet0"),))).ports is None


def test_a_bridge_that_adopts_keeps_its_mac_address() -> None:
    assert _stored(GIVEN, adopt="eth0").mac == MAC
    assert _stored(GIVEN).mac is None


def test_ipv6_is_stored_as_it_is_given() -> None:
    shown = replace(BR0, ipv6=Ipv6(accept_ra="never", addr_gen_mode="none"))
    assert _stored(replace(GIVEN, ipv6=Ipv6(accept_ra="always")), shown).ipv6 == Ipv6(accept_ra="always")
    assert _stored(GIVEN, shown).ipv6 is None


def test_what_is_absent_is_not_stored() -> None:
    assert _stored(GIVEN, present=False) is None
    assert stored_interface(DesiredInterface(GIVEN), ObservedInterface(None, None), {}) is None


TAP = Tuntap(name="tap0", mode="tap", bridge="br0")


def test_a_tap_names_its_bridge_unless_the_bridges_files_name_the_tap() -> None:
    bridges = {"/e/br0": f"{header('br0')}\nports eth0 tap0\n"}
    assert _stored(Tuntap(name="tap0"), TAP) == TAP
    assert _stored(Tuntap(name="tap0"), TAP, bridges) == replace(TAP, bridge=None)
    assert _stored(Tuntap(name="tap0", bridge="br0"), TAP, bridges) == TAP
    others = {
        "/e/br0": f"{header('br0')}\nports tap01\n",
        "/e/br1": f"{header('br1')}\ntap0\n",
        "/e/users": "br0 tap0\n",
    }
    assert _stored(Tuntap(name="tap0"), TAP, others) == TAP


# -- while a tool manages it ---------------------------------------------------------------------------------------------


def test_what_the_tool_does_by_itself_is_no_difference() -> None:
    given = LinuxBridge(name="br0", ipv6=Ipv6(accept_ra="always", addr_gen_mode="eui64"))
    desired = DesiredInterface(given, persist="auto")
    shown = [as_managed(desired, AFTER, _facts(tool)).given.ipv6 for tool in ("networkd", "networkmanager", "ifupdown")]
    assert shown == [
        Ipv6(accept_ra="never", addr_gen_mode="eui64"),
        Ipv6(accept_ra="never", addr_gen_mode="none"),
        given.ipv6,
    ]
    assert as_managed(desired, AFTER, _facts()) == desired
    assert as_managed(DesiredInterface(GIVEN, persist="auto"), AFTER, _facts("networkd")).given == GIVEN


def test_the_tool_does_it_by_what_there_is_besides() -> None:
    """NetworkManager takes charge of IPv6 where the interface has an address, given now or before."""
    desired = DesiredInterface(LinuxBridge(name="br0", ipv6=Ipv6(addr_gen_mode="eui64")), persist="auto")
    before = ObservedInterface(None, replace(BR0, addresses=("fd00::1/64",)))
    assert as_managed(desired, before, _facts("networkmanager")).given.ipv6 == Ipv6(addr_gen_mode="none")
    assert as_managed(desired, AFTER, _facts("networkmanager")).given.ipv6 == Ipv6(addr_gen_mode="eui64")
    foreign = ObservedInterface(None, Interface(name="br0", addresses=("fd00::1/64",)))
    assert as_managed(desired, foreign, _facts("networkmanager")) == desired


def test_dhcp_client_ends_where_its_address_moves_away() -> None:
    """Once, and it is started again if the run fails: so its step notifies the handler."""
    main, ours = "/etc/network/interfaces", "/etc/network/interfaces.d/virtnet-kvm-br0"
    users = {main: "iface eth0 inet dhcp\n"}
    desired = DesiredInterface(GIVEN, persist="ifupdown", adopt="eth0")

    def plan(wanted: DesiredInterface, files: Mapping[str, str]) -> PersistencePlan:
        return plan_persistence(wanted, AFTER, _facts("ifupdown"), lambda _: files, {"eth0": ETH0}, changes_host=True)

    found = plan(desired, users)
    assert found.before == (StopDhcp("ifupdown", "eth0"),) and found.renews_leases
    assert found.handlers[0].triggered_by(found.before)
    there = {path: text for path, text in {**users, **found.changes}.items() if text is not None}
    assert plan(desired, there).before == ()
    gone = plan(replace(desired, present=False), there)
    assert gone.before == (StopDhcp("ifupdown", "br0"),) and gone.changes[ours] is None
