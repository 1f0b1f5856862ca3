# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""How YAML is written, and how keys are taken out of a user's file a line at a time."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import VirtnetError
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import added_line, comment_out, without_marks
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.yaml_edit import dump, load, without

PLAIN = {
    "network": {
        "version": 2,
        "bridges": {
            "br0": {
                "optional": True,
                "addresses": ["192.0.2.5/24", "fd00::5/64"],
                "routes": [
                    {"to": "default", "via": "192.0.2.1", "metric": 7, "on-link": True},
                    {"to": "198.51.100.0/24"},
                ],
                "link-local": [],
                "parameters": {"path-cost": {"eth0": 9}},
                "none": {},
                "x": [[1, 2.5], None],
            },
        },
    }
}
LINES = """\
network:
  version: 2
  bridges:
    br0:
      optional: true
      addresses: ["192.0.2.5/24", "fd00::5/64"]
      routes: [{to: default, via: "192.0.2.1", metric: 7, on-link: true}, {to: "198.51.100.0/24"}]
      link-local: []
      parameters:
        path-cost:
          eth0: 9
      none: {}
      x: [[1, 2.5], null]
"""


def test_mappings_have_a_line_for_each_key_and_lists_one() -> None:
    assert dump(PLAIN) == LINES.splitlines()


def test_nothing_is_folded_or_sorted_or_said_by_an_alias() -> None:
    twice = {"dhcp4": False}
    assert dump({"z": twice, "a": twice, "long": ["word word " * 30] * 2}) == [
        "z:",
        "  dhcp4: false",
        "a:",
        "  dhcp4: false",
        f'long: ["{"word word " * 30}", "{"word word " * 30}"]',
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("eth0.11", "eth0.11"),
        ("stable-privacy", "stable-privacy"),
        ("no", '"no"'),
        ("Y", '"Y"'),
        ("1e3", '"1e3"'),
        ("0x1f", '"0x1f"'),
        ("12:30", '"12:30"'),
        ("", '""'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("é", '"\\u00e9"'),
        ("né", "né"),
        ("tab\t", '"tab\\t"'),
        ("\U0001f600", '"\U0001f600"'),
    ],
)
def test_text_is_quoted_unless_it_is_a_plain_word(text: str, written: str) -> None:
    assert dump({"key": text}) == [f"key: {written}"]
    assert yaml.safe_load("\n".join(dump({text: [text]}))) == {text: [text]}


_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))  # PyYAML is slow
@given(st.dictionaries(_TEXT.filter(lambda text: len(text) < 100), _VALUES))
def test_what_is_written_reads_the_same(value: dict[str, Any]) -> None:
    assert yaml.safe_load("\n".join(dump(value))) == (value or {})


# -- a user's file -------------------------------------------------------------------------------------------------------


BLOCK = """\
# mine
network:
  ethernets:
    eth0:
      # the uplink
      dhcp4: true  # from the router
      addresses:
        - 192.0.2.5/24
        - 192.0.2.6/24
      wakeonlan: true
      routes:
      - to: default
        via: 192.0.2.1

    eth1: {dhcp4: true, mtu: 1400}
  # the end
"""
ETH0, ETH1 = ("network", "ethernets", "eth0"), ("network", "ethernets", "eth1")


def _without(text: str, where: tuple[str, ...], *keys: str) -> list[str]:
    """The new lines, of a file that comes back as it was."""
    edited = without("/etc/netplan/x.yaml", text, where, keys, "br0")
    assert without_marks(edited, "br0") == text
    return edited.split("\n")


def test_keys_in_block_style_become_comments_with_all_their_lines() -> None:
    lines = BLOCK.split("\n")
    for number in (5, 6, 7, 8, 10, 11, 12):
        lines[number] = comment_out(lines[number], "br0")
    assert _without(BLOCK, ETH0, "dhcp4", "addresses", "routes", "gateway4") == lines


@pytest.mark.parametrize(
    "lines",
    [
        ["      dhcp4:"],
        ["      dhcp4: ", "", "        true"],
        ["      dhcp4: |", "        true", ""],
        ["      dhcp4: {", "        a: b", "      }"],
        ["      dhcp4:", "        a:", "          - b", "          - {c: d}"],
    ],
)
def test_value_goes_with_its_key_however_it_is_written(lines: list[str]) -> None:
    start, end = ["network:", "  ethernets:", "    eth0:", "      mtu: 1400"], ["      wakeonlan: true", ""]
    edited = _without("\n".join([*start, *lines, *end]), ETH0, "dhcp4")
    hidden = [comment_out(line, "br0") for line in lines]
    assert edited == [*start, *hidden, *end]


def test_file_without_a_mapping_is_empty() -> None:
    assert load("/etc/netplan/x.yaml", "- a\n") == load("/etc/netplan/x.yaml", "") == {}
    with pytest.raises(VirtnetError, match=r"^read /etc/netplan/x\.yaml: "):
        load("/etc/netplan/x.yaml", "a: [")


@pytest.mark.parametrize("where", [ETH0, ETH1])
def test_file_without_these_keys_stays(where: tuple[str, ...]) -> None:
    assert _without(BLOCK, where, "gateway4") == BLOCK.split("\n")


def test_mapping_in_braces_is_written_anew_beside() -> None:
    lines = BLOCK.split("\n")
    lines[14:15] = [*added_line("    eth1: {mtu: 1400}", "br0").split("\n"), comment_out(lines[14], "br0")]
    assert _without(BLOCK, ETH1, "dhcp4", "routes") == lines


def test_braces_around_it_are_written_anew_too() -> None:
    text = "network:\n  ethernets: {eth0: {dhcp4: true, mtu: 9}, eth1: {dhcp4: true}}\n  version: 2\n"
    assert _without(text, ETH0, "dhcp4") == [
        "network:",
        *added_line("  ethernets: {eth0: {mtu: 9}, eth1: {dhcp4: true}}", "br0").split("\n"),
        comment_out("  ethernets: {eth0: {dhcp4: true, mtu: 9}, eth1: {dhcp4: true}}", "br0"),
        "  version: 2",
        "",
    ]


@pytest.mark.parametrize(
    "text", ["network:\n  ethernets:\n    eth0:\n      dhcp4: true\n", "network: {ethernets: {eth0: {dhcp4: true}}}\n"]
)
def test_mapping_that_would_be_empty_keeps_a_key(text: str) -> None:
    """netplan refuses a definition that is no mapping."""
    edited = "\n".join(_without(text, ETH0, "dhcp4"))
    assert yaml.safe_load(edited) == {"network": {"ethernets": {"eth0": {"dhcp4": False}}}}
