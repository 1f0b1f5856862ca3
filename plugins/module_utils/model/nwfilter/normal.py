# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The normal form of rules, of what a user gave and of what a host has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from .options import Match
from .protocols import PROTOCOLS


def normal_match(protocol: Optional[str], given: Mapping[str, str]) -> Match:
    """Returns the attributes of a rule, sorted. What has no normal form stays: a host may hold what is refused as an option."""
    return tuple(sorted((name, _normal_value(protocol, name, text)) for name, text in given.items()))


def _normal_value(protocol: Optional[str], name: str, text: str) -> str:
    known = PROTOCOLS.get(protocol or "")
    norm = known.attributes.get(name) if known else None
    if norm is None or text.startswith("$"):
        return text
    try:
        return norm(text)
    except ValueError:
        return text
