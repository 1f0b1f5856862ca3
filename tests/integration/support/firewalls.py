# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Firewalls of others on a host: how they are started and stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from .host import Host


@dataclass(frozen=True)
class Firewall:
    """A firewall of a host: how it is started and stopped, and what may happen to it."""

    start: str
    stop: str
    events: tuple[str, ...] = ()


# An old firewalld has no rules yet when it has started.
LOADED = "until nft list chain inet firewalld filter_FORWARD 2>&1 | grep -q reject; do sleep 0.1; done"
FIREWALLS = {
    "firewalld": Firewall(
        start=f"systemctl start firewalld; {LOADED}",
        # Debian 12's removes all that iptables has, libvirt's rules too.
        stop="systemctl stop firewalld; rm -rf /etc/firewalld/zones/* /etc/firewalld/policies/*;"
        " iptables -S FORWARD | grep -q LIBVIRT_ || systemctl restart libvirtd",
        events=(
            "firewall-cmd -q --reload",
            "systemctl restart firewalld",
            "systemctl stop firewalld",
            "systemctl start firewalld",
            # as at boot, when libvirt misses that firewalld starts
            "timeout 10 bash -c 'until firewall-cmd -q --zone=libvirt --remove-interface=virbr-lan; do sleep 0.2; done'",
        ),
    ),
    "ufw": Firewall(
        start="iptables-save >/run/rules4; ip6tables-save >/run/rules6; ufw allow ssh; ufw --force enable",
        # it leaves empty chains
        stop="ufw --force reset; rm -f /etc/ufw/*.rules.*; iptables-restore /run/rules4; ip6tables-restore /run/rules6",
        events=("ufw reload", "ufw disable", "ufw --force enable"),
    ),
}
# Its policy of IPv6's chain is what newer ones set by themselves.
DOCKER = Firewall(
    start="iptables-save >/run/rules4; systemctl start docker; ip6tables -P FORWARD DROP",
    stop="docker rm --force $(docker ps --all --quiet); docker image prune --all --force; systemctl stop docker docker.socket containerd;"
    " ip link delete docker0; iptables-restore /run/rules4; ip6tables -P FORWARD ACCEPT;"
    # what is saved of a table that isn't there restores nothing
    " for table in filter nat; do grep -q ^.$table /run/rules4 || nft delete table ip $table; done",
    events=("systemctl restart docker", "virsh net-destroy other; virsh net-start other"),
)


@contextlib.contextmanager
def running_firewall(host: Host, firewall: Firewall) -> Iterator[None]:
    """The firewall runs, and is gone at the end with all of its rules."""
    try:
        host.shell(firewall.start)
        yield
    finally:
        host.shell(firewall.stop)
