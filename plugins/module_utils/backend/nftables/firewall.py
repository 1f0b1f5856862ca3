# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall rules of this host, by the commands ``nft``, ``iptables`` and ``ip6tables``.

Chains that were made by iptables only get rules by iptables: it can't read all that nft can write, and then lists nothing, and
libvirt can't create its rules any more.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Optional

from ...errors import HostError
from ...model.firewall.base import DEFAULT_MASK, MARKED, MASK, marked_iptables
from ...model.firewall.listing import (
    FORWARD,
    IPTABLES,
    LIBVIRT_TABLE,
    Listing,
    accepts_mark,
    forward_passages,
    libvirt_passages,
    readable,
)
from ...model.firewall.nft import BaseChain, Loaded, base_chains, counted, listed
from ...model.firewall.others import STRICT, Others, admitted, programs
from ...model.firewall.service import UNIT
from ...model.firewall.steps import DIRECTORY, FirewallDriver, Flows, Passage, ServiceState, SystemFile
from ...model.firewall.translations import Translation, translations
from ..netlink.addresses import addresses_by_interface
from ..os import commands, units
from ..os.atomic import write_file
from . import conntrack, legacy, ruleset, sockets

_NFT = "nft"
_WAIT = "-w"
_OURS = "virtnet.kvm"  # in the names of our directories
_HELPER = re.compile(r'^ *ct helper .* type "([a-z]+)" ', re.MULTILINE)


def _remove_empty(directory: str) -> None:
    """Removes a directory of ours, and the one that it is in, if nothing is left there."""
    while _OURS in directory:
        try:
            os.rmdir(directory)
        except OSError:
            return
        directory = os.path.dirname(directory)


def _accepting(passage: Passage) -> tuple[str, ...]:
    return marked_iptables(DEFAULT_MASK if passage.last else MASK)


