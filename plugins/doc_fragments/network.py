# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a libvirt network, written once: for virt_net, and for the items of the option networks of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options
from ansible_collections.virtnet.kvm.plugins.doc_fragments.network_ports import PORTS
from ansible_collections.virtnet.kvm.plugins.doc_fragments.network_services import SERVICES

_IDENTITY = r"""
name:
  description:
    - The network's name, by which guests refer to it. It can't be changed, as it is what a network is known by.
    - Required, unless O(xml) has it.
  type: str
state:
  description:
    - V(present) makes the network so.
    - V(absent) stops the network and removes its definition, and nothing else. It is refused as long as running guests
      are plugged in.
  type: str
  choices: [present, absent]
  default: present
active:
  description:
    - Whether the network is running. V(false) is refused as long as running guests are plugged in.
    - Left out, a network that exists stays as it is, and a new one is started.
  type: bool
autostart:
  description:
    - Whether libvirt starts the network by itself when the host boots.
    - Left out, a network that exists stays as it is, and a new one is started at boot.
  type: bool
restart:
  description:
    - What to do with a running network when libvirt can't make the change while it runs.
    - V(if_needed) restarts it, and plugs the guests that were plugged in back in. They miss the network for a moment.
    - V(never) stores the change, which takes effect when the network is next started, and warns of it. What libvirt can
      change while the network runs is changed.
  type: str
  choices: [if_needed, never]
  default: if_needed
xml:
  description:
    - The network as a whole, as the XML document that libvirt's network format defines.
    - It is the whole truth. What it doesn't say is removed, except for what the host has made up, which are the UUID, the MAC
      address and the name of the bridge.
    - Can't be combined with other options that define the network. O(name) may be given beside it, and must then agree.
  type: str
uuid:
  description:
    - The network's UUID. Left out, libvirt makes one up.
  type: str
title:
  description:
    - A short title of one line. An empty string removes it. Stored without a restart. Since libvirt 9.7.0.
  type: str
description:
  description:
    - A text for people. An empty string removes it. Stored without a restart. Since libvirt 9.7.0.
  type: str
metadata:
  description:
    - The whole list of pieces of metadata of other applications, each an XML element in a namespace of its own. An empty
      list removes them.
    - Stored without a restart.
  type: list
  elements: str
"""

_CONNECTIVITY = r"""
forward:
  description:
    - How the network is connected to what is outside.
    - When the mode changes, what the new mode can't have and the task doesn't give is removed along with it.
  type: dict
  suboptions:
    mode:
      description:
        - V(none) is the isolated network. Guests reach one another, and the host if it has an address in O(ips).
        - V(nat) lets guests out with the host's address. Nothing comes in, except to IPv6 addresses without
          O(forward.nat.ipv6), which are routed and open to connections from outside.
        - V(route) routes without translation, in both directions. The routers outside must know the way.
        - V(open) is V(route) without any firewall rules of libvirt's. Since libvirt 2.2.0.
        - V(bridge) plugs the guests in a bridge that the host already has, O(bridge.name), or by macvtap in
          O(forward.interfaces).
        - V(private), V(vepa) and V(passthrough) plug the guests in O(forward.interfaces) by macvtap in the mode of that name.
        - V(hostdev) hands SR-IOV functions of the host to the guests.
        - The default of a new network is V(none).
      type: str
      choices: [none, nat, route, open, bridge, private, vepa, passthrough, hostdev]
    dev:
      description:
        - The only interface of the host that is forwarded to, for V(nat) and V(route). The same as a list of one in
          O(forward.interfaces), which is how it is returned.
      type: str
    interfaces:
      description:
        - The whole list of the host's interfaces that guests are plugged in or forwarded to, in order. V(nat) and V(route)
          take one at most.
        - In the modes that plug guests in interfaces, some can be added at the end, or taken away, without a restart, as long as
          one of the former stays.
      type: list
      elements: str
    pf:
      description:
        - The physical SR-IOV function whose virtual functions the guests get, instead of a list of them.
      type: str
    addresses:
      description:
        - The whole list of PCI addresses of the functions for V(hostdev), such as V(0000:03:10.1).
      type: list
      elements: str
    driver:
      description:
        - The driver for V(hostdev), such as V(vfio).
      type: str
    managed:
      description:
        - For V(hostdev), whether libvirt takes the functions from the host's driver and gives them back. The default is
          V(false).
      type: bool
    nat:
      description:
        - How addresses are translated, for V(nat).
      type: dict
      suboptions:
        addresses:
          description:
            - The IPv4 addresses that guests appear with, all of which are used. Without it, the address of the interface
              that a packet leaves by.
          type: dict
          suboptions:
            start:
              description:
                - The first address.
              type: str
              required: true
            end:
              description:
                - The last address. May be the same.
              type: str
              required: true
        ports:
          description:
            - The ports that guests appear with. libvirt's default is 1024 to 65535.
          type: dict
          suboptions:
            start:
              description:
                - The first port.
              type: int
              required: true
            end:
              description:
                - The last port.
              type: int
              required: true
        ipv6:
          description:
            - Translates IPv6 too. Without it, IPv6 is routed, and guests can be reached from outside.
            - The default is V(false). Since libvirt 6.5.0.
          type: bool
bridge:
  description:
    - The Linux bridge that the guests are plugged in. libvirt makes and removes it, unless O(forward.mode=bridge).
      Then it is the host's own, and O(bridge.stp), O(bridge.delay) and O(bridge.zone) can't be given.
  type: dict
  suboptions:
    name:
      description:
        - The bridge's name, 15 characters at most. Left out, libvirt makes one up, such as V(virbr0).
        - With O(forward.mode=bridge), the name of a bridge that the host already has.
      type: str
    stp:
      description:
        - Whether the bridge speaks the spanning tree protocol. The default is V(true).
      type: bool
    delay:
      description:
        - The forward delay, in seconds. The default is V(0).
      type: int
    zone:
      description:
        - The firewalld zone of the bridge. Without it, V(libvirt). An empty string removes it. Since libvirt 5.1.0.
      type: str
    mac_table_manager:
      description:
        - Who keeps the bridge's table of MAC addresses. The default is V(kernel).
      type: str
      choices: [kernel, libvirt]
mtu:
  description:
    - The MTU of the bridge and of the guests' ports, in bytes, from V(68) to V(65535). V(0) removes it, and the host's default,
      usually 1500, is used.
  type: int
mac:
  description:
    - The MAC address of the host on the bridge. Left out, libvirt makes one up.
    - Quote it, as YAML takes V(52:54:00:00:00:10) for a number.
  type: str
ipv6:
  description:
    - Lets guests talk IPv6 to one another although the network has no IPv6 address. The default is V(false).
  type: bool
"""

NETWORK = _IDENTITY + _CONNECTIVITY + SERVICES + PORTS


class ModuleDocFragment:
    DOCUMENTATION: str = options(NETWORK)

    FABRIC: str = options(
        r"""
networks:
  description:
    - libvirt networks, each with the options of M(virtnet.kvm.virt_net), which explains them.
  type: list
  elements: dict
  suboptions:
"""
        + below(NETWORK, "networks[]", depth=2)
    )
