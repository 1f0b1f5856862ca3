# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection to libvirt, and what a module needs on the host."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  uri:
    description:
      - URI of the libvirt connection, as in C(virsh --connect). The module opens it on the host that it runs on.
      - With a URI of another host, the module can't see that host's interfaces. It then doesn't reconnect guests after a restart, and
        doesn't find conflicts with that host's interfaces in advance.
    type: str
    default: qemu:///system
requirements:
  - Python 3.9 or newer
  - libvirt (tested with 9.0 and newer), with its daemon running
  - libvirt-python (Debian's C(python3-libvirt))
  - lxml (Debian's C(python3-lxml))
  - pyroute2 0.7 or newer (Debian's C(python3-pyroute2))
"""
