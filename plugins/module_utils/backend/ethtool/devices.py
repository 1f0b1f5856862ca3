# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of the settings that ethtool(8) shows and changes."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Mapping
from typing import Optional

from ...errors import HostError
from ...model.nic_tuning.options import Value
from ...model.nic_tuning.steps import Device, NicDriver
from ..netlink.channel import Channel, KernelError
from . import interrupts, messages

_SYS_NET = "/sys/class/net"
_NETLINK_GENERIC = 16  # linux/netlink.h
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_TABLES = {
    "rings": (messages.RINGS, messages.RINGS_GET, messages.RINGS_SET),
    "channels": (messages.CHANNELS, messages.CHANNELS_GET, messages.CHANNELS_SET),
}


class Nics(NicDriver):
    """The devices of this host. The socket is opened at its first use."""

    def __init__(self) -> None:
        self._channel: Optional[Channel] = None
        self._family = 0

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def names(self) -> tuple[str, ...]:
        found = [name for name in sorted(os.listdir(_SYS_NET)) if os.path.isdir(os.path.join(_SYS_NET, name))]
        return tuple(name for name in found if name != "lo")

    def device(self, name: str) -> Optional[Device]:
        try:
            with (
                open(f"{_SYS_NET}/{name}/ifindex", encoding="ascii") as handle,
                open(_BOOT_ID, encoding="ascii") as boot,
            ):
                birth = f"{boot.read().strip()} {handle.read().strip()}"
        except OSError:
            return None
        settings: dict[str, Mapping[str, Value]] = {}
        limits: dict[str, Mapping[str, int]] = {}
        for group, (table, get, _set) in _TABLES.items():
            answer = self._get(name, group, get)
            if answer is not None:
                settings[group], limits[group] = messages.counts(answer, table)
        answer = self._get(name, "offloads", messages.FEATURES_GET)
        fixed: frozenset[str] = frozenset()
        requested: dict[str, bool] = {}
        if answer is not None:
            settings["offloads"], requested, fixed = messages.features(answer)
        affinity = interrupts.affinity(name)
        if affinity:
            settings["irq_affinity"] = affinity
        return Device(
            settings,
            limits,
            fixed,
            birth,
            cpus=interrupts.online_cpus(),
            balanced=interrupts.balanced(),
            hardware=interrupts.has_hardware(name),
            requested=requested,
        )

    def apply(self, name: str, group: str, values: Mapping[str, Value], restored: Collection[str] = ()) -> None:
        doing = f"set {group} on {name}"
        if group == "irq_affinity":
            interrupts.set_affinity(doing, name, values)
            return
        if group == "offloads":
            body = messages.command(messages.FEATURES_SET, messages.set_features(name, values))
        else:
            table, _get, number = _TABLES[group]
            body = messages.command(number, messages.set_counts(name, values, table))
        channel = self._open()
        channel.request(doing, self._family, body)
        found = self.device(name)
        now, set_to = (found.settings.get(group, {}), found.set_to(group)) if found else ({}, {})
        for each, value in values.items():
            got = (set_to if each in restored else now).get(each)
            if got != value:
                raise HostError(doing, _other(group, each, value, got))

    def _get(self, device: str, group: str, number: int) -> Optional[bytes]:
        """Returns the answer to a question; ``None`` where the driver has nothing of that."""
        channel = self._open()
        body = messages.command(number, messages.device_header(device))
        try:
            return channel.get(f"read {group} of {device}", self._family, body)
        except KernelError as error:
            if error.code in (errno.EOPNOTSUPP, errno.ENODEV):
                return None
            raise

    def _open(self) -> Channel:
        if self._channel is None:
            channel = Channel(None, _NETLINK_GENERIC)
            try:
                answer = channel.get("find ethtool in this kernel", messages.CTRL_ID, messages.get_family("ethtool"))
            except KernelError as error:
                channel.close()
                if error.code == errno.ENOENT:
                    raise HostError(error.doing, "it has no ethtool by netlink; use Linux 5.8 or newer") from None
                raise
            self._family = messages.family_id(answer or b"")
            self._channel = channel
        return self._channel


def _other(group: str, name: str, value: Value, now: Optional[Value]) -> str:
    """Returns why a driver has not what was asked for, although it has refused nothing."""
    if group == "offloads":
        return f"{name} stays {'on' if now else 'off'}; it depends on another feature, or on what the device is connected to"
    return f"the driver has {name}={now} instead of {value}; declare {now}"
