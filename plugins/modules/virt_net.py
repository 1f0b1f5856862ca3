#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virt_net
short_description: Manage a libvirt network
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Creates, updates or removes a libvirt network, with the least interruption that libvirt allows.
  - An option that is left out stays as it is on the host. An option that is given is applied exactly. Dictionaries are merged, one
    suboption at a time. A list is the complete list. An empty value (an empty list, an empty string, an empty dictionary, or V(0)
    where the option says so) removes the setting.
  - DHCP ranges, DHCP hosts, DNS hosts, SRV and TXT records, port groups, and the interfaces of a pool are changed live, in the running
    network and in its stored definition.
  - Title, description and metadata are only stored. The running network shows them after its next start.
  - Any other difference is stored, and the network is restarted, unless O(restart=never). After a restart the module reconnects the
    guests of the network. RV(method) tells how the change was made, and RV(guests) lists the guests that were reconnected.
  - Many live changes take their time, see RV(seconds). A restart can be faster, see O(restart).
  - Both the stored and the running definition are compared with the options, and a difference in either is corrected. If a network was
    restarted by other means and a running guest lost its connection, the guest is reconnected.
  - A transient network becomes persistent.
  - Values that can't work are refused before anything is changed, such as a DHCP range outside of its subnet, a bridge name that is in
    use, a subnet that the host already has, or an option that needs a newer libvirt than the host has.
  - If a step fails, the steps before it are undone. If a run is killed, the next run completes its work.
extends_documentation_fragment:
  - virtnet.kvm.network
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.virt_net_info
  - module: virtnet.kvm.fabric
  - name: libvirt's network format
    description: The reference of all elements of a network's definition.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: Create a NAT network with DHCP
  virtnet.kvm.virt_net:
    name: lan
    forward:
      mode: nat
    bridge:
      name: virbr-lan
    domain:
      name: lan.example.com
      local_only: true
    ips:
      - address: 192.168.150.1/24
        dhcp:
          ranges:
            - start: 192.168.150.100
              end: 192.168.150.199

- name: Change the DHCP range and add two reservations, without a restart
  virtnet.kvm.virt_net:
    name: lan
    ips:
      - address: 192.168.150.1/24
        dhcp:
          ranges:
            - start: 192.168.150.128
              end: 192.168.150.254
              lease:
                expiry: 12
                unit: hours
          hosts:
            - mac: "52:54:00:00:00:10"
              ip: 192.168.150.10
              name: web
            - mac: "52:54:00:00:00:11"
              ip: 192.168.150.11
              name: db

- name: Create an isolated network on which the host has no address
  virtnet.kvm.virt_net:
    name: cluster
    forward:
      mode: none
    ips: []

- name: Create a NAT network with DHCP for IPv4 and IPv6
  virtnet.kvm.virt_net:
    name: dual
    forward:
      mode: nat
      nat:
        ipv6: true
    ips:
      - address: 192.168.151.1/24
        dhcp:
          ranges:
            - start: 192.168.151.100
              end: 192.168.151.199
      - address: fd00:151::1/64
        dhcp:
          ranges:
            - start: fd00:151::100
              end: fd00:151::1ff
          hosts:
            - id: "00:03:00:01:52:54:00:00:00:10"
              ip: fd00:151::10
              name: web

- name: Set DNS forwarders and records, with one server for a domain and another for the rest
  virtnet.kvm.virt_net:
    name: lan
    dns:
      forwarders:
        - domain: example.com
          addr: 10.1.2.3
        - addr: 10.1.2.4
      hosts:
        - ip: 192.168.150.1
          names: [gateway, router]
      srv:
        - service: ldap
          protocol: tcp
          domain: lan.example.com
          target: db.lan.example.com
          port: 389

- name: Create a network for an existing bridge of the host
  virtnet.kvm.virt_net:
    name: office
    forward:
      mode: bridge
    bridge:
      name: br0

