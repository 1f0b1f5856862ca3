# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""From declared shapings to steps, with a kernel that keeps what it is sent."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.shaping._info import describe_shaping
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.numbers.tree import (
    INGRESS,
    ROOT,
    Elsewhere,
    Entry,
    HtbClass,
    Match,
    Qdisc,
    ToClass,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.steps import Bandwidth, Link, RawTree
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.device.service import recalled
from unit.fake_shaping import ShapingHost

TREE: dict[str, Any] = {
    "rate": "100mbit",
    "default": "rest",
    "classes": [
        {"name": "storage", "rate": "40mbit", "ceil": "100mbit", "priority": 1, "queue": {"kind": "fq_codel"}},
        {"name": "rest", "rate": "20mbit", "ceil": "100mbit", "impair": {"delay": "50ms", "loss": "0.1%"}},
    ],
    "filters": [
        {"class": "storage", "protocol": "tcp", "destination_port": "3260-3262"},
        {"class": "storage", "source": "2001:db8::/32", "dscp": "ef", "vlan": 7},
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    """The tree with other values, by their paths (``classes__0__rate``)."""
    tree = copy.deepcopy(TREE)
    for path, value in changes.items():
        held: Any = tree
        *above, last = path.split("__")
        for part in above:
            held = held[int(part)] if part.isdigit() else held[part]
        held[int(last) if last.isdigit() else last] = value
    return tree


@pytest.fixture
def host() -> ShapingHost:
    return ShapingHost()


def test_a_tree_and_nothing_of_it_afterwards(host: ShapingHost) -> None:
    made = host.converge(egress=TREE)
    tree = host.kernel.trees["web0"]
    assert [(each.classid, each.parent, each.rate) for each in tree.classes] == [
        (0x1000F, 0x10000, 12500000),
        (0x10010, 0x1000F, 5000000),
        (0x10011, 0x1000F, 2500000),
    ]
    assert [each.quantum for each in tree.classes[1:]] == [6056, 3028], "not in the ratio of the rates"
    assert [(entry.priority, entry.target) for entry in tree.filters] == [
        (0x1000, ToClass(0x10010)),
        (0x1000, ToClass(0x10010)),
        (0x1010, ToClass(0x10010)),
        (0xFF00, ToClass(0x10011)),
    ]
    assert made.shown_after["egress"]["default"] == "rest"  # type: ignore[index]
    host.converge(state="absent")
    assert host.kernel.trees["web0"] == RawTree() and not host.stored.files


def test_what_is_read_can_be_given_again(host: ShapingHost) -> None:
    host.converge(egress=TREE, ingress={"rate": "20mbit"})
    (info,) = describe_shaping(host, None)
    again = host.apply(**{name: each for name, each in dict(info["definition"]).items() if name != "device"})  # type: ignore[call-overload]
    assert not again.actions and not info["problems"]


@pytest.mark.parametrize(
    ("change", "actions"),
    [
        (
            {"rate": "90mbit"},
            ["change the top class of egress of web0: rate=90mbit, ceil=90mbit"],
        ),
        ({"classes__0__priority": 2}, ["change class storage of egress of web0: priority=2"]),
        ({"classes__0__queue__limit": "99"}, ["change fq_codel in class storage of egress of web0: limit"]),
        ({"classes__1__impair__loss": "1%"}, ["change netem in class rest of egress of web0: loss"]),
        ({"filters__0__destination_port": "3260-3299"}, ["change a filter to class storage of egress of web0"] * 2),
        ({"default": "storage"}, ["change the filter of all other packets to class storage of egress of web0"]),
    ],
)
def test_a_change_in_place(host: ShapingHost, change: dict[str, Any], actions: list[str]) -> None:
    host.converge(egress=TREE)
    found = host.converge(egress=changed(**change))
    assert [each for each in found.actions if "/var/" not in each] == actions
    assert not found.warnings


def test_an_option_that_is_left_out_stays(host: ShapingHost) -> None:
    before = host.converge(egress=TREE).shown_after["egress"]
    after = host.converge(egress={"rate": "99mbit"}).shown_after["egress"]
    assert {**after, "rate": 0, "ceil": 0, "burst": 0, "cburst": 0} == {  # type: ignore[dict-item]
        **before,  # type: ignore[dict-item]
        "rate": 0,
        "ceil": 0,
        "burst": 0,
        "cburst": 0,
    }
    host.converge(ingress={"rate": "1mbit"})
    assert host.kernel.trees["web0"].classes and host.kernel.trees["ifb-web0"].classes
    host.converge(egress={})
    assert not host.kernel.trees["web0"].root and host.kernel.trees["web0"].hook == "ingress"


def test_what_the_kernel_cannot_change_is_created_before_the_old_is_removed(host: ShapingHost) -> None:
    host.converge(egress=changed(classes__0__queue={"kind": "sfq", "limit": "50"}))
    found = host.converge(egress=changed(classes__0__queue={"kind": "sfq", "limit": "60"}))
    assert host.kernel.trees["web0"].queues[-1].handle == 0x40100000
    assert "class storage of egress of web0: the packets that wait in it are dropped" in found.warnings[0]
    moved = changed(classes__1__parent="storage", classes__0__rate="60mbit")
    del moved["classes"][0]["queue"]
    moved["filters"] = []
    found = host.converge(egress=moved)
    words = [each for each in found.actions if " class " in each]
    assert words.index("create class rest of egress of web0 with rate=20mbit") < words.index(
        "remove class rest of egress of web0"
    )
    assert len(found.warnings) == 2


def test_filters_keep_their_order_with_the_fewest_steps(host: ShapingHost) -> None:
    nets = [{"class": "rest", "source": f"10.{number}.0.0/16"} for number in range(20)]
    host.converge(egress=changed(filters=nets))
    found = host.converge(egress=changed(filters=[*nets[:5], {"class": "storage", "vlan": 3}, *nets[5:]]))
    assert len(found.actions) == 2
    found = host.converge(egress=changed(filters=[*nets[:5], *nets[6:], nets[5]]))
    assert sorted(each.split()[0] for each in found.actions) == ["change", "create", "remove", "remove"]
    backwards = host.converge(egress=changed(filters=nets[::-1])).shown_after["egress"]
    assert [each["source"] for each in backwards["filters"]] == [each["source"] for each in nets[::-1]]  # type: ignore[index]
    for number in range(40):  # until there is no room between two of them
        nets.insert(1, {"class": "rest", "source": f"10.{100 + number}.0.0/16"})
        after = host.converge(egress=changed(filters=nets)).shown_after["egress"]
        assert [each["source"] for each in after["filters"]] == [each["source"] for each in nets]  # type: ignore[index]


def test_a_failed_step_leaves_the_host_as_it_was(host: ShapingHost) -> None:
    host.converge(egress=TREE, ingress={"rate": "20mbit"})
    other = changed(classes__0__queue={"kind": "pfifo"}, classes__1__parent="storage", classes__0__rate="70mbit")
    del other["classes"][0]["queue"]
    other["filters"] = [{"class": "rest", "mark": 4}]
    steps = {"egress": other, "ingress": {"police": {"rate": "1mbit"}}}
    before, files = dict(host.kernel.trees), dict(host.stored.files)
    count = len(host.apply(check=True, **steps).steps)
    for number in range(1, count + 1):
        host.kernel.calls.clear()
        host.kernel.strike = number
        with pytest.raises(ApplyError, match="the host is as it was"):
            host.apply(**steps)
        assert _sorted(host.kernel.trees) == _sorted(before) and host.stored.files == files, number
    host.converge(**steps)


def _sorted(trees: dict[str, RawTree]) -> dict[str, list[set[object]]]:
    return {
        name: [set(each.classes), set(each.queues), set(each.filters), set(each.entering)]
        for name, each in trees.items()
    }


def test_a_root_without_classes_and_what_was_there_before(host: ShapingHost) -> None:
    plain = Qdisc(0x80010000, ROOT, "noqueue")
    host.kernel.trees["web0"] = RawTree(plain)
    host.converge(egress={"impair": {"delay": "5ms"}})
    host.converge(egress={"impair": {"delay": "6ms"}})
    host.converge(egress={"impair": {}, "queue": {"kind": "cake", "rate": "10mbit"}})
    host.converge(egress={**TREE, "queue": {}})
    host.converge(state="absent")
    assert host.kernel.trees["web0"].root == plain


def test_a_queue_for_all_gives_way_to_classes(host: ShapingHost) -> None:
    host.converge(egress={"rate": "100mbit", "queue": {"kind": "pfifo"}})
    host.converge(egress={"impair": {"delay": "1ms"}})
    assert [each.kind for each in host.kernel.trees["web0"].queues] == ["netem"]
    host.converge(egress=TREE)


def test_police(host: ShapingHost) -> None:
    found = host.converge(ingress={"police": {"rate": "1mbit", "burst": "20kb"}})
    assert found.shown_after["ingress"] == {"police": {"rate": "1mbit", "burst": "20kb"}}
    host.converge(ingress={"rate": "1mbit"})
    assert "ifb-web0" in host.kernel.links
    host.converge(state="absent")
    assert list(host.kernel.links) == ["web0"] and not host.kernel.trees["web0"].hook


def test_a_foreign_clsact_stays(host: ShapingHost) -> None:
    other = Entry(0xFFFFFFF2, 5, Match(unknown=True), Elsewhere(), 1)
    host.kernel.trees["web0"] = RawTree(hook="clsact", entering=(other,))
    host.converge(ingress={"rate": "1mbit"})
    assert host.kernel.trees["web0"].entering[-1].parent == 0xFFFFFFF2
    host.converge(state="absent")
    assert host.kernel.trees["web0"] == RawTree(hook="clsact", entering=(other,))


def test_the_root_of_libvirt_is_shared(host: ShapingHost) -> None:
    dhcp = Entry(0x10000, 2, Match(unknown=True), Elsewhere(), 1)
    theirs = RawTree(Qdisc(0x10000, ROOT, "htb"), 2, filters=(dhcp,))
    host.kernel.trees["web0"] = theirs
    host.converge(egress=TREE)
    assert host.kernel.trees["web0"].filters[0] == dhcp
    assert "create htb" not in str(host.kernel.calls)
    host.converge(state="absent")
    assert host.kernel.trees["web0"] == theirs


def test_a_shaping_whose_file_is_lost_is_taken_over(host: ShapingHost) -> None:
    host.converge(egress=TREE)
    host.stored.files.clear()
    found = host.converge(egress=TREE)
    assert len(found.actions) == 1, found.actions


def test_what_others_have_removed_is_reported_and_created_again(host: ShapingHost) -> None:
    host.converge(egress=TREE)
    host.kernel.trees["web0"] = RawTree()
    (info,) = describe_shaping(host, ["web0"])
    assert "not as declared: create htb as the root of egress of web0" in info["problems"]  # type: ignore[operator]
    host.converge(egress=TREE)


def test_a_device_that_is_not_there_yet(host: ShapingHost) -> None:
    """Its shaping is stored, and applied as the service does when it is created."""
    del host.kernel.links["web0"]
    made = host.converge(egress=TREE, persist=True)
    assert made.actions == [
        "write /var/lib/virtnet.kvm/shaping/web0.json, which is applied whenever the device is created"
    ]
    assert "there is no such interface now" in made.warnings[0]
    host.kernel.links["web0"] = Link("web0")
    options = recalled(host.stored.files["web0"])["options"]
    assert isinstance(options, dict)
    host.converge(**{name: each for name, each in options.items() if name != "device"})
    host.kernel.trees["web0"] = RawTree()
    host.converge(**{name: each for name, each in options.items() if name != "device"})
    assert '"persist": true' in host.stored.files["web0"]
    host.converge(persist=False)
    with pytest.raises(VirtnetError, match="vnet3, because such names are counted up"):
        host.apply(device="vnet3", egress=TREE, persist=True)


def test_a_device_that_is_gone(host: ShapingHost) -> None:
    host.converge(egress=TREE, ingress={"rate": "1mbit"})
    del host.kernel.links["web0"]
    host.converge(state="absent")
    assert not host.stored.files and not host.kernel.links


LIBVIRTS = RawTree(Qdisc(0x10000, ROOT, "htb"), 1, classes=(HtbClass(0x10001, 0x10000, 1, 1, 1, 1),))
POLICED = RawTree(hook="ingress", entering=(Entry(INGRESS, 49152, Match(), Elsewhere(), 1),))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"egress": changed(classes__0__ceil="39mbit")}, "egress.classes[0].ceil: '39mbit' is less than the rate 40mbit"),
        ({"egress": changed(classes__0__rate="90mbit")}, "makes the rates of its siblings and itself 110mbit, more than 100mbit"),
        ({"egress": changed(classes__1__name="storage")}, "egress.classes[1].name: 'storage' is also that of classes[0]"),
        ({"egress": changed(filters__0__class="web")}, "egress.filters[0].class: 'web' is no class of this direction"),
        ({"egress": changed(default="web")}, "egress.default: 'web' is no class of this direction"),
        ({"egress": changed(default="")}, "egress.default: is missing"),
        ({"egress": changed(classes__0__parent="web")}, "egress.classes[0].parent: 'web' is no class"),
        ({"egress": changed(classes__0__parent="storage")}, "is below this class itself"),
        ({"egress": changed(classes__1__parent="storage")}, "egress.classes[0].queue: can't be given for a class with"),
        ({"egress": changed(filters__1=TREE["filters"][0])}, "egress.filters[1]: is for the same packets as filters[0]"),
        ({"egress": changed(filters__1={"class": "rest"})}, "is for all packets"),
        ({"egress": changed(classes__0__rate="0mbit")}, "is a rate of 0"),
        ({"egress": changed(classes__0__rate="")}, "egress.classes[0].rate: is empty"),
        ({"egress": changed(rate="10mpbs")}, "has the unit 'mpbs', which tc doesn't know; use one of bit, kbit"),
        ({"egress": changed(filters__0={"class": "rest", "mark": 1, "vlan": 2})}, "can't be combined with vlan"),
        ({"egress": changed(filters__0={"class": "rest", "destination_port": "80"})}, "needs a protocol with ports"),
        (
            {"egress": changed(filters__0={"class": "rest", "source": "10.0.0.1", "protocol": "icmpv6"})},
            "is of ipv6, and the rest of ipv4",
        ),
        ({"ingress": changed(filters__0={"class": "rest", "mark": 1})}, "ingress.filters[0].mark: 1 can't be matched in ingress"),
        ({"egress": {"classes": TREE["classes"]}}, "egress.rate: is missing; give one, because classes is given"),
        ({"egress": {"police": {"rate": "1mbit"}}}, "egress.police: is only possible in ingress"),
        ({"egress": {"queue": {"kind": "pfifo", "flows": 2}}}, "egress.queue.flows: 2 is no option of pfifo"),
        ({"egress": {"queue": {"kind": "tbf"}}}, "egress.queue.rate: is missing"),
        ({"egress": {"impair": {"jitter": "1ms"}}}, "egress.impair.jitter: '1ms' needs delay"),
        ({"egress": {"impair": {"delay": "5"}}}, "egress.impair.delay: '5' has no unit; use one of s, ms, us, ns"),
        ({"egress": {"impair": {"delay": "5ms", "jitter": "1ms", "distribution": "pareto"}}}, "has no table on this host"),
        (
            {"egress": changed(classes__0__impair={"duplicate": "1%"}, classes__0__queue={})},
            "classes[0].impair.duplicate: '1%' can't be combined with classes[1].impair",
        ),
        ({"egress": TREE, "device": "nope"}, "device: 'nope' is no interface of this host"),
        ({"egress": TREE, "device": "lacks"}, "egress.classes[0].queue: needs fq_codel, which this kernel doesn't have"),
        ({"egress": TREE, "device": "theirs"}, "theirs has a shaping that isn't of this module (htb 1:, which libvirt"),
        ({"ingress": TREE, "device": "policed"}, "policed ingress is limited by libvirt"),
        ({"egress": TREE, "device": "tbf"}, "tbf has a shaping that isn't of this module (tbf 5:)"),
        ({"egress": TREE, "device": "tap"}, "tap egress is shaped by libvirt, by the inbound bandwidth of the guest web"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_is_changed(options: dict[str, Any], said: str) -> None:
    host = ShapingHost("web0", "lacks", "theirs", "policed", "tbf", "tap")
    if options.get("device") == "lacks":
        host.kernel.without = {"fq_codel"}
    host.kernel.trees.update(theirs=LIBVIRTS, policed=POLICED, tbf=RawTree(Qdisc(0x50000, ROOT, "tbf")))
    host.kernel.shaped_by_libvirt["tap"] = Bandwidth("the guest web", egress=True)
    with pytest.raises(VirtnetError) as refused:
        host.apply(**options)
    assert said in str(refused.value)
    assert not host.kernel.calls


def test_many_filters_are_warned_of(host: ShapingHost) -> None:
    nets = [{"class": "rest", "source": f"10.{number // 256}.{number % 256}.0/24"} for number in range(1001)]
    assert "1001 filters are checked one by one" in host.converge(egress=changed(filters=nets)).warnings[0]
