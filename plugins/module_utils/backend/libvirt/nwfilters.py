# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's network filters and their bindings: read, defined, bound.

https://libvirt.org/html/libvirt-libvirt-nwfilter.html
"""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Optional

from ...errors import HostError
from ...model.nwfilter.facts import FilterDriver, GuestNic, StoredFilter
from ...model.nwfilter.options import HIGHEST, Binding, Filter, Rule
from ...model.nwfilter.tree import KernelRule
from ...xml.document import NotXmlError
from ...xml.nwfilter import guest_nics, parse_binding, parse_filter, render_binding, render_filter
from ..netlink import links
from ..nftables import filter_rules
from .binding import VirConnect, VirDomain
from .connection import libvirt_errors, libvirt_module

# virNWFilterSnoopLeaseFileWrite: "expiry uuid-mac address server"
_LEASES = "/run/libvirt/network/nwfilter.leases"
_BRIDGES = "/proc/sys/net/bridge/bridge-nf-call-{}"
_BRIDGE = "/sys/class/net/*/bridge/nf_call_{}"

# A rule without an effect: each packet goes on to the next rule.
_NOTHING = Rule("continue", "inout", HIGHEST)


class NwFilters(FilterDriver):
    """The filters of one connection; read once, and again after `forget`."""

    def __init__(self, connection: VirConnect, *, local: bool) -> None:
        self._connection = connection
        self._local = local
        self._was_up: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Forgets what was read, as something has been changed."""
        self._filters: Optional[dict[str, StoredFilter]] = None
        self._bindings: Optional[list[Binding]] = None
        self._nics: Optional[list[GuestNic]] = None
        self._rules: Optional[frozenset[KernelRule]] = None
        self._rules_read = False

    # -- reading -----------------------------------------------------------------------------------------------------

    def filters(self) -> Mapping[str, StoredFilter]:
        if self._filters is None:
            self._filters = {}
            with libvirt_errors("list the filters"):
                found = self._connection.listAllNWFilters(0)
            for each in found:
                # it has just been removed, or has a name that libvirt writes into the document without quoting it
                with contextlib.suppress(HostError, NotXmlError), libvirt_errors("read a filter"):
                    self._filters[each.name()] = StoredFilter(*parse_filter(each.XMLDesc(0)))
        return self._filters

    def bindings(self) -> Sequence[Binding]:
        if self._bindings is None:
            self._bindings = []
            with libvirt_errors("list the bindings of filters"):
                found = self._connection.listAllNWFilterBindings(0)
            for each in found:
                with contextlib.suppress(HostError), libvirt_errors("read a binding"):
                    self._bindings.append(parse_binding(each.XMLDesc(0)))
        return self._bindings

    def guest_nics(self) -> Sequence[GuestNic]:
        if self._nics is None:
            self._nics = []
            with libvirt_errors("list the guests"):
                domains = self._connection.listAllDomains(0)
            for domain in domains:
                with contextlib.suppress(HostError), libvirt_errors("read a guest's definition"):
                    self._nics += _nics(domain)
        return self._nics

    def kernel_rules(self) -> Optional[frozenset[KernelRule]]:
        if not self._rules_read:
            self._rules = filter_rules.read() if self._local else None
            self._rules_read = True
        return self._rules

    def device_exists(self, device: str) -> bool:
        return not self._local or links.exists(device)

    def device_is_up(self, device: str) -> bool:
        return self._local and links.is_up(device)

    def learnt_addresses(self, mac: str) -> int:
        try:
            with open(_LEASES, encoding="utf-8", errors="replace") as file:
                lines = [line.split() for line in file]
        except OSError:
            return 0
        return len({fields[2] for fields in lines if len(fields) > 2 and fields[1].lower().endswith(f"-{mac}")})

    def bridges_filtered(self, tool: str) -> Optional[bool]:
        if not self._local:
            return True
        found = [_is_on(path) for path in (_BRIDGES.format(tool), *glob.glob(_BRIDGE.format(tool)))]
        return None if found[0] is None else any(found)

    def _guarded(self) -> AbstractContextManager[None]:
        """Keeps guests filtered while libvirt sets filters, if there are any to be kept so."""
        return filter_rules.guarded() if self._local and self.bindings() else contextlib.nullcontext()

    # -- changing ----------------------------------------------------------------------------------------------------

    def define(self, definition: Filter, uuid: Optional[str]) -> None:
        with self._guarded(), libvirt_errors(f"define filter {definition.name}"):
            self._connection.nwfilterDefineXML(render_filter(definition, uuid))
        self.forget()

    def undefine(self, name: str) -> None:
        libvirt = libvirt_module()
        with libvirt_errors(f"remove filter {name}"):
            try:
                self._connection.nwfilterLookupByName(name).undefine()
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_NWFILTER:
                    raise
        self.forget()

    def rebuild(self, name: str) -> None:
        """Creates the rules of a filter again, by changing it and changing it back.

        libvirt does nothing for a definition that is the same as before (virNWFilterObjListAssignDef).
        """
        self.forget()
        stored = self.filters()[name]
        definition = stored.definition
        self.define(replace(definition, rules=(*definition.rules, _NOTHING)), stored.uuid)
        self.define(definition, stored.uuid)

    def bind(self, binding: Binding) -> None:
        with self._guarded(), libvirt_errors(f"bind {binding.device} to filter {binding.filter}"):
            self._connection.nwfilterBindingCreateXML(render_binding(binding), 0)
        self.forget()

    def unbind(self, device: str) -> None:
        libvirt = libvirt_module()
        with libvirt_errors(f"remove the binding of {device}"):
            try:
                self._connection.nwfilterBindingLookupByPortDev(device).delete()
            except libvirt.libvirtError as error:
                if error.get_error_code() != libvirt.VIR_ERR_NO_NWFILTER_BINDING:
                    raise
        self.forget()

    def rebind(self, binding: Binding) -> None:
        device = binding.device
        if self.device_is_up(device):
            self._was_up.add(device)
            _set_up(device, False)
        self.unbind(device)
        self.bind(binding)
        if device in self._was_up:
            self.bring_up(device)

    def bring_up(self, device: str) -> None:
        _set_up(device, True)
        self._was_up.discard(device)


def _is_on(path: str) -> Optional[bool]:
    """Returns whether a setting isn't 0; ``None`` where it isn't there."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip() != "0"
    except OSError:
        return None


def _nics(domain: VirDomain) -> list[GuestNic]:
    """Returns the NICs of a guest's running definition, and those of its stored one."""
    name, uuid, running = domain.name(), domain.UUIDString(), bool(domain.isActive())
    found = [GuestNic(name, uuid, *nic) for nic in guest_nics(domain.XMLDesc(0))] if running else []
    if domain.isPersistent():
        stored = guest_nics(domain.XMLDesc(libvirt_module().VIR_DOMAIN_XML_INACTIVE))
        found += [replace(GuestNic(name, uuid, *nic), device="") for nic in stored]
    return found


def _set_up(device: str, up: bool) -> None:
    from ...model.interface.options import Interface
    from ..netlink.interfaces import Interfaces

    with contextlib.closing(Interfaces()) as driver:
        driver.set(device, Interface(up=up))
