# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Where the Molecule scenarios run: their files `hosts`, and the table of them in TESTING.md.

A line of such a file is one run of the scenario:

    MODE: KIND DISTRO [FIREWALL] [VARIABLE=VALUE ...]

MODE      `all` for a run of each `script/test`, `full` for one of `script/test full` only
KIND      container, uml or vm
DISTRO    bookworm, trixie or both
FIREWALL  libvirt's firewall backend, iptables or nftables; its own default if left out. With `both`, `nftables` is for the
          hosts whose libvirt has it, which is Debian 13's; the others have iptables
VARIABLE  further environment variables for the run

`script/test full` leaves a run out that another run of it includes: the same kind and firewall, and both Debians.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MODES = ("all", "full")
KINDS = ("container", "uml", "vm")
DISTROS = ("bookworm", "trixie", "both")
FIREWALLS = ("iptables", "nftables")

BEGIN = "<!-- scenarios: written by `script/test table` -->"
END = "<!-- end of scenarios -->"

_KIND_WORDS = {"container": "containers", "uml": "UML hosts", "vm": "VMs"}
_DISTRO_WORDS = {"bookworm": "Debian 12", "trixie": "Debian 13", "both": "Debian 12 and 13"}


@dataclass(frozen=True)
class HostsRun:
    """One line of a file `hosts`."""

    mode: str
    kind: str
    distro: str
    firewall: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """What tells the scenario's playbooks, in extensions/molecule/resources, which hosts to boot."""
        chosen = {"KIND": self.kind, "DISTRO": self.distro, "FIREWALL": self.firewall}
        return {**{f"VIRTNET_MOLECULE_{name}": value for name, value in chosen.items()}, **dict(self.variables)}

    @property
    def words(self) -> str:
        firewall = f", {self.firewall}" if self.firewall else ""
        if self.distro == "both" and self.firewall == "nftables":
            firewall += " on Debian 13"
        return f"{_KIND_WORDS[self.kind]} of {_DISTRO_WORDS[self.distro]}{firewall}"

    def includes(self, other: HostsRun) -> bool:
        same = (self.kind, self.firewall) == (other.kind, other.firewall)
        return same and self != other and self.distro in ("both", other.distro)


def parse(text: str, where: str = "hosts") -> list[HostsRun]:
    """Reads a file `hosts`; a ValueError says which line is wrong, and what was expected."""
    runs = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            runs.append(_parse_line(line, f"{where}, line {number}"))
    if not runs:
        raise ValueError(f"{where}: no line of the form MODE: KIND DISTRO")
    for mode in MODES:
        kinds = [run.kind for run in select(runs, mode)]
        for kind in kinds:
            if kinds.count(kind) > 1:
                # The names of the hosts hold the kind, and nothing else of the run.
                raise ValueError(
                    f"{where}: two runs on the kind {kind} in mode {mode}; expected one, or one that includes all"
                )
    return runs


def _parse_line(line: str, where: str) -> HostsRun:
    mode, colon, rest = line.partition(":")
    words = rest.split()
    variables = [word for word in words if "=" in word]
    words = [word for word in words if "=" not in word]
    if not colon or not 2 <= len(words) <= 3:
        raise ValueError(f"{where}: {line!r}: expected MODE: KIND DISTRO [FIREWALL] [VARIABLE=VALUE ...]")
    kind, distro, firewall = (*words, "")[:3]
    given = (
        ("mode", mode, MODES),
        ("kind", kind, KINDS),
        ("distro", distro, DISTROS),
        ("firewall", firewall, FIREWALLS),
    )
    for what, word, allowed in given:
        if word not in allowed and (what != "firewall" or word):
            raise ValueError(f"{where}: {what} {word!r}: expected {', '.join(allowed[:-1])} or {allowed[-1]}")
    if (distro, firewall) == ("bookworm", "nftables"):
        raise ValueError(f"{where}: firewall 'nftables': the libvirt of bookworm has only iptables")
    pairs = []
    for variable in variables:
        name, _equals, value = variable.partition("=")
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            raise ValueError(
                f"{where}: {variable!r}: expected the name of a variable in capital letters before the '='"
            )
        pairs.append((name, value))
    return HostsRun(mode, kind, distro, firewall, tuple(pairs))


def select(runs: Sequence[HostsRun], mode: str) -> list[HostsRun]:
    """The runs of a mode: `full` is those of `all` and its own, without those that another one includes."""
    chosen = [run for run in runs if run.mode == "all" or mode == "full"]
    return [run for run in chosen if not any(other.includes(run) for other in chosen)]


@dataclass(frozen=True)
class Scenario:
    name: str
    shows: str
    runs: tuple[HostsRun, ...]


def scenarios(directory: Path) -> Iterator[Scenario]:
    """The scenarios in extensions/molecule, by name."""
    for file in sorted(directory.glob("*/molecule.yml")):
        hosts = file.with_name("hosts")
        name = file.parent.name
        runs = parse(hosts.read_text(), f"extensions/molecule/{name}/hosts")
        yield Scenario(name, leading_comment(file.read_text()), tuple(runs))


def leading_comment(text: str) -> str:
    """The first paragraph of the comment at the beginning of a file, after the licence."""
    words: list[str] = []
    for line in text.splitlines():
        if line == "---" or line.startswith("# SPDX"):
            continue
        if not line.startswith("# "):
            break
        words += line[2:].split()
    return " ".join(words)


def table(found: Sequence[Scenario]) -> str:
    lines = ["| scenario | what it shows | hosts | in `full` |", "| --- | --- | --- | --- |"]
    for scenario in found:
        usual = select(scenario.runs, "all")
        more = [run.words for run in select(scenario.runs, "full") if run not in usual]
        cells = (f"`{scenario.name}`", scenario.shows, "; ".join(run.words for run in usual), "; ".join(more))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def with_table(document: str, new: str, begin: str = BEGIN, end: str = END) -> str:
    """A document with a new table between its two markers."""
    before, found, rest = document.partition(begin)
    _old, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"the lines {begin!r} and {end!r} are missing")
    return f"{before}{begin}\n\n{new}\n\n{end}{after}"


def main() -> None:
    """Writes the table in TESTING.md anew."""
    checkout = Path(__file__).resolve().parents[2]
    document = checkout / "TESTING.md"
    document.write_text(with_table(document.read_text(), table(list(scenarios(checkout / "extensions" / "molecule")))))


if __name__ == "__main__":
    main()
