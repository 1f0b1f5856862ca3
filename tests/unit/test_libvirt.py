# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The calls of libvirt's Python binding and what its errors turn into, on a binding that is made up."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Optional

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.libvirt import (
    binding,
    connection,
    guests,
    health,
    networks,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import (
    HostError,
    MissingLibraryError,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import DhcpHost
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.steps import Guest
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.updates import ADD, Update


class Error(binding.LibvirtError):
    def __init__(self, code: int, message: Optional[str]) -> None:
        super().__init__("the binding's own words")
        self.code = code
        self.message = message

    def get_error_code(self) -> int:
        return self.code

    def get_error_message(self) -> Optional[str]:
        return self.message


# A constant's value is its name, so that a test shows it by libvirt's own word; only flags that are combined are numbers.
LIBVIRT = SimpleNamespace(
    **{name: name for name in re.findall(r"^    (VIR_\w+): int$", Path(binding.__file__).read_text(), re.MULTILINE)},
    libvirtError=Error,
    registerErrorHandler=lambda _handler, _context: 0,
)
LIBVIRT.VIR_NETWORK_UPDATE_AFFECT_LIVE, LIBVIRT.VIR_NETWORK_UPDATE_AFFECT_CONFIG = 1, 2


@pytest.fixture(autouse=True)
def _binding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LIBVIRT", LIBVIRT)


def _fail(code: Any, message: Optional[str] = "libvirt's words") -> Callable[..., Any]:
    def call(*_args: Any) -> Any:
        raise Error(code, message)

    return call


def _networks(**calls: Any) -> networks.Networks:
    connection = SimpleNamespace(**calls)
    return networks.Networks(connection, guests.Guests(connection, local=False), health.Health(local=False))


def test_a_host_without_the_binding_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LIBVIRT", None)
    with pytest.raises(MissingLibraryError, match="libvirt is missing"):
        connection.connect("qemu:///system")


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("VIR_ERR_AUTH_FAILED", "authentication failed", "become: true"),
        ("VIR_ERR_SYSTEM_ERROR", "'/run/libvirt/libvirt-sock': Permission denied", "become: true"),
        ("VIR_ERR_SYSTEM_ERROR", "Connection refused", "is running"),
        ("VIR_ERR_RPC", "internal error", "is running"),
        ("VIR_ERR_OTHER", "no connection driver available", "spelling of the uri"),
        ("VIR_ERR_OTHER", None, "the binding's own words"),
    ],
)
def test_no_connection_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, code: str, message: Optional[str], remedy: str
) -> None:
    monkeypatch.setattr(LIBVIRT, "open", _fail(code, message), raising=False)
    with pytest.raises(HostError, match=f"^uri: no connection to qemu:///system: .*{remedy}") as caught:
        connection.connect("qemu:///system")
    assert (message or "") in str(caught.value)


def test_a_network_that_libvirt_does_not_have() -> None:
    driver = _networks(networkLookupByName=_fail("VIR_ERR_NO_NETWORK"))
    assert driver.observe("lan") is None
    assert not driver.is_active("lan")
    driver.undefine("lan")
    with pytest.raises(HostError, match=r"^find network lan: libvirt has no network of that name$"):
        driver.start("lan")


def test_an_error_of_libvirt_is_in_its_own_words() -> None:
    driver = _networks(networkLookupByName=_fail("VIR_ERR_RPC"))
    with pytest.raises(HostError, match=r"^find network lan: libvirt's words$") as caught:
        driver.observe("lan")
    assert isinstance(caught.value.__cause__, Error)
    driver = _networks(networkLookupByName=lambda _name: SimpleNamespace(create=_fail("VIR_ERR_RPC", None)))
    with pytest.raises(HostError, match=r"^start network lan: the binding's own words$"):
        driver.start("lan")


def _pool(driver: str) -> str:
    return f"<network><name>n</name><forward mode='hostdev'><driver {driver}/><pf dev='eth4'/></forward></network>"


