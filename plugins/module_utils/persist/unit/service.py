# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit of ours that creates at boot what no boot tool can: network namespaces, veth pairs, and interfaces in namespaces.

Each of these has a file with the commands of iproute2 that create it. A script runs all of them, without Python, before the
boot tools start: their interfaces may be on one of ours. A file that fails is tried again, while the host goes on starting, as
what it needs may be created by a boot tool or by libvirt a moment later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Optional

from ...model.namespace.options import short_name

DIRECTORY = "/etc/virtnet.kvm/links.d"
SCRIPT = "/usr/local/lib/virtnet.kvm/links"
UNIT = "virtnet-kvm-links.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
_OURS = "# Made by virtnet.kvm; changes here are overwritten"

_SCRIPT = f"""#!/bin/sh
{_OURS}
# Creates the network namespaces, veth pairs and interfaces of the files in {DIRECTORY}; what is there stays.
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
todo=$(ls {DIRECTORY})
tries=0
while :; do
    left=
    for name in $todo; do
        said=$(sh -e "{DIRECTORY}/$name" 2>&1) && continue
        left="$left $name"
        error=$said
    done
    todo=$left
    tries=$((tries + 1))
    [ $tries -gt 1 ] || [ -z "$NOTIFY_SOCKET" ] || systemd-notify --ready
    [ -n "$todo" ] || exit 0
    [ $tries -lt 120 ] || break
    sleep 1
done
echo "virtnet.kvm: these could not be created:$todo; the last error is: $error" >&2
exit 1
"""

_UNIT = f"""{_OURS}
[Unit]
Description=Network namespaces and veth pairs of virtnet.kvm
Documentation=https://galaxy.ansible.com/ui/repo/published/virtnet/kvm/
DefaultDependencies=no
After=local-fs.target systemd-modules-load.service systemd-sysctl.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=notify
NotifyAccess=all
TimeoutStartSec=600
RemainAfterExit=yes
ExecStart=/bin/sh {SCRIPT}

[Install]
WantedBy=multi-user.target
"""

SERVICE: Mapping[str, str] = {SCRIPT: _SCRIPT, UNIT_FILE: _UNIT}
PATTERNS = (f"{DIRECTORY}/*", *SERVICE)


def patterns(_files: Mapping[str, str]) -> tuple[str, ...]:
    """Returns glob patterns of all files of the unit."""
    return PATTERNS


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", lambda match: "".join(f"_{byte:02x}" for byte in match[0].encode()), name)


def namespace_path(name: str) -> str:
    """Returns the path of the file that creates a namespace."""
    return f"{DIRECTORY}/10-namespace-{_plain(name)}"


def pair_path(name: str, netns: Optional[str]) -> str:
    """Returns the path of the file that creates a veth pair, by one end."""
    return f"{DIRECTORY}/20-veth-{_plain(netns or '')}+{_plain(name)}"


def interface_path(name: str, netns: Optional[str]) -> str:
    """Returns the path of the file that creates an interface."""
    return f"{DIRECTORY}/30-interface-{_plain(netns or '')}+{_plain(name)}"


def keeps_namespace(files: Mapping[str, str], name: str) -> bool:
    """Returns whether the unit creates a namespace at boot."""
    return namespace_path(short_name(name)) in files


def interface_owner(name: str, netns: Optional[str]) -> str:
    """Returns what the file of an interface says that it is for."""
    return name if netns is None else f"{name} in {short_name(netns)}"
