# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a network namespace (ip-netns(8))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from ..fields import option

_MOST = 128  # shorter than a file name may be, as the name is a part of one of ours, too
DIRECTORY = "/run/netns"  # where iproute2 looks for named namespaces


def namespace_name(value: str) -> str:
    """Returns the name of a network namespace, which is the name of a file."""
    if not 1 <= len(value) <= _MOST or value in (".", "..") or re.search(r"[/\s\x00-\x1f]|^-", value):
        raise ValueError(
            f"can't be the name of a network namespace; use 1 to {_MOST} characters without '/' and white space,"
            " not '.' or '..', and no '-' at the beginning"
        )
    return value


def short_name(netns: str) -> str:
    """Returns the name of a namespace that is given by its name or by its path; other paths stay as they are."""
    for directory in (DIRECTORY, f"/var{DIRECTORY}"):
        name = netns[len(directory) + 1 :]
        if netns.startswith(f"{directory}/") and "/" not in name:
            return name
    return netns


@dataclass(frozen=True)
class NetNamespace:
    """A named network namespace, as a user gives it and as a host has it."""

    name: Optional[str] = option(required=True, norm=namespace_name)
    loopback: Optional[bool] = option()
    # a new namespace gets these from the host's own, or from the kernel (inet_init_net, devconf_inherit_init_net)
    ipv4_forwarding: Optional[bool] = option(host_chosen=True)
    ipv6_forwarding: Optional[bool] = option(host_chosen=True)
