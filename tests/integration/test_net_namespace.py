# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The life of a network namespace: created as `ip netns add` does it, changed, in use, stored, undone, removed."""

from __future__ import annotations

from typing import Any

import pytest

from integration.support.checks import converge, refused
from integration.support.host import Host

MODULES = ("net_namespace", "net_namespace_info")

FILE = "/etc/virtnet.kvm/links.d/10-namespace-red"
UNIT = "virtnet-kvm-links.service"


def _red(host: Host, *, changed: bool | None = True, **options: Any) -> dict[str, Any]:
    return converge(host, {"name": "red", **options}, module="net_namespace", changed=changed)


def _sysctl(host: Host, path: str) -> str:
    return host.shell(f"ip netns exec red cat /proc/sys/net/{path}").strip()


def test_its_life(clean: Host) -> None:
    before = clean.interfaces()
    made = _red(clean)
    assert made["method"] == "created" and made["persist"] == "systemd" and FILE in made["files"]
    assert made["before"] == {"name": "red", "state": "absent"}
    assert "red" in clean.shell("ip netns list").split()
    assert clean.can("ip netns exec red ping -n -c 1 -W 1 127.0.0.1")
    assert clean.interfaces("red")["interfaces"].keys() == {"lo"}
    forwards = _red(clean, ipv4_forwarding=True, ipv6_forwarding=True)
    assert forwards["method"] == "changed" and forwards["namespace"]["definition"]["ipv4_forwarding"] is True
    assert (_sysctl(clean, "ipv4/ip_forward"), _sysctl(clean, "ipv6/conf/all/forwarding")) == ("1", "1")
    # what is left out stays
    down = _red(clean, loopback=False)
    assert _sysctl(clean, "ipv4/ip_forward") == "1" and not clean.can("ip -n red -br link show up | grep -w lo")
    assert "ip_forward" in down["after"]["files"][FILE]
    assert _red(clean, state="absent")["method"] == "removed"
    assert clean.interfaces() == before
    assert not clean.can("test -e /run/netns/red") and not clean.can(f"systemctl cat {UNIT}")
    _red(clean, state="absent", changed=False)


def test_created_again_at_boot(clean: Host) -> None:
    """The unit has what tasks have declared, and nothing of what they left out."""
    _red(clean, ipv4_forwarding=True)
    assert clean.can(f"systemctl is-enabled {UNIT}")
    clean.shell(f"ip netns delete red; systemctl restart {UNIT}")
    assert _sysctl(clean, "ipv4/ip_forward") == "1"
    _red(clean, changed=False)
    # it is repaired where it is gone, and its file where it was changed
    clean.shell("ip netns delete red")
    assert _red(clean, ipv4_forwarding=True)["method"] == "created"
    clean.shell(f"echo '# mine' >>{FILE}")
    assert _red(clean)["files"] == [FILE]
    # not stored: what there is stays as it is
    _red(clean, persist="none", ipv4_forwarding=False)
    assert "echo 1 " in clean.shell(f"cat {FILE}")
    _red(clean, state="absent")


def test_what_others_have_created(clean: Host) -> None:
    """A namespace of `ip netns` is changed, and a file without a namespace, which a crash leaves, is put right."""
    clean.shell("ip netns add red")
    stored = _red(clean)
    assert stored["method"] == "changed" and stored["after"]["loopback"] is False
    assert "lo up" not in stored["after"]["files"][FILE]
    clean.shell("ip netns delete red; touch /run/netns/red")
    assert _red(clean, persist="none")["method"] == "created"


def test_in_use(clean: Host) -> None:
    """What somebody uses is not removed, and it is said what that is."""
    _red(clean)
    absent = {"name": "red", "state": "absent"}
    clean.shell("ip -n red link add x7 type veth peer name y7")
    refused(clean, absent, "x7, y7", module="net_namespace", option="name")
    clean.shell("ip -n red link delete x7; ip netns exec red sleep 100 >/dev/null 2>&1 & sleep 0.2")
    refused(clean, absent, "sleep (", module="net_namespace", option="name")
    info = clean.ok("net_namespace_info", {"name": ["red", "nobody"]})["namespaces"]
    assert [each["name"] for each in info] == ["red"]
    assert [process["command"] for process in info[0]["processes"]] == ["sleep"]
    clean.shell(f"kill {info[0]['processes'][0]['pid']}; sleep 0.2")
    _red(clean, state="absent")


def test_undone(clean: Host) -> None:
    """A step that fails leaves no namespace, and the very same one where it was to be removed."""
    fault = {"name": "write", "at": 1, "when": "before", "error": "no space left"}
    failed = clean.module("net_namespace", {"name": "red", "ipv4_forwarding": True}, fault=fault)
    assert failed["failed"] and "the host is as it was" in failed["msg"]
    assert not clean.can("test -e /run/netns/red")
    _red(clean)
    clean.shell("ip netns exec red sh -c 'echo 77 >/proc/sys/net/ipv4/ip_default_ttl'")
    node = clean.shell("stat -L -c %i /run/netns/red")
    failed = clean.module("net_namespace", {"name": "red", "state": "absent"}, fault=fault)
    assert failed["failed"] and "the host is as it was" in failed["msg"]
    assert clean.shell("stat -L -c %i /run/netns/red") == node
    assert _sysctl(clean, "ipv4/ip_default_ttl") == "77"
    _red(clean, state="absent")


@pytest.mark.parametrize("name", ["n" * 129, "a/b", "a b", "..", "-n"])
def test_names(clean: Host, name: str) -> None:
    refused(clean, {"name": name}, "network namespace", "128", module="net_namespace", option="name")
