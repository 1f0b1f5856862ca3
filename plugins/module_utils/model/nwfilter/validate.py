# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of a filter to the filter. Refuses what libvirt would drop or change without an error."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Optional, cast

from ...contract import Options
from ...errors import OptionError, under
from ..fields import from_options, normal_value
from .attributes import VARIABLE
from .normal import normal_match
from .options import (
    ACTIONS,
    DIRECTIONS,
    HIGHEST,
    LOWEST,
    RULE_PRIORITY,
    Entry,
    GivenFilter,
    Parameter,
    Parameters,
    Reference,
    Rule,
    chain_name,
    filter_name,
    normal_parameters,
)
from .protocols import (
    EBTABLES,
    IP6TABLES,
    NEEDS,
    NEGATED_AS_SOURCE,
    PROTOCOLS,
    RANGES,
    SOURCE_PORT,
    WITH_PORTS,
    WITHOUT_VARIABLES,
)

# Attributes for which a list can be given.
_LISTS = ("state", "ipsetflags")


def given_filter(options: Options, *, complete: bool = False) -> GivenFilter:
    """Returns the filter that options declare. Raises `OptionError`."""
    name, chain, priority = options["name"], options.get("chain"), options.get("priority")
    rules = cast(Optional[Sequence[Options]], options.get("rules"))
    entries: Optional[tuple[Entry, ...]] = None
    if rules is not None:
        found = []
        for place, each in enumerate(rules):
            with under(f"rules[{place}]"):
                found.append(_entry({key: value for key, value in each.items() if value is not None}))
        entries = tuple(found)
    return GivenFilter(
        normal_value("name", str(name), filter_name),
        None if chain is None else normal_value("chain", str(chain), chain_name),
        _priority(priority),
        entries,
        None if options.get("uuid") is None else str(options["uuid"]),
        complete,
    )


def given_parameters(given: Optional[Parameters]) -> Optional[Parameters]:
    """Returns the values of variables in normal form. Raises `OptionError` for one that is incomplete."""
    for place, each in enumerate(given or ()):
        _check_parameter(each, f"parameters[{place}]")
    return None if given is None else normal_parameters(given)


def _check_parameter(parameter: Parameter, path: str) -> None:
    for option in ("name", "value"):
        if getattr(parameter, option) is None:
            raise OptionError(f"{path}.{option}", None, "is missing; give the variable and its value")


def _priority(given: object) -> Optional[int]:
    if given is None:
        return None
    try:
        found = int(str(given))
    except ValueError:
        raise OptionError("priority", given, f"is not a number; use {LOWEST} to {HIGHEST}") from None
    if not LOWEST <= found <= HIGHEST:
        raise OptionError("priority", found, f"is out of range; use {LOWEST} to {HIGHEST}")
    return found


def _entry(given: Options) -> Entry:
    if "filterref" not in given:
        return _rule(given)
    other = next((name for name in given if name != "filterref"), None)
    if other is not None:
        raise OptionError(other, None, "can't be given beside filterref; make it another item of the list")
    found = from_options(Reference, cast(Options, given["filterref"]), "filterref")
    with under("filterref"):
        if found.filter is None:
            raise OptionError("filter", None, "is missing; give the name of a filter")
        return Reference(found.filter, given_parameters(found.parameters) or None)


def _rule(given: Options) -> Rule:
    for option, choices in (("action", ACTIONS), ("direction", DIRECTIONS)):
        value = given.get(option)
        if value not in choices:
            problem = "is missing" if value is None else "is unknown"
            raise OptionError(option, value, f"{problem}; use one of {', '.join(choices)}")
    protocol = cast(Optional[str], given.get("protocol"))
    if protocol is not None and protocol not in PROTOCOLS:
        raise OptionError("protocol", protocol, f"is unknown; use one of {', '.join(PROTOCOLS)}")
    match, match_not = _match(protocol, given, "match"), _match(protocol, given, "match_not")
    _check_sides(protocol or "", match, match_not)
    priority = _priority(given.get("priority"))
    return Rule(
        str(given["action"]),
        str(given["direction"]),
        RULE_PRIORITY if priority is None else priority,
        bool(given.get("statematch", True)),
        protocol,
        normal_match(protocol, match),
        normal_match(protocol, match_not),
    )


def _match(protocol: Optional[str], rule: Options, option: str) -> dict[str, str]:
    given = cast(Mapping[str, object], rule.get(option) or {})
    if given and protocol is None:
        raise OptionError(option, None, "is given without a protocol; add protocol, or remove it")
    known = PROTOCOLS[protocol].attributes if protocol else {}
    found: dict[str, str] = {}
    with under(option):
        for name, value in given.items():
            if name not in known:
                raise OptionError(str(name), None, _foreign(str(name), protocol or ""))
            text = _text(name, value)
            if text.startswith("$"):
                _check_variable(name, text)
                found[name] = text
            else:
                found[name] = normal_value(name, text, known[name])
        _check_together(protocol or "", found)
    return found


