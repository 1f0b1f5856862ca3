# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module reaches libvirt, and what it needs on the host."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  uri:
    description:
      - The libvirt connection to use, as in C(virsh --connect). It is opened on the host that the module runs on.
      - Over a connection to another host, that host's interfaces can't be seen. Guests aren't plugged in again after a
        restart then, and conflicts with interfaces of that host aren't found beforehand.
    type: str
    default: qemu:///system
requirements:
  - Python 3.9 or newer
  - libvirt (tested with 9.0 and newer), with its daemon running
  - libvirt-python (Debian's C(python3-libvirt))
  - lxml (Debian's C(python3-lxml))
  - pyroute2 0.7 or newer (Debian's C(python3-pyroute2))
"""
