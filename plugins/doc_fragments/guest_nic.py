# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a guest NIC, for guest_nic and for the items of the option ``guest_nics`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options
from ansible_collections.virtnet.kvm.plugins.doc_fragments.guest_nic_driver import DRIVER
from ansible_collections.virtnet.kvm.plugins.doc_fragments.network_ports import VLAN_AND_VIRTUALPORT

_RATE = r"""
        average:
          description: Average rate, in kilobytes (1000 bytes) per second. V(0) removes the setting.
          type: int
        peak:
          description: Peak rate during a burst, in kilobytes (1000 bytes) per second. V(0) removes the setting. Linux ignores it for
            outbound traffic.
          type: int
        burst:
          description: Burst size, in kibibytes (1024 bytes). V(0) removes the setting.
          type: int
"""

_FIND_AND_CONNECT = r"""
name:
  description:
    - Name of the guest (the libvirt domain).
  type: str
  required: true
  aliases: [guest]
mac:
  description:
    - MAC address. The NIC is found by it, or gets it, if it is found by O(alias) or O(index).
    - A new NIC without it gets an address that is computed from the UUID of the guest and O(alias), so that each run computes the same one.
  type: str
alias:
  description:
    - Alias of the NIC, which begins with C(ua-), such as V(ua-storage). The NIC is found by it, or gets it, if it is found by O(mac) or
      O(index). Aliases that libvirt chooses itself, such as C(net0), change with each start.
    - An alias is stored only. The running guest has it after its next start.
  type: str
index:
  description:
    - Place in the stored list of the guest's NICs, with V(0) for the first one. The NIC is found by it.
    - Without O(mac), O(alias) and O(index), the guest must have one NIC or none.
  type: int
state:
  description: Whether the guest has the NIC.
  type: str
  choices: [present, absent]
  default: present
source:
  description:
    - What the NIC is connected to. Exactly one of O(source.network), O(source.bridge) and O(source.dev). A new NIC needs it.
    - A running guest is moved between networks and bridges live. To or from a device of the host it needs a replug.
  type: dict
  suboptions:
    network:
      description: Name of a libvirt network.
      type: str
    portgroup:
      description: Port group of the network. Another one on the same network needs a replug. An empty string removes it.
      type: str
    bridge:
      description: Name of a Linux bridge that no libvirt network creates.
      type: str
    dev:
      description: Interface of the host for a macvtap. The guest can then not reach the host itself.
      type: str
    mode:
      description: Mode of the macvtap. libvirt's default is V(vepa).
      type: str
      choices: [vepa, bridge, private, passthrough]
model:
  description:
    - Model of the emulated NIC, such as V(virtio), V(e1000e) or V(rtl8139). The default for a new NIC is V(virtio). Another one needs a
      replug.
  type: str
filterref:
  description:
    - Network filter (nwfilter). An empty dict removes it. Updated live, before all other changes.
    - While a running guest gets another filter or other parameters, its link is down for 1 to 4 seconds, because libvirt removes the old rules
      before it creates the new ones.
    - libvirt ignores filters on a macvtap, so that is refused.
  type: dict
  suboptions:
    filter:
      description: Name of the filter.
      type: str
    parameters:
      description:
        - Complete list of the values of the filter's variables. A variable with several values has several items.
        - C(CTRL_IP_LEARNING) with V(dhcp) is refused, because libvirtd crashes with it. Use C(IP).
      type: list
      elements: dict
      suboptions:
        name:
          description: Name of the variable, such as V(IP).
          type: str
          required: true
        value:
          description: Value of the variable.
          type: str
          required: true
"""

_TRAFFIC = rf"""
bandwidth:
  description:
    - Bandwidth limits of the NIC. Updated live. An empty dict removes a direction.
  type: dict
  suboptions:
    inbound:
      description: Limits of the traffic that the guest receives.
      type: dict
      suboptions:{_RATE.rstrip()}
        floor:
          description: Guaranteed rate, in kilobytes per second. The network must have a C(bandwidth.inbound). V(0) removes the setting.
          type: int
    outbound:
      description: Limits of the traffic that the guest sends.
      type: dict
      suboptions:{_RATE.rstrip()}
mtu:
  description:
    - MTU in bytes, which a virtio NIC shows to the guest. It must not be larger than that of the bridge. Needs a replug. V(0) removes the
      setting.
  type: int
link:
  description: Link state, as if a cable were connected. libvirt's default is V(up). Updated live.
  type: str
  choices: [up, down]
isolated:
  description:
    - Port isolation. The guest can't reach other isolated guests on the same bridge. Updated live. The default is V(false).
  type: bool
trust_guest_rx_filters:
  description:
    - Trust of the guest's receive filters (C(trustGuestRxFilters)). The guest may change the MAC address and the multicast filters of its
      macvtap. Updated live, with libvirt before 11.0 by a replug. The default is V(false).
  type: bool
boot_order:
  description:
    - Boot order, V(1) for the device that the guest tries first. Stored only. V(0) removes the setting.
    - It can't be set if the definition of the guest has C(<boot>) in C(<os>).
  type: int
target:
  description:
    - Name of the tap on the host. It can't be one that libvirt gives itself, such as C(vnet0). Another one needs a replug. An empty string
      removes it.
  type: str
address:
  description:
    - PCI address in the guest. libvirt chooses a free one. Another one needs a replug.
  type: str
"""

_BEHAVIOUR = r"""
replug:
  description:
    - Whether the NIC of a running guest may be detached and attached again, for what libvirt can't update live. The guest sees a NIC
      that is removed and added, with the same MAC address at the same place. It needs ACPI, and an operating system that reacts.
    - With V(false), such changes are stored for the next start, and C(pending) of the result lists them. So are a new NIC and one that is removed.
  type: bool
  default: true
replug_timeout:
  description:
    - Time in seconds that a guest has to release a NIC. If it doesn't, the module fails and the stored definition stays as it is. QEMU can't
      take the request back, so the NIC goes at the next reset of the guest, and is there again after its next start.
  type: int
  default: 20
flap:
  description:
    - Whether the link goes down and up when a running guest is moved to another network or bridge. The guest then asks for a new address.
    - Otherwise it sees no change, and keeps the address of the old network.
  type: bool
  default: true
exclusive:
  description:
    - Whether the guest has no other NICs. All NICs of the guest are removed that neither this item nor another item of the same task finds.
    - With O(state=absent) and without O(mac), O(alias) and O(index), only the other items are kept.
  type: bool
  default: false
guest_missing:
  description:
    - What happens if the host has no guest of that name. V(ignore) does nothing, with a warning, for lists that several hosts share.
  type: str
  choices: [fail, ignore]
  default: fail
"""

_OPTIONS = "".join(
    part.lstrip("\n") for part in (_FIND_AND_CONNECT, _TRAFFIC, VLAN_AND_VIRTUALPORT, DRIVER, _BEHAVIOUR)
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(_OPTIONS)

    FABRIC: str = options(
        r"""
guest_nics:
  description:
    - NICs of guests. Each item has the options of M(virtnet.kvm.guest_nic), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(_OPTIONS, "guest_nics[]", depth=2)
    )
