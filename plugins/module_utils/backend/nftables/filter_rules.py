# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that libvirt has made for filters of devices, by ebtables, iptables and ip6tables (nwfilter_ebiptables_driver.c).

What is looked for is how packets of a device get to its rules, and that there are any: libvirt's chains, and the jumps to them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError
from ...model.nwfilter.protocols import EBTABLES, IP6TABLES, IPTABLES
from ...model.nwfilter.tree import KernelRule
from ..os import commands

# Since libvirt can have nftables do it, this file says so.
_CONFIGURATION = "/etc/libvirt/nwfilter.conf"

_DOING = "list the rules of filters"
# From a guest, and to it: the chain of a device that PREROUTING and POSTROUTING lead to.
_CHAINS = {"out": ("i", "I"), "in": ("o", "O")}
# Without libvirt-in-post, which accepts what has passed libvirt-in.
_GUARDED = (("FORWARD", "libvirt-in"), ("FORWARD", "libvirt-out"), ("INPUT", "libvirt-host-in"))
_COMMENT = ("-m", "comment", "--comment", "virtnet.kvm")
_JUMPS = ("-A FORWARD -j libvirt-in", "-A FORWARD -j libvirt-out", "-A INPUT -j libvirt-host-in")


def read() -> Optional[frozenset[KernelRule]]:
    """Returns the rules by tool, device and direction; ``None`` where they can't be seen."""
    if os.geteuid() != 0 or not _by_iptables():
        return None
    try:
        found = parse_ebtables(commands.run(_DOING, "ebtables", "-t", "nat", "-L"))
        for tool in (IPTABLES, IP6TABLES):
            found |= parse_iptables(tool, commands.run(_DOING, f"{tool}-save", "-t", "filter"))
    except HostError:
        return None
    return found


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Keeps all guests filtered while libvirt sets a filter.

    Each time, libvirt removes the jumps from FORWARD and INPUT to the rules of all guests, and creates them again
    (iptablesCreateBaseChains); for some 40 ms there is no rule of iptables for any guest. Jumps of ours stay meanwhile. They have a
    comment, so that libvirt doesn't remove them in place of its own.
    """
    _remove_guards()
    for tool in (IPTABLES, IP6TABLES):
        for chain, target in reversed(_GUARDED):
            with contextlib.suppress(HostError):  # libvirt has no such chain yet, so that there is nothing to guard
                commands.run(_DOING, tool, "-w", "-I", chain, *_COMMENT, "-j", target)
    try:
        yield
    finally:
        _remove_guards()


def _remove_guards() -> None:
    """Removes the jumps of ours, also those of a run that was killed."""
    for tool in (IPTABLES, IP6TABLES):
        for chain, target in _GUARDED:
            with contextlib.suppress(HostError):
                while True:
                    commands.run(_DOING, tool, "-w", "-D", chain, *_COMMENT, "-j", target)


def _by_iptables() -> bool:
    try:
        with open(_CONFIGURATION, encoding="utf-8", errors="replace") as file:
            return re.search(r'^\s*firewall_backend\s*=\s*"iptables"', file.read(), re.MULTILINE) is not None
    except OSError:
        return True


def parse_ebtables(text: str) -> frozenset[KernelRule]:
    """Returns what ``ebtables -t nat -L`` shows: a jump such as ``-i vnet0 -j libvirt-I-vnet0``, to a chain that isn't empty."""
    filled = set(re.findall(r"^Bridge chain: (\S+), entries: [1-9]", text, re.MULTILINE))
    found = set()
    for direction, (option, letter) in _CHAINS.items():
        for device in re.findall(rf"^-{option} (\S+) -j libvirt-{letter}-\S+", text, re.MULTILINE):
            if f"libvirt-{letter}-{device}" in filled:
                found.add(KernelRule(EBTABLES, device, direction))
    return frozenset(found)


def parse_iptables(tool: str, text: str) -> frozenset[KernelRule]:
    """Returns what ``iptables-save`` shows: ``-A libvirt-in -m physdev --physdev-in vnet0 -g FI-vnet0``, and the jumps to that."""
    lines = {line.strip() for line in text.splitlines()}
    if not lines.issuperset(_JUMPS):
        return frozenset()
    devices = re.findall(r"^-A libvirt-in -m physdev --physdev-in (\S+) -g FI-\S+", text, re.MULTILINE)
    return frozenset(KernelRule(tool, device) for device in devices)
