# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel has of rules, as nft lists it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError
from ...model.firewall.listing import FORWARD, IPTABLES, LIBVIRT_TABLE, Entry, Listing, parsed
from ...model.firewall.nft import FAMILY
from ..os import commands

_NFT = "nft"
_ABSENT = "No such file or directory"


def without_elements() -> Listing:
    """Returns all rules, and sets without their elements, of which others may have many. Raises `HostError`.

    One command for all is what makes a run quick. But a version of nft may not be able to show all rules of others.
    """
    try:
        return parsed(json.loads(commands.run("list the rules", _NFT, "-j", "-t", "list", "ruleset")))
    except (HostError, ValueError):
        return Listing(tuple(_one_by_one()))


def _one_by_one() -> Iterator[tuple[str, Entry]]:
    """Yields the tables of ours, all chains, and the rules of those that matter."""
    tables = parsed(json.loads(commands.run("list the tables", _NFT, "-j", "list", "tables", FAMILY)))
    chains = parsed(json.loads(commands.run("list the chains", _NFT, "-j", "list", "chains")))
    yield from ((kind, held) for kind, held in chains.entries if not _ours(held, tables))
    for name in tables.tables:
        found = of_table(name)
        yield from found.entries if found else ()
    matter = [(family, *place) for family in IPTABLES.values() for place in (FORWARD, (LIBVIRT_TABLE, "forward"))]
    dropping = [held for kind, held in chains.entries if held.get("policy") == "drop"]
    matter += [(str(held["family"]), str(held["table"]), str(held["name"])) for held in dropping]
    for place in dict.fromkeys(matter):
        found = of_chain(*place) if chains.chain(*place) is not None else None
        yield from ((kind, held) for kind, held in (found.entries if found else ()) if kind == "rule")


def _ours(held: Entry, tables: Listing) -> bool:
    return held.get("family") == FAMILY and held.get("table") in tables.tables


def of_table(name: str) -> Optional[Listing]:
    """Returns a table of ours with all elements; ``None`` where it isn't there. Raises `HostError`."""
    return _listing(f"list the table {name}", "table", FAMILY, name)


def of_chain(family: str, table: str, chain: str) -> Optional[Listing]:
    """Returns a chain; ``None`` where it isn't there. Raises `HostError`."""
    return _listing(f"list the chain {table} {chain}", "chain", family, table, chain)


def written(family: str, table: str) -> str:
    """Returns a table as nft writes it; empty where it isn't there. Raises `HostError`."""
    return _said(f"list the table {table}", "list", "table", family, table) or ""


def lines(family: str, table: str, chain: str) -> Optional[list[str]]:
    """Returns the rules of a chain as nft writes them; ``None`` where it isn't there. Raises `HostError`."""
    said = _said(f"list the chain {table} {chain}", "list", "chain", family, table, chain)
    if said is None:
        return None
    return [line.strip() for line in said.splitlines() if line.startswith("\t\t") and "hook" not in line]


def _listing(doing: str, *what: str) -> Optional[Listing]:
    said = _said(doing, "-j", "list", *what)
    return None if said is None else parsed(json.loads(said))


def _said(doing: str, *arguments: str) -> Optional[str]:
    try:
        return commands.run(doing, _NFT, *arguments)
    except HostError as error:
        if _ABSENT in error.cause:
            return None
        raise
