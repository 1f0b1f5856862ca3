# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tools' files say apart for IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.interface.options import InterfaceRoute

V4, V6 = 4, 6
_EVERYWHERE = {V4: "0.0.0.0/0", V6: "::/0"}


def family(value: str) -> int:
    """Of an address or a network."""
    return V6 if ":" in value else V4


def target(route: InterfaceRoute) -> str:
    """Where a route leads, always as a network."""
    to = route.to or ""
    return _EVERYWHERE[family(route.via or "")] if to == "default" else to


def by_family(routes: Iterable[InterfaceRoute]) -> dict[int, list[InterfaceRoute]]:
    found: dict[int, list[InterfaceRoute]] = {V4: [], V6: []}
    for route in routes:
        found[family(target(route))].append(route)
    return found
