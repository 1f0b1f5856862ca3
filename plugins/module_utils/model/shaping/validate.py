# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of the options of one direction, whatever the host has. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Optional

from ...errors import OptionError, under
from ..fields import shapes
from .numbers import units
from .options import Impair, Queue, Shaping, ShapingClass, Side

_OF_A_TREE = ("ceil", "burst", "cburst", "default", "classes", "filters")


def merged(declared: Shaping, given: Shaping) -> Shaping:
    """Returns what is declared once the given options are applied: a list, a queue or an impairment is replaced as a whole."""
    changes: dict[str, Any] = {}
    for name in ("egress", "ingress"):
        side: Optional[Side] = getattr(given, name)
        if side is not None:
            changes[name] = _merged_side(getattr(declared, name) or Side(), side)
    return replace(declared, device=given.device, **changes)


def _merged_side(declared: Side, given: Side) -> Optional[Side]:
    held = {shape.name: getattr(given, shape.name) for shape in shapes(Side)}
    if all(value is None for value in held.values()):
        return None
    if given.police is not None:
        return given
    changes = {name: None if value in ("", ()) else value for name, value in held.items() if value is not None}
    # what packets of the whole direction wait in makes no sense any more beside classes, or beside another kind of it
    for name, others in (("queue", (given.classes, given.impair)), ("impair", (given.classes, given.queue))):
        if any(others):
            changes.setdefault(name, None)
    found = replace(declared, **changes, police=None)
    return None if found == Side() else found


def check_side(side: Side, *, ingress: bool) -> None:
    """Raises `OptionError` for a direction that can't be."""
    if side.police is not None:
        _check_police(side, ingress=ingress)
        return
    classes = side.classes or ()
    for name in _OF_A_TREE:
        if side.rate is None and getattr(side, name):
            raise OptionError("rate", None, f"is missing; give one, because {name} is given")
    if side.rate is None:
        _check_leaf(side.queue, side.impair)
        return
    _check_ceil(side.rate, side.ceil)
    by_name = _check_names(classes)
    parents = {each.parent for each in classes if each.parent}
    if classes:
        for name in ("queue", "impair"):
            if getattr(side, name) is not None:
                raise OptionError(name, None, "can't be given beside classes; give it in a class")
        if side.default is None:
            raise OptionError("default", None, "is missing; name the class of the packets that no filter matches")
    if side.default is not None:
        _check_target("default", side.default, by_name, parents)
    for place, each in enumerate(classes):
        with under(f"classes[{place}]"):
            _check_ceil(each.rate or "", each.ceil)
            _check_leaf(each.queue, each.impair)
            if each.name in parents and (each.queue or each.impair):
                name = "queue" if each.queue else "impair"
                raise OptionError(name, None, "can't be given for a class with classes below it; give it in those")
    _check_sums(side, classes)
    for place, entry in enumerate(side.filters or ()):
        with under(f"filters[{place}]"):
            if entry.class_ in by_name:
                _check_target("class", entry.class_ or "", by_name, parents)


def _check_police(side: Side, *, ingress: bool) -> None:
    if not ingress:
        raise OptionError("police", None, "is only possible in ingress; give a rate instead")
    for shape in shapes(Side):
        if shape.name != "police" and getattr(side, shape.name) is not None:
            raise OptionError("police", None, f"can't be given beside {shape.name}; give one of them")


def _check_leaf(queue: Optional[Queue], impair: Optional[Impair]) -> None:
    if queue is not None and impair is not None:
        raise OptionError("queue", queue.kind, "can't be given beside impair, which has a queue of its own; give one")


def _check_ceil(rate: str, ceil: Optional[str]) -> None:
    if ceil is not None and units.bytes_per_second(ceil) < units.bytes_per_second(rate):
        raise OptionError("ceil", ceil, f"is less than the rate {rate}; give that or more")


