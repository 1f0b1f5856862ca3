# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The files that make interfaces at boot are part of what is declared: foretold, written, put right, and removed.

That the tools make of them what they say, and leave alone what runs, is shown by the Molecule scenario `persist`.
"""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.cases_interfaces import PORTS
from integration.support.checks import converge, refused
from integration.support.host import Host
from integration.support.wires import NIC

MODULES = ("linux_bridge", "tuntap", "fabric")

HOME = "/etc/systemd/network"
THEIRS = f"mkdir -p {HOME}; printf '[Match]\\nName=theirs*\\n' >{HOME}/10-theirs.network"
WANTED: dict[str, dict[str, Any]] = {
    "linux_bridge": {"ports": [{"name": "p0", "cost": 9}], "addresses": ["192.168.20.2/24"], "ageing_time": 60},
    "tuntap": {"owner": "nobody", "addresses": ["192.168.20.2/24"], "mtu": 1400},
}


@pytest.mark.each
@pytest.mark.parametrize("module", WANTED)
def test_stored(clean: Host, module: str) -> None:
    clean.shell(f"{PORTS}; {THEIRS}")
    before = clean.interfaces()
    given = {"name": "it7", "persist": "networkd", **WANTED[module]}
    made = converge(clean, given, module=module, changed=True)
    assert made["persist"] == "networkd" and made["files"]
    files = clean.interfaces()["files"]
    assert set(files) - set(before["files"]) == set(made["files"])
    assert all(made["after"]["files"][path] == files[path] for path in made["files"])
    text = "\n".join(files[path] for path in made["files"])
    assert "it7" in text and "192.168.20.2/24" in text

    # whatever becomes of them, they are put right
    lost = sorted(path for path in made["files"] if "it7" in files[path])[0]
    clean.shell(f"rm {lost}")
    again = converge(clean, given, module=module, changed=True)
    assert again["method"] == "changed" and again["files"] == [lost]
    clean.shell(f"echo '# mine' >>{lost}")
    assert converge(clean, given, module=module, changed=True)["files"] == [lost]
    assert clean.interfaces()["files"] == files

    # a change of what runs is one of what is stored
    converge(clean, {**given, "addresses": ["192.168.21.2/24"]}, module=module, changed=True)
    text = "\n".join(clean.interfaces()["files"].values())
    assert "192.168.21.2/24" in text and "192.168.20.2/24" not in text
    # not stored: the files are left as they are
    converge(clean, {"name": "it7", "persist": "none", "mtu": 1300}, module=module, changed=True)
    assert "\n".join(clean.interfaces()["files"].values()) == text

    gone = converge(clean, {"name": "it7", "persist": "networkd", "state": "absent"}, module=module, changed=True)
    assert set(gone["files"]) == set(made["files"])
    assert clean.interfaces() == before


def test_only_the_files_are_left(clean: Host) -> None:
    """An interface that is gone, as after a reboot, leaves files: they are removed as well."""
    converge(clean, {"name": "it7", "persist": "networkd"}, module="tuntap", changed=True)
    clean.shell("ip link del it7")
    gone = converge(clean, {"name": "it7", "persist": "networkd", "state": "absent"}, module="tuntap", changed=True)
    assert gone["method"] == "removed" and clean.interfaces()["files"] == {}


def test_what_is_adopted_is_stored(clean: Host) -> None:
    """The NIC without addresses, as a port, and the bridge with them and with the NIC's MAC address."""
    clean.shell(NIC)
    made = converge(clean, {"name": "br7", "adopt": "ens7", "persist": "networkd"}, module="linux_bridge", changed=True)
    files = clean.interfaces()["files"]
    text = "\n".join(files[path] for path in made["files"])
    for words in ("192.168.30.2/24", "fd00:30::2/64", "10.31.0.0/16", "02:00:00:00:07:07", "Name=ens7"):
        assert words.lower() in text.lower(), f"{words} is not in {text}"
    converge(
        clean,
        {"name": "br7", "adopt": "ens7", "persist": "networkd", "state": "absent"},
        module="linux_bridge",
        changed=True,
    )


def test_all_of_a_fabric_are_stored(clean: Host) -> None:
    """Each in files of its own, and the tool reads them once."""
    clean.shell(PORTS)
    stored = {"persist": "networkd"}
    made = converge(
        clean,
        {
            "bridges": [{"name": "br7", "ports": [{"name": "p0"}], **stored}, {"name": "br8", **stored}],
            "taps": [{"name": "tap7", "bridge": "br8", **stored}],
        },
        module="fabric",
        changed=True,
    )
    assert set(clean.interfaces()["files"]) == {
        path for kind in ("bridges", "taps") for each in made[kind] for path in each["files"]
    }
    assert len([action for action in made["actions"] if "read its files again" in action]) == 1, made["actions"]


def test_a_tool_that_is_not_there(clean: Host) -> None:
    for tool in ("netplan", "networkmanager", "ifupdown"):
        if not clean.can(
            {"netplan": "command -v netplan", "networkmanager": "command -v nmcli"}.get(tool, "command -v ifup")
        ):
            refused(clean, {"name": "it7", "persist": tool}, tool, module="tuntap", option="persist")
