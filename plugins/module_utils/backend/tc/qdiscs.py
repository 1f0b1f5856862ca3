# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queueing disciplines and classes as the kernel is sent them, and returns them (linux/pkt_sched.h).

One table for each kind says which attribute has which number of ours; it is read in both directions.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Callable, Optional

from ...model.shaping.numbers.tree import HANDLE, ROOT, HtbClass, Qdisc, values
from ..netlink.channel import attribute, attributes

_U32_MOST = (1 << 32) - 1
_ETHERNET = 1  # TC_LINKLAYER_ETHERNET, with which the kernel needs no table of times (htb_change_class)
_RATESPEC = struct.Struct("=BBHhHI")
_HTB_OPT = struct.Struct("=12s12sIIIII")  # tc_htb_opt
_HTB_GLOB = struct.Struct("=IIIII")  # tc_htb_glob: version, rate2quantum, defcls, debug, direct_pkts
_TBF_OPT = struct.Struct("=12s12sIII")  # tc_tbf_qopt
_NETEM_OPT = struct.Struct("=IIIIII")  # tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
_SFQ_OPT = struct.Struct("=IiIII")  # tc_sfq_qopt: quantum, perturb_period, limit, divisor, flows

# fq_codel and cake: the number of an attribute and our name of it. All but the rate of cake are u32.
_SIMPLE: Mapping[str, Sequence[tuple[int, str]]] = {
    "fq_codel": (
        (1, "target"),
        (2, "limit"),
        (3, "interval"),
        (4, "ecn"),
        (5, "flows"),
        (6, "quantum"),
        (9, "memory_limit"),
    ),
    "cake": (
        (2, "rate"),
        (3, "diffserv"),
        (5, "isolation"),
        (7, "rtt"),
        (8, "target"),
        (11, "nat"),
        (13, "wash"),
        (16, "ack_filter"),
    ),
}
_SENT_ONCE = {("fq_codel", "flows")}  # fq_codel_change refuses it
_U64 = {("cake", "rate")}
_CODEL_TIMES = {("fq_codel", "target"), ("fq_codel", "interval")}

Payload = dict[int, bytes]


def _u32(number: int) -> bytes:
    return struct.pack("=I", number)


def _u64(number: int) -> bytes:
    return struct.pack("=Q", number)


def _number(payload: bytes) -> int:
    return int.from_bytes(payload, "little" if struct.pack("=H", 1)[0] else "big")


def ratespec(rate: int, cell: int = 0) -> bytes:
    """Returns a tc_ratespec; ``cell`` is the unit of a table of times. A rate that doesn't fit in it also needs an attribute of its own."""
    return _RATESPEC.pack(cell, _ETHERNET, 0, -1, 0, min(rate, _U32_MOST)) if rate else bytes(_RATESPEC.size)


def rate_in(spec: bytes, exact: Optional[bytes]) -> int:
    """Returns the rate of a tc_ratespec, or of the attribute that is there for a large one."""
    return _number(exact) if exact else int(_RATESPEC.unpack(spec)[5])


def _exactly(number: int, rate: int) -> bytes:
    return attribute(number, _u64(rate)) if rate > _U32_MOST else b""


# -- classes ---------------------------------------------------------------------------------------------------------------


def class_options(each: HtbClass) -> bytes:
    """Returns the options of a class of HTB."""
    parms = _HTB_OPT.pack(
        ratespec(each.rate), ratespec(each.ceil), each.burst, each.cburst, each.quantum, 0, each.priority
    )
    return attribute(1, parms) + _exactly(6, each.rate) + _exactly(7, each.ceil)


def read_class(classid: int, parent: int, options: bytes) -> Optional[HtbClass]:
    """Returns a class of HTB; ``None`` where it has no parameters."""
    held = attributes(options)
    if len(held.get(1, b"")) < _HTB_OPT.size:
        return None
    rate, ceil, burst, cburst, quantum, _level, priority = _HTB_OPT.unpack_from(held[1])
    return HtbClass(
        classid,
        HANDLE if parent == ROOT else parent,
        rate_in(rate, held.get(6)),
        rate_in(ceil, held.get(7)),
        burst,
        cburst,
        priority,
        quantum,
    )


def htb_default(options: bytes) -> int:
    """Returns the minor of the class of a root of HTB that gets all that no filter matches."""
    found = attributes(options).get(2, b"")
    return int(_HTB_GLOB.unpack_from(found)[2]) if len(found) >= _HTB_GLOB.size else 0


# -- queueing disciplines --------------------------------------------------------------------------------------------------


