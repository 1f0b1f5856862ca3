# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others have on the host that decides about the same packets: base chains, firewalld, ufw, Docker, iptables-legacy."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from ..zones import Zones
from .base import MARKED
from .nft import BaseChain

# The chain of firewalld that is only there if its StrictForwardPorts is yes (firewall/core/nftables.py).
STRICT = ("inet", "firewalld", "filter_FORWARD_dnat")
FIREWALLD = "firewalld"
_ADMITTED = re.compile(r"ct original proto-dst (\d+)(?:-(\d+))? accept")
# By what a program is known: the name of a table, or what the names of its chains begin with.
_PROGRAMS = {
    "docker": ("docker", "DOCKER"),
    FIREWALLD: (FIREWALLD, "FWD_"),
    "libvirt": ("libvirt_network", "LIBVIRT_"),
    "ufw": ("ufw", "ufw-user-"),
}


@dataclass(frozen=True)
class Others:
    """What others have: their base chains, and which programs have rules.

    ``admitted`` are the ports to which firewalld lets connections pass that others translate; ``None`` if it lets all pass.
    ``legacy`` are the tables in which iptables-legacy has rules, which neither nft nor iptables shows.
    """

    chains: tuple[BaseChain, ...] = ()
    programs: tuple[str, ...] = ()
    admitted: Optional[tuple[range, ...]] = None
    legacy: tuple[str, ...] = ()


def programs(listing: Mapping[str, object]) -> tuple[str, ...]:
    """Returns the programs whose chains a listing has (libnftables-json(5))."""
    entries = listing.get("nftables")
    chains = [each["chain"] for each in entries if "chain" in each] if isinstance(entries, list) else []
    names = [(str(chain["table"]), str(chain["name"])) for chain in chains]
    return tuple(
        program
        for program, (table, chain) in _PROGRAMS.items()
        if any(found == table or name.startswith(chain) for found, name in names)
    )


def admitted(rules: Iterable[str]) -> tuple[range, ...]:
    """Returns the ports that the rules of firewalld's chain `STRICT` accept, as nft lists them."""
    found = [_ADMITTED.search(rule) for rule in rules]
    return tuple(range(int(each[1]), int(each[2] or each[1]) + 1) for each in found if each)


def refused(ports: range, others: Others) -> Optional[int]:
    """Returns the first of these ports whose forward firewalld refuses; ``None`` if it refuses none."""
    if others.admitted is None:
        return None
    return next((port for port in ports if not any(port in span for span in others.admitted)), None)


def obstacles(others: Others, opened: Collection[tuple[str, str]]) -> Iterator[str]:
    """Yields why packets may be dropped that our rules accept, with a remedy.

    ``opened`` are the families and names of chains at whose head marked packets are accepted.
    """
    for chain in others.chains:
        drops = chain.hook == "forward" and chain.policy == "drop" and not chain.admits
        if drops and (chain.family, chain.name) not in opened:
            yield f"the chain {chain} drops what it doesn't know; add this rule of yours to it: {MARKED}"
    if others.legacy:
        tables = ", ".join(others.legacy)
        yield (
            f"iptables-legacy has rules in the tables {tables}, which decide about the same packets and are seen by neither nft nor"
            " iptables; move them with iptables-legacy-save and iptables-restore, or remove them"
        )


def legacy_tables(saved: str) -> frozenset[str]:
    """Returns the tables that have rules, or that drop, of what iptables-legacy-save prints."""
    found, table = set(), ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A ") or re.match(r":\S+ DROP ", line):
            found.add(table)
    return frozenset(found)


def described(others: Others, zones: Optional[Zones]) -> dict[str, object]:
    """Returns it as the ``_info`` modules return it."""
    firewalld = zones and {
        "default_zone": zones.default,
        "zones": {zone: list(interfaces) for zone, interfaces in zones.interfaces.items()},
        "strict_forward_ports": others.admitted is not None,
    }
    return {
        "programs": list(others.programs),
        "chains": [
            {
                "family": chain.family,
                "table": chain.table,
                "name": chain.name,
                "hook": chain.hook,
                "priority": chain.priority,
                "policy": chain.policy,
            }
            for chain in others.chains
        ],
        "firewalld": firewalld,
        "iptables_legacy": list(others.legacy),
    }
