# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a network filter and of a binding, for their modules and for the items of fabric."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import below, options

_PARAMETERS = r"""
parameters:
  description:
    - Values of the variables of the filter (C(parameter) in libvirt). A variable with several values has several items. The list is the
      complete list.
  type: list
  elements: dict
  suboptions:
    name:
      description: Name of the variable, without C($).
      type: str
      required: true
    value:
      description: Value of the variable. Letters, digits and the characters C(_.:).
      type: str
      required: true
"""

_FILTER = (
    r"""
name:
  description:
    - Name of the filter. Required unless O(xml) has one.
  type: str
state:
  description:
    - Desired state. V(present) creates or updates the filter.
    - V(absent) removes it. It is an error if a guest, another filter or a binding uses it. The message names them.
  type: str
  choices: [present, absent]
  default: present
chain:
  description:
    - Chain of the filter (C(chain) in libvirt). V(root), or a name of at most 12 characters that begins with V(mac), V(vlan), V(stp),
      V(arp), V(rarp), V(ipv4) or V(ipv6), for rules of ebtables for these frames. The default for a new filter is V(root).
  type: str
priority:
  description:
    - Priority of the chain (C(priority) in libvirt), -1000 to 1000. Chains with a lower priority come first.
    - The default is V(0) for V(root) and V(stp), V(-800) for V(mac), V(-750) for V(vlan), V(-700) for V(ipv4), V(-600) for V(ipv6), V(-500)
      for V(arp) and V(-400) for V(rarp), also for chains whose names begin with these.
  type: int
rules:
  description:
    - Rules and references (C(rule) and C(filterref) in libvirt), in order. The list is the complete list. An empty list removes all.
    - Each item either is a rule, or has only O(rules[].filterref).
  type: list
  elements: dict
  suboptions:
    action:
      description:
        - What is done with the packets (C(action) in libvirt). V(return) leaves the chain, V(continue) goes on to the next rule.
        - V(reject) is V(drop) in rules of ebtables. Required in a rule.
      type: str
      choices: [accept, drop, reject, return, continue]
    direction:
      description:
        - Direction of the packets (C(direction) in libvirt). V(in) is to the guest, V(out) is from the guest. Required in a rule.
      type: str
      choices: [in, out, inout]
    priority:
      description:
        - Priority of the rule (C(priority) in libvirt), -1000 to 1000. Rules with a lower priority come first. The default is V(500).
      type: int
    statematch:
      description:
        - Whether a rule of iptables is for connections (C(statematch) in libvirt). The answers to packets that it accepts are accepted, too.
          The default is V(true).
      type: bool
    protocol:
      description:
        - Protocol of the packets, by the name of the element in libvirt. If left out, the rule is for all frames.
        - V(mac), V(vlan), V(stp), V(arp), V(rarp), V(ip) and V(ipv6) are rules of ebtables, which look at each frame by itself. The others
          are rules of iptables and ip6tables.
      type: str
      choices:
        - mac
        - vlan
        - stp
        - arp
        - rarp
        - ip
        - ipv6
        - tcp
        - udp
        - sctp
        - udplite
        - esp
        - ah
        - igmp
        - all
        - icmp
        - tcp-ipv6
        - udp-ipv6
        - sctp-ipv6
        - udplite-ipv6
        - esp-ipv6
        - ah-ipv6
        - all-ipv6
        - icmpv6
    match:
      description:
        - Attributes of the protocol that packets must have, by the names in libvirt, such as C(dstportstart) or C(srcipaddr).
          C(docs/filters.md) has them all.
        - An attribute that the protocol doesn't have is refused, as is a value out of range. libvirt would drop it without an error.
        - A value can be a variable, such as V($IP) or V($PORTS[@1]). Write MAC addresses in quotes. C(state) and C(ipsetflags) can be lists.
      type: dict
    match_not:
      description:
        - Attributes of the protocol that packets must not have (an element with C(match=no) in libvirt).
        - libvirt can't negate ports of the destination in rules of iptables, unless C(srcportstart) is negated, too. That is refused.
      type: dict
    filterref:
      description:
        - Reference to another filter, whose rules are part of this one (C(filterref) in libvirt).
      type: dict
      suboptions:
        filter:
          description: Name of the other filter. It must exist, or be an item of C(filters) in the same run of M(virtnet.kvm.fabric).
          type: str
          required: true
"""
    + below(_PARAMETERS, "rules[].filterref", depth=4)
    + r"""
xml:
  description:
    - The filter as libvirt's XML document, as from C(virsh nwfilter-dumpxml). It is the complete definition, and is checked by the same
      rules as the options.
  type: str
"""
)

_BINDING = (
    r"""
name:
  description:
    - Name of the interface of the host, such as a tap or an end of a veth pair. It must exist, or be created in the same run of
      M(virtnet.kvm.fabric).
    - The tap of a guest of libvirt is refused, because its filter is part of the guest's definition, see M(virtnet.kvm.guest_nic).
  type: str
  required: true
state:
  description:
    - Desired state. V(present) creates or updates the binding.
    - V(absent) removes it. Nothing is filtered then.
  type: str
  choices: [present, absent]
  default: present
mac:
  description:
    - MAC address of what is behind the interface, which is the variable C(MAC) of the filter. Required for a new binding.
  type: str
filter:
  description:
    - Name of the filter. It must exist, or be an item of C(filters) in the same run of M(virtnet.kvm.fabric). Required for a new binding.
  type: str
"""
    + _PARAMETERS
)

_LIBVIRT = r"""
requirements:
  - Python 3.9 or newer
  - libvirt (tested with 9.0 and newer), with its daemon running
  - libvirt-python (Debian's C(python3-libvirt))
  - lxml (Debian's C(python3-lxml))
"""

_URI = r"""
uri:
  description:
    - URI of the libvirt connection, as in C(virsh --connect). The module opens it on the host that it runs on.
    - With a URI of another host, the module can't see whether rules are missing in that host's kernel.
  type: str
  default: qemu:///system
"""

_FABRIC = (
    r"""
filters:
  description:
    - libvirt's network filters. Each item has the options of M(virtnet.kvm.nwfilter), which documents them.
  type: list
  elements: dict
  suboptions:
"""
    + below(_FILTER, "filters[]", depth=2)
    + r"""
filter_bindings:
  description:
    - Filters of taps that aren't a libvirt guest's. Each item has the options of M(virtnet.kvm.nwfilter_binding), which documents them.
  type: list
  elements: dict
  suboptions:
"""
    + below(_BINDING, "filter_bindings[]", depth=2)
)


class ModuleDocFragment:
    DOCUMENTATION: str = options(_FILTER + _URI) + _LIBVIRT
    BINDING: str = options(_BINDING + _URI) + _LIBVIRT
    INFO: str = options(_URI) + _LIBVIRT
    FABRIC: str = options(_FABRIC)
