# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the answers of probes to a table for people, and to what differs from an expectation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

from .options import Expectation

YES, NO, PARTLY = "yes", "no", "partly"
_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}


@dataclass(frozen=True)
class Answer:
    """What one probe has found: whether it was answered, and the address that the other side has seen.

    ``seen`` is ``None`` where it isn't known, as for a ping.
    """

    source: str
    to: str
    family: str
    protocol: str
    reached: bool
    seen: Optional[str] = None
    own: Optional[str] = None

    @property
    def masqueraded(self) -> bool:
        """Whether the other side has seen another address than that of the probe."""
        return self.seen is not None and self.seen != self.own

    def shown(self) -> dict[str, object]:
        """Returns it as the module returns it."""
        return {
            "from": self.source,
            "to": self.to,
            "family": self.family,
            "protocol": self.protocol,
            "reached": self.reached,
            "masqueraded": self.masqueraded,
        }

    def __str__(self) -> str:
        return f"{self.source} to {self.to} by {self.protocol} over {_FAMILIES[self.family]}"


def cell(answers: Iterable[Answer]) -> str:
    """Returns what a cell of the table says for the answers of a pair of places; empty for none."""
    listed = list(answers)
    reached = {each.reached for each in listed}
    if not reached:
        return ""
    if reached == {False}:
        return NO
    if reached == {True}:
        return f"{YES}, masqueraded" if any(each.masqueraded for each in listed) else YES
    works = dict.fromkeys(f"{each.protocol} {_FAMILIES[each.family]}" for each in listed if each.reached)
    return f"{PARTLY}: {', '.join(works)}"


def lines(answers: Sequence[Answer]) -> list[str]:
    """Returns the table in Markdown, a line each."""
    sources = list(dict.fromkeys(each.source for each in answers))
    targets = list(dict.fromkeys(each.to for each in answers))
    rows = [["from \\ to", *targets]]
    for source in sources:
        row = [cell(each for each in answers if (each.source, each.to) == (source, to)) for to in targets]
        rows.append([source, *row])
    widths = [max(len(row[column]) for row in rows) for column in range(len(targets) + 1)]
    text = [f"| {' | '.join(word.ljust(width) for word, width in zip(row, widths))} |" for row in rows]
    return [text[0], f"| {' | '.join('-' * width for width in widths)} |", *text[1:]]


def differences(answers: Sequence[Answer], expected: Sequence[Expectation]) -> Iterator[str]:
    """Yields what isn't as expected, a sentence each. The last expectation that fits an answer counts."""
    for answer in answers:
        fitting = [each for each in expected if _fits(each, answer)]
        if fitting and fitting[-1].reached != answer.reached:
            yield f"{answer}: {'answered' if answer.reached else 'not answered'}, which is not expected"


def unused(answers: Sequence[Answer], expected: Sequence[Expectation]) -> Iterator[int]:
    """Yields the places of expectations that fit no answer."""
    for place, each in enumerate(expected):
        if not any(_fits(each, answer) for answer in answers):
            yield place


def _fits(expected: Expectation, answer: Answer) -> bool:
    pairs = (
        (expected.source, answer.source),
        (expected.to, answer.to),
        (expected.protocol, answer.protocol),
        (expected.family, answer.family),
    )
    return all(wanted in (None, found) for wanted, found in pairs)