WITH_MODEL = networks.parse_network(_pool("name='vfio' model='vfio-pci'"))


@pytest.mark.parametrize(
    ("library", "stored", "dropped"),
    [
        (9_000_000, _pool("name='vfio'"), ["forward/driver"]),
        (9_000_000, _pool("name='vfio' model='vfio-pci'"), []),
        (11_003_000, _pool("name='vfio'"), []),  # of another version: it is not known what the daemon does
        (9_000_000, None, []),
    ],
)
def test_what_libvirt_would_not_keep(
    monkeypatch: pytest.MonkeyPatch, library: int, stored: Optional[str], dropped: list[str]
) -> None:
    asked: list[str] = []

    def define(text: str) -> Any:
        asked.append(text)
        return SimpleNamespace(XMLDesc=lambda _flags: stored) if stored else _fail("VIR_ERR_XML_ERROR")()

    test_driver = SimpleNamespace(networkDefineXML=define, close=lambda: None)
    monkeypatch.setattr(LIBVIRT, "getVersion", lambda: library, raising=False)
    monkeypatch.setattr(LIBVIRT, "open", {"test:///default": test_driver}.__getitem__, raising=False)
    driver = _networks(getLibVersion=lambda: 9_000_000)
    assert [part.path for part in driver.dropped(WITH_MODEL)] == dropped
    assert len(asked) == (library == 9_000_000) and "<uuid>" not in "".join(asked)


def test_what_libvirt_has_not_kept() -> None:
    stored = SimpleNamespace(XMLDesc={"VIR_NETWORK_XML_INACTIVE": _pool("name='vfio'")}.__getitem__)
    driver = _networks(networkDefineXML=lambda _text: stored)
    assert driver.define(WITH_MODEL) == ("<driver model='vfio-pci'>",)


@pytest.mark.parametrize(("live", "stored", "flags"), [(True, False, 1), (False, True, 2), (True, True, 3)])
def test_an_update_of_a_part(live: bool, stored: bool, flags: int) -> None:
    asked: list[Any] = []
    driver = _networks(networkLookupByName=lambda _name: SimpleNamespace(update=lambda *args: asked.append(args)))
    part = Update(ADD, "ip-dhcp-host", DhcpHost(mac="52:54:00:00:00:01", ip="192.0.2.5"), parent=1)
    driver.update("lan", part, live=live, stored=stored)
    text = '<host mac="52:54:00:00:00:01" ip="192.0.2.5"/>'
    assert asked == [
        ("VIR_NETWORK_UPDATE_COMMAND_ADD_LAST", "VIR_NETWORK_SECTION_IP_DHCP_HOST", 1, text, flags),
    ]


@pytest.mark.parametrize(
    ("seconds", "expiry"), [(0, None), (1700000000, "2023-11-14T22:13:20+00:00")], ids=["never", "later"]
)
def test_leases(seconds: int, expiry: Optional[str]) -> None:
    lease = {
        "iface": "virbr7",
        "expirytime": seconds,
        "type": 0,
        "mac": "52:54:00:00:00:01",
        "iaid": None,
        "ipaddr": "192.0.2.5",
        "prefix": 24,
        "hostname": None,
        "clientid": "01:52",
    }
    driver = _networks(networkLookupByName=lambda _name: SimpleNamespace(DHCPLeases=lambda: [lease]))
    assert driver.leases("lan") == [
        {
            "ip": "192.0.2.5",
            "prefix": 24,
            "mac": "52:54:00:00:00:01",
            "hostname": None,
            "client_id": "01:52",
            "iface": "virbr7",
            "expiry": expiry,
        }
    ]


# ---- guests


def _document(bridge: str, network: str = "") -> str:
    kind, of = ("network", f"network='{network}' ") if network else ("bridge", "")
    return (
        f"<domain><devices><interface type='{kind}'><mac address='52:54:00:00:00:01'/>"
        f"<source {of}bridge='{bridge}'/><target dev='vnet0'/></interface></devices></domain>"
    )


