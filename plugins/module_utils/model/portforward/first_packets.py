# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the first packet of a connection besides its translation: a line in the kernel's log, and a helper.

A helper reads along in a connection, such as that of FTP, and so knows which connections belong to it. It must be set before the
connection is translated (nft_ct_helper_obj_eval in net/netfilter/nft_ct.c).
Forwards with the same prefix, or the same helper, share sets. nft has a rule for each of them, not for each forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..firewall.base import MASK
from ..firewall.nft import Chain, Element, NftSet, hook
from .options import log_prefix_of, protocol_of
from .resolved import Resolved, key_type, keys, matched, port_span

_HELPER_PRIORITY = -150  # between conntrack (-200) and our translation
_LIMIT = "limit rate 10/second burst 20 packets"


@dataclass(frozen=True)
class Selection:
    """Forwards whose connections a ``statement`` of nft is for; the names of their sets begin with ``name``."""

    name: str
    statement: str
    forwards: tuple[Resolved, ...]

    def _parts(self) -> Iterator[tuple[str, int, bool, list[Resolved]]]:
        for version in sorted({each.version for each in self.forwards}):
            for here in (True, False):
                mine = [each for each in self.forwards if each.version == version and bool(each.listen.address) == here]
                if mine:
                    yield f"{self.name}_{'to' if here else 'any'}{version}", version, here, mine

    def sets(self) -> Iterator[NftSet]:
        """Yields the sets by which the rules find the forwards."""
        for name, version, here, mine in self._parts():
            elements = tuple(Element(key) for each in mine for key in keys(each, port_span(each)))
            yield NftSet(name, key_type(version, here=here), elements=elements)

    def rules(self) -> Iterator[str]:
        for name, version, here, _mine in self._parts():
            match, key = matched(version, here=here)
            yield f"{match} {key} @{name} {self.statement}"


def logged(forwards: Sequence[Resolved]) -> list[Selection]:
    """Returns the forwards whose connections are logged, by prefix."""
    prefixes = sorted({log_prefix_of(each.forward) for each in forwards if each.forward.log})
    return [
        Selection(
            f"log{place}",
            f'{_LIMIT} log prefix "{prefix} " level info',
            tuple(each for each in forwards if log_prefix_of(each.forward) == prefix),
        )
        for place, prefix in enumerate(prefixes)
    ]


def helped(forwards: Sequence[Resolved]) -> list[Selection]:
    """Returns the forwards that have a helper, by helper."""
    return [
        Selection(
            f"{helper}_{protocol}",
            f'ct helper set "{helper}_{protocol}"',
            tuple(each for each in forwards if (each.forward.helper, protocol_of(each.listen)) == (helper, protocol)),
        )
        for helper, protocol in _helpers(forwards)
    ]


def helper_object(helper: str, protocol: str) -> str:
    """Returns the object of nft for a helper, by which the kernel loads its module, too."""
    return f'ct helper {helper}_{protocol} {{ type "{helper}" protocol {protocol}; }}'


def helper_objects(forwards: Sequence[Resolved]) -> tuple[str, ...]:
    """Returns the objects that rules with helpers refer to."""
    return tuple(helper_object(*each) for each in _helpers(forwards))


def helper_chains(forwards: Sequence[Resolved]) -> Iterator[Chain]:
    """Yields the chains that set the helpers."""
    rules = tuple(rule for each in helped(forwards) for rule in each.rules())
    if rules:
        yield Chain("helpers", rules)
        for place in ("prerouting", "output"):
            yield Chain(f"helpers_{place}", ("ct state new jump helpers",), hook("filter", place, _HELPER_PRIORITY))


def helper_marks(forwards: Sequence[Resolved]) -> Iterator[str]:
    """Yields the rules that mark the connections which helpers expect; ``ct helper`` is that of the first connection."""
    for helper in sorted({helper for helper, _protocol in _helpers(forwards)}):
        yield f'ct status expected ct helper "{helper}" meta mark set meta mark | {MASK}'


def _helpers(forwards: Sequence[Resolved]) -> list[tuple[str, str]]:
    return sorted({(each.forward.helper, protocol_of(each.listen)) for each in forwards if each.forward.helper})
