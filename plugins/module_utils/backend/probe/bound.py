# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bindings of probes to a network filter. libvirt keeps a binding when its device is gone, so a process of its own removes them if
the module is killed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Callable

from ...errors import HostError
from ...model.nwfilter.facts import FilterDriver
from ...model.nwfilter.options import Binding
from ..os import commands

Bind = Callable[[Binding], None]


@contextlib.contextmanager
def bindings(driver: FilterDriver, uri: str) -> Iterator[Bind]:
    """Yields a function that binds a device. The bindings are removed at the end, also if this process is killed."""
    bound: list[str] = []
    keeper, pipe = _start(uri)

    def bind(binding: Binding) -> None:
        os.write(pipe, f"{binding.device}\n".encode())
        bound.append(binding.device)
        driver.bind(binding)

    try:
        yield bind
        for device in bound:
            driver.unbind(device)
        bound.clear()
    finally:
        if not bound:
            os.kill(keeper, signal.SIGKILL)
        os.close(pipe)
        os.waitpid(keeper, 0)


def _start(uri: str) -> tuple[int, int]:
    """Starts the process that removes the bindings when the other end of its pipe is closed."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(ours)
        return pid, theirs
    try:
        os.close(theirs)
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        with os.fdopen(ours, encoding="ascii") as lines:
            devices = [line.strip() for line in lines]
        for device in devices:
            with contextlib.suppress(HostError):
                commands.run(
                    f"remove the binding of {device}", "virsh", "--connect", uri, "nwfilter-binding-delete", device
                )
    finally:
        os._exit(0)
