# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP in ifupdown's files, and name servers and domains, which the scripts of resolvconf and openresolv read (resolvconf(8))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...model.interface.options import Interface, Uplink
from ..files import made_for

_WORDS = {"nameservers": "dns-nameservers", "search": "dns-search"}


def lines(desired: Interface) -> Iterator[str]:
    """Yields the lines of a stanza."""
    for option, word in _WORDS.items():
        held = getattr(desired, option, None)
        if held:
            yield f"    {word} {' '.join(held)}"


def client(desired: Interface) -> Iterator[str]:
    """Yields the stanza of the DHCP client, which follows on the one that makes the interface; the next one goes on with that."""
    if getattr(desired, "dhcp4", None):
        yield from (f"iface {desired.name} inet dhcp", f"iface {desired.name} inet manual")


def read(files: Mapping[str, str], name: str) -> Uplink:
    """Returns what the file of ours says."""
    text = "\n".join(text for text in files.values() if made_for(text) == name)
    found = {}
    for option, word in _WORDS.items():
        held = re.search(rf"(?m)^\s*{word} (.*)$", text)
        found[option] = tuple(held[1].split()) if held else None
    asks = re.search(rf"(?m)^iface {re.escape(name)} inet dhcp$", text)
    return Uplink(name=name, dhcp4=True if asks else None, nameservers=found["nameservers"], search=found["search"])
