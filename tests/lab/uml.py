# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A lab host in User-Mode Linux: a kernel of its own, as a process of this machine. Boots in seconds, without emulation.

Its NICs are taps: eth0 in the controller's namespace, eth1 and the following in their LANs. It has them as open descriptors,
so they stay when it reboots, and go when its processes end.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from . import net, uml_image, uml_kernel
from .booted import CONSOLE, BootedMachine

MEMORY = "2G"


class UmlMachine(BootedMachine):
    kind = "uml"
    boot_seconds = 90

    @property
    def _log(self) -> Path:
        return self.dir / CONSOLE

    def up(self, wait: bool = True) -> None:
        self.check_free()
        self.down()
        image = uml_image.image(self.distro)
        self.claim_number({"image": str(image.path)})
        identity = {
            "LAB_NAME": self.name,
            "LAB_ADDRESS": self.address,
            "LAB_ADDRESS6": net.address6(self.state["number"]),
            "LAB_MACHINE_ID": secrets.token_hex(16),
            "LAB_BACKEND": self.opts["firewall_backend"] or "",
        }
        taps = [net.open_management_tap(self.state["number"])]
        try:
            for index, lan in enumerate(self.opts["links"], 1):
                taps.append(net.open_tap(lan, f"{self.name}_{index}"))
            self._launch(self._command(image, taps, identity), taps, uml_kernel.environment())
        finally:
            for tap in taps:
                os.close(tap)
        if wait:
            self.wait_for_boot()

    def _command(self, image: uml_image.Image, taps: list[int], identity: Mapping[str, str]) -> list[str]:
        macs = [net.mac(self.state["number"]), *(self._mac(index) for index in range(1, len(taps)))]
        nics = [
            f"vec{index}:transport=fd,fd={tap},vec=0,mac={mac}"
            for index, (tap, mac) in enumerate(zip(taps, macs, strict=True))
        ]
        return [
            str(image.kernel.binary),
            f"mem={MEMORY}",
            f"ubd0=disk.cow,{image.disk}",
            "root=/dev/ubda",
            "rw",
            f"init={uml_image.INIT}",
            f"umid={self.name}",
            f"uml_dir={self.dir}/uml",
            *uml_kernel.OPTIONS,
            *self.opts["kernel_options"],
            *uml_kernel.NO_DEVICES,
            *nics,
            *(f"{name}={value}" for name, value in identity.items()),
        ]

    # -- ways in -------------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return net.address(self.state["number"])

    def _way(self) -> list[str]:
        return self._from(net.controller())
