# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a set of static routes, which lead to networks behind other hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from .. import values
from ..fields import option


def name_of_set(value: str) -> str:
    """Returns the name of a set of routes. It may have a host's name and a network's in it."""
    if not re.fullmatch(r"[^/\x00-\x1f\x7f]{1,80}", value) or value != value.strip():
        raise ValueError("can't be the name of a set; use 1 to 80 characters without '/' and surrounding white space")
    return value


def subnet(value: str) -> str:
    """Returns a network with its prefix length, which isn't all addresses."""
    found = values.network_cidr(value)
    if found.endswith("/0"):
        raise ValueError("is all addresses, and so a default route; give a network")
    return found


@dataclass(frozen=True)
class StaticRoute:
    """A route to the network ``to`` by the address ``via``, which is in a subnet of the host."""

    to: Optional[str] = option(required=True, norm=subnet)
    via: Optional[str] = option(required=True, norm=values.ip)


@dataclass(frozen=True)
class StaticRoutes:
    """A named set of routes."""

    name: Optional[str] = option(norm=name_of_set)
    routes: Optional[tuple[StaticRoute, ...]] = option()
