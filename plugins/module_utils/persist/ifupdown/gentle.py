# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files for an ``ifup`` of an interface that already works: without what would fail or be done twice.

A user's ``ip route add`` fails where the route is there, and so does the address of the method ``static``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Optional

from ...model.ipv6_settings import sysctl_path
from .stanzas import COMMANDS, Option, Stanza, render

# Rules aren't moved, and the kernel adds the same one again, with another priority.
_WITHOUT_RULES = 'ip() { case " $* " in *" iif "*|*" oif "*) ;; *" rule add "*) return 0;; esac; command ip "$@"; };'
_STATIC_AUTOCONF = "0"  # what ifupdown sets with the method static for IPv6
_SETTINGS: Mapping[str, str] = {"accept_ra": "accept_ra", "autoconf": "autoconf", "privext": "use_tempaddr"}


def gentle(stanzas: Iterable[Stanza], ours: Iterable[str], *, leased: bool) -> str:
    """Returns a file with the stanzas of one interface.

    ``ours`` are the paths of our own files, whose commands can be run again. ``leased`` says that a DHCP client runs on
    the interface, which is left running.
    """
    paths = set(ours)
    found: list[str] = []
    for stanza in stanzas:
        if stanza.head.path in paths and not stanza.moved:
            found += render(replace(stanza, method="manual") if stanza.method == "dhcp" and leased else stanza)
        else:
            found += render(_gentle(stanza, leased))
    return "\n".join([*found, ""])


def _gentle(stanza: Stanza, leased: bool) -> Stanza:
    name = stanza.interface.split(":")[0]
    options = tuple(found for option in stanza.options if (found := _harmless(option, name)))
    if stanza.method == "static" or (stanza.method == "dhcp" and leased):
        if stanza.family == "inet6":
            options = (*options, *_ipv6_settings(stanza))
        return replace(stanza, method="manual", options=options)
    return replace(stanza, options=options)


def _harmless(option: Option, name: str) -> Optional[Option]:
    """Returns an option that can't fail; ``None`` for a command that isn't about the interface: that has been run."""
    keyword, value = option
    if keyword not in COMMANDS:
        return option
    if not re.search(rf"\$\{{?IFACE\b|(?<![\w.-]){re.escape(name)}(?![\w-])", value):
        return None
    command = re.sub(r"(?:/usr)?/s?bin/ip(?=\s)", "ip", value)
    return keyword, f"{_WITHOUT_RULES} eval {shlex.quote(command)} || true"


def _ipv6_settings(stanza: Stanza) -> Iterator[Option]:
    """Yields the commands for what the method would set."""
    usual = {"autoconf": _STATIC_AUTOCONF} if stanza.method == "static" else {}
    for option, key in _SETTINGS.items():
        value = stanza.get(option) or usual.get(option)
        if value is not None:
            path = sysctl_path(stanza.interface.split(":")[0], key)
            yield "up", f"echo {shlex.quote(value)} >{shlex.quote(path)} || true"
