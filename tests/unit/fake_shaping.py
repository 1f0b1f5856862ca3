# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A kernel with traffic control. It holds what it was sent as bytes, and reads it back as a dump is read."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Optional, cast

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.netlink.channel import attribute, each_attribute
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.tc.filters import entry_options, read_entry
from ansible_collections.virtnet.kvm.plugins.module_utils.backend.tc.qdiscs import (
    class_options,
    qdisc_options,
    read_class,
    read_qdisc,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.contract import Driver, DriverType
from ansible_collections.virtnet.kvm.plugins.module_utils.engine import Outcome, run
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError
from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.shaping.kind import SHAPING
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.numbers.tree import (
    INGRESS,
    ROOT,
    Entry,
    HtbClass,
    Qdisc,
    Redirect,
    Thing,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.observed import ifb_alias
from ansible_collections.virtnet.kvm.plugins.module_utils.model.shaping.steps import (
    Bandwidth,
    Link,
    RawTree,
    ShapingDriver,
)
from ansible_collections.virtnet.kvm.plugins.module_utils.persist.device.steps import StoredSettings
from unit.fake_notes import FakeNotes


def through_the_wire(thing: Thing) -> Thing:
    """What comes back of something that was sent."""
    if isinstance(thing, HtbClass):
        found: Optional[Thing] = read_class(thing.classid, thing.parent, class_options(thing))
    elif isinstance(thing, Qdisc):
        found = read_qdisc(
            thing.handle, thing.parent, thing.kind, _as_codel_rounds(qdisc_options(thing, new=True), thing)
        )
    else:
        through = thing.target
        names = {7: through.device} if isinstance(through, Redirect) else {}
        handle = {"fw": thing.match.mark, "u32": 0x80000800}.get(thing.match.kind, thing.handle)
        options = entry_options(thing, 7)
        found = read_entry(thing.parent, thing.priority, handle, thing.match.kind, options, names)
    assert found is not None
    return found


def _as_codel_rounds(options: bytes, qdisc: Qdisc) -> bytes:
    """The times of fq_codel as the kernel returns them (fq_codel_change, and codel_time_to_us in fq_codel_dump)."""
    if qdisc.kind != "fq_codel":
        return options
    found = b""
    for number, payload in each_attribute(options):
        if number in (1, 3):
            units = struct.unpack("=I", payload)[0] * 1000 >> 10
            payload = struct.pack("=I", (units << 10) // 1000)
        found += attribute(number, payload)
    return found


class FakeTrafficControl(ShapingDriver):
    """Interfaces by their names, each with a `RawTree`; ``strike`` fails the call of that number."""

    def __init__(self, *names: str) -> None:
        self.links = {name: Link(name) for name in names}
        self.trees = {name: RawTree() for name in names}
        self.without: set[str] = set()
        self.tables = {"normal"}
        self.shaped_by_libvirt: dict[str, Bandwidth] = {}
        self.calls: list[str] = []
        self.strike: Optional[int] = None

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.strike is not None and len(self.calls) == self.strike:
            self.strike = None
            raise HostError(call, "it was struck")

    def link(self, name: str) -> Optional[Link]:
        return self.links.get(name)

    def tree(self, name: str) -> RawTree:
        return self.trees[name]

    def bandwidth(self, name: str) -> Optional[Bandwidth]:
        return self.shaped_by_libvirt.get(name)

    def lacking(self, kinds: Sequence[str]) -> Sequence[str]:
        return [kind for kind in kinds if kind in self.without]

    def distribution(self, name: str) -> bool:
        return name in self.tables

    def put(self, device: str, thing: Thing, former: Optional[Thing]) -> None:
        self._called(f"put {device} {thing}")
        tree = self.trees[device]
        thing = through_the_wire(thing)
        if isinstance(thing, HtbClass):
            there = {each.classid: each for each in tree.classes}
            assert (former is not None) == (thing.classid in there), "it was there already, or wasn't"
            assert thing.parent == 0x10000 or thing.parent in there, "there is no such parent"
            assert former is None or there[thing.classid].parent == thing.parent, "the kernel changes no parent"
            assert all(queue.parent != thing.parent for queue in tree.queues), "the queue of the parent is lost"
            there[thing.classid] = thing
            self.trees[device] = replace(tree, classes=tuple(there.values()))
        elif isinstance(thing, Qdisc):
            if thing.parent == ROOT:
                root = None if thing.kind == "noqueue" else thing
                kept = former is not None and tree.root is not None and tree.root.kind == thing.kind
                self.trees[device] = replace(tree, root=root) if kept else RawTree(root, hook=tree.hook)
                if thing.kind == "noqueue":
                    self.trees[device] = RawTree(replace(thing, handle=0x80010000), hook=tree.hook)
            elif thing.handle == INGRESS:
                self.trees[device] = replace(tree, hook=thing.kind)
            else:
                others = [queue for queue in tree.queues if queue.parent != thing.parent]
                self.trees[device] = replace(tree, queues=(*others, thing))
        else:
            self._put_entry(device, tree, thing, former)

    def _put_entry(self, device: str, tree: RawTree, entry: Entry, former: Optional[Thing]) -> None:
        name = "filters" if entry.parent == 0x10000 else "entering"
        held = list(cast(Any, getattr(tree, name)))
        if former is not None:
            held.remove(next(each for each in held if each == former))
        same = [each for each in held if each.priority == entry.priority]
        assert all(each.match != entry.match and each.handle != entry.handle for each in same), "EEXIST"
        held = sorted([*held, entry], key=lambda each: (each.priority, each.match.family))
        self.trees[device] = replace(tree, **{name: tuple(held)})

    def remove(self, device: str, thing: Thing) -> None:
        self._called(f"remove {device} {thing}")
        tree = self.trees[device]
        if isinstance(thing, HtbClass):
            used = [each for each in tree.filters if getattr(each.target, "classid", 0) == thing.classid]
            assert not used and all(each.parent != thing.classid for each in tree.classes), "HTB class in use"
            classes = tuple(each for each in tree.classes if each.classid != thing.classid)
            queues = tuple(each for each in tree.queues if each.parent != thing.classid)
            self.trees[device] = replace(tree, classes=classes, queues=queues)
        elif isinstance(thing, Qdisc):
            if thing.parent == ROOT:
                self.trees[device] = RawTree(hook=tree.hook, entering=tree.entering)
            elif thing.handle == INGRESS:
                self.trees[device] = replace(tree, hook="", entering=())
            else:
                self.trees[device] = replace(tree, queues=tuple(q for q in tree.queues if q.handle != thing.handle))
        else:
            name = "filters" if thing.parent == 0x10000 else "entering"
            kept = tuple(each for each in getattr(tree, name) if each != thing)
            assert len(kept) < len(getattr(tree, name)), "there is no such filter"
            self.trees[device] = replace(tree, **cast(Any, {name: kept}))

    def add_ifb(self, name: str, device: str) -> None:
        self._called(f"add {name}")
        self.links[name] = Link(name, alias=ifb_alias(device))
        self.trees[name] = RawTree()

    def remove_ifb(self, name: str) -> None:
        self._called(f"remove {name}")
        del self.links[name], self.trees[name]


class FakeStored(StoredSettings):
    """The files of interfaces; a store is a call of the kernel's."""

    def __init__(self, kernel: FakeTrafficControl) -> None:
        self._kernel = kernel
        self.files: dict[str, str] = {}

    def text(self, part: str, device: str) -> Optional[str]:
        assert part == "shaping"
        return self.files.get(device)

    def devices(self, part: str) -> tuple[str, ...]:
        del part
        return tuple(sorted(self.files))

    def intact(self, part: str) -> bool:
        del part
        return True

    def runs(self) -> bool:
        return True

    def store(self, part: str, device: str, text: Optional[str]) -> None:
        del part
        self._kernel._called(f"store {device}")
        if text is None:
            self.files.pop(device, None)
        else:
            self.files[device] = text


class ShapingHost:
    """A host with that kernel."""

    uri = "qemu:///system"

    def __init__(self, *names: str) -> None:
        self.kernel = FakeTrafficControl(*(names or ("web0",)))
        self.stored = FakeStored(self.kernel)

    def driver(self, kind: type[DriverType], where: Optional[str] = None) -> DriverType:
        del where
        found: Driver = self.stored if issubclass(kind, StoredSettings) else self.kernel
        return cast(DriverType, found)

    def forget(self) -> None:
        pass

    def apply(self, *, check: bool = False, device: str = "web0", state: str = "present", **options: Any) -> Outcome:
        """Runs a task with options as Ansible gives them, and without those that it would add as ``None``."""
        resource = SHAPING.parse({"device": device, "state": state, **options})
        (outcome,) = run(self, FakeNotes(), [resource], check=check)
        return outcome

    def converge(self, **options: Any) -> Outcome:
        """Applies options as a test of a host does: first in check mode, then again; returns the run that has changed something."""
        before = dict(self.kernel.trees)
        predicted = self.apply(check=True, **options)
        assert self.kernel.trees == before
        real = self.apply(**options)
        assert real.actions == predicted.actions
        assert real.shown_after == predicted.shown_after, (real.shown_after, predicted.shown_after)
        assert not [each for each in real.warnings if "other values" in each], (real.warnings, real.shown_after)
        again = self.apply(**options)
        assert not again.actions, again.actions
        return real
