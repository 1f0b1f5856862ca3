# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that all kinds of interfaces of the host share: bridges, VLAN and macvlan interfaces, and taps."""

from __future__ import annotations

IDENTITY = r"""
name:
  description:
    - Name of the interface, at most 15 characters. The name identifies the interface, so it can't be changed.
    - It is an error if an interface of another kind has this name.
  type: str
  required: true
state:
  description:
    - Desired state. V(present) creates or updates the interface.
    - V(absent) removes the interface, and the files that the tool of O(persist) has for it.
  type: str
  choices: [present, absent]
  default: present
"""

SETTINGS = r"""
up:
  description:
    - Whether the interface is up. V(false) sets it down, and the kernel then removes the routes through it.
    - If left out, an existing interface keeps its state, and a new one is set up. A bridge sets up the interfaces that become its
      ports, except those that the same run of M(virtnet.kvm.fabric) declares with V(false).
  type: bool
mac:
  description:
    - MAC address (C(address) in iproute2), a unicast one. If left out, an existing interface keeps its address, and the kernel
      chooses one for a new interface and at the next boot.
    - Quote it, because YAML reads V(52:54:00:00:00:10) as a number.
  type: str
mtu:
  description:
    - MTU, the size of the largest packet, in bytes, from V(68) to V(65535). The kernel refuses a size that the interface can't carry.
    - If left out, an existing interface keeps its MTU, and the kernel chooses it for a new interface and at the next boot.
  type: int
addresses:
  description:
    - Complete list of static IPv4 and IPv6 addresses, each with its prefix length, such as V(192.168.11.2/24) or
      V(fd00:11::2/64). An empty list removes all. The order has no meaning.
    - Leases of a DHCP client, addresses from router advertisements and link-local IPv6 addresses aren't static. They are neither
      listed, removed nor stored for the next boot.
    - A lease that is listed becomes a static address. If a DHCP client still runs on the interface, it makes the address a lease
      again when it renews it.
  type: list
  elements: str
routes:
  description:
    - Complete list of the static routes through the interface. An empty list removes all. The order has no meaning.
    - Routes of a DHCP client, from router advertisements and of routing daemons, those that the kernel adds for an address, and
      routes with several next hops aren't static. They are neither listed, removed nor stored for the next boot.
    - An interface that is down has no routes. Therefore routes are refused with O(up=false).
  type: list
  elements: dict
  suboptions:
    to:
      description:
        - Destination, as a network in CIDR form such as V(10.0.2.0/24), an address, or V(default).
        - V(default) has the address family of O(routes[].via), and is IPv4 without it. Use V(0.0.0.0/0) or V(::/0) to choose the
          family.
      type: str
      required: true
    via:
      description:
        - Gateway, an address in one of the subnets of O(addresses). If left out, the destination is directly on the link.
      type: str
    metric:
      description:
        - Metric, from V(0) to V(4294967295). Of two routes to the same destination, the one with the lower metric is used.
        - The default is that of the kernel, V(0) for IPv4 and V(1024) for IPv6.
      type: int
    table:
      description:
        - Number of the routing table, from V(1). The default is V(254), the main table.
      type: int
    source:
      description:
        - Preferred source address (C(src) in iproute2) of packets that don't have one yet. It must be an address of the host.
      type: str
ipv6:
  description:
    - IPv6 settings of the interface, those below C(/proc/sys/net/ipv6/conf/).
    - If left out, they stay as they are, and are not stored for the next boot.
  type: dict
  suboptions:
    enabled:
      description:
        - Whether the interface has IPv6 (the opposite of C(disable_ipv6)). V(false) removes all its IPv6 addresses, the link-local
          one too.
      type: bool
    accept_ra:
      description:
        - Whether router advertisements are accepted (C(accept_ra)). V(never) ignores them. V(unless_forwarding), the kernel's default,
          accepts them as long as the host doesn't forward IPv6 on this interface. V(always) accepts them even then.
      type: str
      choices: [never, unless_forwarding, always]
    autoconf:
      description:
        - Whether the host configures addresses from the prefixes in router advertisements (C(autoconf), SLAAC).
      type: bool
    addr_gen_mode:
      description:
        - How the host part of these addresses and of the link-local address is generated (C(addrgenmode) in iproute2).
        - V(eui64) uses the MAC address. V(stable-privacy) uses a stored secret, which must already be set. V(random) uses a secret that
          the kernel generates. V(none) generates no link-local address.
      type: str
      choices: [eui64, none, stable-privacy, random]
"""

