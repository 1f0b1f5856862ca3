# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The units of tc, and that what the kernel holds is shown so that it gives the same numbers again."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.netlink.channel import attributes
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.tc.qdiscs import class_options, qdisc_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options, to_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.numbers import units
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.numbers.impairments import (
    impair_of,
    impair_values,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.numbers.queues import (
    Device,
    burst_ticks,
    queue_of,
    queue_values,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.numbers.tree import ROOT, HtbClass, Qdisc
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.options import Impair, Queue, dscp, protocol
from unit.fake_shaping import through_the_wire

QUEUES: list[dict[str, Any]] = [
    {"kind": "fq_codel", "limit": "500", "target": "7ms", "interval": "33ms", "ecn": False, "memory_limit": "4mb"},
    {"kind": "sfq", "limit": "50", "perturb": 10},
    {"kind": "pfifo"},
    {"kind": "bfifo", "limit": "64kb"},
    {"kind": "tbf", "rate": "1.5mbit", "burst": "20kb", "latency": "30ms"},
    {"kind": "tbf", "rate": "40gbit"},
    {"kind": "cake", "rate": "100gbit", "rtt": "20ms", "nat": True, "diffserv": "besteffort"},
]
IMPAIRMENTS: list[dict[str, Any]] = [
    {"delay": "50ms", "jitter": "5ms", "delay_correlation": "25%", "loss": "0.1%", "limit": 20},
    {"loss_model": {"p": "1%"}, "rate": "40gbit", "seed": 7},
    {"delay": "100us", "reorder": "25%", "gap": 5, "corrupt": "0.05%", "duplicate": "100%"},
]


@pytest.mark.parametrize(
    ("text", "number", "normal"),
    [
        ("10mbit", 1250000, "10mbit"),
        ("1mbps", 1000000, "8mbit"),
        ("1.5Mbit", 187500, "1500kbit"),
        ("1kibit", 128, "1024bit"),
        ("100gbit", 12500000000, "100gbit"),
        ("9600", 1200, "9600bit"),
        ("12bit", 1, "8bit"),
        (".5mbit", 62500, "500kbit"),
        ("1gibps", 1 << 30, "8589934592bit"),
    ],
)
def test_rates(text: str, number: int, normal: str) -> None:
    assert units.bytes_per_second(text) == number and units.rate(text) == normal
    assert units.bytes_per_second(normal) == number


@pytest.mark.parametrize(
    ("text", "number", "normal"), [("1600", 1600, "1600b"), ("64kb", 65536, "64kb"), ("1mbit", 131072, "128kb"), ("2k", 2048, "2kb")]
)  # fmt: skip
def test_sizes(text: str, number: int, normal: str) -> None:
    assert units.size_bytes(text) == number and units.size(text) == normal


@pytest.mark.parametrize(
    ("text", "normal"), [("50ms", "50ms"), ("0.5s", "500ms"), ("1500usecs", "1500us"), ("0s", "0ms")]
)
def test_times(text: str, normal: str) -> None:
    assert units.time(text) == normal


@pytest.mark.parametrize("text", ["10", "5min", "ms", "-1ms", "1e3ms", "3601s"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match=r"; |write it"):
        units.time(text)


@given(st.integers(0, units.WHOLE))
def test_a_percentage_gives_the_same_part_again(part: int) -> None:
    assert units.part(units.part_text(part)) == part


@given(st.integers(1, 1 << 40), st.integers(1, 1 << 31))
def test_a_burst_gives_the_same_ticks_again(rate: int, size: int) -> None:
    ticks = units.ticks_for(size, rate)
    assert units.ticks_for(max(1, units.bytes_in(ticks, rate)), rate) in (ticks, max(ticks, 1))


@given(st.integers(1, 1 << 40), st.integers(68, 65535))
def test_the_burst_by_default_can_be_given(rate: int, mtu: int) -> None:
    ticks = burst_ticks(None, rate, Device(mtu))
    if units.bytes_in(ticks, rate) < 1 << 32:
        assert burst_ticks(units.size_text(units.bytes_in(ticks, rate)), rate, Device(mtu)) == ticks


@pytest.mark.parametrize("options", QUEUES, ids=lambda options: options["kind"])
def test_a_queue_that_is_read_can_be_given(options: dict[str, Any]) -> None:
    numbers = queue_values(from_options(Queue, options), Device())
    came = through_the_wire(Qdisc(0x100000, ROOT, options["kind"], numbers))
    assert isinstance(came, Qdisc) and came.values == numbers
    shown = to_options(queue_of(options["kind"], came.held))
    assert queue_values(from_options(Queue, shown), Device()) == numbers


@pytest.mark.parametrize("options", IMPAIRMENTS)
def test_an_impairment_that_is_read_can_be_given(options: dict[str, Any]) -> None:
    numbers = impair_values(from_options(Impair, options))
    came = through_the_wire(Qdisc(0x100000, ROOT, "netem", numbers))
    assert isinstance(came, Qdisc) and came.values == numbers
    shown = to_options(impair_of(came.held, ""))
    assert impair_values(from_options(Impair, shown)) == numbers


def test_the_rate_of_netem_is_always_sent() -> None:
    """It stays as it was where it is left out."""
    held = attributes(qdisc_options(Qdisc(0, 0, "netem", (("limit", 1),)), new=False), 24)
    assert struct.unpack_from("=I", held[6])[0] == 0


def test_a_class_of_more_than_4_gigabytes_a_second() -> None:
    fast = HtbClass(0x10010, 0x1000F, 5_000_000_000, 12_500_000_000, 9, 9, 3, 60000)
    assert through_the_wire(fast) == fast
    assert set(attributes(class_options(fast))) == {1, 6, 7}


@pytest.mark.parametrize(
    ("given_", "normal"), [("EF", "ef"), ("46", "ef"), ("0x2e", "ef"), ("3", "3"), ("af41", "af41"), ("cs0", "cs0")]
)
def test_dscp(given_: str, normal: str) -> None:
    assert dscp(given_) == normal


@pytest.mark.parametrize(("given_", "normal"), [("TCP", "tcp"), ("6", "tcp"), ("99", "99"), ("icmpv6", "icmpv6")])
def test_protocols(given_: str, normal: str) -> None:
    assert protocol(given_) == normal
