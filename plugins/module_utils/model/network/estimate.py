# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""About how long steps take: whether a restart is faster than many live changes, and what check mode says of it.

The seconds are measured, with libvirt 9.0 and 11.3 and the iptables backend, see docs/benchmark.md. On other
hosts they are only of the same order.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...contract import Step
from .options import Network, mode_of
from .steps import ApplyUpdate, Reconnect, Restart, Start, Stop

# libvirt removes its firewall rules before such an update of a running network and adds them again (networkUpdate).
_FIREWALL = 0.55
_NEW_RULES = ("ip-dhcp-host", "ip-dhcp-range", "forward-interface")
_MODES_WITH_RULES = ("none", "nat", "route")
# It restarts dnsmasq for these; for the others dnsmasq reads its files again, at most.
_DNSMASQ = 0.2
_NEW_DNSMASQ = ("dns-txt", "dns-srv")
_START, _STOP = 0.4, 0.2
_RECONNECT = 0.1
_OTHER = 0.04  # what only changes the stored definition


def seconds(steps: Iterable[Step], network: Network) -> float:
    """Returns about how long steps for a network take, which runs like this."""
    rules = mode_of(network) in _MODES_WITH_RULES
    return sum(_step(step, rules=rules) for step in steps)


def _step(step: Step, *, rules: bool) -> float:
    if isinstance(step, ApplyUpdate) and step.live:
        if rules and step.update.section in _NEW_RULES:
            return _FIREWALL
        return _DNSMASQ if step.update.section in _NEW_DNSMASQ else _OTHER
    if isinstance(step, Restart):
        return _STOP + _START + len(step.guests) * _RECONNECT
    if isinstance(step, Start):
        return _START
    if isinstance(step, Stop):
        return _STOP
    return _RECONNECT if isinstance(step, Reconnect) else _OTHER
