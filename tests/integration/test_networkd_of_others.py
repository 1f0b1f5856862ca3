# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A host whose networkd sets up all that comes, by a file such as cloud images have: what it doesn't store, it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import converge
from integration.support.host import Host

MODULES = ("fabric",)
_FILES = "find /etc/systemd/network /run/systemd/network -name '*.network' 2>/dev/null | sort"
_NETWORKD = """set -e
printf '[Match]\\nName=eth*\\n[Link]\\nUnmanaged=yes\\n' >/etc/systemd/network/00-lab.network
printf '[Match]\\nType=ether\\n[Network]\\nDHCP=yes\\n' >/etc/systemd/network/20-all.network
systemctl start systemd-networkd
networkctl reload"""
_STOP = """systemctl stop systemd-networkd.socket systemd-networkd
rm -f /etc/systemd/network/00-lab.network /etc/systemd/network/20-all.network"""
_DECLARED: dict[str, Any] = {
    "veth_pairs": [
        {
            "name": "va",
            "addresses": ["10.9.1.1/24"],
            "routes": [{"to": "10.99.0.0/16", "via": "10.9.1.2"}],
            "peer": {"name": "vb", "bridge": "bb0"},
        }
    ],
    "bridges": [{"name": "bb0", "persist": "none", "addresses": ["10.9.2.1/24"]}],
    "taps": [{"name": "tt0", "persist": "none", "addresses": ["10.9.4.1/24"]}],
}
_LOOK = "for name in va bb0 tt0; do ip -4 -o address show dev $name; done; ip route show dev va; ip -o link show dev vb"


@pytest.fixture
def managed(clean: Host) -> Iterator[Host]:
    clean.shell(_NETWORKD)
    yield clean
    clean.shell(_STOP)


def _left_alone(host: Host) -> str:
    """Returns what the interfaces have some seconds after networkd has seen them."""
    host.shell("networkctl reload; sleep 2")
    states = {
        line.split()[1]: line.split()[-1] for line in host.shell("networkctl list --no-legend --no-pager").splitlines()
    }
    assert {states[name] for name in ("va", "vb", "tt0")} == {"unmanaged"}
    return host.shell(_LOOK)


@pytest.mark.each
def test_what_networkd_does_not_store(managed: Host) -> None:
    before = managed.shell(_FILES)
    converge(managed, _DECLARED, module="fabric", changed=True)
    look = _left_alone(managed)
    for words in ("10.9.1.1/24", "10.9.2.1/24", "10.9.4.1/24", "10.99.0.0/16 via 10.9.1.2", "master bb0"):
        assert words in look, look
    converge(managed, _DECLARED, module="fabric", changed=False)
    # as at a boot
    managed.shell("ip link delete va; systemctl restart virtnet-kvm-links")
    assert _left_alone(managed).splitlines()[0].split()[2:4] == ["inet", "10.9.1.1/24"]
    managed.shell("ip address del 10.9.4.1/24 dev tt0")
    converge(managed, _DECLARED, module="fabric", changed=True)
    gone = {kind: [{"name": items[0]["name"], "state": "absent"}] for kind, items in _DECLARED.items()}
    gone["taps"][0]["persist"] = gone["bridges"][0]["persist"] = "none"
    converge(managed, gone, module="fabric", changed=True)
    assert managed.shell(_FILES) == before
