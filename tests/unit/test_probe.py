# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The process of a probe, without a network namespace of its own."""

from __future__ import annotations

import json
import signal
import socket
from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.probe import probes


def test_a_probe_listens_before_others_know_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one that asks at once is told that nobody listens."""
    ours, theirs = socket.socketpair()
    replaced: dict[str, Any] = {
        "die_with_parent": lambda _signal: None,
        "unshare_network": lambda: None,
        "take_addresses": lambda _sides: {4: "192.168.150.10"},
        "serve": lambda: theirs.sendall(b'"serves"\n'),
    }
    for name, stand_in in replaced.items():
        monkeypatch.setattr(probes, name, stand_in)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    ours.sendall(b"[]\n[]\n\n")  # no sides, no questions, and the end
    try:
        probes._be_a_probe(theirs)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    theirs.close()
    with ours, ours.makefile(encoding="utf-8") as said:
        assert [json.loads(line) for line in said] == ["there", "serves", {"4": "192.168.150.10"}, []]
