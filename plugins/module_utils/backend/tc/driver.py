# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of shaping: traffic control by netlink."""

from __future__ import annotations

import errno
import glob
import struct
from collections.abc import Sequence
from typing import Optional

from ...errors import HostError
from ...model.shaping.numbers.tree import (
    CLSACT_INGRESS,
    HANDLE,
    INGRESS,
    ROOT,
    Entry,
    HtbClass,
    Qdisc,
    Redirect,
    Thing,
)
from ...model.shaping.observed import ifb_alias
from ...model.shaping.steps import Bandwidth, Counters, Link, RawTree, ShapingDriver
from ..netlink.channel import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Channel, KernelError, attribute, attributes
from ..netlink.read import LINK, RTM_GETLINK, RTM_NEWLINK, link_request
from . import messages
from .filters import entry_options, read_entry
from .libvirt_bandwidth import bandwidth_of
from .probe import lacking
from .qdiscs import class_options, htb_default, qdisc_options, read_class, read_qdisc

_RTM_DELLINK = 17
_IFNAME, _MTU, _TXQLEN, _LINKINFO, _IFALIAS, _INFO_KIND = 3, 4, 13, 18, 20, 1
_IFF_UP = 1
_QUEUE_LENGTH = 1000  # that of an IFB is 32, and limits come from it
_HOOKS = {"ingress": INGRESS, "clsact": CLSACT_INGRESS}
_TABLES = ("/usr/lib/*/tc", "/usr/lib/tc", "/lib/tc", "/usr/lib64/tc", "/usr/share/tc")


