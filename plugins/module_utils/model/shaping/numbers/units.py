# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of tc(8), and the kernel's: bytes per second, bytes, nanoseconds, ticks of 64 ns, and parts of 2**32.

Numbers are exact here: what the kernel rounds is rounded in the same way, and so both sides of a comparison are equal. The
texts are those that give the same number again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

WHOLE = (1 << 32) - 1  # 100 % (get_percent of iproute2's tc/tc_util.c)
_TICK = 6  # PSCHED_SHIFT of the kernel's net/pkt_sched.h: a tick is 64 ns
MOST_TICKS = (1 << 32) - 1
SECOND = 1_000_000_000

_DECIMAL = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

# How many bits a second one of each unit is (`suffixes` of iproute2's tc/tc_util.c). A number without a unit is in bits.
RATES: Mapping[str, int] = {
    "": 1,
    **{f"{prefix}bit": factor for prefix, factor in {"": 1, **_DECIMAL, **_BINARY}.items()},
    **{f"{prefix}bps": 8 * factor for prefix, factor in {"": 1, **_DECIMAL, **_BINARY}.items()},
}
# How many bytes one of each unit is (get_size64 of iproute2's tc/tc_util.c); there k is 1024.
SIZES: Mapping[str, Fraction] = {
    "": Fraction(1),
    "b": Fraction(1),
    **{
        f"{prefix}{end}": Fraction(2**power) for prefix, power in (("k", 10), ("m", 20), ("g", 30)) for end in ("", "b")
    },
    **{f"{prefix}bit": Fraction(2**power, 8) for prefix, power in (("k", 10), ("m", 20), ("g", 30))},
}
# How many nanoseconds one of each unit is (get_time64 of iproute2's lib/utils.c). tc takes a number without a unit for
# nanoseconds in some places and for microseconds in others, so it is none here.
TIMES: Mapping[str, int] = {
    **dict.fromkeys(("s", "sec", "secs"), SECOND),
    **dict.fromkeys(("ms", "msec", "msecs"), 1_000_000),
    **dict.fromkeys(("us", "usec", "usecs"), 1000),
    **dict.fromkeys(("ns", "nsec", "nsecs"), 1),
}
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([A-Za-z]*)")


def _split(value: str, units: Mapping[str, object], what: str, known: str) -> tuple[Fraction, str]:
    found = _NUMBER.fullmatch(value.strip())
    if not found:
        raise ValueError(f"is not a {what}; write it as a number and one of the units {known}")
    unit = found[2].lower()
    if unit not in units:
        problem = f"has the unit {found[2]!r}, which tc doesn't know" if unit else "has no unit"
        raise ValueError(f"{problem}; use one of {known}")
    return Fraction(found[1] if found[1][-1] != "." else found[1][:-1]), unit


# -- rates -----------------------------------------------------------------------------------------------------------------

_RATES_SHOWN = (
    "bit, kbit, mbit, gbit, tbit, kibit, mibit, gibit, tibit, bps, kbps, mbps, gbps, tbps, kibps, mibps, gibps, tibps"
)


def bytes_per_second(value: str) -> int:
    """Returns a rate in bytes per second, rounded down as tc does. Raises `ValueError`."""
    number, unit = _split(value, RATES, "rate", _RATES_SHOWN)
    found = int(number * RATES[unit] / 8)
    if found == 0:
        raise ValueError("is a rate of 0, which lets nothing pass; give 8bit or more")
    if found >= 1 << 61:
        raise ValueError("is too large a rate; give less than 18446744tbit")
    return found


def rate_text(rate: int) -> str:
    """Returns a rate in the largest unit in which it is a whole number."""
    return _largest(rate * 8, [("tbit", 10**12), ("gbit", 10**9), ("mbit", 10**6), ("kbit", 10**3)], "bit")


def rate(value: str) -> str:
    """Returns the normal form of a rate."""
    return rate_text(bytes_per_second(value))


def _largest(number: int, units: Sequence[tuple[str, int]], last: str) -> str:
    for unit, factor in units:
        if number and number % factor == 0:
            return f"{number // factor}{unit}"
    return f"{number}{last}"


# -- sizes -----------------------------------------------------------------------------------------------------------------


def size_bytes(value: str) -> int:
    """Returns a size in bytes. Raises `ValueError`."""
    number, unit = _split(value, SIZES, "size", "b, kb, mb, gb (k is 1024), kbit, mbit, gbit")
    found = int(number * SIZES[unit])
    if not 0 < found < 1 << 32:
        raise ValueError("can't be a size; give 1b to 4294967295b")
    return found


def size_text(size: int) -> str:
    """Returns a size in the largest unit in which it is a whole number."""
    return _largest(size, [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)], "b")


def size(value: str) -> str:
    """Returns the normal form of a size."""
    return size_text(size_bytes(value))


def ticks_for(size_in_bytes: int, rate_in_bytes: int) -> int:
    """Returns how many ticks bytes take at a rate, rounded up, so that a burst of one frame holds that frame."""
    return -(-size_in_bytes * SECOND // rate_in_bytes // (1 << _TICK))


def bytes_in(ticks: int, rate_in_bytes: int) -> int:
    """Returns the largest size that takes so many ticks, which gives these ticks again."""
    return (ticks << _TICK) * rate_in_bytes // SECOND


def ticks(nanoseconds: int) -> int:
    """Returns a time in ticks, rounded down."""
    return nanoseconds >> _TICK


# -- times -----------------------------------------------------------------------------------------------------------------


def nanoseconds(value: str) -> int:
    """Returns a time in nanoseconds. Raises `ValueError`."""
    number, unit = _split(value, TIMES, "time", "s, ms, us, ns")
    found = int(number * TIMES[unit])
    if found > 3600 * SECOND:
        raise ValueError("is too long a time; give 3600s or less")
    return found


def time_text(time: int) -> str:
    """Returns a time in the largest unit in which it is a whole number."""
    return _largest(time, [("s", SECOND), ("ms", 1_000_000), ("us", 1000)], "ns") if time else "0ms"


def time(value: str) -> str:
    """Returns the normal form of a time."""
    return time_text(nanoseconds(value))


# -- parts of a whole --------------------------------------------------------------------------------------------------------


def part(value: str) -> int:
    """Returns a percentage in parts of 2**32, rounded as tc does. Raises `ValueError`."""
    found = _NUMBER.fullmatch(value.strip().rstrip("%"))
    if not found or found[2] or float(found[1]) > 100:
        raise ValueError("is not a percentage; write it as 0.1%, from 0% to 100%")
    return round(Fraction(found[1] if found[1][-1] != "." else found[1][:-1]) / 100 * WHOLE)


def part_text(value: int) -> str:
    """Returns the shortest percentage that gives these parts again."""
    for digits in range(11):
        text = f"{value * 100 / WHOLE:.{digits}f}"
        if part(text) == value:
            return f"{text}%"
    return f"{text}%"


def percentage(value: str) -> str:
    """Returns the normal form of a percentage."""
    return part_text(part(value))
