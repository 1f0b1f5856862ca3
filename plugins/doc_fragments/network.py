# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a libvirt network, for virt_net and for the items of the option ``networks`` of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options
from ansible_collections.virtnet.kvm.plugins.doc_fragments.network_ports import PORTS
from ansible_collections.virtnet.kvm.plugins.doc_fragments.network_services import SERVICES

_IDENTITY = r"""
name:
  description:
    - Name of the network. Guests refer to it by this name. The name identifies the network, so it can't be changed.
    - Required, unless O(xml) has it.
  type: str
state:
  description:
    - Desired state. V(present) creates or updates the network.
    - V(absent) stops the network and removes its definition, and nothing else. It is refused while running guests are connected to it.
  type: str
  choices: [present, absent]
  default: present
active:
  description:
    - Whether the network is active, which is running. V(false) is refused while running guests are connected to it.
    - If left out, an existing network keeps its state, and a new one is started.
  type: bool
autostart:
  description:
    - Autostart, whether libvirt starts the network when the host boots.
    - If left out, an existing network keeps its setting, and a new one is started at boot.
  type: bool
restart:
  description:
    - What to do if a running network must be restarted for a change, because libvirt can't make the change live, or for a repair, because
      another program has removed its bridge, an address of the bridge, or dnsmasq. Its guests are reconnected, and have no network for a
      moment.
    - V(if_needed) restarts the network. It also restarts it instead of many live changes if that is at least 5 seconds faster and nothing
      is connected to the network. A live change of one reservation or DHCP range takes about half a second.
    - V(if_faster) also restarts it, with its guests, if that is faster than the live changes. If an interface that isn't a guest's is
      connected to the network's bridge, the changes are made live.
    - V(never) stores a change that needs a restart, and warns. It takes effect when the network is started the next time. Changes that
      libvirt can make live are made live, and firewall rules are restored.
  type: str
  choices: [if_needed, if_faster, never]
  default: if_needed
xml:
  description:
    - XML document of the network, in libvirt's network format.
    - It is the complete definition. What it leaves out is removed, except for the UUID, the MAC address and the name of the bridge, if the
      host has chosen these.
    - A part that the libvirt of the host doesn't know is refused, because libvirt ignores it.
    - It can't be combined with other options that define the network. O(name) may be given too, and must then be the same.
  type: str
uuid:
  description:
    - UUID of the network. If left out, libvirt generates one.
  type: str
title:
  description:
    - Title, a short text of one line. An empty string removes it. It is stored without a restart. Since libvirt 9.7.0.
  type: str
description:
  description:
    - Description, a text for people. An empty string removes it. It is stored without a restart. Since libvirt 9.7.0.
  type: str
metadata:
  description:
    - Complete list of metadata of other applications. Each item is an XML element in a namespace of its own. An empty list removes all.
    - It is stored without a restart.
  type: list
  elements: str
"""