class TrafficControl(ShapingDriver):
    """The traffic control of the host's own network namespace."""

    def __init__(self) -> None:
        self._open: Optional[Channel] = None
        self._names: dict[int, str] = {}
        self._kinds: dict[str, bool] = {}
        self._indexes: dict[str, int] = {}

    @property
    def _channel(self) -> Channel:
        if self._open is None:
            self._open = Channel(None)
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        self.forget()

    def forget(self) -> None:
        self._names.clear()
        self._indexes.clear()

    # -- reading -----------------------------------------------------------------------------------------------------------

    def link(self, name: str) -> Optional[Link]:
        try:
            found = self._channel.get(f"look for {name}", RTM_GETLINK, link_request(name=name))
        except KernelError as error:
            if error.code != errno.ENODEV:
                raise
            return None
        held = attributes(found or b"", LINK.size)
        self._indexes[name] = LINK.unpack_from(found or bytes(LINK.size))[2]
        alias = held.get(_IFALIAS, b"").rstrip(b"\0").decode(errors="replace")
        return Link(name, int.from_bytes(held.get(_MTU, b"\0")[:4], "little"), alias)

    def _index(self, name: str, doing: str) -> int:
        if name not in self._indexes and self.link(name) is None:
            raise HostError(doing, f"there is no interface {name}")
        return self._indexes[name]

    def _name(self, index: int) -> str:
        if index not in self._names:
            found = self._channel.get("look for an interface", RTM_GETLINK, LINK.pack(0, 0, index, 0, 0))
            held = attributes(found or b"", LINK.size)
            self._names[index] = held.get(_IFNAME, b"").rstrip(b"\0").decode(errors="replace")
        return self._names[index]

    def tree(self, name: str) -> RawTree:
        doing = f"read the shaping of {name}"
        index = self._index(name, doing)
        root: Optional[Qdisc] = None
        default, hook, queues = 0, "", []
        counters: dict[int, Counters] = {}
        for each in messages.dump(self._channel, doing, messages.RTM_GETQDISC, index):
            if each.kind in _HOOKS:
                hook = each.kind
                continue
            counters[each.handle] = each.counters
            if not each.handle:
                continue  # the kernel's own default (attach_default_qdiscs)
            qdisc = read_qdisc(each.handle, each.parent, each.kind, each.options)
            if each.parent == ROOT:
                root = qdisc
                default = htb_default(each.options) if each.kind == "htb" else 0
            else:
                queues.append(qdisc)
        classes: list[HtbClass] = []
        filters: Sequence[Entry] = ()
        if root is not None and root.kind == "htb":
            for each in messages.dump(self._channel, doing, messages.RTM_GETTCLASS, index):
                found = read_class(each.handle, each.parent, each.options) if each.kind == "htb" else None
                if found is not None:
                    classes.append(found)
                    counters[each.handle] = each.counters
            filters = self._filters(doing, index, HANDLE) if root.handle == HANDLE else ()
        entering = self._filters(doing, index, _HOOKS[hook]) if hook else ()
        return RawTree(root, default, tuple(queues), tuple(classes), tuple(filters), hook, tuple(entering), counters)

    def _filters(self, doing: str, index: int, parent: int) -> Sequence[Entry]:
        found = []
        for each in messages.dump(self._channel, doing, messages.RTM_GETTFILTER, index, parent):
            names = _Names(self)
            entry = read_entry(parent, each.info >> 16, each.handle, each.kind, each.options, names)
            if entry is not None:
                found.append(entry)
        return sorted(found, key=lambda entry: (entry.priority, entry.match.family))

    def bandwidth(self, name: str) -> Optional[Bandwidth]:
        return bandwidth_of(name)

    def lacking(self, kinds: Sequence[str]) -> Sequence[str]:
        unknown = [kind for kind in kinds if kind not in self._kinds]
        if unknown:
            missing = lacking(unknown)
            self._kinds.update({kind: kind not in missing for kind in unknown})
        return [kind for kind in kinds if not self._kinds[kind]]

    def distribution(self, name: str) -> bool:
        return bool(_table(name))

    # -- changing ----------------------------------------------------------------------------------------------------------

    def put(self, device: str, thing: Thing, former: Optional[Thing]) -> None:
        doing = f"{'create' if former is None else 'change'} the shaping of {device}"
        index = self._index(device, doing)
        if isinstance(thing, HtbClass):
            flags = NLM_F_CREATE | NLM_F_EXCL if former is None else 0
            body = messages.message(index, thing.classid, thing.parent, "htb", class_options(thing))
            self._channel.request(doing, messages.RTM_NEWTCLASS, body, flags)
        elif isinstance(thing, Qdisc):
            if thing.parent == ROOT and thing.kind == "htb" and self._has_htb(device):
                return  # of a bridge that libvirt has created meanwhile
            in_place = isinstance(former, Qdisc) and former.handle == thing.handle
            table = _table(thing.distribution) if thing.distribution else b""
            options = qdisc_options(thing, new=not in_place, distribution=table)
            body = messages.message(index, thing.handle, thing.parent, thing.kind, options)
            self._channel.request(doing, messages.RTM_NEWQDISC, body, 0 if in_place else NLM_F_CREATE | NLM_F_REPLACE)
        else:
            target = thing.target
            through = self._index(target.device, doing) if isinstance(target, Redirect) else 0
            handle = _handle(thing, new=former is None)
            body = messages.message(
                index,
                handle,
                thing.parent,
                thing.match.kind,
                entry_options(thing, through),
                priority=thing.priority,
            )
            flags = NLM_F_CREATE | NLM_F_EXCL if former is None else 0
            self._channel.request(doing, messages.RTM_NEWTFILTER, body, flags)

    def _has_htb(self, device: str) -> bool:
        root = self.tree(device).root
        return root is not None and root.kind == "htb" and root.handle == HANDLE

    def remove(self, device: str, thing: Thing) -> None:
        doing = f"remove a part of the shaping of {device}"
        index = self._index(device, doing)
        if isinstance(thing, HtbClass):
            body = messages.message(index, thing.classid, thing.parent)
            self._channel.request(doing, messages.RTM_DELTCLASS, body)
        elif isinstance(thing, Qdisc):
            self._channel.request(doing, messages.RTM_DELQDISC, messages.message(index, thing.handle, thing.parent))
        else:
            # without a number all entries of a priority are removed; those of other kinds than flower are alone in theirs
            handle = thing.handle if thing.match.kind == "flower" else 0
            body = messages.message(index, handle, thing.parent, thing.match.kind, priority=thing.priority)
            self._channel.request(doing, messages.RTM_DELTFILTER, body)

    def add_ifb(self, name: str, device: str) -> None:
        doing = f"create {name}"
        info = attribute(_INFO_KIND, b"ifb\0")
        body = LINK.pack(0, 0, 0, 0, 0) + attribute(_IFNAME, name.encode() + b"\0")
        body += attribute(_TXQLEN, struct.pack("=I", _QUEUE_LENGTH)) + attribute(_LINKINFO, info)
        self._channel.request(doing, RTM_NEWLINK, body, NLM_F_CREATE | NLM_F_EXCL)
        self.forget()
        alias = attribute(_IFALIAS, ifb_alias(device).encode())
        up = LINK.pack(0, 0, self._index(name, doing), _IFF_UP, _IFF_UP) + alias
        try:
            self._channel.request(doing, RTM_NEWLINK, up)
        except HostError:
            self.remove_ifb(name)
            raise

    def remove_ifb(self, name: str) -> None:
        doing = f"remove {name}"
        self._channel.request(doing, _RTM_DELLINK, LINK.pack(0, 0, self._index(name, doing), 0, 0))
        self.forget()


class _Names(dict[int, str]):
    """The names of interfaces by index, which are asked for when they are needed."""

    def __init__(self, driver: TrafficControl) -> None:
        super().__init__()
        self._driver = driver

    def get(self, index: int, default: Optional[str] = None) -> str:  # type: ignore[override]
        del default
        return self._driver._name(index)


def _handle(entry: Entry, *, new: bool) -> int:
    """Returns the number of an entry in a request: that of u32 is the kernel's choice, that of fw is the mark."""
    kind = entry.match.kind
    if kind == "fw":
        return entry.match.mark
    return 0 if kind == "u32" and new else entry.handle


def _table(name: str) -> bytes:
    """Returns a distribution as netem takes it, from the tables of iproute2; empty where there is none."""
    for folder in _TABLES:
        for path in glob.glob(f"{folder}/{name}.dist"):
            try:
                with open(path, encoding="ascii") as handle:
                    lines = [line.partition("#")[0] for line in handle]
            except OSError:
                continue
            numbers = [int(word) for line in lines for word in line.split()]
            return struct.pack(f"={len(numbers)}h", *numbers)
    return b""
