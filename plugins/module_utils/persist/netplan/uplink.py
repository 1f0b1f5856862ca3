# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP, name servers and domains in netplan's files (netplan(5))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ...model.fields import canonical
from ...model.interface.normal import destination, family
from ...model.interface.options import Interface, Uplink
from .. import yaml_edit
from ..files import made_for
from ..ini import Sections
from ..ip import V4, V6
from ..networkmanager.ip import method6, prefix_metrics
from ..networkmanager.uplink import check_families, patience
from ..words import settings
from .words import WORDS

# The options by netplan's words below `nameservers`.
OPTIONS = {"addresses": "nameservers", "search": "search"}


def keys(desired: Interface) -> dict[str, Any]:
    """Returns the keys of a definition."""
    if not isinstance(desired, Uplink):
        return {}
    desired = canonical(desired)
    found: dict[str, Any] = {key: value for _where, key, value in settings(WORDS.uplink, desired)}
    names = {key: list(held) for key, option in OPTIONS.items() if (held := getattr(desired, option))}
    return {**found, **({"nameservers": names} if names else {})}


def read(files: Mapping[str, str], name: str) -> Uplink:
    """Returns what the file of ours says."""
    body: Mapping[str, Any] = {}
    for path, text in files.items():
        if made_for(text) == name:
            for entries in (yaml_edit.load(path, text).get("network") or {}).values():
                body = (entries.get(name) if isinstance(entries, Mapping) else None) or body
    names = body.get("nameservers") or {}
    return Uplink(
        name=name,
        dhcp4=True if body.get("dhcp4") else None,
        dhcp6=True if body.get("dhcp6") else None,
        nameservers=_words(names.get("addresses")),
        search=_words(names.get("search")),
    )


def _words(held: Optional[list[str]]) -> Optional[tuple[str, ...]]:
    return tuple(map(str, held or ())) or None


def for_networkmanager(desired: Interface) -> Iterator[Sections]:
    """Yields the settings that are passed through to NetworkManager, as netplan has no words for them."""
    yield prefix_metrics(desired)
    yield patience(desired)
    if isinstance(desired, Uplink):
        with_v4 = any(family(cidr) != V6 for cidr in desired.addresses or ()) or desired.dhcp4
        if not with_v4 and all(family(destination(route)) == V6 for route in desired.routes or ()):
            # else netplan has NetworkManager choose a link-local address
            yield {"ipv4": {"method": "disabled"}}
        with_v6 = method6(desired) not in ("disabled", "ignore")
        check_families(desired, [version for version, has in ((V4, with_v4), (V6, with_v6)) if has])