def _check_names(classes: tuple[ShapingClass, ...]) -> Mapping[str, ShapingClass]:
    found: dict[str, ShapingClass] = {}
    for place, each in enumerate(classes):
        if each.name in found:
            other = list(found).index(each.name)
            raise OptionError(
                f"classes[{place}].name", each.name, f"is also that of classes[{other}]; give another one"
            )
        found[each.name or ""] = each
    for place, each in enumerate(classes):
        if each.parent is not None and each.parent not in found:
            problem = f"is no class of this direction; give one of {', '.join(found)}, or leave it out"
            raise OptionError(f"classes[{place}].parent", each.parent, problem)
        seen = [each.name or ""]
        above = each.parent
        while above is not None:
            if above in seen:
                problem = "is below this class itself; give a class that isn't"
                raise OptionError(f"classes[{place}].parent", each.parent, problem)
            seen.append(above)
            above = found[above].parent
        if len(seen) > 6:  # TC_HTB_MAXDEPTH is 8, and two levels are ours
            problem = "is the sixth class above each other, and HTB has room for fewer; use fewer levels"
            raise OptionError(f"classes[{place}].parent", each.parent, problem)
    return found


def _check_target(option: str, name: str, classes: Mapping[str, ShapingClass], parents: set[str]) -> None:
    if name not in classes:
        remedy = f"give one of {', '.join(classes)}" if classes else "declare it in classes"
        raise OptionError(option, name, f"is no class of this direction; {remedy}")
    if name in parents:
        below = ", ".join(each.name or "" for each in classes.values() if each.parent == name)
        raise OptionError(option, name, f"has classes below it, and so no queue; give one of {below}")


def _check_sums(side: Side, classes: tuple[ShapingClass, ...]) -> None:
    """Refuses children that promise more than their parent has."""
    rates = {each.name: each.rate for each in classes}
    below: dict[Optional[str], list[tuple[int, ShapingClass]]] = {}
    for place, each in enumerate(classes):
        below.setdefault(each.parent, []).append((place, each))
    for parent, held in below.items():
        total = sum(units.bytes_per_second(each.rate or "") for _place, each in held)
        promised = (side.rate if parent is None else rates[parent]) or ""
        if total > units.bytes_per_second(promised):
            place, last = held[-1]
            whose = "of this direction" if parent is None else f"of {parent}"
            sum_text = units.rate_text(total)
            problem = f"makes the rates of its siblings and itself {sum_text}, more than {promised} {whose}; lower one"
            raise OptionError(f"classes[{place}].rate", last.rate, problem)


def check_netem(side: Side) -> None:
    """Refuses netem that duplicates beside another netem, which the kernel refuses (check_netem_in_tree)."""
    impaired = list(impairments(side))
    for path, impair in impaired:
        if impair.duplicate is not None and len(impaired) > 1:
            other = next(where for where, _each in impaired if where != path)
            problem = f"can't be combined with {other} on one interface; remove one of them"
            raise OptionError(f"{path}.duplicate", impair.duplicate, problem)


def impairments(side: Side) -> Iterator[tuple[str, Impair]]:
    if side.impair is not None:
        yield "impair", side.impair
    for place, each in enumerate(side.classes or ()):
        if each.impair is not None:
            yield f"classes[{place}].impair", each.impair


def kinds_needed(side: Side) -> Iterator[tuple[str, str]]:
    """Yields what of the kernel a direction needs, each with the option that needs it."""
    if side.police is not None:
        yield "act_police", "police"
        return
    if side.rate is not None:
        yield "htb", "rate"
    for path, queue in (("queue", side.queue), *((f"classes[{n}].queue", each.queue) for n, each in _numbered(side))):
        if queue is not None:
            yield queue.kind or "", path
    for path, impair in impairments(side):
        yield "netem", path
        if impair.seed is not None:
            yield "netem_seed", f"{path}.seed"
    for place, entry in enumerate(side.filters or ()):
        yield "cls_fw" if entry.mark is not None else "cls_flower", f"filters[{place}]"


def _numbered(side: Side) -> Iterator[tuple[int, ShapingClass]]:
    yield from enumerate(side.classes or ())
