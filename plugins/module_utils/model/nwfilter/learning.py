# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How libvirt finds out the address of a device that isn't given one, and where that ends libvirtd.

With CTRL_IP_LEARNING=dhcp libvirt notes each lease of a device in nwfilter.leases. With two addresses of one device in it, libvirtd
ends with SIGSEGV when it sets the filter, and again at each start (seen with 9.0 and 11.3).
"""

from __future__ import annotations

from typing import Optional

from ...errors import OptionError
from .facts import FilterFacts
from .options import Parameters
from .tree import LEARNING, value_of

WORDS = ("any", "dhcp", "none")
_BY_DHCP = "dhcp"


def check_learning(parameters: Parameters, mac: str, facts: FilterFacts) -> None:
    """Refuses a way to learn an address that libvirt doesn't have, or that would end libvirtd. Raises `OptionError`."""
    place = next((place for place, each in enumerate(parameters) if each.name == LEARNING), None)
    if place is None:
        return
    word = parameters[place].value or ""
    path = f"parameters[{place}].value"
    if word.lower() not in WORDS:
        raise OptionError(path, word, f"is unknown; use one of {', '.join(WORDS)}")
    problem = learning_problem(parameters, mac, facts)
    if problem:
        raise OptionError(path, word, problem)


def learning_problem(parameters: Parameters, mac: str, facts: FilterFacts) -> Optional[str]:
    """Returns why the address of a device can't be learnt by DHCP; ``None`` where it can, or isn't."""
    if value_of(parameters, LEARNING).lower() != _BY_DHCP or facts.driver.learnt_addresses(mac) < 2:
        return None
    return (
        f"can't be used for {mac}, as it has two addresses in /run/libvirt/network/nwfilter.leases, with which libvirtd would"
        " crash at each start; give the variable IP instead"
    )


def check_relearning(name: str, facts: FilterFacts) -> None:
    """Refuses to set a filter again for a device whose address is learnt by DHCP, where that would end libvirtd."""
    for binding in facts.affected(name):
        problem = learning_problem(binding.parameters, binding.mac, facts)
        if problem:
            raise OptionError("name", name, f"can't be changed for {binding.device}: {LEARNING} {problem}")
