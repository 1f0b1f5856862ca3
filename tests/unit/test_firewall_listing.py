# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a run reads of the host's rules: few commands, also where nft can't show the rules of others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.nftables import firewall, legacy
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import commands
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.steps import Passage

_MARK = 0x10000000


def _accepts(mark: int = _MARK) -> dict[str, Any]:
    match = {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, mark]}, "right": mark}
    return {"expr": [{"match": match}, {"xt": {"type": "match", "name": "comment"}}, {"accept": None}]}


def _chain(family: str, table: str, name: str, *rules: dict[str, Any], **held: Any) -> list[dict[str, Any]]:
    chain = {"family": family, "table": table, "name": name, **held}
    return [{"chain": chain}, *({"rule": {"family": family, "table": table, "chain": name, **rule}} for rule in rules)]


_BASE = {"type": "filter", "hook": "forward", "prio": 0}
_JUMP = {"expr": [{"counter": {}}, {"jump": {"target": "LIBVIRT_FWX"}}]}
_OURS = [
    {"table": {"family": "inet", "name": "virtnet_pol_x"}},
    *_chain("inet", "virtnet_pol_x", "v_0123"),
    {"set": {"family": "inet", "table": "virtnet_pol_x", "name": "networks"}},
    *_chain("inet", "virtnet_pol_x", "forward", {"expr": []}, **_BASE, policy="accept"),
    {"table": {"family": "inet", "name": "virtnet_fwd_x"}},
    *_chain("inet", "virtnet_fwd_x", "v_4567"),
    {"map": {"family": "inet", "table": "virtnet_fwd_x", "name": "to4"}},
]
_OTHERS = [
    *_chain("ip", "filter", "FORWARD", _accepts(), _JUMP, _accepts(0x20000000), **_BASE, policy="drop"),
    *_chain("ip6", "filter", "FORWARD", _JUMP, **_BASE, policy="accept"),
    *_chain("ip", "libvirt_network", "forward", {"expr": []}, _accepts(), **_BASE, policy="accept"),
    *_chain("inet", "mine", "closed", _accepts(), **_BASE, policy="drop"),
]
_PASSAGES = {
    Passage("iptables", "ip", "FORWARD"): True,
    Passage("iptables", "ip", "FORWARD", last=True): True,
    Passage("ip6tables", "ip6", "FORWARD"): False,
    Passage("nft", "ip", "libvirt_network forward"): False,
}


class _Nft:
    """The command nft on a host with these entries; ``able``: it can list all of them at once."""

    def __init__(self, entries: list[dict[str, Any]], *, able: bool = True) -> None:
        self.entries, self.able = entries, able
        self.asked: list[str] = []

    def run(self, doing: str, *command: str, **_options: Any) -> str:
        self.asked.append(" ".join(command))
        what = [word for word in command[1:] if not word.startswith("-")][1:]
        if not what:
            return ""
        if what == ["ruleset"] and not self.able:
            raise HostError(doing, "nft: json.c:42: Assertion failed")
        found = [entry for entry in self.entries if self._fits(entry, *what)]
        if what[0] in ("table", "chain") and not found:
            raise HostError(doing, "Error: No such file or directory")
        return json.dumps({"nftables": [{"metainfo": {"version": "1.1.3"}}, *found]})

    def _fits(self, entry: dict[str, Any], what: str, *where: str) -> bool:
        ((kind, held),) = entry.items()
        if what in ("ruleset", "tables", "chains"):
            return what == "ruleset" or f"{kind}s" == what
        place = (held["family"], held.get("table", held.get("name")), held.get("chain", held.get("name")))
        return place[: len(where)] == where


@pytest.fixture
def nft(monkeypatch: pytest.MonkeyPatch) -> _Nft:
    found = _Nft(_OURS + _OTHERS)
    monkeypatch.setattr(commands, "run", found.run)
    monkeypatch.setattr(legacy, "used", lambda _family: False)
    return found


def test_one_command_shows_all_but_the_elements_of_sets_of_ours(nft: _Nft) -> None:
    driver = firewall.NftFirewall()
    assert driver.passages() == _PASSAGES
    assert {str(chain): chain.admits for chain in driver.others().chains if chain.policy == "drop"} == {
        "ip filter FORWARD": True,
        "inet mine closed": True,
    }
    policy, gone = driver.loaded("virtnet_pol_x"), driver.loaded("virtnet_out_x")
    assert policy and policy.digest == "v_0123" and policy.rules == {"forward": 1} and gone is None
    assert nft.asked == ["nft -j -t list ruleset"]
    forwards = driver.loaded("virtnet_fwd_x")
    assert forwards and forwards.digest == "v_4567"
    assert nft.asked[1:] == ["nft -j list table inet virtnet_fwd_x"]
    driver.run("load", "table inet virtnet_fwd_x")
    assert driver.tables() == ("virtnet_pol_x", "virtnet_fwd_x")
    assert nft.asked[-1] == "nft -j -t list ruleset"


def test_rules_of_others_that_nft_fails_at_are_not_needed(nft: _Nft) -> None:
    able = firewall.NftFirewall()
    whole = able.others(), [able.loaded(name) for name in able.tables()]
    nft.able = False
    driver = firewall.NftFirewall()
    assert driver.passages() == _PASSAGES
    assert (driver.others(), [driver.loaded(name) for name in driver.tables()]) == whole
    assert "ruleset" in nft.asked[0] and len(nft.asked) > 5


def test_iptables_is_asked_where_nft_does_not_show_its_marks(nft: _Nft, monkeypatch: pytest.MonkeyPatch) -> None:
    extension = {"expr": [{"xt": {"type": "match", "name": "mark"}}, {"accept": None}]}
    nft.entries = _chain("ip", "filter", "FORWARD", extension, **_BASE, policy="accept")
    said = "-P FORWARD ACCEPT\n-A FORWARD -m mark --mark 0x10000000/0x10000000 -j ACCEPT\n-A FORWARD -j LIBVIRT_FWX\n"

    def run(doing: str, *command: str, **options: Any) -> str:
        return said if command[0] == "iptables" else nft.run(doing, *command, **options)

    monkeypatch.setattr(commands, "run", run)
    assert firewall.NftFirewall().passages() == {Passage("iptables", "ip", "FORWARD"): True}
