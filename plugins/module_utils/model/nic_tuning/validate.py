# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a device's settings is refused. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from ...errors import OptionError
from .options import FEATURE_GROUPS, GROUPS, Settings, Value, cpu_list, cpus
from .steps import Device


def expanded(declared: Settings, device: Device) -> dict[str, dict[str, Value]]:
    """Returns the settings that a device gets, with each feature by itself. Raises `OptionError` for what it can't have."""
    found: dict[str, dict[str, Value]] = {}
    for group in GROUPS:
        given = declared.get(group, {})
        if group == "offloads":
            found[group] = _features(given, device)
        elif group == "irq_affinity":
            found[group] = _affinity(given, device, found.get("channels", {}))
        else:
            found[group] = _counts(group, given, device)
    return found


def _counts(group: str, given: Mapping[str, Value], device: Device) -> dict[str, Value]:
    limits = device.limits.get(group, {})
    for name, value in given.items():
        most = limits.get(name, 0)
        if not most:
            others = ", ".join(other for other, limit in limits.items() if limit) or "none"
            raise OptionError(
                f"{group}.{name}", value, f"is nothing that this device has; it has these {group}: {others}"
            )
        if int(value) > most:
            raise OptionError(f"{group}.{name}", value, f"is beyond the maximum of this device; use {most} or less")
    if group == "channels" and given:
        merged = {**device.settings.get(group, {}), **given}
        if not merged.get("combined") and not (merged.get("rx") and merged.get("tx")):
            raise OptionError(
                group, None, "has no receive or no transmit queue; keep at least one of each, or a combined one"
            )
    return dict(given)


def _affinity(given: Mapping[str, Value], device: Device, channels: Mapping[str, Value]) -> dict[str, Value]:
    """Returns the CPUs of queues; none while the device is down, as many drivers ask for interrupts only when it is up."""
    current = device.settings.get("irq_affinity", {})
    changing = any(device.settings.get("channels", {}).get(name) != value for name, value in channels.items())
    for queue, value in given.items():
        where = f"irq_affinity[queue={queue}]"
        if not device.hardware:
            raise OptionError(
                where, None, "can't be set, because this device is virtual and has no interrupts; leave it out"
            )
        if device.balanced:
            raise OptionError(where, None, "can't be kept beside irqbalance, which runs on this host; use one of them")
        if missing := sorted(cpus(str(value)) - device.cpus):
            online = cpu_list(",".join(map(str, sorted(device.cpus))))
            raise OptionError(where, value, f"has CPU {missing[0]}, which is not online; use CPUs of {online}")
        if current and queue not in current and not changing:
            known = ", ".join(sorted(current, key=int))
            raise OptionError(where, None, f"is no queue that has an interrupt; this device has queues {known}")
    return dict(given) if current else {}


def _features(given: Mapping[str, Value], device: Device) -> dict[str, Value]:
    known = device.settings.get("offloads", {})
    found: dict[str, Value] = {}
    for name, value in given.items():
        if name in FEATURE_GROUPS:
            members = [each for each in FEATURE_GROUPS[name] if each in known]
            changeable = [each for each in members if each not in device.fixed]
            if not changeable and any(known[each] != value for each in members):
                raise _fixed(name, not value)
            found.update((each, value) for each in changeable if each not in given)
        elif name not in known:
            near = difflib.get_close_matches(name, known, 3)
            hint = f"such as {', '.join(near)}" if near else "as ethtool -k shows them"
            raise OptionError(
                f"offloads.{name}", None, f"is no feature that the kernel has; use the kernel's names, {hint}"
            )
        elif name not in device.fixed:
            found[name] = value
        elif known[name] != value:
            raise _fixed(name, known[name])
    return found


def _fixed(name: str, value: object) -> OptionError:
    state = "on" if value else "off"
    return OptionError(f"offloads.{name}", not value, f"can't be set: the driver has it fixed to {state}; leave it out")