_CONNECTIVITY = r"""
forward:
  description:
    - Forwarding, which is how the network is connected to other networks.
    - When the mode changes, settings that the new mode can't have and that the task doesn't give are removed too.
    - The modes V(none), V(nat), V(route) and V(open) connect guests to a bridge of libvirt's own, V(bridge) to a bridge of the host or
      by macvtap to interfaces, V(private), V(vepa) and V(passthrough) by macvtap, and V(hostdev) to virtual functions. When that
      changes, only the name, the UUID, the texts and the names of the port groups stay. All else that the task doesn't give is removed,
      such as the name of the bridge, forward devices, addresses, VLANs, virtual ports and limits.
  type: dict
  suboptions:
    mode:
      description:
        - Forward mode. The default of a new network is V(none).
        - V(none) is an isolated network. Guests reach each other, and the host if it has an address in O(ips).
        - V(nat) forwards the guests' traffic with the host's address. Connections from outside can't reach the guests, except at IPv6
          addresses without O(forward.nat.ipv6), because these are routed.
        - V(route) forwards without address translation, in both directions. The routers outside must have a route to the network.
        - V(open) is V(route) without any firewall rules of libvirt. Since libvirt 2.2.0.
        - V(bridge) connects the guests to an existing bridge of the host, O(bridge.name), or by macvtap to O(forward.interfaces).
        - V(private), V(vepa) and V(passthrough) connect the guests to O(forward.interfaces) by macvtap, in the macvtap mode of this name.
        - V(hostdev) assigns SR-IOV virtual functions of the host to the guests.
      type: str
      choices: [none, nat, route, open, bridge, private, vepa, passthrough, hostdev]
    dev:
      description:
        - Forward device, the only interface of the host that traffic is forwarded to, for V(nat) and V(route). It is the same as a list
          with one item in O(forward.interfaces), and is returned as such.
      type: str
    interfaces:
      description:
        - Complete list of the host's interfaces that guests are connected to, or that traffic is forwarded to. The order counts. V(nat)
          and V(route) allow one at most.
        - In the modes that connect guests to interfaces, interfaces can be added at the end or removed without a restart, as long as
          one of the present ones stays.
      type: list
      elements: str
    pf:
      description:
        - SR-IOV physical function whose virtual functions the guests use, instead of a list of them.
      type: str
    addresses:
      description:
        - Complete list of the PCI addresses of the virtual functions for V(hostdev), such as V(0000:03:10.1).
      type: list
      elements: str
    driver:
      description:
        - Driver name for V(hostdev), such as V(vfio).
      type: str
    managed:
      description:
        - Managed mode for V(hostdev), in which libvirt detaches the functions from the host's driver and attaches them again afterwards.
          The default is V(false).
      type: bool
    nat:
      description:
        - Address translation for V(nat).
      type: dict
      suboptions:
        addresses:
          description:
            - Range of IPv4 source addresses that the guests' traffic gets. All addresses of the range are used. The default is the address
              of the interface that a packet leaves through.
          type: dict
          suboptions:
            start:
              description:
                - First address of the range.
              type: str
              required: true
            end:
              description:
                - Last address of the range. It may be the same as the first.
              type: str
              required: true
        ports:
          description:
            - Range of source ports that the guests' traffic gets. The default of libvirt is V(1024) to V(65535).
          type: dict
          suboptions:
            start:
              description:
                - First port of the range, from V(1) to V(65535).
              type: int
              required: true
            end:
              description:
                - Last port of the range, from V(1) to V(65535).
              type: int
              required: true
        ipv6:
          description:
            - NAT for IPv6. Without it, IPv6 is routed, and guests can be reached from outside.
            - The default is V(false). Since libvirt 6.5.0.
          type: bool
bridge:
  description:
    - Linux bridge that the guests are connected to. libvirt creates and removes it, unless O(forward.mode=bridge).
      With that mode the bridge is the host's own, and O(bridge.stp), O(bridge.delay) and O(bridge.zone) can't be given.
  type: dict
  suboptions:
    name:
      description:
        - Name of the bridge, at most 15 characters. If left out, libvirt chooses one, such as V(virbr0).
        - With O(forward.mode=bridge), the name of an existing bridge of the host.
      type: str
    stp:
      description:
        - Spanning tree protocol on the bridge. The default is V(true).
      type: bool
    delay:
      description:
        - Forward delay of the bridge, in seconds. The default is V(0).
      type: int
    zone:
      description:
        - Zone of firewalld that the bridge is in. The default is V(libvirt), V(libvirt-routed) for O(forward.mode=route), and none for
          O(forward.mode=open). An empty string removes the setting. Since libvirt 5.1.0.
        - With O(forward.mode=open), firewalld rejects the guests of a bridge without a zone. Set V(libvirt-routed), which needs
          libvirt 10.4 or newer.
      type: str
    mac_table_manager:
      description:
        - MAC table manager (C(macTableManager)), which maintains the bridge's table of MAC addresses. The default is V(kernel).
      type: str
      choices: [kernel, libvirt]
mtu:
  description:
    - MTU of the bridge and of the guests' taps, in bytes, from V(68) to V(65535). V(0) removes the setting, and the default of the host
      is used, which usually is 1500.
  type: int
mac:
  description:
    - MAC address of the host on the bridge. If left out, libvirt generates one.
    - Quote it, because YAML reads V(52:54:00:00:00:10) as a number.
  type: str
ipv6:
  description:
    - Whether guests may use IPv6 among each other, although the network has no IPv6 address. The default is V(false).
  type: bool
"""

NETWORK = _IDENTITY + _CONNECTIVITY + SERVICES + PORTS


class ModuleDocFragment:
    DOCUMENTATION: str = options(NETWORK)

    FABRIC: str = options(
        r"""
networks:
  description:
    - libvirt networks. Each item has the options of M(virtnet.kvm.virt_net), which documents them.
  type: list
  elements: dict
  suboptions:
"""
        + below(NETWORK, "networks[]", depth=2)
    )
