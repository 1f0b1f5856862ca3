# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CPUs that handle the interrupts of a device's queues. Numbers of interrupts are others after a boot, so they are found by name.

A driver names the interrupt of a queue with the number of the queue: ``eth0-TxRx-3``, ``virtio2-input.0``, ``mlx5_comp3@pci:…``.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping

from ...errors import HostError
from ...model.nic_tuning.options import Value, cpus
from ..os import units

ROOT = ""
_QUEUE = re.compile(
    r"(?:input|output|tx-?rx|rx-?tx|rx|tx|comp|completion|fp|queue|req|ch|q)[-_.]?(\d+)(?:@.*)?$", re.IGNORECASE
)


def affinity(device: str) -> dict[str, Value]:
    """Returns the CPUs of each queue, by its number; of several interrupts one after the other, with ``;``, if they differ."""
    found: dict[str, Value] = {}
    for queue, numbers in sorted(queues(device).items()):
        held = [text for number in numbers if (text := _read(_path(number)))]
        if held:
            found[str(queue)] = ";".join(dict.fromkeys(held) if len(set(held)) == 1 else held)
    return found


def set_affinity(doing: str, device: str, values: Mapping[str, Value]) -> None:
    """Lets CPUs handle the interrupts of queues. Raises `HostError`."""
    found = queues(device)
    for queue, value in values.items():
        numbers = found.get(int(queue), [])
        if not numbers:
            raise HostError(doing, f"queue {queue} has no interrupt; set the device up, or declare more channels")
        parts = str(value).split(";")
        for place, number in enumerate(numbers):
            desired = parts[min(place, len(parts) - 1)]
            _write(doing, number, desired)
            now = _read(_path(number))
            if cpus(now) != cpus(desired):
                raise HostError(doing, f"interrupt {number} stays on CPUs {now} instead of {desired}")


def queues(device: str) -> dict[int, list[int]]:
    """Returns the interrupts of each queue. A device with only one interrupt has one queue."""
    names = _names()
    own = {number: names[number] for number in _interrupts(device) if number in names}
    by_device = {number: name for number, name in own.items() if re.search(rf"\b{re.escape(device)}\b", name)}
    own = by_device or own  # a function of PCI may have several devices
    found: dict[int, list[int]] = {}
    for number, name in sorted(own.items()):
        match = _QUEUE.search(name)
        if match:
            found.setdefault(int(match[1]), []).append(number)
    return found or ({0: list(own)} if len(own) == 1 else {})


def online_cpus() -> frozenset[int]:
    """Returns the CPUs of the host that are online."""
    return cpus(_read("/sys/devices/system/cpu/online"))


def has_hardware(device: str) -> bool:
    """Returns whether there is hardware below a device, or what a virtual machine has as such."""
    return os.path.exists(f"{ROOT}/sys/class/net/{device}/device")


def balanced() -> bool:
    """Returns whether irqbalance runs, which changes the CPUs of interrupts."""
    with contextlib.suppress(OSError):
        if not os.listdir(f"{ROOT}/run/irqbalance"):
            return False
        return units.is_active("irqbalance.service")
    return False


def _interrupts(device: str) -> list[int]:
    home = f"{ROOT}/sys/class/net/{device}/device"
    for path in (f"{home}/msi_irqs", f"{home}/../msi_irqs"):
        with contextlib.suppress(OSError):
            return sorted(int(name) for name in os.listdir(path))
    legacy = _read(f"/sys/class/net/{device}/device/irq")
    return [int(legacy)] if legacy not in ("", "0") else []


def _names() -> dict[int, str]:
    """Returns the last word of each line of /proc/interrupts, which is the name that the driver has given, by number."""
    found: dict[int, str] = {}
    for line in _read("/proc/interrupts").splitlines():
        number, _colon, rest = line.strip().partition(":")
        if number.isdigit() and rest.split():
            found[int(number)] = rest.split()[-1]
    return found


def _path(number: int) -> str:
    return f"/proc/irq/{number}/smp_affinity_list"


def _read(path: str) -> str:
    try:
        with open(ROOT + path, encoding="ascii", errors="replace") as handle:
            return handle.read().strip()
    except OSError:
        return ""


def _write(doing: str, number: int, value: str) -> None:
    try:
        with open(ROOT + _path(number), "w", encoding="ascii") as handle:
            handle.write(value)
    except OSError as error:
        raise HostError(doing, f"the kernel refuses to change interrupt {number} ({error.strerror})") from error
