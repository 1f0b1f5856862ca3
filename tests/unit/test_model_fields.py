# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What an option class gives: the argument spec, parsing, merging, the normal form and the printable one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model import values
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import (
    argument_spec,
    canonical,
    from_options,
    merge,
    option,
    take_host_chosen,
    to_options,
    without_host_chosen,
)


@dataclass(frozen=True)
class Item:
    name: Optional[str] = option(required=True)
    weight: Optional[int] = option(minimum=0, absent=0, removal=None)


@dataclass(frozen=True)
class Part:
    mac: Optional[str] = option(norm=values.mac, host_chosen=True)
    size: Optional[int] = option(minimum=1, maximum=9, removal=0)
    on: Optional[bool] = option(absent=False)


@dataclass(frozen=True)
class Thing:
    kind: Optional[str] = option(choices=("a", "b"), absent="a")
    text: Optional[str] = option()
    words: Optional[tuple[str, ...]] = option(norm=values.ifname)
    items: Optional[tuple[Item, ...]] = option(unordered=True)
    part: Optional[Part] = option()
    own: Optional[str] = option(hidden=True)


def test_the_argument_spec_says_what_the_class_says() -> None:
    assert argument_spec(Thing) == {
        "kind": {"type": "str", "choices": ["a", "b"]},
        "text": {"type": "str"},
        "words": {"type": "list", "elements": "str"},
        "items": {
            "type": "list",
            "elements": "dict",
            "options": {"name": {"type": "str", "required": True}, "weight": {"type": "int"}},
        },
        "part": {"type": "dict", "options": {"mac": {"type": "str"}, "size": {"type": "int"}, "on": {"type": "bool"}}},
    }


def test_options_are_parsed_and_printed() -> None:
    given = {
        "kind": None,
        "words": ["one"],
        "items": [{"name": "x", "weight": 0}],
        "part": {"mac": "52-54-00-00-00-0A", "size": None},
        "own": "no option",
        "state": "not of this class",
    }
    thing = from_options(Thing, given)
    assert thing == Thing(words=("one",), items=(Item("x", 0),), part=Part(mac="52:54:00:00:00:0a"))
    assert to_options(thing) == {
        "words": ["one"],
        "items": [{"name": "x", "weight": 0}],
        "part": {"mac": "52:54:00:00:00:0a"},
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"part": {"size": 10}}, "part.size: 10 is too large; use 1 to 9"),
        ({"part": {"size": -1}}, "part.size: -1 is too small; use 1 to 9"),
        ({"items": [{"name": "a"}, {"weight": -1}]}, "items[1].weight: -1 is too small; use 0 or more"),
        ({"words": ["ok", "not ok"]}, "words[1]: 'not ok' can't be the name of an interface; use a name without"),
        ({"words": [""]}, "words[0]: '' can't be the name of an interface; use 1 to 15 characters"),
        ({"part": {"mac": "x"}}, "part.mac: 'x' is not a MAC address; write it as 52:54:00:12:34:56"),
        ({"text": "a\x07"}, "text: 'a\\x07' contains control characters; remove them"),
        ({"text": "\ud800"}, "text: '\\ud800' contains control characters; remove them"),
    ],
)
def test_bad_input_is_refused_by_name_value_problem_and_remedy(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as caught:
        from_options(Thing, given)
    assert str(caught.value).startswith(sentence)


def test_the_path_of_an_option_can_be_put_below_another() -> None:
    with pytest.raises(OptionError) as caught:
        from_options(Thing, {"part": {"size": 10}}, "things[3]")
    assert caught.value.option == "things[3].part.size"
    assert caught.value.under("all").option == "all.things[3].part.size"


def test_values_that_remove_are_not_checked() -> None:
    given = {"part": {"mac": "", "size": 0}, "items": [], "text": ""}
    assert from_options(Thing, given) == Thing(part=Part(mac="", size=0), items=(), text="")


BASE = Thing(
    kind="b", text="t", words=("one", "two"), items=(Item("x", 1),), part=Part("52:54:00:00:00:01", 4, True), own="o"
)


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (Thing(), {}),
        (Thing(text="u"), {"text": "u"}),
        (Thing(text=""), {"text": None}),
        (Thing(words=("three",)), {"words": ("three",)}),
        (Thing(words=()), {"words": None}),
        (Thing(items=(Item("y"),)), {"items": (Item("y"),)}),
        (Thing(part=Part(size=5)), {"part": Part("52:54:00:00:00:01", 5, True)}),
        (Thing(part=Part(size=0)), {"part": Part("52:54:00:00:00:01", None, True)}),
        (Thing(part=Part(on=False)), {"part": Part("52:54:00:00:00:01", 4, False)}),
        (Thing(part=Part()), {"part": None}),
    ],
)
def test_merging_changes_what_was_given_and_nothing_else(given: Thing, changed: dict[str, Any]) -> None:
    assert merge(BASE, given) == Thing(**{**vars(BASE), **changed})


def test_a_part_that_was_not_there_is_created() -> None:
    assert merge(Thing(), Thing(part=Part(size=3, mac=""))) == Thing(part=Part(size=3))


def test_the_normal_form() -> None:
    written = Thing(
        kind="a",
        text="",
        words=("b", "a"),
        items=(Item("y"), Item("x", 0), Item("y", 0)),
        part=Part(mac="52-54-00-00-00-0A", size=0, on=False),
    )
    assert canonical(written) == Thing(
        words=("b", "a"), items=(Item("x"), Item("y")), part=Part(mac="52:54:00:00:00:0a")
    )
    assert canonical(Thing(part=Part(size=0, on=False), words=())) == Thing()


def test_a_zero_is_not_a_no_and_a_no_is_not_a_zero() -> None:
    @dataclass(frozen=True)
    class Odd:
        number: Optional[int] = option(absent=False, removal=None)
        flag: Optional[bool] = option(absent=0, removal=0)

    assert canonical(Odd(number=0, flag=False)) == Odd(number=0, flag=False)


def test_what_a_host_holds_is_not_refused() -> None:
    assert canonical(Thing(words=("far too long a name",))).words == ("far too long a name",)


def test_what_needs_no_change_is_the_same_object() -> None:
    thing = canonical(BASE)
    assert canonical(thing) is thing


def test_what_the_host_chooses_is_left_out_unless_it_was_given() -> None:
    mac = "52:54:00:00:00:01"
    assert without_host_chosen(Thing(part=Part(mac, 4)), Thing()) == Thing(part=Part(size=4))
    assert without_host_chosen(Thing(part=Part(mac)), Thing(part=Part(mac))) == Thing(part=Part(mac))


def test_what_the_host_has_chosen_is_kept_unless_another_value_is_given() -> None:
    mac, other = "52:54:00:00:00:01", "52:54:00:00:00:02"
    source = Thing(text="not taken", part=Part(mac, 4))
    assert take_host_chosen(Thing(), source) == Thing(part=Part(mac))
    assert take_host_chosen(Thing(part=Part(other)), source) == Thing(part=Part(other))
    assert take_host_chosen(Thing(text="t"), Thing(part=Part(size=4))) == Thing(text="t")
    assert take_host_chosen(Thing(), None) == Thing()
