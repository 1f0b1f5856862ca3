# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All kinds of resources, in the order in which ``fabric`` documents their lists."""

from __future__ import annotations

from ..contract import Kind
from .firewall import OUTBOUND, POLICY, PORTFORWARD
from .guest_nic.kind import GUEST_NIC
from .interface import BRIDGE, MACVLAN, TUNTAP, VLAN
from .netns.namespace import NAMESPACE
from .netns.veth import VETH
from .network import NETWORK
from .nic_tuning.kind import NIC_TUNING
from .nwfilter.bindings import BINDING
from .nwfilter.filters import FILTER
from .shaping.kind import SHAPING
from .static_routes.kind import STATIC_ROUTES

KINDS: tuple[Kind, ...] = (
    NAMESPACE,
    VETH,
    BRIDGE,
    VLAN,
    MACVLAN,
    TUNTAP,
    FILTER,
    NETWORK,
    GUEST_NIC,
    BINDING,
    PORTFORWARD,
    OUTBOUND,
    POLICY,
    STATIC_ROUTES,
    NIC_TUNING,
    SHAPING,
)
