# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""On a host with several boot tools the one is chosen that has a file for the interface."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.interface.options import Interface, InterfaceState
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.choose import TOOLS, choose
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.files import ToolFacts, header

BOTH = frozenset({"networkmanager", "ifupdown"})
MAC = "52:54:00:00:00:01"
ETH1 = InterfaceState("", 2, Interface(name="eth1", mac=MAC))

FILES = {
    "networkd": ("/etc/systemd/network/20-lan.network", f"[Match]\nMACAddress={MAC}\n[Network]\nDHCP=yes\n"),
    "networkmanager": (
        "/etc/NetworkManager/system-connections/lan.nmconnection",
        "[connection]\ntype=ethernet\ninterface-name=eth1\n",
    ),
    "netplan": ("/etc/netplan/50-lan.yaml", "network: {ethernets: {eth1: {dhcp4: true}}}\n"),
    "ifupdown": ("/etc/network/interfaces", "auto eth1\niface eth1 inet dhcp\n"),
}
# Files that are for any interface, for another one, or what netplan has written.
OTHERS = {
    "networkd": {
        "/usr/lib/systemd/network/80-wired.network": "[Match]\nType=ether\n[Network]\nDHCP=yes\n",
        "/run/systemd/network/10-netplan-eth1.network": "[Match]\nName=eth1\n",
        "/etc/systemd/network/20-other.network": "[Match]\nName=eth2\n",
    },
    "networkmanager": {
        "/etc/NetworkManager/system-connections/any.nmconnection": "[connection]\ntype=ethernet\n",
        "/run/NetworkManager/system-connections/netplan-eth1.nmconnection": FILES["networkmanager"][1],
    },
    "netplan": {"/etc/netplan/60-other.yaml": "network: {ethernets: {eth2: {dhcp4: true}}}\n"},
    "ifupdown": {"/etc/network/interfaces.d/other": "iface eth2 inet dhcp\n"},
}


def _facts(**claims: dict[str, str]) -> ToolFacts:
    return ToolFacts(BOTH, BOTH, claims=lambda name: claims.get(name, {}))


@pytest.mark.parametrize("tool", FILES)
def test_files_that_are_for_an_interface(tool: str) -> None:
    path, text = FILES[tool]
    assert TOOLS[tool].configures(OTHERS[tool], ETH1) is None
    assert TOOLS[tool].configures({**OTHERS[tool], path: text}, ETH1) == path
    ours = TOOLS[tool].own_path("eth1")
    assert TOOLS[tool].configures({path: text, ours: header("eth1") + "\n"}, ETH1) == ours


def test_the_tool_with_the_file_is_chosen() -> None:
    assert choose("auto", _facts(), "br0", None, ["eth1"]).tool == "networkmanager"
    assert choose("auto", _facts(eth1={"ifupdown": "/a"}), "br0", None, ["eth1"]).tool == "ifupdown"
    # what an earlier run has stored counts before that
    facts = _facts(br0={"ifupdown": "/ours"}, eth1={"networkmanager": "/b"})
    assert choose("auto", facts, "br0", None, ["eth1"]).tool == "ifupdown"


def test_two_tools_that_have_one_are_named() -> None:
    facts = _facts(eth1={"ifupdown": "/a", "networkmanager": "/b"})
    with pytest.raises(OptionError, match=r"/a \(ifupdown\) and /b \(networkmanager\) are both for eth1") as error:
        choose("auto", facts, "br0", None, ["eth1"])
    assert error.value.option == "persist"
    warning = choose("ifupdown", facts, "br0", None, ["eth1"]).warning
    assert warning is not None and warning.startswith("eth1: /b (networkmanager) is for it too")
    assert choose("ifupdown", _facts(eth1={"ifupdown": "/a"}), "br0", None, ["eth1"]).warning is None
