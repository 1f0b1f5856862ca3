# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What boot tools' files say apart for IPv4 and IPv6."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.interface.normal import destination, family
from ..model.interface.options import InterfaceRoute

V4, V6 = 4, 6


def by_family(routes: Iterable[InterfaceRoute]) -> dict[int, list[InterfaceRoute]]:
    """Returns the routes of each family, by where they lead."""
    found: dict[int, list[InterfaceRoute]] = {V4: [], V6: []}
    for route in routes:
        found[family(destination(route))].append(route)
    return found