def _check_sides(protocol: str, match: Mapping[str, str], match_not: Mapping[str, str]) -> None:
    """Refuses what libvirt would negate, or not negate, without an error, and what belongs to both sides together."""
    known = PROTOCOLS[protocol] if protocol else None
    for name, text in match_not.items():
        path = f"match_not.{name}"
        if name in match:
            raise OptionError(path, text, "is also in match; remove it from one of them")
        if name in NEGATED_AS_SOURCE and known and known.tool != EBTABLES and SOURCE_PORT not in match_not:
            problem = f"can't be negated by libvirt without {SOURCE_PORT}; use match with the ports before and after it"
            raise OptionError(path, text, problem)
    if known and known.tool != EBTABLES and SOURCE_PORT in match_not:
        for name in (each for each in NEGATED_AS_SOURCE if each in match):
            problem = f"is negated by libvirt, too, as match_not has {SOURCE_PORT}; use two rules"
            raise OptionError(f"match.{name}", match[name], problem)
    if "protocol" in (known.attributes if known else {}):
        for option, side in (("match", match), ("match_not", match_not)):
            for name, text in side.items():
                with under(option):
                    _check_ip_protocol(name, text, match.get("protocol"))


def _foreign(name: str, protocol: str) -> str:
    """Returns what is wrong with an attribute that isn't one of the protocol, and what may have been meant."""
    others = [other for other, held in PROTOCOLS.items() if name in held.attributes]
    if name in ("dstipfrom", "dstipto") and PROTOCOLS[protocol].tool == IP6TABLES:
        return "can't be given for IPv6, for which libvirt has no ranges of destinations; use dstipaddr and dstipmask"
    if name in ("ipset", "ipsetflags"):
        return f"is dropped by libvirt in rules for {protocol}; use it with the protocol {' or '.join(others)}"
    if others:
        return f"is no attribute of {protocol}, but of {', '.join(others)}; remove it, or change the protocol"
    near = difflib.get_close_matches(name, PROTOCOLS[protocol].attributes, n=1)
    hint = f"use {near[0]}" if near else f"{protocol} has {', '.join(PROTOCOLS[protocol].attributes)}"
    return f"is no attribute of a protocol of libvirt; {hint}"


def _text(name: str, value: object) -> str:
    """Returns a value as text. YAML makes numbers and booleans of some, and a list is clearer for others."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    if isinstance(value, (list, tuple)) and name in _LISTS and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if value is None:
        raise OptionError(name, None, "has no value; give one, or remove it")
    raise OptionError(name, value, "is not a text or a number; write one value, in quotes")


def _check_variable(name: str, text: str) -> None:
    if name in WITHOUT_VARIABLES:
        raise OptionError(name, text, "can't be a variable in this attribute; give the value itself")
    if not VARIABLE.fullmatch(text):
        raise OptionError(name, text, "is not a variable; write it as $NAME, $NAME[0] or $NAME[@1]")


def _check_together(protocol: str, found: Mapping[str, str]) -> None:
    """Refuses attributes that have no effect, or another one, without or beside others."""
    known = PROTOCOLS[protocol].attributes if protocol else {}
    for name, text in found.items():
        needed = NEEDS.get(name)
        if needed in known and needed not in found:
            raise OptionError(name, text, f"has no {needed} beside it; add that")
        start = found.get(RANGES.get(name, ""))
        if start is not None and "$" not in text + start and _is_before(text, start):
            raise OptionError(name, text, f"is before {RANGES[name]}, {start!r}; exchange them, or correct one of them")


def _is_before(end: str, start: str) -> bool:
    if end.isdigit() and start.isdigit():
        return int(end) < int(start)
    return int(ipaddress.ip_address(end)) < int(ipaddress.ip_address(start))


def _check_ip_protocol(name: str, text: str, protocol: Optional[str]) -> None:
    """Refuses what ebtables refuses when a guest starts: ports and types of a protocol that has none."""
    if "port" in name and protocol not in WITH_PORTS:
        beside = f"beside the protocol {protocol}" if protocol else "without a protocol"
        raise OptionError(name, text, f"can't be matched {beside}; add protocol, one of {', '.join(WITH_PORTS)}")
    if name in ("type", "typeend", "code", "codeend") and protocol != "icmpv6":
        raise OptionError(name, text, "can't be matched without ICMPv6; add protocol: icmpv6")
