# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Removal of machines, and of what is left of machines whose lab crashed."""

from __future__ import annotations

import shutil

from . import cgroup, net, owner
from .machine import LabError, check_name, get, known, run_dir


def machine(name: str) -> None:
    """Remove a machine, whatever state it is in."""
    check_name(name)
    if (run_dir(name) / "state.json").exists():
        get(name).down()
        return
    # No state: it crashed before it was saved, or while it was removed.
    if not (run_dir(name).exists() or name in net.leftovers() or name in cgroup.names()):
        raise LabError(f"no machine {name!r}, nor anything left of one")
    cgroup.kill(name)
    net.unplug(name)
    shutil.rmtree(run_dir(name), ignore_errors=True)


def owned(whose: str) -> list[str]:
    """Remove the machines of an owner, and the LANs that no other machine uses; returns the names of these machines."""
    names = [found.name for found in known() if owner.covers(whose, found.owner)]
    stay = []
    for name in names:
        try:
            machine(name)
        except LabError as error:  # the others go all the same
            stay.append(str(error))
    used = {lan for found in known() for lan in found.opts["links"]}
    for lan in sorted({lan for entry in owner.entries(whose) for lan in entry["links"]} - used):
        net.remove_lan(lan)
    net.remove_idle()
    if stay:
        raise LabError("; ".join(stay))
    return names


def everything() -> None:
    """Remove all machines and all that they share; images stay."""
    names = {path.name for path in run_dir().glob("*") if path.is_dir()}
    for name in sorted(names | set(net.leftovers()) | set(cgroup.names())):
        machine(name)
    net.remove_shared()
