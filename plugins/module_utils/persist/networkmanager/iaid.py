# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The number by which a DHCP server knows an interface (IAID, RFC 8415), as NetworkManager makes it of a name."""

from __future__ import annotations

from collections.abc import Iterator

# HASH_KEY of nm_utils_create_dhcp_iaid, which is systemd's (dhcp_identifier_set_iaid)
_KEY = bytes.fromhex("80118cc2fe4a03ee3ed60c6f36391409")
_BITS = (1 << 64) - 1


def iaid_by_name(name: str) -> int:
    """Returns the IAID of an interface (nm_utils_create_dhcp_iaid)."""
    found = siphash24(_KEY, name.encode())
    return (found & 0xFFFFFFFF) ^ (found >> 32)


def siphash24(key: bytes, data: bytes) -> int:
    """Returns SipHash-2-4 of ``data`` (Aumasson and Bernstein, SipHash: a fast short-input PRF)."""
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    state = [
        low ^ 0x736F6D6570736575,
        high ^ 0x646F72616E646F6D,
        low ^ 0x6C7967656E657261,
        high ^ 0x7465646279746573,
    ]
    for word in _words(data):
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _words(data: bytes) -> Iterator[int]:
    """Yields words of 8 bytes; the last one ends with the length."""
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for start in range(0, len(padded), 8):
        yield int.from_bytes(padded[start : start + 8], "little")


def _rounds(state: list[int], count: int) -> None:
    for _round in range(count):
        _mix(state, 0, 1, 13)
        state[0] = _left(state[0], 32)
        _mix(state, 2, 3, 16)
        _mix(state, 0, 3, 21)
        _mix(state, 2, 1, 17)
        state[2] = _left(state[2], 32)


def _mix(state: list[int], first: int, second: int, bits: int) -> None:
    state[first] = (state[first] + state[second]) & _BITS
    state[second] = _left(state[second], bits) ^ state[first]


def _left(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _BITS
