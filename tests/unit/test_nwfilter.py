# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Network filters: what is refused, what is planned, and what libvirt's documents become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.contract import World
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.bindings import BINDING
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.nwfilter.filters import FILTER
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.facts import (
    GuestNic,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.options import (
    Binding,
    Filter,
    Owner,
    Parameter,
    Reference,
    Rule,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.nwfilter.tree import KernelRule
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.nwfilter import (
    guest_nics,
    parse_binding,
    parse_filter,
    render_binding,
    render_filter,
)
from ansible_collections.virtnet.kvm.plugins.plugin_utils.ready_filters import READY, filters, removed_filters
from unit.fake_filters import ADDRESS, DROP, DROP_RULE, MAC, Host, apply, bind, parameters, planned


def test_a_filter_comes_changes_and_goes() -> None:
    host = Host()
    assert apply(host, name="mine", rules=[DROP]).actions == ["create filter mine"]
    assert host.libvirt.held["mine"] == Filter("mine", rules=(DROP_RULE,))
    apply(host, name="mine", chain="ipv4-x")
    assert host.libvirt.held["mine"] == Filter("mine", "ipv4-x", -700, (DROP_RULE,))
    apply(host, name="mine", priority=-1)
    assert not planned(host, name="mine").changed
    apply(host, name="mine", chain="root")  # the priority was given for another chain
    assert host.libvirt.held["mine"].priority == 0
    apply(host, name="mine", rules=[{"filterref": {"filter": "base", "parameters": parameters(IP="10.0.0.1")}}, DROP])
    assert host.libvirt.held["mine"].rules == (Reference("base", (Parameter("IP", "10.0.0.1"),)), DROP_RULE)
    assert apply(host, name="mine", rules=[]).actions == ["change filter mine"]
    assert apply(host, name="mine", state="absent").actions == ["remove filter mine"]
    assert not planned(host, name="mine", state="absent").changed


def test_what_is_read_is_fed_back() -> None:
    host = Host()
    apply(host, name="mine", chain="arp-x", priority=7, rules=[{**DROP, "priority": 3, "statematch": False}])
    for each in FILTER.info(host, None, {}):
        assert not planned(host, **each["definition"]).changed  # type: ignore[arg-type]
    bind(host, parameters=parameters(IP="10.0.0.2"))
    (found,) = BINDING.info(host, None, {})
    assert not planned(host, "filter_bindings", **found["definition"]).changed  # type: ignore[arg-type]


def test_a_document_is_the_complete_definition() -> None:
    host = Host()
    apply(host, name="mine", chain="ipv4", priority=-5, rules=[DROP])
    document = render_filter(Filter("mine", rules=(DROP_RULE, Reference("base"))))
    apply(host, xml=document)
    assert host.libvirt.held["mine"] == Filter("mine", rules=(DROP_RULE, Reference("base")))
    with pytest.raises(OptionError, match=r"^xml: .* is not the UUID of the filter mine"):
        planned(host, xml=render_filter(Filter("mine"), "8bf01670-be0b-49b3-b2d3-2d3ca87bffd0"))


def test_a_binding_comes_changes_and_goes() -> None:
    host = Host()
    assert bind(host).actions == ["bind tap0 to filter base"]
    assert bind(host, parameters=parameters(IP="10.0.0.2")).actions == ["change the binding of tap0 to filter base"]
    changed = planned(host, "filter_bindings", name="tap0", mac="52:54:00:44:00:09")
    assert changed.notes["bring_up"] and changed.shown_after["parameters"] == parameters(IP="10.0.0.2")
    assert apply(host, "filter_bindings", name="tap0", state="absent").actions[0].startswith("remove the binding")


def test_a_run_that_was_killed_is_completed() -> None:
    """Between the old and the new binding there is none, and the device is down."""
    host = Host()
    bind(host, parameters=parameters(IP="10.0.0.2"))
    options: dict[str, Any] = {"name": "tap0", "filter": "port", "parameters": parameters(PORT="22")}
    notes = planned(host, "filter_bindings", **options).notes
    host.libvirt.unbind("tap0")
    host.libvirt.up.remove("tap0")
    again = planned(host, "filter_bindings", notes, **options)
    assert again.actions == ["bind tap0 to filter port", "bring up tap0"]
    for step in again.steps:
        step.do(host)
    assert host.libvirt.bound["tap0"].mac == MAC and "tap0" in host.libvirt.up
    host.libvirt.up.remove("tap0")  # killed before the last step
    assert planned(host, "filter_bindings", again.notes, **options).actions == ["bring up tap0"]


def test_rules_that_are_gone_are_created_again() -> None:
    host = Host()
    apply(host, name="outer", rules=[{"filterref": {"filter": "base"}}, {**DROP, "direction": "inout"}])
    bind(host, filter="outer", parameters=parameters(IP="10.0.0.2"))
    complete = set(host.libvirt.kernel)
    assert complete == {KernelRule("ebtables", "tap0", "out"), KernelRule("iptables", "tap0")}
    for gone in complete:
        host.libvirt.kernel = complete - {gone}
        found = planned(host, name="base")
        assert found.actions == ["create the rules of filter base for tap0 again"]
        assert found.shown_before["problems"] and "problems" not in found.shown_after
        assert planned(host, "filter_bindings", name="tap0").actions == [
            "create the rules of filter outer for tap0 again"
        ]
        assert not planned(host, name="port").changed
    apply(host, name="outer")
    # as long as libvirt learns the address, it has other rules
    host.libvirt.bound["tap0"] = replace(host.libvirt.bound["tap0"], parameters=())
    host.libvirt.kernel = {KernelRule("ebtables", "tap0", "in")}
    assert not planned(host, name="outer").changed
    host.libvirt.kernel = set()
    assert planned(host, name="outer").changed


def test_what_uses_a_filter_is_named() -> None:
    host = Host()
    apply(host, name="outer", rules=[{"filterref": {"filter": "base"}}])
    bind(host, parameters=parameters(IP="10.0.0.2"))
    guest = Binding("vnet0", MAC, "base", ADDRESS, Owner("web1", "1"))
    host.libvirt.bound["vnet0"] = guest
    host.libvirt.nics = [
        GuestNic("web1", "1", MAC, "vnet0", "base", ADDRESS),
        GuestNic("web1", "1", MAC, "", "base", ADDRESS),
        GuestNic("db", "2", "52:54:00:44:00:03", "", "base"),
    ]
    users = f"guest web1 ({MAC}), guest db (52:54:00:44:00:03), filter outer, the binding of tap0"
    with pytest.raises(OptionError) as refused:
        planned(host, name="base", state="absent")
    assert str(refused.value) == f"name: 'base' is in use by {users}; remove it there first"
    (info,) = FILTER.info(host, ["base"], {})
    assert (info["filters"], info["bindings"], info["variables"]) == (["outer"], ["tap0"], ["IP"])
    assert info["guests"] == [{"domain": "db", "mac": "52:54:00:44:00:03"}, {"domain": "web1", "mac": MAC}]
    with pytest.raises(OptionError, match=r"^name: 'vnet0' is the tap of guest web1"):
        planned(host, "filter_bindings", name="vnet0", state="absent")


def test_filters_of_one_run() -> None:
    """A filter is created after those that it refers to, and removed before them and after its bindings."""
    host = Host()
    world = World(host)
    outer = FILTER.parse({"name": "outer", "state": "present", "rules": [{"filterref": {"filter": "inner"}}]})
    inner = FILTER.parse({"name": "inner", "state": "present", "rules": [DROP]})
    bound = BINDING.parse({"name": "tap0", "state": "present", "mac": MAC, "filter": "outer"})
    outcomes = [each.observe(host) for each in (inner, outer, bound)]
    assert outcomes[1].needs() == outcomes[0].provides() == {"filter inner"}
    assert outcomes[2].needs() == {"filter outer", "interface tap0"}
    for outcome in outcomes:
        outcome.plan(world, {})
        for step in outcome.steps:
            step.do(host)
    world = World(host)
    absent = {"state": "absent"}
    going = [BINDING.parse({"name": "tap0", **absent}), FILTER.parse({"name": "outer", **absent})]
    for outcome in (each.observe(host) for each in (*going, FILTER.parse({"name": "inner", **absent}))):
        outcome.plan(world, {})
        assert outcome.changed


def test_warnings() -> None:
    host = Host()
    host.libvirt.bridging = None
    assert "br_netfilter" in planned(host, name="mine", rules=[DROP]).warnings[0]
    assert not planned(host, name="mine", rules=[{**DROP, "protocol": "ip"}]).warnings
    assert (
        "br_netfilter"
        in planned(
            host, "filter_bindings", name="tap0", mac=MAC, filter="port", parameters=parameters(PORT="1")
        ).warnings[0]
    )
    host.libvirt.bridging = False
    assert "bridge-nf-call-iptables is 0" in planned(host, name="mine", rules=[DROP]).warnings[0]
    host.libvirt.bridging = True
    host.libvirt.nics = [GuestNic("db", "2", MAC, "", "port")]
    rule = {**DROP, "protocol": "tcp", "match": {"dstportstart": "$OTHER"}}
    assert "guest db (52:54:00:44:00:02) can't be started" in planned(host, name="port", rules=[rule]).warnings[0]


def test_a_filter_isn_t_set_again_where_libvirtd_would_crash() -> None:
    host = Host()
    bind(host, parameters=parameters(CTRL_IP_LEARNING="dhcp"))
    assert planned(host, name="base", rules=[DROP]).changed
    host.libvirt.addresses = 2
    with pytest.raises(OptionError, match=r"^name: 'base' can't be changed for tap0"):
        planned(host, name="base", rules=[DROP])
    assert not planned(host, name="base").changed


def test_documents_of_bindings_and_guests() -> None:
    binding = Binding("tap0", MAC, "base", ADDRESS, Owner("virtnet.kvm", "1"))
    assert parse_binding(render_binding(binding)) == binding
    shown = render_binding(replace(binding, parameters=(*ADDRESS, Parameter("MAC", MAC))))
    assert parse_binding(shown) == binding
    domain = f"""<domain><devices><interface><mac address='{MAC}'/><target dev='vnet0'/>
      <filterref filter='base'><parameter name='IP' value='10.0.0.2'/></filterref></interface>
      <interface><mac address='52:54:00:44:00:03'/></interface></devices></domain>"""
    assert guest_nics(domain) == [(MAC, "vnet0", "base", ADDRESS), ("52:54:00:44:00:03", "", "", ())]


def test_what_libvirt_writes_is_read() -> None:
    """It writes an element for what is negated, numbers as they were given, and no priority of 0."""
    text = """<filter name='x' chain='root'><uuid>u</uuid><rule action='drop' direction='in' priority='500'>
      <tcp dstportstart='0x16'/><tcp match='no' srcipaddr='10.0.0.1'/></rule><rule action='drop' direction='inout'/></filter>"""
    found, uuid = parse_filter(text)
    rule = Rule("drop", "in", protocol="tcp", match=(("dstportstart", "22"),), match_not=(("srcipaddr", "10.0.0.1"),))
    assert (found, uuid) == (Filter("x", rules=(rule, Rule("drop", "inout"))), "u")
    assert parse_filter(render_filter(found, "u")) == (found, "u")


# ---- the list of the playbooks and the role


def listed(*items: Any) -> list[dict[str, Any]]:
    return filters(lambda: list(items), "virtnet_filters", "site")


def test_ready_filters_bring_those_that_they_refer_to() -> None:
    assert [each["name"] for each in listed("web-server", "anti-spoof", {"name": "mine"})] == [
        "anti-spoof",
        "web-server",
        "mine",
    ]
    assert removed_filters(lambda: ["web-server"], "virtnet_filters", "site") == [
        {"name": "anti-spoof", "state": "absent"},
        {"name": "web-server", "state": "absent"},
    ]


@pytest.mark.parametrize("name", READY)
def test_ready_filters_are_possible(name: str) -> None:
    host = Host()
    host.libvirt.held["clean-traffic"] = Filter("clean-traffic")
    for each in listed(name):
        apply(host, **each)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("web-server", r"^virtnet_filters: 'web-server' is not a list; write it as \[web-server"),
        (
            ["web"],
            r"^virtnet_filters\[0\]: 'web' is no ready filter; use one of anti-spoof, web-server, dhcp-client-only",
        ),
        ([{"rules": []}], r"^virtnet_filters\[0\].name: is missing"),
        (
            [{"name": "anti-spoof"}],
            r"^virtnet_filters\[0\].name: 'anti-spoof' is the name of a filter of the collection",
        ),
        ([{"name": "a"}, {"name": "a", "chain": "ipv4"}], r"^virtnet_filters\[1\].name: 'a' is declared twice"),
    ],
)
def test_lists_that_are_refused(given: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        filters(lambda: given, "virtnet_filters", "site")
