# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The tool that keeps what the modules have made agrees with it; reboots are in the scenario persist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge
from integration.support.host import Host

_HOME = "/etc/systemd/network"

# A host whose NIC `ens7` is systemd-networkd's, with a cable in it. What the lab itself comes by is not.
_NETWORKD = f"""set -e
printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >{_HOME}/00-lab.network
cat >{_HOME}/10-ens7.netdev <<'END'
[NetDev]
Name=ens7
Kind=veth
MACAddress=02:00:00:00:07:07
[Peer]
Name=cable7
MACAddress=02:00:00:00:07:08
END
printf '[Match]\\nName=cable7\\n[Network]\\nLinkLocalAddressing=no\\n' >{_HOME}/10-cable7.network
cat >{_HOME}/20-lan.network <<'END'
[Match]
Name=ens7
[Network]
Address=192.168.30.2/24
Address=fd00:30::2/64
[Route]
Destination=10.31.0.0/16
Gateway=192.168.30.1
Metric=50
END
systemctl enable --quiet systemd-networkd
systemctl restart systemd-networkd"""


@pytest.fixture
def networkd(clean: Host) -> Iterator[Host]:
    clean.shell(_NETWORKD)
    _managed(clean, "ens7")
    yield clean
    clean.shell("systemctl disable --quiet --now systemd-networkd.socket systemd-networkd")


def _managed(host: Host, *names: str) -> None:
    """networkd has set them up."""
    states = f"networkctl list --no-legend {' '.join(names)} | awk '{{print $NF}}' | sort -u"
    host.until(f'test "$({states})" = configured || {{ networkctl list; false; }}', 60)


_BRIDGE: dict[str, Any] = {
    "name": "br7", "adopt": "ens7", "ports": [{"name": "ens7", "cost": 7, "hairpin": True, "guard": True}],
    "ageing_time": 77, "forward_delay": 4, "priority": 4096, "mcast_snooping": False, "group_fwd_mask": 8,
}  # fmt: skip


@pytest.mark.each
def test_networkd_shows_them_managed(networkd: Host) -> None:
    users = {path: text for path, text in networkd.interfaces()["files"].items() if "virtnet" not in path}
    converge(networkd, _BRIDGE, module="linux_bridge", changed=True)
    _managed(networkd, "br7", "ens7")
    status = networkd.shell("networkctl status br7 ens7")
    for name in ("br7", "ens7"):
        assert f"{_HOME}/05-virtnet-kvm-{name}.network" in status, status
    # what somebody else adds stays
    networkd.shell("ip address add 192.168.33.3/32 dev br7")
    converge(networkd, {**_BRIDGE, "mcast_querier": True, "addresses": None}, module="linux_bridge", changed=True)
    assert "192.168.33.3/32" in networkd.shell("ip address show dev br7")
    files = networkd.interfaces()["files"]
    assert {path: files[path] for path in users} == users, "a user's file was touched"
    converge(networkd, {"name": "br7", "adopt": "ens7", "state": "absent"}, module="linux_bridge", changed=True)
    assert networkd.interfaces()["files"] == users
    _managed(networkd, "ens7")


def test_nothing_in_charge_is_said(clean: Host) -> None:
    made = clean.ok("linux_bridge", {"name": "br7"})
    assert made["persist"] == "none" and any("won't survive a reboot" in str(text) for text in made["warnings"])


_USERS_BRIDGE = f"""set -e
printf '[NetDev]\\nName=br7\\nKind=bridge\\n[Bridge]\\nSTP=no\\n' >{_HOME}/30-br7.netdev
printf '[Match]\\nName=br7\\n[Network]\\nConfigureWithoutCarrier=yes\\nAddress=192.168.37.2/24\\nDNS=192.168.37.9\\n' >{_HOME}/30-br7.network
systemctl restart systemd-networkd"""


def test_a_bridge_that_the_users_files_make_is_stored_beside_them(networkd: Host) -> None:
    """What is declared is another one after the tool makes the bridge again, and nothing else is."""
    networkd.shell(_USERS_BRIDGE)
    _managed(networkd, "br7")
    networkd.shell("ip address add 192.168.38.2/24 dev br7")  # nobody declares it
    before = networkd.interfaces()
    made = converge(networkd, {"name": "br7", "ageing_time": 0}, module="linux_bridge", changed=True)
    drop_in, remembered = f"{_HOME}/30-br7.netdev.d/50-virtnet-kvm-br7.conf", "/var/lib/virtnet.kvm/interfaces/br7"
    assert sorted(made["files"]) == [drop_in, remembered]
    after = networkd.interfaces()["files"]
    assert {path: after[path] for path in before["files"]} == before["files"], "a user's file was touched"
    assert after[drop_in].split("\n", 1)[1] == "[Bridge]\nAgeingTimeSec=0\n"
    # what a later task leaves out stays stored
    converge(networkd, {"name": "br7", "priority": 4096}, module="linux_bridge", changed=True)
    assert "AgeingTimeSec=0" in networkd.interfaces()["files"][drop_in]
    networkd.shell("ip link delete br7; systemctl restart systemd-networkd")
    _managed(networkd, "br7")
    again = networkd.interfaces()["interfaces"]["br7"]
    expected = dict(before["interfaces"]["br7"])
    expected["settings"] = {**expected["settings"], "ageing_time": 0, "priority": 4096}
    assert {key: again[key] for key in ("mac", "mtu", "up", "settings")} == {
        key: expected[key] for key in ("mac", "mtu", "up", "settings")
    }
    shown = networkd.shell("ip -o address show dev br7")
    assert "192.168.37.2/24" in shown and "192.168.38.2" not in shown
    gone = networkd.module("linux_bridge", {"name": "br7", "state": "absent"})  # networkd makes it again at once
    assert any(f"{_HOME}/30-br7.netdev makes it again" in str(text) for text in gone["warnings"])
    assert networkd.interfaces()["files"] == before["files"]


def test_what_nobody_has_declared_is_not_stored(networkd: Host) -> None:
    made = converge(networkd, {"name": "br8", "mtu": 1400}, module="linux_bridge", changed=True)
    networkd.shell("ip address add 192.168.38.2/24 dev br8")
    later = converge(networkd, {"name": "br8", "ageing_time": 60}, module="linux_bridge", changed=True)
    files = networkd.interfaces()["files"]
    text = "\n".join(files[path] for path in {*made["files"], *later["files"]})
    assert "MTUBytes=1400" in text and "AgeingTimeSec=60" in text and "192.168.38.2" not in text
    converge(networkd, {"name": "br8", "state": "absent"}, module="linux_bridge", changed=True)