def _domain(name: str, running: str, stored: str = "<domain/>") -> Any:
    documents = {0: running, "VIR_DOMAIN_XML_INACTIVE": stored}
    return SimpleNamespace(name=lambda: name, XMLDesc=documents.__getitem__)


def _guests(monkeypatch: pytest.MonkeyPatch, *domains: Any, master: str = "virbr7") -> guests.Guests:
    monkeypatch.setattr(guests.links, "master_of", lambda _device: master)
    return guests.Guests(SimpleNamespace(listAllDomains=lambda _flags: list(domains)), local=True)


@pytest.mark.parametrize(("master", "connected"), [("virbr7", True), ("ovs-system", True), ("virbr8", False)])
def test_a_guest_is_connected_when_its_tap_is_on_the_bridge(
    monkeypatch: pytest.MonkeyPatch, master: str, connected: bool
) -> None:
    found = _guests(monkeypatch, _domain("g1", _document("virbr7", "lan")), master=master)
    assert found.of_network("lan", "virbr7") == (Guest("g1", "52:54:00:00:00:01", "vnet0", connected),)
    assert found.of_network("other", "virbr7") == ()


def test_a_guest_that_has_just_ended_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = SimpleNamespace(name=lambda: "g0", XMLDesc=_fail("VIR_ERR_NO_DOMAIN"))
    found = _guests(monkeypatch, ended, _domain("g1", _document("virbr7", "lan")))
    assert [guest.domain for guest in found.of_network("lan", "virbr7")] == ["g1"]


def test_a_guest_that_a_killed_run_left_on_the_parking_bridge_belongs_to_its_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = _document("", "lan")
    found = _guests(monkeypatch, _domain("g1", _document(guests.PARKING), stored), master=guests.PARKING)
    assert found.of_network("lan", guests.PARKING) == (Guest("g1", "52:54:00:00:00:01", "vnet0", False),)


def test_guests_are_read_once_until_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    running = [[], [_domain("g1", _document("b", "lan"))]]
    found = _guests(monkeypatch)
    found._connection.listAllDomains = lambda _flags: running.pop(0)
    assert found.of_network("lan", "b") == ()
    assert found.of_network("lan", "b") == ()
    found.forget()
    assert [guest.domain for guest in found.of_network("lan", "b")] == ["g1"]


def test_a_guest_is_reconnected_by_way_of_the_parking_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Any] = []
    domain = _domain("g1", _document("virbr7", "lan"))
    domain.updateDeviceFlags = lambda text, flags: done.append((re.findall("<source [^>]*>", text), flags))
    found = _guests(monkeypatch, domain, master="")
    found._connection.lookupByName = lambda _name: domain
    for name in ("add_bridge", "remove_empty_bridge"):
        monkeypatch.setattr(guests.links, name, lambda bridge, name=name: done.append((name, bridge)))
    monkeypatch.setattr(guests.links, "is_tap", lambda _device: True)
    monkeypatch.setattr(guests.links, "attach", lambda *args: done.append(("attach", *args)))
    guest = Guest("g1", "52:54:00:00:00:01", "vnet0", False)
    found.reconnect("lan", guest, "virbr7")
    assert done == [
        ("add_bridge", guests.PARKING),
        ([f'<source bridge="{guests.PARKING}"/>'], "VIR_DOMAIN_AFFECT_LIVE"),
        (['<source network="lan"/>'], "VIR_DOMAIN_AFFECT_LIVE"),
        ("remove_empty_bridge", guests.PARKING),
    ]
    done.clear()
    domain.updateDeviceFlags = _fail("VIR_ERR_OPERATION_UNSUPPORTED")
    found.reconnect("lan", guest, "virbr7")
    assert done[1:2] == [("attach", "vnet0", "virbr7")]
