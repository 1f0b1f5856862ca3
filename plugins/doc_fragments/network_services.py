# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options for the services of a libvirt network: addresses, DHCP, DNS, TFTP, and the host's routes through it."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import options

_LEASE = r"""
lease:
  description:
    - Lease time. The default of libvirt is one hour. Since libvirt 6.3.0.
  type: dict
  suboptions:
    expiry:
      description:
        - Expiry time, in O({option}.lease.unit), at least 2 minutes. V(0) is a lease that never expires.
      type: int
      required: true
    unit:
      description:
        - Unit of O({option}.lease.expiry). The default is V(minutes).
      type: str
      choices: [seconds, minutes, hours]
"""


def _lease(option: str) -> str:
    """Returns the suboption ``lease`` of an item of a list below ``ips[].dhcp``."""
    text = _LEASE.replace("{option}", f"ips[].dhcp.{option}[]").strip("\n")
    return text.replace("\n", "\n" + " " * 14)


SERVICES = rf"""
domain:
  description:
    - DNS domain of the network. DHCP passes it to the guests.
  type: dict
  suboptions:
    name:
      description:
        - Name of the domain. An empty string removes it.
      type: str
    local_only:
      description:
        - Local only (C(localOnly)). Names of the domain are answered from the network's own records, and never forwarded to another
          server. The default is V(false).
      type: bool
    register:
      description:
        - Registration of the network's DNS server with C(systemd-resolved) on the host, so that the host resolves the names of guests.
        - The default is V(false). Needs O(domain.local_only=true). Since libvirt 10.1.0.
      type: bool
dns:
  description:
    - DNS server that libvirt runs on the network's addresses.
  type: dict
  suboptions:
    enable:
      description:
        - Whether the network has a DNS server. The default is V(true).
        - Without a DNS server the network has no O(dns.forwarders), O(dns.hosts), O(dns.srv) and O(dns.txt). Those that it had are
          removed.
      type: bool
    forward_plain_names:
      description:
        - Forwarding of plain names (C(forwardPlainNames)), which are names without a dot that the network doesn't know.
          The default is V(true).
      type: bool
    forwarders:
      description:
        - Complete list of forwarders, the DNS servers for names that the network doesn't know, in order. The default is the
          servers that the host itself uses.
      type: list
      elements: dict
      suboptions:
        addr:
          description:
            - Address of the server. At least one of this and O(dns.forwarders[].domain) is required.
          type: str
        port:
          description:
            - Port of the server. The default is V(53). Since libvirt 12.0.0.
          type: int
        domain:
          description:
            - Domain that the server is used for. Without O(dns.forwarders[].addr), names in the domain are resolved by the servers that the
              host itself uses.
          type: str
    hosts:
      description:
        - Complete list of DNS host records, addresses with their names, in addition to O(ips[].dhcp.hosts). Changed without a restart.
      type: list
      elements: dict
      suboptions:
        ip:
          description:
            - Address that the names resolve to.
          type: str
          required: true
        names:
          description:
            - Host names, at least one.
          type: list
          elements: str
          required: true
    srv:
      description:
        - Complete list of SRV records. Changed without a restart.
      type: list
      elements: dict
      suboptions:
        service:
          description:
            - Name of the service, such as V(ldap), without an underscore.
          type: str
          required: true
        protocol:
          description:
            - Protocol, without an underscore.
          type: str
          choices: [tcp, udp]
          required: true
        domain:
          description:
            - Domain of the service. The default is the domain of the network, O(domain.name).
          type: str
        target:
          description:
            - Name of the host that offers the service. V(.) means that no host does.
          type: str
        port:
          description:
            - Port of the service, from V(1) to V(65535).
          type: int
        priority:
          description:
            - Priority of the target, from V(0) to V(65535). The default is V(0). Clients try the target with the lowest number first.
          type: int
        weight:
          description:
            - Weight of the target among those of the same priority, from V(0) to V(65535). The default is V(0).
          type: int
    txt:
      description:
        - Complete list of TXT records. Changed without a restart.
      type: list
      elements: dict
      suboptions:
        name:
          description:
            - Name of the record, without spaces and commas.
          type: str
          required: true
        value:
          description:
            - Text of the record, or several texts separated by commas.
          type: str
          required: true
ips:
  description:
    - Complete list of the host's IP addresses on the network. An empty list removes all. The order has no meaning.
    - Networks of the modes V(nat), V(route) and V(open) must have an address. Networks of the mode V(none) can have one, and
      other networks can't.
    - A subnet that overlaps with another subnet of the host is refused.
  type: list
  elements: dict
  suboptions:
    address:
      description:
        - IPv4 or IPv6 address of the host, with its prefix length, such as V(192.168.150.1/24) or V(fd00:150::1/64).
        - Except on an isolated network, it is the gateway of the guests. DHCP announces it for IPv4, and router advertisements for IPv6.
      type: str
      required: true
    local_ptr:
      description:
        - Local PTR (C(localPtr)). Reverse DNS queries for addresses of the subnet are never forwarded to another server.
          The default is V(false).
      type: bool
    tftp:
      description:
        - TFTP root, a directory of the host that the network serves by TFTP. Only for IPv4, and for one subnet of a network.
      type: str
    dhcp:
      description:
        - DHCP server of the subnet. Only one subnet of each address family can have it. DHCPv6 needs a prefix length of 64 or more.
      type: dict
      suboptions:
        ranges:
          description:
            - Complete list of the address ranges for leases. The order has no meaning. Changed without a restart.
          type: list
          elements: dict
          suboptions:
            start:
              description:
                - First address of the range.
              type: str
              required: true
            end:
              description:
                - Last address of the range.
              type: str
              required: true
            {_lease("ranges")}
        hosts:
          description:
            - Complete list of reservations. The order has no meaning. Changed without a restart.
            - A reservation identifies the guest by at least one of O(ips[].dhcp.hosts[].mac), O(ips[].dhcp.hosts[].id) and
              O(ips[].dhcp.hosts[].name).
          type: list
          elements: dict
          suboptions:
            mac:
              description:
                - MAC address of the guest NIC. Only for IPv4.
                - Quote it, because YAML reads V(52:54:00:00:00:10) as a number.
              type: str
            id:
              description:
                - DUID of the guest. Only for IPv6.
              type: str
            name:
              description:
                - Host name that DHCP gives to the guest, and that DNS resolves. Without MAC address and DUID, the host name that the guest
                  sends when it requests a lease.
              type: str
            ip:
              description:
                - Reserved address, in the subnet. It may be inside or outside of O(ips[].dhcp.ranges).
              type: str
              required: true
            {_lease("hosts")}
        bootp:
          description:
            - BOOTP, for guests that boot from the network. Only for IPv4, and only together with ranges or hosts.
          type: dict
          suboptions:
            file:
              description:
                - Boot file name.
              type: str
              required: true
            server:
              description:
                - Address of the TFTP server. The default is the host itself.
              type: str
routes:
  description:
    - Complete list of the host's static routes through the network, such as a route to a network behind a guest that is a router.
  type: list
  elements: dict
  suboptions:
    to:
      description:
        - Destination in CIDR form, such as V(10.0.2.0/24).
      type: str
      required: true
    via:
      description:
        - Gateway, an address in one of the network's subnets.
      type: str
      required: true
    metric:
      description:
        - Metric of the route, from V(1). The default is V(1).
      type: int
dnsmasq_options:
  description:
    - Complete list of additional configuration lines for the network's C(dnsmasq), in order and unchanged.
    - libvirt doesn't guarantee that they keep working. Since libvirt 5.6.0.
  type: list
  elements: str
"""


class ModuleDocFragment:
    DOCUMENTATION: str = options(SERVICES)
