# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that each of the host's own interfaces has, be it a bridge, a VLAN's or a tap."""

from __future__ import annotations

IDENTITY = r"""
name:
  description:
    - The interface's name, at most 15 characters. It can't be changed, as it is what an interface is known by.
    - An interface of this name that is of another kind is refused.
  type: str
  required: true
state:
  description:
    - V(present) makes the interface so.
    - V(absent) removes it, and its files of the tool that O(persist) is.
  type: str
  choices: [present, absent]
  default: present
"""

SETTINGS = r"""
up:
  description:
    - Whether the interface is up. V(false) takes it down, and with it the routes that leave by it.
    - Left out, an interface that exists stays as it is, and a new one is brought up.
  type: bool
mac:
  description:
    - The MAC address, a unicast one. Left out, it stays, and is the kernel's choice for a new interface and at the next boot.
    - Quote it, as YAML takes V(52:54:00:00:00:10) for a number.
  type: str
mtu:
  description:
    - The largest packet in bytes, from V(68) to V(65535). The kernel refuses what the interface can't carry.
    - Left out, it stays, and is the kernel's choice for a new interface and at the next boot.
  type: int
addresses:
  description:
    - The whole list of the interface's addresses, IPv4 and IPv6, each with its prefix, such as V(192.168.11.2/24) or
      V(fd00:11::2/64). An empty list removes them. Their order means nothing.
    - Link-local IPv6 addresses, and those that a router has advertised, are the kernel's, and are neither listed nor removed.
  type: list
  elements: str
routes:
  description:
    - The whole list of the routes that leave by the interface. An empty list removes them. Their order means nothing.
    - The routes that come with an address, or from a router's advertisement, are the kernel's, and are neither listed nor
      removed.
    - An interface that is down has no routes, so they are refused with O(up=false).
  type: list
  elements: dict
  suboptions:
    to:
      description:
        - Where the route leads, a network in CIDR form such as V(10.0.2.0/24), an address, or V(default).
        - V(default) is of the family of O(routes[].via), and IPv4 without one. V(0.0.0.0/0) and V(::/0) say the family.
      type: str
      required: true
    via:
      description:
        - The gateway, in one of the subnets of O(addresses). Left out, the destination is on the link.
      type: str
    metric:
      description:
        - Of two routes to one destination the one of the lower number is taken, V(0) to V(4294967295).
        - Left out, it is what the kernel gives a route, V(0) for IPv4 and V(1024) for IPv6.
      type: int
    table:
      description:
        - The number of the routing table, from V(1). The default is V(254), the main table.
      type: int
    source:
      description:
        - The address of the host that packets by this route have as their source, if they don't say another. It must be one
          of the host's.
      type: str
ipv6:
  description:
    - How the interface takes part in IPv6. They are the settings below C(/proc/sys/net/ipv6/conf/).
    - Left out, they stay, and aren't stored for the next boot.
  type: dict
  suboptions:
    enabled:
      description:
        - Whether there is IPv6 on the interface at all. V(false) takes all IPv6 addresses from it, the link-local one too.
      type: bool
    accept_ra:
      description:
        - Whether routers' advertisements are heeded. V(unless_forwarding) does so as long as the host itself doesn't forward
          IPv6 by this interface, which is the kernel's default, and V(always) does so even then.
      type: str
      choices: [never, unless_forwarding, always]
    autoconf:
      description:
        - Whether the host makes itself addresses from the prefixes that routers advertise.
      type: bool
    addr_gen_mode:
      description:
        - How the host's part of such addresses, and of the link-local one, is made. V(eui64) takes the MAC address,
          V(stable-privacy) a secret that is kept, which must have been set, V(random) a secret that is made up, and V(none)
          makes no link-local address.
      type: str
      choices: [eui64, none, stable-privacy, random]
"""

PLACE = r"""
netns:
  description:
    - The network namespace that the interface is in, as its name below C(/run/netns) or as a path. It must be there.
    - What the interface refers to, such as its ports or its parent, is in that namespace too.
    - Left out, the interface is the host's own. No tool makes interfaces in a namespace at boot, so O(persist) can only be
      V(auto) or V(none) with it, and nothing is stored.
  type: str
persist:
  description:
    - The tool that makes the interface again when the host boots. Its files are written, and it is told to read them, so that
      it agrees with what is running. Files that others have written are kept, and copied before they are changed.
    - V(auto) is the first of netplan, NetworkManager, networkd and ifupdown that the host has and that is in charge there. netplan is,
      if it has a file, and the others are, if their service runs or starts with the host. If there is none, nothing is stored, and a
      warning says so.
    - V(networkd), V(networkmanager), V(netplan) and V(ifupdown) are that tool, which must be installed.
    - V(none) stores nothing. The interface is gone after a reboot. Files of an earlier run are left as they are, as are those of
      another tool than the one that is chosen, with O(state=absent) too.
    - What the tool can't express is set all the same, and a warning says what is lost at the next boot.
  type: str
  choices: [auto, networkd, networkmanager, netplan, ifupdown, none]
  default: auto
"""

RECREATE = r"""
recreate:
  description:
    - Whether the interface may be removed and made again, where the kernel can't change it in place. Its addresses and routes,
      and the bridge that it is a port of, are given to the new one.
    - V(false) refuses such a change.
  type: bool
  default: true
"""

REQUIREMENTS = r"""
requirements:
  - Python 3.9 or newer
  - pyroute2 0.7 or newer (Debian's C(python3-pyroute2))
"""


def interface(own: str, *more: str) -> str:
    """All options of a kind of interface, ``own`` and ``more`` being those that not every kind has."""
    return "".join((IDENTITY, own, SETTINGS, PLACE, *more))
