# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What libvirt has not kept of a definition: it ignores elements and attributes that it doesn't know, without an error."""

from __future__ import annotations

from collections.abc import Iterator

from ..fields import shapes, to_options
from ..libvirt_parts import Extra
from .options import Network, align


def not_kept(sent: Network, stored: Network) -> tuple[str, ...]:
    """Returns what differs in ``stored`` of what was sent, in words. Both are normal forms."""
    return tuple(_differing(sent, align(stored, sent)))


def _differing(sent: object, stored: object, path: str = "") -> Iterator[str]:
    for shape in shapes(type(sent)):
        held, found = getattr(sent, shape.name), getattr(stored, shape.name)
        if held is None or held == found:
            continue
        where = f"{path}{shape.name}"
        if shape.base is Extra:
            yield from (describe_extra(part) for part in held if part not in (found or ()))
        elif shape.many:
            yield from (f"{where}: {_brief(item)}" for item in held if item not in (found or ()))
        elif shape.nested and found is not None:
            yield from _differing(held, found, f"{where}.")
        else:
            yield f"{where}: {_brief(held)}" + ("" if found is None else f" (it has {_brief(found)})")


def describe_extra(part: Extra) -> str:
    """Returns a part for which there is no option as it is written: ``<driver model='vfio-pci'>``."""
    text, parent = part.xml or "", (part.path or "network").rpartition("/")[2].partition("[")[0]
    if not text.startswith("@"):
        return text
    name, value = text[1:].split("=", 1)
    return f"<{parent} {name}='{value}'>"


def _brief(value: object) -> object:
    return to_options(value) if hasattr(value, "__dataclass_fields__") else value
