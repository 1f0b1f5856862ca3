# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The addresses that the agent in a guest reports, on a binding of libvirt that is made up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.libvirt import binding, connection, guest_agent
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.libvirt.guest_addresses import LibvirtGuestAddresses
from ansible_collections.virtnet.kvm.plugins.module_utils.model.firewall.facts import GuestAddress

_MAC, _OTHER = "52:54:00:00:00:10", "52:54:00:00:00:11"
_XML = f"""<domain><devices>
<interface type='network'><mac address='{_MAC}'/><source network='lan' bridge='virbr1'/></interface>
<interface type='bridge'><mac address='{_OTHER}'/><source bridge='br0'/></interface>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='STATE'/></channel>
<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0' state='connected'/></channel>
</devices></domain>"""


def _addresses(*addresses: str) -> list[dict[str, Any]]:
    return [{"addr": each, "prefix": 24, "type": 0} for each in addresses]


_REPORTED = {
    "lo": {"hwaddr": "00:00:00:00:00:00", "addrs": _addresses("127.0.0.1", "::1")},
    "eth0": {"hwaddr": _MAC.upper(), "addrs": _addresses("192.168.150.10", "fe80::1", "fd00:150::10")},
    "eth1": {"hwaddr": _OTHER, "addrs": _addresses("10.9.0.20")},
    "docker0": {"hwaddr": "02:42:00:00:00:01", "addrs": _addresses("172.17.0.1")},
    "eth2": {"hwaddr": _MAC, "addrs": None},
}


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """An event for which an agent that doesn't answer waits."""
    libvirt = SimpleNamespace(libvirtError=binding.LibvirtError, VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT="agent")
    monkeypatch.setattr(connection, "LIBVIRT", libvirt)
    monkeypatch.setattr(guest_agent, "SECONDS", 0.2)
    event = threading.Event()
    yield event
    event.set()


def _driver(answer: Callable[[], Any], state: str = "connected") -> LibvirtGuestAddresses:
    def asked(source: str, _flags: int) -> Any:
        assert source == "agent"
        return answer()

    domain = SimpleNamespace(
        XMLDesc=lambda _flags: _XML.replace("STATE", state), interfaceAddresses=asked, isActive=lambda: 1
    )

    def lookup(name: str) -> Any:
        if name != "web1":
            raise binding.LibvirtError
        return domain

    return LibvirtGuestAddresses(SimpleNamespace(lookupByName=lookup), SimpleNamespace())


def _fail() -> Any:
    raise binding.LibvirtError


def test_only_the_interfaces_that_libvirt_knows_count() -> None:
    driver = _driver(lambda: _REPORTED)
    assert driver.by_agent("web1") == (
        GuestAddress("192.168.150.10", "lan", "agent", _MAC),
        GuestAddress("fd00:150::10", "lan", "agent", _MAC),
        GuestAddress("10.9.0.20", "br0", "agent", _OTHER),
    )
    assert driver.running("web1") and not driver.running("gone") and driver.by_agent("gone") == ()


def test_an_agent_without_a_connection_is_not_asked() -> None:
    def asked() -> Any:
        raise AssertionError

    assert _driver(asked, "disconnected").by_agent("web1") == ()


def test_an_agent_that_fails_or_does_not_answer_has_no_addresses(silent: threading.Event) -> None:
    assert _driver(_fail).by_agent("web1") == ()
    assert _driver(silent.wait).by_agent("web1") == ()
