# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The role for guests: what getaddrinfo prefers in a guest with a unique local address, and its resolver.

The host stands for a guest with glibc. It is asked in the namespace `outer`, which has the addresses of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.host import Host
from integration.support.networks import lan
from integration.support.plays import Played, play
from integration.support.wires import OUTER

ROLE = "virtnet.kvm.guest_ipv6_preference"
_GUEST = f"""{OUTER}
ip -n outer route add default via 192.168.30.2
ip -n outer route add default via fd00:30::2
cp -p /etc/hosts /run/hosts.saved; cp -p /etc/gai.conf /run/gai.saved 2>/dev/null || true
printf '2001:db8:1::1 both.test\\n203.0.113.5 both.test\\nfd00:40::1 private.test\\n192.168.40.1 private.test\\n' >>/etc/hosts"""
_RESTORE = (
    "cat /run/hosts.saved >/etc/hosts; rm -f /run/hosts.saved /etc/gai.conf /etc/.resolv.conf.virtnet-kvm-saved;"
    " test ! -e /run/gai.saved || mv /run/gai.saved /etc/gai.conf"
)
_ORDER = """ip netns exec outer python3 -c 'import socket
for name in ("both.test", "private.test"):
    print(*(found[4][0] for found in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)))'"""
IPV4_FIRST = ["203.0.113.5 2001:db8:1::1", "fd00:40::1 192.168.40.1"]
IPV6_FIRST = ["2001:db8:1::1 203.0.113.5", "fd00:40::1 192.168.40.1"]
_SUM = "cat /etc/gai.conf 2>/dev/null | md5sum"


@pytest.fixture
def guest(clean: Host) -> Iterator[Host]:
    clean.shell(_GUEST)
    yield clean
    clean.shell(_RESTORE)


def _role(host: Host, state: str = "present", *arguments: str, fails: bool = False, **variables: Any) -> Played:
    plays = [{"hosts": "all", "gather_facts": False, "become": True, "roles": [ROLE]}]
    given = {"state": state, **variables}
    return play(
        host, plays, {f"guest_ipv6_preference_{key}": each for key, each in given.items()}, *arguments, fails=fails
    )


def _same(host: Host, look: str, state: str = "present", **variables: Any) -> None:
    """Check mode changes nothing and says how many tasks will; a second run changes nothing."""
    before = host.shell(look)
    said = _role(host, state, "--check", "--diff", **variables)
    assert host.shell(look) == before, "check mode has changed the guest"
    came = _role(host, state, **variables)
    assert said.changed == came.changed > 0
    assert _role(host, state, **variables).changed == 0


def _order(host: Host) -> list[str]:
    return host.shell(_ORDER).splitlines()


@pytest.mark.once
def test_the_label(guest: Host) -> None:
    """A name with both families is first asked for by IPv6; without the role all is as before."""
    before = guest.shell(_SUM)
    assert _order(guest) == IPV4_FIRST
    _same(guest, _SUM)
    assert _order(guest) == IPV6_FIRST
    _same(guest, _SUM, "absent")
    assert _order(guest) == IPV4_FIRST and guest.shell(_SUM) == before


@pytest.mark.once("bookworm")
def test_files_of_the_guest(guest: Host) -> None:
    """Without a file one comes and goes; the user's labels are not overridden, and the user's other lines stay."""
    guest.shell("rm -f /etc/gai.conf")
    _same(guest, "ls -l /etc/gai.conf 2>&1 || true")
    assert _order(guest) == IPV6_FIRST and guest.shell("stat -c %a /etc/gai.conf").strip() == "644"
    _same(guest, "ls -l /etc/gai.conf 2>&1 || true", "absent")
    assert not guest.can("test -e /etc/gai.conf")
    guest.shell("printf 'label fc00::/7 9\\n' >/etc/gai.conf")
    refused = _role(guest, fails=True)
    assert "/etc/gai.conf has lines with labels that this role hasn't written" in refused.done.stdout
    guest.shell("printf '# mine\\nprecedence ::/0 40\\n' >/etc/gai.conf; chmod 640 /etc/gai.conf")
    _same(guest, _SUM)
    assert guest.shell("stat -c %a /etc/gai.conf").strip() == "640"
    _same(guest, _SUM, "absent")
    assert guest.shell("cat /etc/gai.conf") == "# mine\nprecedence ::/0 40\n"


_RESOLV = "cat /etc/resolv.conf /etc/systemd/resolved.conf.d/*virtnet* 2>/dev/null; ls -a /etc; true"


@pytest.fixture
def resolver(guest: Host) -> Iterator[Host]:
    """The file can be replaced, as in a guest, and is the host's again afterwards."""
    guest.shell(
        "cp -P /etc/resolv.conf /run/resolv.saved 2>/dev/null || touch /run/resolv.saved; umount /etc/resolv.conf 2>/dev/null;"
        " rm -f /etc/resolv.conf; printf 'nameserver 192.0.2.53\\n' >/etc/resolv.conf"
    )
    yield guest
    guest.shell(
        "rm -f /etc/resolv.conf; mv /run/resolv.saved /etc/resolv.conf; rm -rf /etc/systemd/resolved.conf.d /run/systemd/resolve"
    )


@pytest.mark.once("bookworm")
def test_the_resolver(resolver: Host) -> None:
    asked: dict[str, Any] = {"nameservers": ["192.168.150.1", "fd00:150::1"], "search": ["lan.example.com"]}
    _same(resolver, _RESOLV, **asked)
    assert resolver.shell("sed 1d /etc/resolv.conf") == (
        "search lan.example.com\nnameserver 192.168.150.1\nnameserver fd00:150::1\n"
    )
    # left out, it stays
    assert _role(resolver).changed == 0 and resolver.can("grep 192.168.150.1 /etc/resolv.conf")
    _same(resolver, _RESOLV, nameservers=["192.168.150.2"], search=[])
    assert resolver.shell("sed 1d /etc/resolv.conf") == "nameserver 192.168.150.2\n"
    _same(resolver, _RESOLV, "absent")
    assert resolver.shell("cat /etc/resolv.conf") == "nameserver 192.0.2.53\n"
    resolver.shell("ln -sf /run/resolvconf/resolv.conf /etc/resolv.conf")
    failed = _role(resolver, fails=True, **asked)
    assert "/etc/resolv.conf is a link to /run/resolvconf/resolv.conf" in failed.done.stdout


@pytest.mark.kernel
def test_the_resolver_of_systemd(resolver: Host) -> None:
    """A drop-in, and a restart of the service, which then asks the network's own server."""
    resolver.ok(
        "fabric", {"networks": [lan(dns={"hosts": [{"ip": "192.168.150.9", "names": ["web.lan.example.com"]}]})]}
    )
    resolver.shell("systemctl start systemd-resolved; ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf")
    try:
        assert not resolver.can("getent hosts web.lan.example.com")
        _same(resolver, _RESOLV, nameservers=["192.168.150.1"], search=["lan.example.com"])
        drop_in = "/etc/systemd/resolved.conf.d/90-virtnet-kvm.conf"
        assert resolver.shell(f"sed 1d {drop_in}") == "[Resolve]\nDNS=192.168.150.1\nDomains=lan.example.com ~.\n"
        assert resolver.shell("getent hosts web").split() == ["192.168.150.9", "web.lan.example.com"]
        assert resolver.can("test -L /etc/resolv.conf")
        _same(resolver, _RESOLV, nameservers=[], search=[])
        assert not resolver.can(f"test -e {drop_in}") and not resolver.can("getent hosts web.lan.example.com")
    finally:
        resolver.shell("systemctl stop systemd-resolved")
