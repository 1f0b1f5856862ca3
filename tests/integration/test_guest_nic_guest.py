# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What a running guest has of a change of its NIC: a new lease after a move, a filter that holds, a NIC that comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.support.bare_guests import parts
from integration.support.checks import converge
from integration.support.guests import guest_on, reaches
from integration.support.host import Host
from integration.support.networks import ips, lan
from lab.guest import Guest

MODULES = ("guest_nic", "guest_nic_info")
pytestmark = pytest.mark.each

# What a DHCP client such as networkd does: it asks again when the carrier has gone and is there again.
_WATCH = """
seen=$(cat /sys/class/net/eth0/carrier_changes)
while usleep 100000; do
    now=$(cat /sys/class/net/eth0/carrier_changes) up=$(cat /sys/class/net/eth0/carrier)
    test "$up" = 1 && test "$now" != "$seen" || continue
    seen=$now; kill -USR2 $(cat /run/udhcpc.pid); usleep 100000; kill -USR1 $(cat /run/udhcpc.pid)
done
"""


@pytest.fixture(scope="module")
def guest(host: Host) -> Iterator[Guest]:
    other = lan(name="cluster", bridge={"name": "virbr-cluster", "stp": False}, ips=ips(151))
    host.ok("fabric", {"networks": [lan(), other]})
    with guest_on(host, "lan") as found:
        yield found
    host.clean()


def test_a_move_brings_a_new_lease(host: Host, guest: Guest) -> None:
    guest.check(f"cat >/run/watch <<'END'\n{_WATCH}\nEND\nsh /run/watch >/dev/null 2>&1 </dev/null &")
    assert guest.lease().startswith("192.168.150.")
    result = converge(host, {"name": "g1", "source": {"network": "cluster"}}, module="guest_nic", changed=True)
    assert result["method"] == "updated" and result["pending"] == []
    guest.until("grep -q ^192.168.151. /run/lease")
    reaches(host, guest.lease())
    (found,) = host.ok("guest_nic_info", {"name": ["g1"]})["guest_nics"]
    addresses = {each["address"]: each["source"] for each in found["addresses"]}
    assert addresses[guest.lease()] in ("lease", "arp") and found["counters"]["rx_packets"] > 0
    assert found["device"] == guest.ifname()


def test_a_filter_that_changes_is_never_open(host: Host, guest: Guest) -> None:
    """Two filters that both drop pings, one after the other, under a flood of them: none comes back."""
    for name, deny in (("vt-one", "icmp"), ("vt-two", "all")):
        rule = f"<rule action='drop' direction='in' priority='100'><{deny}/></rule>"
        host.shell("virsh nwfilter-define /dev/stdin", input=f"<filter name='{name}' chain='root'>{rule}</filter>")
    reaches(host, address := guest.lease())
    converge(host, {"name": "g1", "filterref": {"filter": "vt-one"}}, module="guest_nic", changed=True)
    assert not host.can(f"ping -n -c 2 -i 0.2 -W 1 {address}")
    log = "/run/virtnet-test.flood"
    flood = host.shell(f"ping -n -i 0.01 {address} >{log} 2>&1 </dev/null & echo $!").strip()
    result = host.ok("guest_nic", {"name": "g1", "filterref": {"filter": "vt-two"}})
    assert result["method"] == "updated"
    host.shell(f"kill -INT {flood}")
    host.until(f"! kill -0 {flood}")
    said = host.shell(f"cat {log}")
    assert " 0 received" in said and int(said.split(" packets transmitted")[0].split()[-1]) > 20, said
    converge(host, {"name": "g1", "filterref": {}}, module="guest_nic", changed=True)
    reaches(host, address)
    host.shell("virsh nwfilter-undefine vt-one; virsh nwfilter-undefine vt-two")


def test_a_replug(host: Host, guest: Guest) -> None:
    """The guest releases the NIC, and has it again at the same place with the other MTU."""
    slot = "basename $(dirname $(readlink -f /sys/class/net/eth0/device))"
    before = guest.check(slot)
    result = converge(host, {"name": "g1", "mtu": 1300}, module="guest_nic", changed=True)
    assert result["method"] == "replugged" and result["pending"] == []
    guest.until("test $(cat /sys/class/net/eth0/mtu) = 1300")
    assert guest.check(slot) == before
    assert parts(host, "g1", "mtu/@size", live=True) == ["1300"]

    # QEMU can't read that file, so that the NIC is attached as it was
    broken = {"name": "g1", "mtu": 1200, "rom": {"enabled": True, "file": "/nonexistent"}}
    failed = host.module("guest_nic", broken)
    assert failed.get("failed") and "the host is as it was" in failed["msg"], failed
    guest.until("test $(cat /sys/class/net/eth0/mtu) = 1300")
    for live in (False, True):
        assert parts(host, "g1", "mtu/@size", live=live) == ["1300"]

    second = {"name": "g1", "alias": "ua-two", "source": {"network": "lan"}}
    assert converge(host, second, module="guest_nic", changed=True)["method"] == "created"
    guest.until("test -e /sys/class/net/eth1")
    converge(host, {**second, "state": "absent"}, module="guest_nic", changed=True)
    guest.until("! test -e /sys/class/net/eth1")
