# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of firewall rules as the playbooks and roles take them, with short forms, become options of the module `fabric`.

The code is pure: it takes lists, and returns dicts or raises an `OptionError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, under

# The set that belongs to the variables of the playbooks. Tasks of a user's own use other sets.
SET = "site"

_PORT = re.compile(r"(?:(?P<address>.*):)?(?P<port>\d+(?:-\d+)?)(?:/(?P<protocol>\w+))?")
_IPV4 = re.compile(r"[0-9.]+")
_FORWARD = ("listen", "to", "sources", "log", "log_prefix", "helper")
_LISTEN = ("address", "port", "protocol")
_TARGET = ("guest", "network", "address", "port")
_OUTBOUND = ("source", "to", "ports", "interface")
_POLICY = ("source", "to", "action", "services", "allow", "deny", "reject", "family", "default")
_ACTIONS = ("allow", "deny", "reject")
_PARTY = ("name", "cidr", "network", "bridge", "guest", "zone")
_ZONES = ("outside", "host")
_SERVICE = ("protocol", "port")
_SOURCE = ("cidr", "network", "bridge", "guest")


def portforwards(given: Any, variable: str) -> list[dict[str, Any]]:
    """Returns the list ``portforwards`` of `fabric` for a list of forwards. Raises `OptionError`."""
    return [{"forwards": _each(given, variable, _forward, "[{listen: 8080, to: {guest: web1, port: 80}}]")}]


def outbound(given: Any, variable: str) -> list[dict[str, Any]]:
    """Returns the list ``outbound`` of `fabric` for a list of outbound rules. Raises `OptionError`."""
    return [{"rules": _each(given, variable, _rule, "[{from: 10.9.0.0/24}]")}]


def policies(given: Any, variable: str) -> list[dict[str, Any]]:
    """Returns the list ``policies`` of `fabric` for a list of policy rules. Raises `OptionError`."""
    form = "[{from: vlan100, to: vlan200, deny: all}]"
    return [{"rules": _each(given, variable, _policy, form)}]


def _each(
    given: Any, variable: str, made: Callable[[Mapping[str, Any]], dict[str, Any]], form: str
) -> list[dict[str, Any]]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        raise OptionError(variable, given, f"is not a list; write it as {form}")
    found = []
    for place, item in enumerate(given):
        with under(f"{variable}[{place}]"):
            if not isinstance(item, Mapping):
                raise OptionError("", item, f"is not a rule; write the list as {form}")
            found.append(made(item))
    return found


def _only(given: Mapping[str, Any], known: Sequence[str], needed: Sequence[str]) -> dict[str, Any]:
    """Returns what is given. Raises `OptionError` for an option that isn't known, or one that is missing."""
    found = {key: value for key, value in given.items() if value is not None and value != ""}
    for key in found:
        if key not in known:
            raise OptionError(str(key), found[key], f"is no option here; the options are {', '.join(known)}")
    for key in needed:
        if key not in found:
            raise OptionError(key, None, "is missing; give it")
    return found


def _forward(given: Mapping[str, Any]) -> dict[str, Any]:
    found = _only(given, _FORWARD, ("listen", "to"))
    with under("listen"):
        listen = _listener(found["listen"])
    with under("to"):
        to = _target(found["to"])
    sources = found.get("sources")
    if isinstance(sources, str):
        sources = [sources]
    rest: dict[str, Any] = {key: found[key] for key in ("log", "log_prefix", "helper") if key in found}
    return {"listen": listen, "to": to, **({"sources": list(sources)} if sources else {}), **_logged(rest)}


def _logged(given: dict[str, Any]) -> dict[str, Any]:
    """Takes ``log`` as true or false, or as the prefix alone."""
    log = given.get("log")
    if not isinstance(log, str):
        return given
    if log.lower() in BOOLEANS_TRUE | BOOLEANS_FALSE:
        return {**given, "log": log.lower() in BOOLEANS_TRUE}
    if "log_prefix" in given:
        raise OptionError("log_prefix", given["log_prefix"], "is a second prefix beside log; give one of them")
    return {**given, "log": True, "log_prefix": log}


def _listener(given: Any) -> dict[str, Any]:
    """Takes ``8080``, ``8080/udp``, ``198.51.100.7:2222``, ``[2001:db8::1]:80``, or the options of the module."""
    if isinstance(given, Mapping):
        found = _only(given, _LISTEN, ("port",))
    else:
        match = _PORT.fullmatch(str(given))
        if match is None or isinstance(given, bool):
            raise OptionError(
                "", given, "is not a listener; write it as 8080, 8080/udp, 198.51.100.7:2222 or [2001:db8::1]:80"
            )
        found = {key: value for key, value in match.groupdict().items() if value}
        if "address" in found:
            found["address"] = _bare(found["address"])
    return {**found, "port": str(found["port"])}


def _target(given: Any) -> dict[str, Any]:
    """Takes ``192.168.150.10:22``, ``[fd00::10]:22``, an address alone, or the options of the module."""
    if isinstance(given, Mapping):
        return _only(given, _TARGET, ())
    if not isinstance(given, str):
        raise OptionError("", given, "is not a target; write it as 192.168.150.10:80 or as {guest: web1, port: 80}")
    match = re.fullmatch(r"(?P<address>\[.*\]|[^:]*)(?::(?P<port>\d+))?", given)
    if match is None:  # an IPv6 address alone
        return {"address": given}
    address = {"address": _bare(match["address"])}
    return {**address, "port": int(match["port"])} if match["port"] else address


def _bare(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def _sourced(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the rule with ``source`` in place of its other name."""
    if "from" in given and "source" in given:
        raise OptionError("from", given["from"], "is another name of source; give one of them")
    return {("source" if key == "from" else key): value for key, value in given.items()}


def _policy(given: Mapping[str, Any]) -> dict[str, Any]:
    """Takes ``allow``, ``deny`` or ``reject`` with ``all`` or a list of services, or the options of the module."""
    found = _only(_sourced(given), _POLICY, ())
    actions = [action for action in _ACTIONS if action in found]
    if len(actions) > 1 or (actions and "action" in found):
        raise OptionError(actions[-1], found[actions[-1]], "is a second action; give one of allow, deny and reject")
    made: dict[str, Any] = {key: _party(found[key], key) for key in ("source", "to") if key in found}
    made.update({key: found[key] for key in ("family", "default") if key in found})
    if not actions:
        if "action" not in found:
            raise OptionError("action", None, "is missing; give one of allow, deny and reject")
        return {**found, **made}
    (action,) = actions
    services = found[action]
    if services == "all":
        return {**made, "action": action}
    if isinstance(services, (str, Mapping)) or not isinstance(services, Sequence) or not services:
        raise OptionError(
            action, services, "is not a list of services; write it as all or as [{protocol: tcp, port: 5432}]"
        )
    listed = []
    for place, service in enumerate(services):
        with under(f"{action}[{place}]"):
            if not isinstance(service, Mapping):
                raise OptionError("", service, "is not a service; write it as {protocol: tcp, port: 5432}")
            known = _only(service, _SERVICE, ("protocol",))
            listed.append({key: str(value) for key, value in known.items()})
    return {**made, "action": action, "services": listed}


def _party(given: Any, option: str) -> dict[str, Any]:
    """Takes the name of a network or bridge, a network in CIDR form, ``outside``, ``host``, or the options of the module."""
    with under(option):
        if isinstance(given, Mapping):
            return _only(given, _PARTY, ())
        if not isinstance(given, str):
            raise OptionError("", given, "is not a party; write it as lan, 10.9.0.0/24, outside, host or {guest: web1}")
    if given in _ZONES:
        return {"zone": given}
    return {"cidr" if "/" in given or ":" in given or _IPV4.fullmatch(given) else "name": given}


def _rule(given: Mapping[str, Any]) -> dict[str, Any]:
    found = _only(_sourced(given), _OUTBOUND, ("source",))
    source = found["source"]
    if isinstance(source, Mapping):
        with under("source"):
            source = _only(source, _SOURCE, ())
    else:
        source = {"cidr": str(source)}
    return {**found, "source": source, **({"ports": str(found["ports"])} if "ports" in found else {})}
