# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an active network lacks, although libvirt calls it active, and what repairs it. Pure: no I/O.

Other programs can remove what libvirt made for a network; libvirt doesn't notice that.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Fault(enum.Enum):
    """A kind of problem; its value is how it is shown."""

    BRIDGE = "bridge missing"
    BRIDGE_DOWN = "bridge down"
    NAME_TAKEN = "name of the bridge taken"
    ADDRESS = "address missing"
    DNSMASQ = "dnsmasq not running"
    PID_TAKEN = "process id of dnsmasq taken"
    PID_FILE = "pid file of dnsmasq stale"
    LEASES = "lease file not writable"
    FIREWALL = "firewall rules missing"


# libvirt makes these only when it starts the network.
BY_RESTART = frozenset({Fault.BRIDGE, Fault.BRIDGE_DOWN, Fault.ADDRESS, Fault.DNSMASQ})
# libvirt would remove or end what isn't the network's, when it stops it.
HAZARDS = {
    Fault.NAME_TAKEN: "libvirt would remove that interface; rename it first",
    Fault.PID_TAKEN: "libvirt would end that process; restart libvirtd or virtnetworkd first, which then starts dnsmasq",
}


@dataclass(frozen=True)
class Problem:
    """A problem of an active network; ``detail`` is what it is about, such as the address that is missing."""

    fault: Fault
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.fault.value}: {self.detail}" if self.detail else self.fault.value


def of(problems: Iterable[Problem], *faults: Fault) -> tuple[Problem, ...]:
    """Returns the problems that are of one of these kinds."""
    return tuple(problem for problem in problems if problem.fault in faults)
