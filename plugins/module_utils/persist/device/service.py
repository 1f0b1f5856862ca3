# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service of ours that applies the stored settings of a device each time that the device is created. Pure.

Settings of a device are gone with it, and a guest's tap is created at each start of the guest. So udev starts a unit of systemd for
each new device that has stored settings, and the unit runs a copy of the collection's code, which plans and applies as a task does.

Each *part* of the settings has a directory with a file for each device and the copy of the code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Optional

from ...errors import OptionError

#: The parts, and below ``kinds`` the module and the name of the kind that applies one.
PARTS: Mapping[str, str] = {
    "ethtool": "nic_tuning.kind:NIC_TUNING",
    "shaping": "shaping.kind:SHAPING",
}

DIRECTORY = "/var/lib/virtnet.kvm"
RULE_FILE = "/etc/udev/rules.d/80-virtnet-kvm-devices.rules"
UNIT = "virtnet-kvm-device@.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
_OURS = "# Made by virtnet.kvm; changes here are overwritten\n"

# The names that libvirt counts up (virNetDevGenerateName): the next device with such a name may be any other one.
_COUNTED = re.compile(r"(vnet|vif|macvtap|macvlan)\d+")
# These need no escape in a rule of udev, an instance of a unit and a file's name.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")

_UNIT = """\
[Unit]
Description=Stored settings of the network device %i (virtnet.kvm)
Documentation=https://galaxy.ansible.com/ui/repo/published/virtnet/kvm/
DefaultDependencies=no
RequiresMountsFor={directory}
After=local-fs.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=300
StartLimitBurst=60

[Service]
Type=oneshot
# Not RemainAfterExit: a device that is created again starts it again.
ExecStart=/bin/sh -c 's=0; for code in {directory}/*/apply.zip; do "$$0" "$$code" "$$1" || s=$$?; done; exit $$s' {python} %i
TimeoutStartSec=180
# 75: the device isn't up yet, and some settings need that.
Restart=on-failure
RestartPreventExitStatus=1
RestartSec=2
"""


def settings_path(part: str, device: str) -> str:
    """Returns the path of the file with the settings of a device."""
    return f"{DIRECTORY}/{part}/{device}.json"


def code_path(part: str) -> str:
    """Returns the path of the copy of the code that applies the settings of a part."""
    return f"{DIRECTORY}/{part}/apply.zip"


def main_of(part: str, package: str) -> str:
    """Returns the script that the copy of the code begins with."""
    return f"import sys\n\nfrom {package}.kinds.device.stored import main\n\nsys.exit(main({part!r}, sys.argv[1]))\n"


def stored_text(options: Mapping[str, object], *, persist: bool, **more: object) -> str:
    """Returns the text of a device's file: the options as the kind parses them, and what else the part remembers."""
    held = {"persist": persist, "options": options, **more}
    return json.dumps(held, indent=1, sort_keys=True) + "\n"


def recalled(text: Optional[str]) -> dict[str, object]:
    """Returns what a device's file has; empty where it can't be read."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def persists(text: Optional[str]) -> bool:
    """Returns whether the settings in a device's file are applied at each creation of the device."""
    return recalled(text).get("persist") is True


def unit_of(device: str, birth: str) -> str:
    """Returns the unit that applies the settings of a device, once for each index that the kernel gives to such a device.

    With one unit for all births, a device that is created again while the unit still runs would be missed. No name of a device has a
    colon.
    """
    return UNIT.replace("@", f"@{device}:{birth}")


def rule_text(devices: Iterable[str]) -> Optional[str]:
    """Returns the rules of udev that start the unit for these devices; ``None`` if there are none.

    A renamed device has the event ``move``.
    """
    lines = [
        f'ENV{{INTERFACE}}=="{device}", TAG+="systemd", ENV{{SYSTEMD_WANTS}}+="{unit_of(device, "$env{IFINDEX}")}"\n'
        for device in sorted(set(devices))
    ]
    if not lines:
        return None
    return "".join((_OURS, 'ACTION!="add|move", GOTO="end"\nSUBSYSTEM!="net", GOTO="end"\n', *lines, 'LABEL="end"\n'))


def unit_text(python: str) -> str:
    """Returns the unit, which runs the code by this Python."""
    escaped = python.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return _OURS + _UNIT.format(directory=DIRECTORY, python=f'"{escaped}"')


def need_fixed_name(device: str, option: str = "persist") -> None:
    """Raises `OptionError` where the name isn't that of the same device at each of its births."""
    if _COUNTED.fullmatch(device):
        raise OptionError(
            option,
            None,
            f"can't be true for {device}, because such names are counted up, and the next {device} may be another device;"
            " give the device a fixed name, in a guest's XML by <target dev='web0'/>",
        )
    if not _PLAIN.fullmatch(device):
        raise OptionError(
            option, None, f"can't be true for {device}; rename the device with letters, digits, '_', '.' and '-' only"
        )
