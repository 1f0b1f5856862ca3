# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What libvirt's files say of devices: who shapes them, and who is starting with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os.libvirt_files import starting
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.tc.libvirt_bandwidth import bandwidth_of

_NETWORK = "<network><name>lan</name><bridge name='virbr1'/></network>"
_GUEST = """<domain><name>w[e]b</name><devices><interface><target dev='web0'{}/>{}</interface></devices></domain>"""
_SLOW = _GUEST.format("", "<bandwidth><outbound average='1'/></bandwidth>")


def _status(attributes: str, guest: str = _SLOW) -> str:
    return f"<domstatus {attributes}>{guest}</domstatus>"


@pytest.mark.parametrize(
    ("device", "files", "owner"),
    [
        ("virbr1", {"etc/libvirt/qemu/networks/lan": _NETWORK}, "the network lan"),
        ("virbr", {"etc/libvirt/qemu/networks/lan": _NETWORK}, ""),
        (
            "virbr1",
            {"etc/libvirt/qemu/networks/lan": _NETWORK.replace("<bridge", "<forward mode='bridge'/><bridge")},
            "",
        ),
        (
            "virbr1",
            {
                "etc/libvirt/qemu/networks/lan": _NETWORK,
                "etc/libvirt/qemu/networks/other": _NETWORK.replace("lan", "other"),
                "run/libvirt/network/lan": f"<networkstatus>{_NETWORK}</networkstatus>",
            },
            "",
        ),
        ("web0", {"etc/libvirt/qemu/web": _GUEST.format("", "")}, ""),
        ("web0", {"etc/libvirt/qemu/web": _GUEST.format(" managed='no'", "<bandwidth/>")}, ""),
        ("web0", {"etc/libvirt/qemu/web": _SLOW}, "the guest w[e]b"),
        *(
            ("web0", {"etc/libvirt/qemu/web": _SLOW, "run/libvirt/qemu/w[e]b": status}, owner)
            for status, owner in (
                (_status("state='shutoff' reason='unknown'"), "the guest w[e]b"),
                (_status("state='paused' reason='starting up'"), "the guest w[e]b"),
                (
                    _status("state='running' reason='booted'", _GUEST.format("", "").replace("web0", "x")),
                    "the guest w[e]b",
                ),
                ("<domstatus", "the guest w[e]b"),
                (_status("state='running' reason='booted'"), ""),
                (_status("state='paused' reason='user'"), ""),
            )
        ),
    ],
)
def test_what_libvirt_is_starting(tmp_path: Path, device: str, files: dict[str, str], owner: str) -> None:
    for name, text in files.items():
        path = tmp_path / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert starting(device, str(tmp_path)) == "", "libvirt doesn't run"
    for driver in ("network", "qemu"):
        path = tmp_path / "run/libvirt" / driver / "driver.pid"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert starting(device, str(tmp_path)) == owner


def test_bandwidth_in_files_of_libvirt(tmp_path: Path) -> None:
    guest = """<domain><name>web</name><devices><interface><bandwidth><outbound average='1'/></bandwidth>
        <target dev='web0'/></interface></devices></domain>"""
    network = "<network><name>lan</name><bridge name='virbr1'/><bandwidth><inbound average='1'/></bandwidth></network>"
    for name, text in (("web", guest), ("networks/lan", network), ("broken", "<bandwidth")):
        path = tmp_path / f"etc/libvirt/qemu/{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    of_guest, of_network = (bandwidth_of(device, str(tmp_path)) for device in ("web0", "virbr1"))
    assert of_guest and (of_guest.owner, of_guest.egress, of_guest.ingress) == ("the guest web", False, True)
    assert of_network and (of_network.owner, of_network.egress) == ("the network lan", True)
    assert bandwidth_of("other", str(tmp_path)) is None
