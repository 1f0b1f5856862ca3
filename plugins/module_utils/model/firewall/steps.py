# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of firewall rules, and the steps that use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ...contract import Driver, Host, Step
from .nft import Loaded
from .others import Others
from .translations import Translation

DIRECTORY = "/etc/virtnet.kvm/nft.d"


@dataclass(frozen=True, order=True)
class Passage:
    """The head of a chain that isn't ours and rejects what it doesn't know: ``place`` is the name of the chain.

    ``tool`` is ``nft``, or the command of iptables that the chain is made by. ``last``: its end, for what default rules allow, where
    it drops by its policy.
    """

    tool: str
    family: str
    place: str
    last: bool = False

    def __str__(self) -> str:
        return f"{self.family} {self.place}"

    @property
    def end(self) -> str:
        """In words, at which end of the chain the rule is."""
        return "end" if self.last else "head"


@dataclass(frozen=True)
class SystemFile:
    """A file of the service that keeps rules in place: its text and its mode."""

    text: str
    mode: int


@dataclass(frozen=True)
class ServiceState:
    """The service that keeps rules in place: its files by path, and whether it runs and is enabled."""

    files: Mapping[str, SystemFile]
    on: bool


@dataclass(frozen=True)
class Flows:
    """Connections to a range of ports of this host: ``version`` is that of IP, without an ``address`` to any of its addresses."""

    version: int
    protocol: str
    first: int
    last: int
    address: Optional[str] = None


class FirewallDriver(Driver, ABC):
    """The firewall rules of this host. Each call raises `HostError`."""

    @abstractmethod
    def stored(self) -> Mapping[str, str]:
        """Returns the files of ours with rules, by path."""

    @abstractmethod
    def loaded(self, table: str) -> Optional[Loaded]:
        """Returns what the kernel has of a table; ``None`` where it isn't there."""

    @abstractmethod
    def counters(self, table: str) -> Optional[Mapping[str, tuple[int, int]]]:
        """Returns the packets and bytes that a table has counted, in both directions, by the label of the rule.

        ``None`` where the table isn't there.
        """

    @abstractmethod
    def forwarding(self, version: int) -> bool:
        """Returns whether the host forwards IPv4 or IPv6 packets (the sysctls ip_forward and conf/all/forwarding)."""

    @abstractmethod
    def forget_flows(self, flows: Sequence[Flows]) -> None:
        """Removes connections from the kernel's table (conntrack), so that their next packets are translated again."""

    @abstractmethod
    def passages(self) -> Mapping[Passage, bool]:
        """Returns the chains at whose head marked packets must be accepted, and whether they are."""

    @abstractmethod
    def others(self) -> Others:
        """Returns what others have on the host that decides about the same packets."""

    @abstractmethod
    def addresses(self) -> frozenset[str]:
        """Returns the addresses of this host, without prefix lengths."""

    @abstractmethod
    def listener(self, protocol: str, ports: range, address: Optional[str]) -> Optional[tuple[int, str]]:
        """Returns the first of these ports at which a program of this host listens, and the program's name.

        ``None`` if none does. The name is empty if it isn't known. Without an ``address`` the program may listen at any but a
        loopback address.
        """

    @abstractmethod
    def translations(self) -> Sequence[Translation]:
        """Returns the rules of others that send connections to ports of this host elsewhere."""

    @abstractmethod
    def ports_of_connection(self) -> frozenset[int]:
        """Returns the TCP ports of this host that the connection of this run uses."""

    @abstractmethod
    def peers_of_connection(self) -> frozenset[str]:
        """Returns the addresses from which the connection of this run comes."""

    @abstractmethod
    def accepts(self, script: str) -> bool:
        """Returns whether the kernel would take a script; nothing is changed."""

    @abstractmethod
    def run(self, doing: str, script: str) -> None:
        """Loads a script in one transaction."""

    @abstractmethod
    def write(self, path: str, file: Optional[SystemFile]) -> None:
        """Writes a file of ours, or removes it (``None``)."""

    @abstractmethod
    def service(self, paths: Collection[str]) -> ServiceState:
        """Returns the state of the service whose files have these paths."""

    @abstractmethod
    def set_service(self, on: bool) -> None:
        """Enables and starts the service, with its present files, or ends and disables it."""

    @abstractmethod
    def open(self, passage: Passage) -> None:
        """Puts the rule for marked packets at the head of a chain, once."""

    @abstractmethod
    def close_passage(self, passage: Passage) -> None:
        """Removes the rule for marked packets from a chain."""


