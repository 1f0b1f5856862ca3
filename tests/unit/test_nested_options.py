# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A value that should be a dictionary of options is named where it stands; all else is left to Ansible."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import check_nested

PLACE = {"type": "dict", "aliases": ["from"], "options": {"cidr": {"type": "str"}}}
SPEC: dict[str, dict[str, object]] = {
    "name": {"type": "str"},
    "rules": {"type": "list", "elements": "dict", "options": {"source": PLACE, "free": {"type": "dict"}}},
}
_RULE = "is no dictionary; its options are free, source"
_SOURCE = "is no dictionary; its options are cidr"


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (["all"], f"rules[0]: 'all' {_RULE}"),
        ("all", f"rules: 'all' {_RULE}"),
        (7, f"rules: 7 {_RULE}"),
        ([{}, None], f"rules[1]: {_RULE}"),
        ([{}, [{}]], f"rules[1]: [{{}}] {_RULE}"),
        ([{"from": "lan"}], f"rules[0].from: 'lan' {_SOURCE}"),
        ([{"source": [{}]}], f"rules[0].source: [{{}}] {_SOURCE}"),
    ],
)
def test_what_is_no_dictionary(rules: Any, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        check_nested(SPEC, {"name": "a", "rules": rules})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "rules",
    [
        None,
        [],
        [{"from": None}],
        "free=x",
        ["free=x"],
        ['{"free": {}}'],
        [{"free": "x"}],
        [{"wrong": 1, "from": {"cidr": 7}}],
    ],
)
def test_what_is_left_to_ansible(rules: Any) -> None:
    check_nested(SPEC, {"name": ["wrong"], "rules": rules})
