# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP, name servers and domains in NetworkManager's profiles (nm-settings-keyfile(5))."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Optional

from ...errors import OptionError
from ...model.fields import canonical
from ...model.interface.normal import family
from ...model.interface.options import Interface, Uplink
from ...model.interface.uplink.declared import leases
from ..files import made_for
from ..ini import Sections, parse

_SECTIONS = {4: "ipv4", 6: "ipv6"}
_WITHOUT_IP = (None, "disabled", "ignore")
_FOR_EVER = "2147483647"  # MAXINT32, which NetworkManager takes for infinity


def patience(desired: Interface) -> Sections:
    """Returns what keeps NetworkManager from taking down an interface for which no DHCP server answers."""
    return {_SECTIONS[version]: {"dhcp-timeout": _FOR_EVER} for version in leases(desired)}


def add(profile: Sections, desired: Interface) -> None:
    """Adds the keys to the sections ``ipv4`` and ``ipv6`` of a profile."""
    if not isinstance(desired, Uplink):
        return
    desired = canonical(desired)
    for section, keys in patience(desired).items():
        profile[section].update(keys)
    usable = [version for version in _SECTIONS if has_ip(profile, version)]
    check_families(desired, usable)
    for version in usable:
        servers = [server for server in desired.nameservers or () if family(server) == version]
        if servers:
            profile[_SECTIONS[version]]["dns"] = _list(servers)
    if desired.search and usable:
        profile[_SECTIONS[usable[0]]]["dns-search"] = _list(desired.search)


def check_families(desired: Uplink, usable: Sequence[int]) -> None:
    """Refuses name servers and domains without a family of IP (``usable``) in whose section they can be.

    NetworkManager refuses the whole profile. Raises `OptionError`.
    """
    for place, server in enumerate(desired.nameservers or ()):
        version = family(server)
        if version not in usable:
            raise OptionError(
                f"nameservers[{place}]",
                server,
                f"isn't possible with NetworkManager while the interface has no IPv{version}; give it an address, set"
                f" dhcp{version}, or leave this server out",
            )
    if desired.search and not usable:
        raise OptionError(
            "search",
            list(desired.search),
            "isn't possible with NetworkManager while the interface has neither IPv4 nor IPv6; give it an address, or set"
            " dhcp4",
        )


def has_ip(profile: Mapping[str, Mapping[str, str]], version: int) -> bool:
    """Returns whether a profile has this family of IP; NetworkManager refuses name servers where it hasn't."""
    return profile.get(_SECTIONS[version], {}).get("method") not in _WITHOUT_IP


def read(files: Mapping[str, str], name: str, path: str) -> Uplink:
    """Returns what the profile of ours at ``path`` says."""
    text = files.get(path, "")
    profile = parse(text) if made_for(text) == name else {}
    v4, v6 = profile.get("ipv4", {}), profile.get("ipv6", {})
    return Uplink(
        name=name,
        dhcp4=True if v4.get("method") == "auto" else None,
        # the method is auto for router advertisements alone, too
        dhcp6=True if "dhcp-timeout" in v6 else None,
        nameservers=_words(v4.get("dns"), v6.get("dns")),
        search=_words(v4.get("dns-search"), v6.get("dns-search")),
    )


def _list(words: Iterable[str]) -> str:
    return "".join(f"{word};" for word in words)


def _words(*texts: Optional[str]) -> Optional[tuple[str, ...]]:
    words = (word for text in texts for word in (text or "").replace(",", ";").split(";"))
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip())) or None
