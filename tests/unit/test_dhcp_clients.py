# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The DHCP clients of ifupdown: which are an interface's, and what becomes of their leases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.boot_tools import dhcp_clients, ifupdown

OURS = "# Made by virtnet.kvm for br0; changes here are overwritten\n# Takes over eth1\n"


def test_a_lease_goes_to_the_other_interface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dhcp_clients, "_ISC", (f"{tmp_path}/dhclient.{{}}.leases",))
    monkeypatch.setattr(dhcp_clients, "_DHCPCD", (f"{tmp_path}/{{}}.lease",))
    (tmp_path / "dhclient.eth1.leases").write_text('lease {\n  interface "eth1";\n  fixed-address 192.0.2.9;\n}\n')
    (tmp_path / "eth1.lease").write_bytes(b"\x02eth1")
    dhcp_clients.hand_on("eth1", "br0")
    assert 'interface "br0";' in (tmp_path / "dhclient.br0.leases").read_text()
    assert (tmp_path / "br0.lease").read_bytes() == b"\x02eth1"
    assert sorted(os.listdir(tmp_path)) == ["br0.lease", "dhclient.br0.leases"]


def test_each_lease_goes_where_the_stanzas_go() -> None:
    files = {"br0": OURS, "br1": OURS.replace("br0", "br1").replace("eth1", "eth2")}
    names = ("br0", "eth1", "br1", "eth2")
    assert [ifupdown._successor(name, names, files) for name in ("eth1", "eth2")] == ["br0", "br1"]
    # both bridges are gone
    assert [ifupdown._successor(name, names, {}) for name in ("br0", "br1")] == ["eth1", "eth2"]


def test_this_process_is_no_client() -> None:
    assert dhcp_clients.running("eth1") == []
