# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Dataclasses as JSON and back: those of interfaces, whatever they hold, and what no JSON of ours looks like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.codec import from_json, to_json
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import (
    Address,
    Interface,
    InterfaceRoute,
    InterfaceState,
    LinuxBridge,
    Port,
    Route,
    Tuntap,
    VlanIface,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.plan import Resume
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network
from unit.strategies import TEXT, networks, options

SECONDS = st.none() | st.integers(0, 2**32)
ADDRESSES = st.builds(
    Address, TEXT, peer=st.none() | TEXT, scope=st.integers(0, 255), valid_seconds=SECONDS, preferred_seconds=SECONDS
)
ROUTES = st.builds(Route, options(InterfaceRoute), st.integers(0, 255), st.integers(0, 255), st.booleans())
STATES = st.builds(
    InterfaceState,
    kind=st.sampled_from(["", "bridge", "vlan", "tun"]),
    index=st.integers(1, 2**31),
    definition=st.one_of(*(options(cls) for cls in (Interface, LinuxBridge, VlanIface, Tuntap))),
    addresses=st.lists(ADDRESSES, max_size=2).map(tuple),
    routes=st.lists(ROUTES, max_size=2).map(tuple),
    master=st.none() | TEXT,
    port=st.none() | options(Port),
    carrier=st.booleans(),
)
RESUMES = st.builds(Resume, st.booleans(), st.lists(STATES, max_size=2).map(tuple), st.booleans())


def _round_trip(cls: type[Any], value: Any) -> Any:
    return from_json(cls, json.loads(json.dumps(to_json(value))))


@given(STATES)
def test_a_state_comes_back(state: InterfaceState) -> None:
    assert _round_trip(InterfaceState, state) == state


@settings(max_examples=30)  # these hold what the states above do
@given(RESUMES)
def test_the_notes_of_a_killed_run_come_back(notes: Resume) -> None:
    assert to_json(notes), "empty notes are none"
    assert _round_trip(Resume, notes) == notes


@settings(max_examples=30)
@given(networks())
def test_a_network_comes_back(network: Network) -> None:
    assert _round_trip(Network, network) == network


# ---- all that a field may be


@dataclass(frozen=True)
class Shape:
    name: str = "point"


@dataclass(frozen=True)
class Circle(Shape):
    radius: float = 1


@dataclass(frozen=True)
class Line:
    length: int


@dataclass(frozen=True)
class Everything:
    raw: bytes = b""
    either: Union[Circle, Line, str, None] = None
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    pair: tuple[str, int] = ("a", 1)
    rows: tuple[tuple[int, ...], ...] = ()
    optional: Optional[int] = 5
    flag: bool = False


EVERYTHING = st.builds(
    Everything,
    st.binary(max_size=9),
    st.none() | TEXT | st.builds(Line, st.integers()) | st.builds(Circle, TEXT, st.integers() | st.just(0.5)),
    st.dictionaries(TEXT, st.builds(Shape, TEXT) | st.builds(Circle, TEXT), max_size=2),
    st.frozensets(TEXT, max_size=3),
    st.tuples(TEXT, st.integers()),
    st.lists(st.lists(st.integers(), max_size=2).map(tuple), max_size=2).map(tuple),
    st.none() | st.integers(),
    st.booleans(),
)


@given(EVERYTHING)
def test_every_type_comes_back(value: Everything) -> None:
    back = _round_trip(Everything, value)
    assert back == value
    assert repr(to_json(back)) == repr(to_json(value)), "of numbers that are equal, the same one"


def test_a_subclass_that_nobody_registered_comes_back() -> None:
    @dataclass(frozen=True)
    class Square(Shape):
        side: int = 0

    assert _round_trip(Everything, Everything(shapes={"one": Square(side=2)})).shapes == {"one": Square(side=2)}


def test_what_has_its_default_is_left_out() -> None:
    assert to_json(Everything(flag=True)) == {"=": "Everything", "flag": True}
    assert to_json(Everything(optional=None)) == {"=": "Everything", "optional": None}


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ([], r"Everything: '\[\]' can't be read: expected a Everything"),
        ({"=": "Line", "length": 1}, "expected a Everything"),
        ({"=": "Everything", "colour": "red"}, "expected a Everything, which has no colour"),
        ({"=": "Everything", "flag": 1}, "Everything.flag: '1' can't be read: expected bool"),
        ({"=": "Everything", "optional": True}, "Everything.optional: 'True' can't be read: expected int"),
        ({"=": "Everything", "raw": "%"}, "Everything.raw: '%' can't be read: expected bytes in base64"),
        ({"=": "Everything", "rows": ["ab"]}, r"Everything.rows\[0\]: 'ab' can't be read: expected a list"),
        ({"=": "Everything", "pair": ["a"]}, "Everything.pair: .* expected a list of 2"),
        ({"=": "Everything", "shapes": []}, "Everything.shapes: "),
        ({"=": "Everything", "either": {"=": "Line"}}, "Everything.either: "),
        ({"=": "Everything", "shapes": {"x": {"=": "Line", "length": 1}}}, r"shapes\['x'\]: .* expected a Shape"),
    ],
)
def test_what_another_version_wrote_is_refused(held: Any, said: str) -> None:
    with pytest.raises(VirtnetError, match=said):
        from_json(Everything, held)


def test_a_value_that_json_cannot_hold_is_a_mistake_in_the_code() -> None:
    for value in (object(), {1: "one"}):
        with pytest.raises(TypeError, match="JSON can hold"):
            to_json(value)


def test_a_kernel_may_have_what_no_option_says() -> None:
    state = InterfaceState("bridge", 4, LinuxBridge(name="br0"))
    odd = replace(state, definition=replace(state.definition, hello_time=1.5))  # type: ignore[call-arg]
    assert _round_trip(InterfaceState, odd) == odd


def test_an_object_that_names_no_class_is_of_the_declared_one() -> None:
    assert from_json(Everything, {"flag": True}) == Everything(flag=True)