- name: Create a network for an Open vSwitch bridge, with a port group for each VLAN
  virtnet.kvm.virt_net:
    name: trunk
    forward:
      mode: bridge
    bridge:
      name: ovsbr0
    virtualport:
      type: openvswitch
    portgroups:
      - name: servers
        default: true
        vlan:
          tags:
            - id: 10
      - name: voice
        vlan:
          tags:
            - id: 20
        bandwidth:
          inbound:
            average: 1000
            peak: 5000
            burst: 1024

- name: Limit all guests of a network together to 10 megabytes per second
  virtnet.kvm.virt_net:
    name: lan
    bandwidth:
      inbound:
        average: 10000
      outbound:
        average: 10000
    restart: never

- name: Create a network from libvirt's XML
  virtnet.kvm.virt_net:
    xml: |
      <network>
        <name>lab</name>
        <forward mode='route'/>
        <bridge name='virbr-lab' stp='off'/>
        <ip address='10.0.3.1' prefix='24'/>
      </network>

- name: Define a network without starting it, now or at boot
  virtnet.kvm.virt_net:
    name: spare
    ips:
      - address: 10.0.4.1/24
    active: false
    autostart: false

- name: Remove a network
  virtnet.kvm.virt_net:
    name: lab
    state: absent
"""

RETURN = r"""
actions:
  description: Steps that were applied, in order. In check mode, steps that would be applied.
  returned: success
  type: list
  elements: str
  sample:
    - remove DHCP range 192.168.150.100 - 192.168.150.199 from network lan (live and stored)
    - add DHCP range 192.168.150.128 - 192.168.150.254 to network lan (live and stored)
method:
  description:
    - How the change was made.
    - V(none) if nothing had to be changed.
    - V(created) if the network is new.
    - V(live) if the change was made live, in the running network. Also if firewall rules were restored, or guests were reconnected.
    - V(stored) if only the stored definition was changed.
    - V(started) if the network was started, or V(stopped) if it was stopped, with or without other changes.
    - V(restarted) if the network was restarted to make the change, because that was necessary or faster, see O(restart), or to repair it.
    - V(removed) if the network was removed.
  returned: success
  type: str
  sample: live
steps:
  description: Number of steps. Each is an item of RV(actions).
  returned: success
  type: int
  sample: 2
seconds:
  description:
    - Estimated time of the steps. In check mode it tells how long a run would take. On a busy host it takes longer.
    - Most live changes of DHCP take about half a second each, because libvirt creates its firewall rules again each time.
  returned: success
  type: float
  sample: 1.1
guests:
  description: Guests that were reconnected.
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: Name of the guest.
      type: str
      returned: always
      sample: web
    mac:
      description: MAC address of the guest NIC.
      type: str
      returned: always
      sample: "52:54:00:00:00:10"
    device:
      description: Tap of the guest NIC on the host.
      type: str
      returned: always
      sample: vnet0
    connected:
      description: Whether the guest was connected before the run.
      type: bool
      returned: always
      sample: true
network:
  description:
    - The network after the run, as M(virtnet.kvm.virt_net_info) returns it.
    - V(none) if it doesn't exist. Also V(none) in check mode if there would be a change, see RV(after).
  returned: success
  type: dict
before:
  description:
    - The network before the run, in the structure of the options, without values that the host has chosen.
    - If the running network differs from the stored definition, C(running) has the differences.
    - If another program has removed a part of the active network, such as its bridge, C(problems) lists what is missing, as
      in what M(virtnet.kvm.virt_net_info) returns.
  returned: success
  type: dict
  sample:
    name: lab
    state: absent
after:
  description: The network after the run, in the same structure. In check mode, the predicted network.
  returned: success
  type: dict
  sample:
    name: lab
    forward:
      mode: route
    ips:
      - address: 10.0.3.1/24
    state: present
    active: true
    autostart: true
diff:
  description: Difference between RV(before) and RV(after), as text.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(NETWORK)


if __name__ == "__main__":
    main()
