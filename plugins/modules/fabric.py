#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fabric
short_description: Manage networks, interfaces and network namespaces of a host in one transaction
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Applies lists of networks, network namespaces, veth pairs, bridges, VLAN and macvlan interfaces, taps and guest NICs, over one connection to
    libvirt, and reads the host's interfaces once.
    Each item has the options of the module of its kind, and the same result.
  - All items are planned before anything is changed, so that an error in one item leaves the host as it is. If a step fails, all
    steps before it are undone, including those for other items.
  - The order of the lists and of their items has no meaning. Items that are absent are removed first, but a network, bridge or filter that
    a guest NIC of the same run leaves is removed last. An item is applied after the items
    that it needs. A VLAN or macvlan interface follows its parent, what is in a namespace follows the namespace, a bridge follows its
    ports, a tap or an end of a veth pair follows its bridge, a network follows its bridge, and a guest NIC follows its network and its filter. A
    filter follows those that it refers to, and a binding its interface and its filter. They are removed in the reverse order.
  - Items that aren't in the lists stay as they are. A network that isn't in O(networks) isn't changed or removed, and the same is true
    for the other lists.
  - One task with a list is many times faster than a loop over the module of that kind.
  - libvirt is only needed for O(networks), O(guest_nics), O(filters) and O(filter_bindings). Where it is installed, it also has to run for
    O(portforwards), O(outbound) and O(policies), whose rules have to know its networks.
options:
  checkpoint:
    description:
      - Name of the checkpoint that must be open when the changes begin, see M(virtnet.kvm.net_checkpoint). If the host has already rolled
        back, because the timeout was too short, the module fails and changes nothing.
      - If left out, no checkpoint is needed. In check mode none is needed either.
    type: str
extends_documentation_fragment:
  - virtnet.kvm.network.fabric
  - virtnet.kvm.guest_nic.fabric
  - virtnet.kvm.nwfilter.fabric
  - virtnet.kvm.linux_bridge.fabric
  - virtnet.kvm.vlan_iface.fabric
  - virtnet.kvm.macvlan_iface.fabric
  - virtnet.kvm.tuntap.fabric
  - virtnet.kvm.net_namespace.fabric
  - virtnet.kvm.veth_pair.fabric
  - virtnet.kvm.portforward.fabric
  - virtnet.kvm.outbound.fabric
  - virtnet.kvm.policy.fabric
  - virtnet.kvm.static_routes.fabric
  - virtnet.kvm.nic_tuning.fabric
  - virtnet.kvm.shaping.fabric
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.virt_net
  - module: virtnet.kvm.virt_net_info
  - module: virtnet.kvm.linux_bridge
  - module: virtnet.kvm.vlan_iface
  - module: virtnet.kvm.macvlan_iface
  - module: virtnet.kvm.tuntap
  - module: virtnet.kvm.net_namespace
  - module: virtnet.kvm.veth_pair
  - module: virtnet.kvm.guest_nic
  - module: virtnet.kvm.nwfilter
  - module: virtnet.kvm.nwfilter_binding
  - module: virtnet.kvm.net_checkpoint
  - name: libvirt's network format
    description: The reference of all elements of a network's definition.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: Apply two networks and remove a third one
  virtnet.kvm.fabric:
    networks:
      - name: lan
        forward:
          mode: nat
        ips:
          - address: 192.168.150.1/24
            dhcp:
              ranges:
                - start: 192.168.150.100
                  end: 192.168.150.199
      - name: cluster
        ips:
          - address: 10.0.2.1/24
      - name: lab
        state: absent

- name: Create a VLAN interface, a bridge on it, and a network for its guests
  virtnet.kvm.fabric:
    vlans:
      - name: ens32.11
        parent: ens32
        id: 11
    bridges:
      - name: br11
        ports:
          - name: ens32.11
        addresses:
          - 192.168.11.231/24
    taps:
      - name: tap11
        bridge: br11
        owner: emulator
    networks:
      - name: vlan11
        forward:
          mode: bridge
        bridge:
          name: br11

- name: Apply the networks of the inventory
  virtnet.kvm.fabric:
    networks: "{{ kvm_networks }}"
  vars:
    kvm_networks:
      - name: blue
        forward: {mode: nat}
        ips: [{address: 10.7.1.1/24}]
      - name: green
        forward: {mode: nat}
        ips: [{address: 10.7.2.1/24}]
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - create network lan
    - set autostart=true on network lan
    - start network lan
