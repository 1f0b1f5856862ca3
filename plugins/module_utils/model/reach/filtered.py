# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network filter of probes: it is refused before anything is created, and each probe gives it its own address."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import OptionError
from ..nwfilter.binding_plan import owner_of
from ..nwfilter.options import Binding, Parameter, Parameters, normal_parameters
from ..nwfilter.tree import ADDRESS, Filters, given, lacking_variable, missing_variables
from .options import FilterRef


@dataclass(frozen=True)
class ProbeFilter:
    """A filter that can be used; ``needs_address``: the variable IP isn't given."""

    name: str
    parameters: Parameters
    needs_address: bool

    def binding(self, port: str, mac: str, address: str) -> Binding:
        """Returns the binding of a probe with this MAC address and IPv4 address (empty: it has none)."""
        own = (Parameter(ADDRESS, address),) if self.needs_address and address else ()
        return Binding(port, mac, self.name, normal_parameters((*self.parameters, *own)), owner_of(port))


def probe_filter(ref: FilterRef, filters: Filters) -> ProbeFilter:
    """Returns the filter of probes. Raises `OptionError`."""
    name, parameters = ref.filter or "", ref.parameters or ()
    if name not in filters:
        raise OptionError(
            "filterref.filter", name, "is no filter of libvirt; create it first, or use one of virsh nwfilter-list"
        )
    needs_address = ADDRESS in missing_variables(name, filters, given(parameters))
    missing = lacking_variable(
        name, filters, (*parameters, *((Parameter(ADDRESS, "0.0.0.0"),) if needs_address else ()))
    )
    if missing:
        raise OptionError(
            "filterref.parameters", None, f"is without the variable {missing}, which filter {name} needs; add it"
        )
    return ProbeFilter(name, parameters, needs_address)