UPLINK = r"""
dhcp4:
  description:
    - Whether the boot tool of O(persist) runs a DHCP client for IPv4 on the interface. The default of a new interface is V(false).
    - The module waits for the lease, for 30 seconds and, with STP, for the time in which a bridge forwards nothing. Without a lease it
      fails, and restores the host.
    - Addresses of O(addresses) are there besides the leased address. V(false) ends the lease and removes its address.
    - ifupdown starts the DHCP client that the host has, such as C(dhcpcd) or C(dhclient), and needs one to be installed.
    - It is refused with O(persist=none), with O(netns), and on a host where no boot tool is in use.
  type: bool
dhcp6:
  description:
    - Whether the boot tool of O(persist) runs a DHCP client for IPv6 on the interface. The rest is as for O(dhcp4).
    - It is refused with ifupdown too.
    - netplan, and NetworkManager unless O(ipv6.accept_ra=never), ask a server only if a router advertises that there is one.
    - To get addresses from router advertisements (SLAAC), use O(ipv6.accept_ra).
  type: bool
nameservers:
  description:
    - Complete list of the DNS servers of the interface, as IPv4 and IPv6 addresses, in their order. An empty list removes all.
    - Servers of a DHCP lease are used besides.
    - networkd passes them to systemd-resolved. If that doesn't run, they have no effect, and a warning says so. ifupdown needs
      resolvconf, openresolv, or systemd-resolved from Debian 13. NetworkManager needs an address of the same family.
    - It is refused where O(dhcp4) is refused.
  type: list
  elements: str
search:
  description:
    - Complete list of the DNS search domains of the interface, such as V(lab.example.com), in their order. An empty list removes all.
    - The rest is as for O(nameservers).
  type: list
  elements: str
gateway:
  description:
    - Gateway of the default route for IPv4, an address in one of the subnets of O(addresses). It is the same as an item
      of O(routes) with V(default) as O(routes[].to) and the gateway as O(routes[].via), and replaces another default route of the
      interface that has the kernel's metric.
    - An empty string removes this route. It is an error if O(routes) has another gateway.
    - Leave it out if the gateway is that of a DHCP server.
  type: str
gateway6:
  description:
    - Gateway of the default route for IPv6, an address in one of the subnets of O(addresses), or a link-local address. The rest is as
      for O(gateway).
  type: str
"""

PLACE = r"""
netns:
  description:
    - Network namespace of the interface, as a name below C(/run/netns) or as a path. It must exist, or be an item of C(namespaces) in the
      same run of M(virtnet.kvm.fabric).
    - Interfaces that this one refers to, such as its ports or its parent, must be in the same namespace.
    - If left out, the interface is in the host's own namespace.
    - No boot tool creates interfaces in a namespace. With this option O(persist) can therefore only be V(auto) or V(none). With V(auto) a
      systemd unit of the collection creates the interface at boot, if M(virtnet.kvm.net_namespace) has stored the namespace. Otherwise
      nothing is stored.
  type: str
persist:
  description:
    - Boot tool that creates the interface again when the host boots. The module writes the tool's files and makes the tool read
      them, so that the tool agrees with the running interface. Files that the user has written are kept, and copied before they are
      changed.
    - V(auto) is the first of netplan, NetworkManager, networkd and ifupdown that is installed and in use. netplan is in use if it has
      a file. The others are in use if their service runs or is enabled at boot. If none is in use, nothing is stored, and a warning
      says so.
    - Where several are in use, V(auto) is the one that has a file for the interface, or for the one that it adopts, for its parent or
      for a port. If two have one, the module fails and names both files.
    - V(networkd), V(networkmanager), V(netplan) and V(ifupdown) select that tool, which must be installed.
    - V(none) stores nothing. The interface is gone after a reboot.
    - Where networkd runs and would set up a new interface by a file for others, such as one with C(Type=ether), and the interface has
      O(addresses), O(routes) or a bridge, V(none) tells networkd to leave it alone, by a file in C(/run/systemd/network).
    - Files of an earlier run stay with V(none), and files of a tool other than the selected one always stay, with O(state=absent) too.
    - A setting that the tool can't store is applied to the running interface only, and a warning says what is lost at the next boot.
  type: str
  choices: [auto, networkd, networkmanager, netplan, ifupdown, none]
  default: auto
"""

RECREATE = r"""
recreate:
  description:
    - Whether the interface may be removed and created again for a change that the kernel can't make in place. The new interface
      gets the addresses and routes of the old one, and is a port of the same bridge.
    - V(false) refuses such a change.
  type: bool
  default: true
"""

REQUIREMENTS = r"""
requirements:
  - Python 3.9 or newer
  - pyroute2 0.7 or newer (Debian's C(python3-pyroute2))
"""


def interface(own: str, *more: str, uplink: str = "") -> str:
    """Returns all options of a kind of interface. ``own``, ``uplink`` and ``more`` are those that not every kind has."""
    return "".join((IDENTITY, own, SETTINGS, uplink, PLACE, *more))