restorable:
  description:
    - Whether something changes that a checkpoint restores, see M(virtnet.kvm.net_checkpoint). The networks of libvirt are not
      among it.
  returned: success
  type: bool
  sample: false
networks:
  description: Result for each network, in the order of O(networks).
  returned: when O(networks) has any
  type: list
  elements: dict
  contains:
    name:
      description: Name of the network.
      type: str
      returned: always
      sample: lan
    changed:
      description: Whether this network was changed.
      type: bool
      returned: always
      sample: true
    actions:
      description: Steps for this network.
      type: list
      elements: str
      returned: always
    method:
      description: How the change was made, as M(virtnet.kvm.virt_net) returns it.
      type: str
      returned: always
      sample: created
    steps:
      description: Number of steps.
      type: int
      returned: always
      sample: 3
    seconds:
      description: Estimated time of the steps, as M(virtnet.kvm.virt_net) returns it.
      type: float
      returned: always
      sample: 0.5
    guests:
      description: Guests that were reconnected, as M(virtnet.kvm.virt_net) returns them.
      type: list
      elements: dict
      returned: always
    network:
      description:
        - The network after the run, as M(virtnet.kvm.virt_net_info) returns it.
        - V(none) if it doesn't exist. Also V(none) in check mode if there would be a change, see RV(networks[].after).
      type: dict
      returned: always
    before:
      description: The network before the run, as M(virtnet.kvm.virt_net) returns it.
      type: dict
      returned: always
    after:
      description: The network after the run, in check mode the predicted network, as M(virtnet.kvm.virt_net) returns it.
      type: dict
      returned: always
bridges:
  description: Result for each bridge, in the order of O(bridges).
  returned: when O(bridges) has any
  type: list
  elements: dict
  contains: &interface
    name:
      description: Name of the interface.
      type: str
      returned: always
      sample: br11
    changed:
      description: Whether this interface was changed.
      type: bool
      returned: always
      sample: true
    actions:
      description: Steps for this interface.
      type: list
      elements: str
      returned: always
    method:
      description: How the change was made, as the module of its kind returns it.
      type: str
      returned: always
      sample: created
    persist:
      description: Boot tool that stores the interface, as the module of its kind returns it.
      type: str
      returned: always
      sample: networkd
    files:
      description: Files that were written or removed, as the module of its kind returns them.
      type: list
      elements: str
      returned: always
    interface:
      description:
        - The interface after the run, as the info module of its kind returns it.
        - V(none) if it doesn't exist. Also V(none) in check mode if there would be a change, see C(after).
      type: dict
      returned: always
    before:
      description: The interface before the run, as the module of its kind returns it.
      type: dict
      returned: always
    after:
      description: The interface after the run, in check mode the predicted interface, as the module of its kind returns it.
      type: dict
      returned: always
vlans:
  description: Result for each VLAN interface, in the order of O(vlans).
  returned: when O(vlans) has any
  type: list
  elements: dict
  contains: *interface
taps:
  description: Result for each TUN or TAP device, in the order of O(taps).
  returned: when O(taps) has any
  type: list
  elements: dict
  contains: *interface
macvlans:
  description: Result for each macvlan interface, in the order of O(macvlans).
  returned: when O(macvlans) has any
  type: list
  elements: dict
  contains: *interface
namespaces:
  description: Result for each network namespace, in the order of O(namespaces), as M(virtnet.kvm.net_namespace) returns it.
  returned: when O(namespaces) has any
  type: list
  elements: dict
guest_nics:
  description: Result for each NIC of a guest, in the order of O(guest_nics), as M(virtnet.kvm.guest_nic) returns it.
  returned: when O(guest_nics) has any
  type: list
  elements: dict
veth_pairs:
  description: Result for each veth pair, in the order of O(veth_pairs), as M(virtnet.kvm.veth_pair) returns it.
  returned: when O(veth_pairs) has any
  type: list
  elements: dict
filters:
  description: Result for each filter, in the order of O(filters), as M(virtnet.kvm.nwfilter) returns it.
  returned: when O(filters) has any
  type: list
  elements: dict
filter_bindings:
  description: Result for each binding, in the order of O(filter_bindings), as M(virtnet.kvm.nwfilter_binding) returns it.
  returned: when O(filter_bindings) has any
  type: list
  elements: dict
diff:
  description: Difference between before and after of each changed item, as text.
  returned: success, in diff mode
  type: list
  elements: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_fabric


def main() -> None:
    run_fabric(KINDS)


if __name__ == "__main__":
    main()
