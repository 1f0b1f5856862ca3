# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests with the complete list of their NICs, as the playbooks and the role take them, become options of the module `fabric`.

The code is pure: it takes lists, and returns dicts or raises an `OptionError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, under
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import argument_spec
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.options import Nic

_FORM = "[{name: web1, nics: [{network: lan}]}]"
_GUEST = ("name", "nics", "replug", "replug_timeout", "flap")
_BEHAVIOUR = ("replug", "replug_timeout", "flap")
_SOURCE = ("network", "portgroup", "bridge", "dev", "mode")
_KEYS = ("mac", "alias")


def guest_nics(given: Any, variable: str) -> list[dict[str, Any]]:
    """Returns the list ``guest_nics`` of `fabric` for a list of guests. Raises `OptionError`.

    The NICs of a guest are all that it has. A guest that the host doesn't have is ignored.
    """
    found: list[dict[str, Any]] = []
    names: set[str] = set()
    for place, guest in enumerate(_list(given, variable, _FORM)):
        with under(f"{variable}[{place}]"):
            if not isinstance(guest, Mapping):
                raise OptionError("", guest, f"is not a guest; write the list as {_FORM}")
            found.extend(_guest(guest, names))
    return found


def _list(given: Any, option: str, form: str) -> Sequence[Any]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise OptionError(option, given, f"is not a list; write it as {form}")
    return given


def _guest(given: Mapping[str, Any], names: set[str]) -> list[dict[str, Any]]:
    for option in given:
        if option not in _GUEST:
            raise OptionError(
                str(option), given[option], f"is no option of a guest; the options are {', '.join(_GUEST)}"
            )
    for option in ("name", "nics"):
        if given.get(option) is None:
            raise OptionError(option, None, "is missing; give it")
    name = str(given["name"])
    if name in names:
        raise OptionError("name", name, "is already in the list; declare a guest once")
    names.add(name)
    common = {option: given[option] for option in _BEHAVIOUR if given.get(option) is not None}
    common = {"name": name, **common, "guest_missing": "ignore"}
    nics = _list(given["nics"], "nics", "[{network: lan}]")
    items = []
    for place, nic in enumerate(nics):
        with under(f"nics[{place}]"):
            if not isinstance(nic, Mapping):
                raise OptionError("", nic, "is not a NIC; write the list as [{network: lan}]")
            if len(nics) > 1 and not any(nic.get(key) for key in _KEYS):
                raise OptionError("alias", None, "is missing, as the guest has several NICs; give alias or mac")
            items.append({**common, **_nic(nic)})
    if not items:
        return [{**common, "state": "absent", "exclusive": True}]
    items[0]["exclusive"] = True
    return items


def _nic(given: Mapping[str, Any]) -> dict[str, Any]:
    options = [*argument_spec(Nic), *_BEHAVIOUR]
    found = {option: value for option, value in given.items() if value is not None}
    for option in found:
        if option not in (*options, *_SOURCE, "filter", "parameters"):
            raise OptionError(
                str(option), found[option], f"is no option of a NIC; the options are {', '.join(options)}"
            )
    source = {option: found.pop(option) for option in _SOURCE if option in found}
    if source:
        if "source" in found:
            option = next(iter(source))
            raise OptionError(option, source[option], "can't be given together with source; leave out one")
        found["source"] = source
    if "filter" in found or "parameters" in found:
        if "filterref" in found:
            raise OptionError("filter", found.get("filter"), "can't be given together with filterref; leave out one")
        found["filterref"] = _filterref(found.pop("filter", None), found.pop("parameters", None))
    return found


def _filterref(name: Any, parameters: Any) -> dict[str, Any]:
    """Returns ``filterref`` for the name of a filter, and parameters by their names; each has a value or a list of values."""
    if name == "" and not parameters:
        return {}
    found: dict[str, Any] = {} if name is None else {"filter": str(name)}
    if parameters is None:
        return found
    if not isinstance(parameters, Mapping):
        raise OptionError("parameters", parameters, "is not a dict; write it as {IP: 192.168.150.10}")
    values: list[dict[str, str]] = []
    for variable, value in parameters.items():
        several = isinstance(value, Sequence) and not isinstance(value, str)
        values.extend({"name": str(variable), "value": str(each)} for each in (value if several else [value]))
    return {**found, "parameters": values}
