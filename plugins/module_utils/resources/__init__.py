# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be declared: each kind's options, and how it is seen, planned and shown. The modules and `fabric` share these."""

from .interfaces import INTERFACES as INTERFACES
from .interfaces import InterfaceKind as InterfaceKind
from .interfaces import describe_interface as describe_interface
from .interfaces import interface_rules as interface_rules
from .interfaces import interface_spec as interface_spec
from .interfaces import leave_to_bridges as leave_to_bridges
from .interfaces import parse_interface_options as parse_interface_options
from .networks import URI as URI
from .networks import describe_network as describe_network
from .networks import network_rules as network_rules
from .networks import network_spec as network_spec
from .networks import parse_network_options as parse_network_options