@dataclass(frozen=True)
class LoadRules(Step):
    """Loads a script; ``back`` is the one that undoes it."""

    words_: str
    script: str
    back: str

    @property
    def words(self) -> str:
        return self.words_

    def do(self, host: Host) -> None:
        host.driver(FirewallDriver).run(self.words, self.script)

    def undo(self, host: Host) -> None:
        host.driver(FirewallDriver).run(f"undo: {self.words}", self.back)


@dataclass(frozen=True)
class StoreRules(Step):
    """Writes the file from which rules are loaded when the host starts; ``None`` removes it."""

    path: str
    text: Optional[str]
    former: Optional[str]

    @property
    def words(self) -> str:
        verb = "remove" if self.text is None else "create" if self.former is None else "change"
        return f"{verb} {self.path}"

    def do(self, host: Host) -> None:
        host.driver(FirewallDriver).write(self.path, _as_file(self.text))

    def undo(self, host: Host) -> None:
        host.driver(FirewallDriver).write(self.path, _as_file(self.former))


def _as_file(text: Optional[str]) -> Optional[SystemFile]:
    return None if text is None else SystemFile(text, 0o644)


@dataclass(frozen=True)
class InstallFile(Step):
    """Writes a file of the service; ``None`` removes it."""

    path: str
    file: Optional[SystemFile]
    former: Optional[SystemFile]

    @property
    def words(self) -> str:
        verb = "remove" if self.file is None else "create" if self.former is None else "change"
        return f"{verb} {self.path}"

    def do(self, host: Host) -> None:
        host.driver(FirewallDriver).write(self.path, self.file)

    def undo(self, host: Host) -> None:
        host.driver(FirewallDriver).write(self.path, self.former)


@dataclass(frozen=True)
class SetService(Step):
    """Starts or ends the service that keeps the rules in place."""

    on: bool
    former: bool

    @property
    def words(self) -> str:
        verb = "disable" if not self.on else "restart" if self.former else "enable"
        return f"{verb} the service that keeps the rules in place"

    def do(self, host: Host) -> None:
        host.driver(FirewallDriver).set_service(self.on)

    def undo(self, host: Host) -> None:
        host.driver(FirewallDriver).set_service(self.former)


@dataclass(frozen=True)
class OpenPassage(Step):
    """Lets marked packets pass a chain that isn't ours."""

    passage: Passage

    @property
    def words(self) -> str:
        return f"accept forwarded connections at the {self.passage.end} of {self.passage}"

    def do(self, host: Host) -> None:
        host.driver(FirewallDriver).open(self.passage)

    def undo(self, host: Host) -> None:
        host.driver(FirewallDriver).close_passage(self.passage)


@dataclass(frozen=True)
class ClosePassage(Step):
    """Takes the rule for marked packets away again."""

    passage: Passage

    @property
    def words(self) -> str:
        return f"no longer accept forwarded connections at the {self.passage.end} of {self.passage}"

    def do(self, host: Host) -> None:
        host.driver(FirewallDriver).close_passage(self.passage)

    def undo(self, host: Host) -> None:
        host.driver(FirewallDriver).open(self.passage)


@dataclass(frozen=True)
class ForgetFlows(Step):
    """Makes the kernel translate running connections again.

    It translates a connection by its first packet. So one without an end, as those of UDP are, would go on to a former target.
    """

    flows: tuple[Flows, ...]

    @property
    def words(self) -> str:
        ports = ", ".join(
            f"{each.first}-{each.last}" if each.last > each.first else str(each.first) for each in self.flows
        )
        return f"forget the connections of UDP to port {ports}"

    def do(self, host: Host) -> None:
        host.driver(FirewallDriver).forget_flows(self.flows)

    def undo(self, host: Host) -> None:
        host.driver(FirewallDriver).forget_flows(self.flows)
