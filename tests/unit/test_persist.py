# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""How files of a tool are owned, edited and set back, and which tool is chosen."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import (
    NONE,
    ToolFacts,
    choose,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import (
    Draft,
    Request,
    added_line,
    comment_out,
    has_marks,
    header,
    made_for,
    overlay,
    saved_path,
    without_marks,
)

USERS = "auto eth0\niface eth0 inet dhcp\n"
PATH = "/etc/network/interfaces"
COPY = "/etc/network/.interfaces.virtnet-kvm-saved"


def _edited(name: str, text: str = USERS) -> str:
    """A user's file in which a line was hidden and one added for an interface."""
    first, rest = text.split("\n", 1)
    return f"{comment_out(first, name)}\n{rest}{added_line('source x', name)}\n"


def _draft(files: dict[str, str], name: str = "br0") -> Draft:
    return Draft("ifupdown", Request(name, None, files, {}))


def test_file_says_for_which_interface_it_was_made() -> None:
    assert made_for(f"{header('br0')}\n[Match]\n") == "br0"
    assert made_for(USERS) is None


def test_edits_are_taken_back_for_one_interface_only() -> None:
    text = _edited("br1", _edited("br0"))
    assert without_marks(text, "br") == text
    assert without_marks(without_marks(text, "br1"), "br0") == USERS
    assert without_marks(text, "br0") == _edited("br1")
    assert has_marks(text) and not has_marks(USERS)


def test_copy_of_a_users_file_is_kept_while_it_is_edited() -> None:
    draft = _draft({PATH: USERS})
    draft.edit(PATH, _edited("br0"))
    changes = draft.result().changes
    assert list(changes.items()) == [(COPY, USERS), (PATH, _edited("br0"))]
    again = _draft(overlay({PATH: USERS}, changes))
    again.edit(PATH, _edited("br0"))
    assert again.result().changes == {}


def test_copy_is_the_one_from_before_the_first_edit() -> None:
    there = {PATH: _edited("br0"), COPY: USERS}
    draft = _draft(there, "br1")
    draft.edit(PATH, _edited("br1", there[PATH]))
    changes = draft.result().changes
    assert list(changes) == [PATH]
    back = _draft(overlay(there, changes)).result().changes
    assert list(back) == [PATH], "the other interface's edit is still in it"
    assert _draft(overlay(overlay(there, changes), back), "br1").result().changes == {PATH: USERS, COPY: None}


def test_what_the_user_changed_since_stays() -> None:
    there = {PATH: _edited("br0") + "# mine\n", COPY: USERS}
    assert _draft(there).result().changes == {PATH: USERS + "# mine\n", COPY: None}


def test_missing_last_newline_comes_back_as_it_was() -> None:
    whole = USERS.rstrip("\n")
    there = {PATH: f"{whole}\n{added_line('source x', 'br0')}\n", COPY: whole}
    assert _draft(there).result().changes == {PATH: whole, COPY: None}


def test_own_files_go_and_others_stay() -> None:
    there = {"/e/a": header("br0"), "/e/b": header("br1"), "/e/c": USERS}
    assert _draft(there).result().changes == {"/e/a": None}


def test_copies_are_hidden_and_beside() -> None:
    assert saved_path(PATH) == COPY


def test_what_a_tool_cannot_store_is_said_once() -> None:
    draft = _draft({})
    draft.cannot("mtu")
    draft.cannot("mtu")
    assert draft.result().unsupported == ("br0: ifupdown can't store mtu; run this task again after each reboot",)


def test_tool_that_is_not_there_is_refused() -> None:
    with pytest.raises(OptionError) as refused:
        choose("netplan", ToolFacts(installed=frozenset({"networkd"})), "br0")
    assert str(refused.value) == "persist: 'netplan' is not installed on this host; use networkd"


def test_nothing_in_charge_is_said() -> None:
    found = choose("auto", ToolFacts(), "br0")
    assert found.tool == NONE
    assert found.warning and found.warning.startswith("br0: won't survive a reboot")
    assert choose("none", ToolFacts(), "br0").warning is None


def test_namespace_is_never_kept() -> None:
    assert choose("auto", ToolFacts(), "br0", "blue") == choose("none", ToolFacts(), "br0")
    with pytest.raises(OptionError, match="namespace"):
        choose("networkd", ToolFacts(installed=frozenset({"networkd"})), "br0", "blue")