class NftFirewall(FirewallDriver):
    """The rules of the host's own namespace."""

    def __init__(self) -> None:
        self._listening: dict[str, tuple[sockets.Socket, ...]] = {}
        self._ruleset: Optional[Listing] = None  # as it was when it was looked at

    def forget(self) -> None:
        self._listening.clear()
        self._ruleset = None

    def stored(self) -> Mapping[str, str]:
        found = {}
        for path in sorted(glob.glob(f"{DIRECTORY}/*.nft")):
            with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as handle:
                found[path] = handle.read()
        return found

    def loaded(self, table: str) -> Optional[Loaded]:
        listing = self._listing(table)
        return None if listing is None else listed(listing)

    def tables(self) -> Sequence[str]:
        """Returns the names of the tables that are ours."""
        return self._listed().tables

    def counters(self, table: str) -> Optional[Mapping[str, tuple[int, int]]]:
        listing = self._listing(table)
        return None if listing is None else counted(listing)

    def _listing(self, table: str) -> Optional[Mapping[str, object]]:
        """Returns a table as nft lists it (libnftables-json(5)); ``None`` where it isn't there."""
        found = self._listed().table(table)
        if not found.entries:
            return None
        if not found.has_elements:
            return found.mapping
        listing = ruleset.of_table(table)
        return None if listing is None else listing.mapping

    def _listed(self) -> Listing:
        if self._ruleset is None:
            self._ruleset = ruleset.without_elements()
        return self._ruleset

    def forwarding(self, version: int) -> bool:
        path = "/proc/sys/net/ipv4/ip_forward" if version == 4 else "/proc/sys/net/ipv6/conf/all/forwarding"
        try:
            with open(path, encoding="ascii") as handle:
                return handle.read().strip() != "0"
        except OSError:
            return False

    def forget_flows(self, flows: Sequence[Flows]) -> None:
        conntrack.forget(flows, self.addresses())

    def passages(self) -> Mapping[Passage, bool]:
        listing = self._listed()
        found = dict(libvirt_passages(listing))
        for tool, family in IPTABLES.items():
            shown = readable(listing.rules(family, *FORWARD)) and not legacy.used(family)
            found.update(forward_passages(tool, listing) if shown else self._forward(tool, family))
        return found

    def others(self) -> Others:
        listing = self._listed()
        strict = ruleset.lines(*STRICT) if listing.chain(*STRICT) is not None else None
        return Others(
            chains=tuple(self._with_admission(chain) for chain in base_chains(listing.mapping)),
            programs=programs(listing.mapping),
            admitted=None if strict is None else admitted(strict),
            legacy=legacy.tables(),
        )

    def _with_admission(self, chain: BaseChain) -> BaseChain:
        if chain.policy != "drop":
            return chain
        rules = self._listed().rules(chain.family, chain.table, chain.name)
        return replace(chain, admits=any(accepts_mark(rule) for rule in rules))

    def _forward(self, tool: str, family: str) -> Mapping[Passage, bool]:
        """Returns the chain FORWARD of iptables, if it rejects, where nft doesn't show what it has."""
        try:
            lines = commands.run(f"list the rules of {tool}", tool, _WAIT, "-S", "FORWARD").splitlines()
        except HostError:
            return {}
        rejects = any("LIBVIRT_" in line for line in lines) or "-P FORWARD DROP" in lines
        rules = [line for line in lines if line.startswith("-A ")]
        found = {Passage(tool, family, "FORWARD"): bool(rules) and MASK in rules[0]} if rejects else {}
        if "-P FORWARD DROP" in lines:
            found[Passage(tool, family, "FORWARD", last=True)] = any(DEFAULT_MASK in rule for rule in rules)
        return found

    def addresses(self) -> frozenset[str]:
        try:
            found = addresses_by_interface()
        except OSError as error:
            raise HostError("read the addresses", error.strerror or error) from error
        return frozenset(cidr.partition("/")[0] for held in found.values() for cidr in held)

    def listener(self, protocol: str, ports: range, address: Optional[str]) -> Optional[tuple[int, str]]:
        if protocol not in self._listening:
            self._listening[protocol] = sockets.listening(protocol)
        return sockets.listener(self._listening[protocol], ports, address)

    def translations(self) -> Sequence[Translation]:
        tables = self._listed().translating
        return [each for place in tables for each in translations(*place, ruleset.written(*place))]

    def ports_of_connection(self) -> frozenset[int]:
        return sockets.ports_of_connection()

    def peers_of_connection(self) -> frozenset[str]:
        return sockets.peers_of_connection()

    def accepts(self, script: str) -> bool:
        try:
            commands.run("ask whether the kernel takes a script", _NFT, "--check", "-f", "-", stdin=script)
        except HostError:
            return False
        return True

    def run(self, doing: str, script: str) -> None:
        self._ruleset = None
        for helper in sorted(set(_HELPER.findall(script))):
            # nft has the kernel load a helper, but not what translates the addresses in its connections; it may be built in
            with contextlib.suppress(HostError):
                commands.run(doing, "modprobe", "--quiet", f"nf_nat_{helper}")
        commands.run(doing, _NFT, "-f", "-", stdin=script)

    def write(self, path: str, file: Optional[SystemFile]) -> None:
        directory = os.path.dirname(path)
        try:
            if file is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                _remove_empty(directory)
            else:
                os.makedirs(directory, exist_ok=True)
                write_file(path, file.text.encode(), mode=file.mode)
        except OSError as error:
            raise HostError(f"{'remove' if file is None else 'write'} {path}", error.strerror or error) from error

    def service(self, paths: Collection[str]) -> ServiceState:
        files = {}
        for path in paths:
            with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as handle:
                files[path] = SystemFile(handle.read(), os.fstat(handle.fileno()).st_mode & 0o777)
        return ServiceState(files, bool(files) and units.runs(UNIT))

    def set_service(self, on: bool) -> None:
        doing, self._ruleset = f"{'start' if on else 'end'} {UNIT}", None
        if on:
            # libvirt has its chains from the first start of a network on, which may be part of this run
            for passage, is_open in self.passages().items():
                if not is_open:
                    self.open(passage)
            units.start(UNIT, doing)
        else:
            units.end(UNIT, doing)
            self._close_all()  # also what it has opened since the plan was made

    def stop_service(self) -> None:
        """Ends the service, whose files may be gone already, and what it has opened."""
        units.stop(UNIT, f"end {UNIT}")
        self._close_all()

    def _close_all(self) -> None:
        for tool, family in IPTABLES.items():
            self.close_passage(Passage(tool, family, "FORWARD"))
            self.close_passage(Passage(tool, family, "FORWARD", last=True))
            self.close_passage(Passage(_NFT, family, f"{LIBVIRT_TABLE} forward"))

    def open(self, passage: Passage) -> None:
        self.close_passage(passage)  # and forgets what was listed
        doing = f"put a rule at the {passage.end} of {passage}"
        if passage.tool == _NFT:
            table, chain = passage.place.split()
            commands.run(
                doing, _NFT, "insert", "rule", passage.family, table, chain, *MARKED.split(), "comment", '"virtnet.kvm"'
            )
        else:
            where = ("-A", passage.place) if passage.last else ("-I", passage.place, "1")
            commands.run(doing, passage.tool, _WAIT, *where, *_accepting(passage))

    def close_passage(self, passage: Passage) -> None:
        doing, self._ruleset = f"remove the rule from {passage}", None
        if passage.tool == _NFT:
            table, chain = passage.place.split()
            for handle in self._handles(passage.family, table, chain):
                commands.run(doing, _NFT, "delete", "rule", passage.family, table, chain, "handle", str(handle))
            return
        while True:
            try:
                commands.run(doing, passage.tool, _WAIT, "-D", passage.place, *_accepting(passage))
            except HostError:
                return  # there is none any more

    def _handles(self, family: str, table: str, chain: str) -> list[int]:
        listing = ruleset.of_chain(family, table, chain)
        rules = listing.rules(family, table, chain) if listing else ()
        return [int(str(rule["handle"])) for rule in rules if rule.get("comment") == "virtnet.kvm"]