def qdisc_options(qdisc: Qdisc, *, new: bool, distribution: bytes = b"") -> bytes:
    """Returns the options of a queueing discipline; ``distribution`` is the table that netem is given."""
    held = qdisc.held
    if qdisc.kind == "htb":
        return attribute(2, _HTB_GLOB.pack(3, 10, 0, 0, 0))
    if qdisc.kind == "netem":
        return _netem_options(held, distribution)
    writer = _WRITERS.get(qdisc.kind)
    if writer is not None:
        return writer(held)
    found = b""
    for number, name in _SIMPLE.get(qdisc.kind, ()):
        key = (qdisc.kind, name)
        if name in held and (new or key not in _SENT_ONCE):
            number_sent = -(-(held[name] << 10) // 1000) if key in _CODEL_TIMES else held[name]
            found += attribute(number, _u64(number_sent) if key in _U64 else _u32(number_sent))
    return found


def read_qdisc(handle: int, parent: int, kind: str, options: bytes) -> Qdisc:
    """Returns a queueing discipline with the numbers that are known of its kind."""
    if kind == "netem":
        held = _read_netem(options)
    elif kind in _READERS:
        held = _READERS[kind](options)
    else:
        found = attributes(options) if kind in _SIMPLE else {}
        held = {name: _number(found[number]) for number, name in _SIMPLE.get(kind, ()) if number in found}
        for each, name in _CODEL_TIMES:
            if each == kind and name in held:
                held[name] = -(-held[name] * 1000 // 1024)
    return Qdisc(handle, parent, kind, values(held))


def _write_fifo(held: Mapping[str, int]) -> bytes:
    return _u32(held["limit"])


def _read_fifo(options: bytes) -> dict[str, int]:
    return {"limit": _number(options[:4])}


def _write_sfq(held: Mapping[str, int]) -> bytes:
    return _SFQ_OPT.pack(held["quantum"], held["perturb"], held["limit"], 0, 0)


def _read_sfq(options: bytes) -> dict[str, int]:
    quantum, perturb, limit, _divisor, _flows = _SFQ_OPT.unpack_from(options)
    return {"quantum": quantum, "perturb": perturb, "limit": limit}


def _write_tbf(held: Mapping[str, int]) -> bytes:
    parms = _TBF_OPT.pack(ratespec(held["rate"]), ratespec(0), held["limit"], held["burst"], 0)
    return attribute(1, parms) + _exactly(4, held["rate"])


def _read_tbf(options: bytes) -> dict[str, int]:
    held = attributes(options)
    rate, _peak, limit, burst, _mtu = _TBF_OPT.unpack_from(held[1])
    return {"rate": rate_in(rate, held.get(4)), "limit": limit, "burst": burst}


_WRITERS: Mapping[str, Callable[[Mapping[str, int]], bytes]] = {
    "pfifo": _write_fifo,
    "bfifo": _write_fifo,
    "sfq": _write_sfq,
    "tbf": _write_tbf,
}
_READERS: Mapping[str, Callable[[bytes], dict[str, int]]] = {
    "pfifo": _read_fifo,
    "bfifo": _read_fifo,
    "sfq": _read_sfq,
    "tbf": _read_tbf,
}

# -- netem -----------------------------------------------------------------------------------------------------------------

# TCA_NETEM_*
_CORR, _DIST, _REORDER, _CORRUPT, _LOSS, _RATE, _RATE64, _LATENCY64, _JITTER64, _SEED = 1, 2, 3, 4, 5, 6, 8, 10, 11, 14
_LOSS_GE = 2
_PAIR, _TRIPLE = struct.Struct("=II"), struct.Struct("=III")
_GE = struct.Struct("=IIII")
_RATE_OPT = struct.Struct("=IiIi")


def _netem_options(held: Mapping[str, int], distribution: bytes) -> bytes:
    get = held.get
    delay, jitter, rate = get("delay", 0), get("jitter", 0), get("rate", 0)
    fixed = _NETEM_OPT.pack(
        min(delay >> 6, _U32_MOST), held["limit"], get("loss", 0), get("gap", 0), get("duplicate", 0), 0
    )
    correlations = (get("delay_correlation", 0), get("loss_correlation", 0), get("duplicate_correlation", 0))
    # the rate stays as it was where it is left out (netem_change), and so do what reorders and corrupts
    found = attribute(_CORR, _TRIPLE.pack(*correlations))
    found += attribute(_REORDER, _PAIR.pack(get("reorder", 0), get("reorder_correlation", 0)))
    found += attribute(_CORRUPT, _PAIR.pack(get("corrupt", 0), get("corrupt_correlation", 0)))
    if rate > _U32_MOST:
        found += attribute(_RATE64, _u64(rate))
    found += attribute(_RATE, _RATE_OPT.pack(min(rate, _U32_MOST), 0, 0, 0))
    found += attribute(_LATENCY64, struct.pack("=q", delay)) + attribute(_JITTER64, struct.pack("=q", jitter))
    if "model_p" in held or "model_r" in held:
        model = _GE.pack(*(get(f"model_{name}", 0) for name in "prhk"))
        found += attribute(_LOSS | 0x8000, attribute(_LOSS_GE, model))
    if "seed" in held:
        found += attribute(_SEED, _u64(held["seed"]))
    if distribution:
        found += attribute(_DIST, distribution)
    return fixed + bytes(-len(fixed) % 4) + found


def _read_netem(options: bytes) -> dict[str, int]:
    _latency, limit, loss, gap, duplicate, _jitter = _NETEM_OPT.unpack_from(options)
    held = attributes(options, _NETEM_OPT.size)
    correlations = _TRIPLE.unpack_from(held.get(_CORR, bytes(12)))
    reorder, corrupt = (_PAIR.unpack_from(held.get(each, bytes(8))) for each in (_REORDER, _CORRUPT))
    rate = _RATE_OPT.unpack_from(held.get(_RATE, bytes(16)))[0]
    found = {
        "delay": _number(held.get(_LATENCY64, b"")),
        "jitter": _number(held.get(_JITTER64, b"")),
        "rate": _number(held[_RATE64]) if _RATE64 in held else rate,
        "loss": loss,
        "gap": gap,
        "duplicate": duplicate,
        "delay_correlation": correlations[0],
        "loss_correlation": correlations[1],
        "duplicate_correlation": correlations[2],
        "reorder": reorder[0],
        "reorder_correlation": reorder[1],
        "corrupt": corrupt[0],
        "corrupt_correlation": corrupt[1],
        "seed": _number(held.get(_SEED, b"")),
    }
    model = attributes(held.get(_LOSS, b"")).get(_LOSS_GE)
    if model:
        found.update(zip(("model_p", "model_r", "model_h", "model_k"), _GE.unpack_from(model)))
    return {"limit": limit, **{name: value for name, value in found.items() if value}}
