# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter of a guest NIC: what can't work, and what it means for the host."""

from __future__ import annotations

from typing import Optional

from ...errors import OptionError
from ..nwfilter.facts import FilterFacts, bridging_warning
from ..nwfilter.tree import LEARNING, lacking_variable, value_of
from .facts import GuestNicFacts
from .options import FilterRef, Nic, Source

_DHCP = "dhcp"


def check_filter(given: Nic, desired: Nic, before: Optional[Nic], facts: GuestNicFacts) -> None:
    """Refuses a filter that can't work with what the NIC has, or will have. Raises `OptionError`."""
    found, source = desired.filterref, desired.source or Source()
    if found is None:
        return
    if given.filterref is not None:
        _check_given(found, facts.world.facts(FilterFacts))
    if not facts.on_bridge(source):
        option, value = ("filterref.filter", found.filter) if given.filterref else ("source", None)
        problem = "can't be used with a macvtap, for which libvirt ignores filters; remove the filter, or use a bridge"
        raise OptionError(option, value, problem)
    if value_of(found.parameters or (), LEARNING).lower() != _DHCP:
        return
    if given.filterref is not None and given.filterref.parameters:
        raise OptionError(
            "filterref.parameters",
            LEARNING,
            "can't be dhcp, with which libvirtd ends with a segmentation fault once the NIC has had two addresses;"
            " give the parameter IP instead",
        )
    if before is not None and before.source != source:
        raise OptionError(
            "source",
            None,
            f"can't be changed while the filter has {LEARNING}=dhcp, as libvirtd then ends with a segmentation fault;"
            " give filterref.parameters with IP instead",
        )


def _check_given(found: FilterRef, facts: FilterFacts) -> None:
    name, parameters = found.filter, found.parameters or ()
    if not name:
        raise OptionError("filterref.filter", None, "is missing; give the name of a filter, or no parameters")
    if name not in facts.filters:
        raise OptionError(
            "filterref.filter", name, "is no filter of libvirt; create it first, or use one of virsh nwfilter-list"
        )
    missing = lacking_variable(name, facts.filters, parameters)
    if missing:
        raise OptionError(
            "filterref.parameters", None, f"is without the variable {missing}, which filter {name} needs; add it"
        )


def filter_warning(before: Optional[FilterRef], after: Optional[FilterRef], facts: GuestNicFacts) -> Optional[str]:
    """Returns what a filter that a NIC gets means for the other bridges of the host."""
    if after is None or not after.filter or (before is not None and before.filter == after.filter):
        return None
    filters = facts.world.facts(FilterFacts)
    return bridging_warning(after.filter, filters.filters, filters.driver)
