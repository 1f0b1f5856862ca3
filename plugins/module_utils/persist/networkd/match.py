# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which .network file systemd-networkd takes for an interface: the first one, by its name, whose [Match] fits."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Callable, Optional

from ...model.interface.options import InterfaceState
from ..ini import sections, settings

# In the order in which one hides a file of the same name in another (systemd.network(5)).
DIRECTORIES = (
    "/etc/systemd/network",
    "/run/systemd/network",
    "/usr/local/lib/systemd/network",
    "/usr/lib/systemd/network",
)

OURS = "virtnet-kvm-"  # in the names of our files, after what they are sorted by
FIRST = "05-"  # before what users commonly choose; where that isn't early enough, one of the others
_PREFIXES = (FIRST, "00-", "!-")

# What ARPHRD_ETHER devices of a kind of their own are called in Type= (their DEVTYPE); macvlan and veth have none.
_OWN_TYPES = ("bridge", "vlan", "bond", "vxlan", "geneve")


@dataclass(frozen=True)
class NetworkFile:
    """A file that may match an interface. ``certain`` is false where that depends on what isn't known here, ``specific`` is
    true if it matches no other interface."""

    path: str
    certain: bool
    specific: bool

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)


def fitting(files: Mapping[str, str], interface: InterfaceState, *, wireless: bool = False) -> list[NetworkFile]:
    """Returns the files that may be taken for an interface, in their order, up to the first one that certainly matches."""
    found = []
    for path in in_order(files, ".network"):
        match = _match_section(files[path])
        fits = _fits(match, interface, wireless)
        if fits is False:
            continue
        found.append(NetworkFile(path, bool(fits), _specific(match)))
        if fits:
            break
    return found


def first_name(name: str, others: Sequence[NetworkFile]) -> str:
    """Returns the name of a file of ours for an interface that is read before all others, if there is such a name."""
    names = [f"{prefix}{OURS}{name}.network" for prefix in _PREFIXES]
    return next((each for each in names if all(each < other.name for other in others)), names[-1])


def in_order(files: Mapping[str, str], ending: str) -> list[str]:
    """Returns the files with this ending that count, sorted by their names."""
    by_name: dict[str, str] = {}
    for directory in reversed(DIRECTORIES):
        for path in files:
            if posixpath.dirname(path) == directory and path.endswith(ending):
                by_name[posixpath.basename(path)] = path
    return [by_name[name] for name in sorted(by_name)]


def _match_section(text: str) -> dict[str, list[str]]:
    """Returns the words of each key of [Match]. A key that comes again adds words, an empty one removes those before it."""
    found: dict[str, list[str]] = {}
    for name, lines in list(sections(text)):
        for key, value in settings(lines) if name == "Match" else ():
            words = value.split()
            found[key] = [*found.get(key, ()), *words] if words else []
    return {key: words for key, words in found.items() if words}


def _fits(match: Mapping[str, list[str]], interface: InterfaceState, wireless: bool) -> Optional[bool]:
    """Returns whether all conditions match, ``None`` if that isn't known. A file without a condition matches nothing."""
    if not match:
        return False
    answers = [_KEYS[key](words, interface) if key in _KEYS else None for key, words in match.items() if key != "Type"]
    if "Type" in match:
        answers.append(_type(match["Type"], interface, wireless))
    if False in answers:
        return False
    return None if None in answers else True


def _specific(match: Mapping[str, list[str]]) -> bool:
    for key in ("Name", "MACAddress", "PermanentMACAddress"):
        words = match.get(key, [])
        if len(words) == 1 and not set("*?[!") & set(words[0]):
            return True
    return False


def _globs(words: list[str], value: str) -> bool:
    desired = not words[0].startswith("!")
    patterns = [words[0].lstrip("!"), *words[1:]]
    # what an interface doesn't have is matched by no pattern, not even by *
    return any(bool(value) and fnmatch.fnmatchcase(value, pattern) for pattern in patterns) is desired


def _hardware(words: list[str], address: Optional[str]) -> bool:
    return any(word.lower().replace("-", ":") == address for word in words)


def _type(words: list[str], interface: InterfaceState, wireless: bool) -> Optional[bool]:
    if interface.loopback:
        return _globs(words, "loopback")
    if interface.kind in _OWN_TYPES:
        return _globs(words, interface.kind)
    if interface.kind == "tun":
        return None
    return _globs(words, "wlan" if wireless else "ether")


_KEYS: Mapping[str, Callable[[list[str], InterfaceState], Optional[bool]]] = {
    "Name": lambda words, interface: _globs(words, interface.name),
    "MACAddress": lambda words, interface: _hardware(words, interface.definition.mac),
    "PermanentMACAddress": lambda words, interface: _hardware(words, interface.permanent_mac),
    "Kind": lambda words, interface: _globs(words, interface.kind),
}
