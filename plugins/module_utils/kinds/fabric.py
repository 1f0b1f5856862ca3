# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists that ``fabric`` takes; networks last, as they must not collide with what the host has."""

from __future__ import annotations

from .interface import BRIDGE, TUNTAP, VLAN, leave_to_bridges
from .network import NETWORK

LISTS = (BRIDGE, VLAN, TUNTAP, NETWORK)
settle = leave_to_bridges
