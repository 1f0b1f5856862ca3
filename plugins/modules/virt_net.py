#!/usr/bin/python

# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virt_net
short_description: Declare a libvirt network
version_added: 0.1.0
author:
  - virtnet.kvm contributors (@virtnet)
description:
  - Makes a libvirt network what the options say, in the gentlest way that libvirt has for it, or removes it.
  - An option that is left out is left alone. An option that is given is made exactly so. Dictionaries are merged, one
    suboption at a time. A list is the whole list. An empty value (an empty list, an empty string, an empty dictionary, or V(0)
    where the option says so) removes.
  - DHCP ranges, DHCP hosts, DNS hosts, SRV and TXT records, port groups, and the interfaces of a pool are changed
    while the network runs. So are they in the stored definition.
  - Title, description and metadata are only stored. The running network shows them from its next start on.
  - Any other difference is stored, and the network is restarted, unless O(restart=never). After a restart the guests
    that were plugged in are plugged in again. RV(method) says which way was taken and RV(guests) who was touched.
  - The stored and the running definition are both compared, so that a difference in either is put right. So is the port of
    a running guest that was left unplugged when the network was restarted by other means.
  - A transient network is made persistent.
  - What can't work is refused before anything is touched, such as a DHCP range outside of its subnet, a bridge name that is
    taken, a subnet that the host has already, or an option that the host's libvirt is too old for.
  - When a step fails, the steps before it are undone. A run that was killed is completed by the next one.
extends_documentation_fragment:
  - virtnet.kvm.network
  - virtnet.kvm.connection
  - virtnet.kvm.attributes
  - virtnet.kvm.attributes.changes
seealso:
  - module: virtnet.kvm.virt_net_info
  - module: virtnet.kvm.fabric
  - name: libvirt's network format
    description: What each part of a network's definition means to libvirt.
    link: https://libvirt.org/formatnetwork.html
"""

EXAMPLES = r"""
- name: A network behind NAT, with DHCP
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

- name: Another DHCP range and two reserved hosts, which a running network takes on without a restart
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

- name: An isolated network, on which not even the host has an address
  virtnet.kvm.virt_net:
    name: cluster
    forward:
      mode: none
    ips: []

- name: IPv4 and IPv6, both behind NAT and with DHCP
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

- name: DNS that asks one server for a domain and another for the rest
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

- name: A bridge that the host already has
  virtnet.kvm.virt_net:
    name: office
    forward:
      mode: bridge
    bridge:
      name: br0

- name: An Open vSwitch bridge, whose port groups are VLANs
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

- name: A limit of 10 megabytes a second for all guests of a network together
  virtnet.kvm.virt_net:
    name: lan
    bandwidth:
      inbound:
        average: 10000
      outbound:
        average: 10000
    restart: never

- name: The whole document
  virtnet.kvm.virt_net:
    xml: |
      <network>
        <name>lab</name>
        <forward mode='route'/>
        <bridge name='virbr-lab' stp='off'/>
        <ip address='10.0.3.1' prefix='24'/>
      </network>

- name: A network that is there, but neither runs nor is started at boot
  virtnet.kvm.virt_net:
    name: spare
    ips:
      - address: 10.0.4.1/24
    active: false
    autostart: false

- name: No such network
  virtnet.kvm.virt_net:
    name: lab
    state: absent
"""

RETURN = r"""
actions:
  description: The steps that were done, or in check mode would be done, in words and in order.
  returned: success
  type: list
  elements: str
  sample:
    - remove DHCP range 192.168.150.100 - 192.168.150.199 from network lan (live and stored)
    - add DHCP range 192.168.150.128 - 192.168.150.254 to network lan (live and stored)
method:
  description:
    - The way that was taken.
    - V(none) if nothing was to be done.
    - V(created) if the network is new.
    - V(live) if the running network was changed.
    - V(stored) if only what is stored was changed.
    - V(started) if the network was started, or V(stopped) if it was stopped, be it with or without a change.
    - V(restarted) if the network was restarted to make the change.
    - V(removed) if the network was removed.
  returned: success
  type: str
  sample: live
guests:
  description: The guests that were touched, as their ports were plugged in again.
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: The guest's name.
      type: str
      returned: always
      sample: web
    mac:
      description: The MAC address of the guest's interface.
      type: str
      returned: always
      sample: "52:54:00:00:00:10"
    device:
      description: The host's end of the guest's interface.
      type: str
      returned: always
      sample: vnet0
    connected:
      description: Whether the network carried the port before the run.
      type: bool
      returned: always
      sample: true
network:
  description:
    - The network as it was found after the run, as M(virtnet.kvm.virt_net_info) returns it.
    - V(none) if there is none, and in check mode if there would be a change, which RV(after) shows.
  returned: success
  type: dict
before:
  description:
    - The network before the run, in the structure of the options, without what the host has made up.
    - Where the running network differs from what is stored, C(running) says in what.
  returned: success
  type: dict
  sample:
    name: lab
    state: absent
after:
  description: The network after the run, in the same form. In check mode, as it would be.
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
  description: RV(before) and RV(after), for a person to read.
  returned: success, in diff mode
  type: dict
"""

from ansible_collections.virtnet.kvm.plugins.module_utils.kinds.network import NETWORK
from ansible_collections.virtnet.kvm.plugins.module_utils.runner import run_resource


def main() -> None:
    run_resource(NETWORK)


if __name__ == "__main__":
    main()
