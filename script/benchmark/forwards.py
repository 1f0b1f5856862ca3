# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The contestants of the port forwards' race: each makes N ports of a host lead to a guest, with its own means.

The bare script is one table with one map, loaded by nft. Ports are 10000 and up; there is no guest, as nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .race import Effort, Play, Race, Script, play

_GUEST = "192.168.122.10"
_MOST_IN_A_LOOP = 100  # a loop over 1,000 takes a quarter of an hour


def _ports(count: int) -> range:
    return range(10000, 10000 + count)


def _targets(count: int, last: int) -> dict[int, int]:
    """The ports of the guest, by those of the host; the last one is ``last``."""
    return {**dict.fromkeys(_ports(count), 80), _ports(count)[-1]: last}


def nat_portforward(count: int, last: int = 80) -> Play:
    forwards = [
        {"listen": {"port": str(port)}, "to": {"address": _GUEST, "port": to}}
        for port, to in _targets(count, last).items()
    ]
    return play({"virtnet.kvm.nat_portforward": {"name": "bench", "forwards": forwards}})


def iptables_loop(count: int, last: int = 80) -> Play | None:
    """ansible.builtin.iptables, a rule for each port: it translates, and doesn't pass libvirt's rules."""
    if count > _MOST_IN_A_LOOP:
        return None
    rule = {
        "table": "nat",
        "chain": "PREROUTING",
        "protocol": "tcp",
        "destination_port": "{{ item.port }}",
        "jump": "DNAT",
        "to_destination": f"{_GUEST}:{{{{ item.to }}}}",
    }
    loop = [{"port": str(port), "to": str(to)} for port, to in _targets(count, last).items()]
    return play({"ansible.builtin.iptables": rule, "loop": loop})


def bare(count: int, last: int = 80) -> Script:
    elements = ", ".join(f"{port} : {_GUEST} . {to}" for port, to in _targets(count, last).items())
    text = f"""table ip bench
delete table ip bench
table ip bench {{
  map to {{ type inet_service : ipv4_addr . inet_service; elements = {{ {elements} }} }}
  chain prerouting {{
    type nat hook prerouting priority -105; policy accept;
    fib daddr type local meta l4proto tcp dnat ip to tcp dport map @to
  }}
}}
"""
    return Script("nft -f -", text)


_CLEAN = """
nft delete table ip bench
iptables -t nat -S PREROUTING | sed -n 's/^-A \\(.*--dport 1[0-9]* .*\\)/-D \\1/p' | while read -r rule; do iptables -t nat $rule; done
systemctl disable --quiet --now virtnet-kvm-firewall
rm -rf /etc/virtnet.kvm /usr/local/lib/virtnet.kvm /etc/libvirt/hooks/network.d/virtnet-kvm
nft delete table inet virtnet_fwd_bench
nft delete table inet virtnet_base
rm -f /etc/systemd/system/virtnet-kvm-firewall.service
exit 0
"""

_CONTESTANTS: dict[str, Callable[..., Effort | None]] = {
    "bare `nft -f`": bare,
    "`nat_portforward`": nat_portforward,
    "ansible.builtin.iptables in a loop": iptables_loop,
}

FORWARDS = Race(
    unit="port forward",
    base="bare `nft -f`",
    contestants=_CONTESTANTS,
    clean=Script("bash -s 2>/dev/null", _CLEAN),
    start={"virtnet.kvm.nat_portforward": {"name": "bench", "state": "absent"}},
    changed={name: partial(contestant, last=81) for name, contestant in _CONTESTANTS.items()},
)
