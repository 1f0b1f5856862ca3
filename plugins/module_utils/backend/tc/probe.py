# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kernel has of traffic control. It is tried in a network namespace that is gone afterwards."""

from __future__ import annotations

import contextlib
import errno
import struct
import threading
from collections.abc import Iterator, Sequence

from ...errors import HostError
from ...model.shaping.numbers.tree import INGRESS, ROOT, Qdisc, values
from ..netlink.channel import NLM_F_CREATE, NLM_F_EXCL, Channel, KernelError, attribute
from ..netlink.read import LINK, RTM_NEWLINK
from ..os.libc import unshare_network
from .messages import RTM_GETQDISC, RTM_NEWQDISC, RTM_NEWTFILTER, dump, message
from .qdiscs import qdisc_options, read_qdisc

_LOOPBACK = 1  # LOOPBACK_IFINDEX of linux/if_link.h
_HOOK_PARENT = 0xFFFFFFF1
_HANDLE = 0x7FFE0000
_U32_SEL, _U32_ACT = 5, 7
_SEED = 1


def lacking(kinds: Sequence[str]) -> Sequence[str]:
    """Returns the kinds that the kernel doesn't have; none where this can't be tried."""
    found: list[str] = []

    def work() -> None:
        try:
            unshare_network()
        except OSError:
            return
        with contextlib.suppress(HostError), contextlib.closing(Channel(None)) as channel:
            found.extend(_tried(channel, kinds))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found


def _tried(channel: Channel, kinds: Sequence[str]) -> Iterator[str]:
    ingress = _knows(channel, RTM_NEWQDISC, message(_LOOPBACK, INGRESS, _HOOK_PARENT, "ingress"))
    for kind in dict.fromkeys(kinds):
        if kind == "ingress":
            known = ingress
        elif kind == "ifb":
            known = _knows_link(channel, kind)
        elif kind == "netem_seed":
            known = _knows_seed(channel)
        elif kind.startswith("cls_"):
            body = message(_LOOPBACK, 0, INGRESS, kind[4:], priority=_SEED)
            known = _knows(channel, RTM_NEWTFILTER, body) if ingress else True
        elif kind.startswith("act_"):
            known = _knows(channel, RTM_NEWTFILTER, _with_action(kind[4:])) if ingress else True
        else:
            known = _knows(channel, RTM_NEWQDISC, message(_LOOPBACK, _HANDLE, ROOT, kind))
        if not known:
            yield kind


def _knows(channel: Channel, what: int, body: bytes) -> bool:
    """Returns whether the kernel knows the kind in a request, which it refuses for another reason, or grants."""
    try:
        channel.request("look for what the kernel has", what, body, NLM_F_CREATE)
    except KernelError as error:
        return error.code != errno.ENOENT  # qdisc_create, tcf_proto_lookup_ops and tc_action_load_ops
    return True


def _with_action(kind: str) -> bytes:
    action = attribute(1, kind.encode() + b"\0")
    selector = struct.pack("=BBBxHHhhIIIii", 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    options = attribute(_U32_SEL, selector) + attribute(_U32_ACT | 0x8000, attribute(1 | 0x8000, action))
    return message(_LOOPBACK, 0, INGRESS, "u32", options, priority=2)


def _knows_link(channel: Channel, kind: str) -> bool:
    info = attribute(1, kind.encode() + b"\0")
    body = LINK.pack(0, 0, 0, 0, 0) + attribute(3, b"probe\0") + attribute(18, info)
    try:
        channel.request(f"look for the kind {kind}", RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)
    except KernelError as error:
        return error.code != errno.EOPNOTSUPP
    return True


def _knows_seed(channel: Channel) -> bool:
    """Returns whether netem takes a seed: an old kernel ignores it."""
    wanted = Qdisc(_HANDLE + 0x10000, ROOT, "netem", values({"limit": 1, "seed": _SEED}))
    body = message(_LOOPBACK, wanted.handle, ROOT, wanted.kind, qdisc_options(wanted, new=True))
    try:
        channel.request("look for seeds of netem", RTM_NEWQDISC, body, NLM_F_CREATE | 0x100)
    except KernelError:
        return False
    found = dump(channel, "look for seeds of netem", RTM_GETQDISC, _LOOPBACK)
    return any(
        read_qdisc(each.handle, each.parent, each.kind, each.options).held.get("seed") == _SEED
        for each in found
        if each.kind == "netem"
    )
