# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What libvirt serves on a network: addresses, DHCP, DNS, TFTP, and the routes of the host through it."""

from __future__ import annotations

from ansible_collections.virtnet.kvm.plugins.doc_fragments._nest import options

_LEASE = r"""
lease:
  description:
    - How long a lease is valid. libvirt's default is one hour. Since libvirt 6.3.0.
  type: dict
  suboptions:
    expiry:
      description:
        - The time, in O({option}.lease.unit), 2 minutes at least. V(0) is a lease that never ends.
      type: int
      required: true
    unit:
      description:
        - The unit of O({option}.lease.expiry). The default is V(minutes).
      type: str
      choices: [seconds, minutes, hours]
"""


def _lease(option: str) -> str:
    """The suboption ``lease`` of an item of a list below ``ips[].dhcp``."""
    text = _LEASE.replace("{option}", f"ips[].dhcp.{option}[]").strip("\n")
    return text.replace("\n", "\n" + " " * 14)


SERVICES = rf"""
domain:
  description:
    - The DNS domain of the network, which its guests are told by DHCP.
  type: dict
  suboptions:
    name:
      description:
        - The domain's name. An empty string removes it.
      type: str
    local_only:
      description:
        - Answers for the domain from what the network itself knows, and never asks another server.
        - The default is V(false).
      type: bool
    register:
      description:
        - Registers the network's DNS server with C(systemd-resolved) on the host, so that the host finds guests by name.
        - The default is V(false). Needs O(domain.local_only=true). Since libvirt 10.1.0.
      type: bool
dns:
  description:
    - The DNS server that libvirt runs on the network's addresses.
  type: dict
  suboptions:
    enable:
      description:
        - Whether there is a DNS server at all. The default is V(true).
      type: bool
    forward_plain_names:
      description:
        - Whether names without a dot that the network doesn't know are asked for elsewhere. The default is V(true).
      type: bool
    forwarders:
      description:
        - The whole list of the servers that are asked for what the network doesn't know, in order. Without it, those that
          the host itself uses.
      type: list
      elements: dict
      suboptions:
        addr:
          description:
            - The server's address. At least one of this and O(dns.forwarders[].domain) is needed.
          type: str
        port:
          description:
            - The server's port. The default is 53. Since libvirt 12.0.0.
          type: int
        domain:
          description:
            - Asks this server for names in this domain only. Without O(dns.forwarders[].addr), names of the domain are
              resolved by the host's usual servers.
          type: str
    hosts:
      description:
        - The whole list of addresses with names, besides those of O(ips[].dhcp.hosts). Changed without a restart.
      type: list
      elements: dict
      suboptions:
        ip:
          description:
            - The address that the names stand for.
          type: str
          required: true
        names:
          description:
            - The names, one at least.
          type: list
          elements: str
          required: true
    srv:
      description:
        - The whole list of SRV records. Changed without a restart.
      type: list
      elements: dict
      suboptions:
        service:
          description:
            - The service, such as V(ldap), without an underscore.
          type: str
          required: true
        protocol:
          description:
            - The protocol, without an underscore.
          type: str
          choices: [tcp, udp]
          required: true
        domain:
          description:
            - The domain that offers the service. The default is the network's own, O(domain.name).
          type: str
        target:
          description:
            - The name of the host that has the service. V(.) says that there is none.
          type: str
        port:
          description:
            - The port of the service, from V(1) to V(65535).
          type: int
        priority:
          description:
            - Targets of a lower number are tried first, V(0) to V(65535). The default is V(0).
          type: int
        weight:
          description:
            - The share among targets of one priority, V(0) to V(65535). The default is V(0).
          type: int
    txt:
      description:
        - The whole list of TXT records. Changed without a restart.
      type: list
      elements: dict
      suboptions:
        name:
          description:
            - The name that is asked for, without spaces and commas.
          type: str
          required: true
        value:
          description:
            - The text, or several that are separated by commas.
          type: str
          required: true
ips:
  description:
    - The whole list of the addresses that the host has on the network. An empty list leaves it without any.
    - A network of the modes V(none), V(nat), V(route) and V(open) can have them, all but V(none) must.
    - Their order means nothing. A subnet that overlaps one that the host already has is refused.
  type: list
  elements: dict
  suboptions:
    address:
      description:
        - The host's address, IPv4 or IPv6, with its prefix, such as V(192.168.150.1/24) or V(fd00:150::1/64).
        - IPv4 guests have it as their gateway. IPv6 guests are told by router advertisements.
      type: str
      required: true
    local_ptr:
      description:
        - Never asks another server for the names of the subnet's addresses. The default is V(false).
      type: bool
    tftp:
      description:
        - Serves this directory of the host by TFTP. Only IPv4, and only one subnet of a network.
      type: str
    dhcp:
      description:
        - Serves DHCP on the subnet. Only one subnet of each family can have it. DHCPv6 needs a prefix of 64 or longer.
      type: dict
      suboptions:
        ranges:
          description:
            - The whole list of ranges that leases are taken from. Their order means nothing. Changed without a restart.
          type: list
          elements: dict
          suboptions:
            start:
              description:
                - The first address.
              type: str
              required: true
            end:
              description:
                - The last address.
              type: str
              required: true
            {_lease("ranges")}
        hosts:
          description:
            - The whole list of reserved addresses. Their order means nothing. Changed without a restart.
            - A host is known by at least one of O(ips[].dhcp.hosts[].mac), O(ips[].dhcp.hosts[].id) and
              O(ips[].dhcp.hosts[].name).
          type: list
          elements: dict
          suboptions:
            mac:
              description:
                - The MAC address of the guest's interface. Only IPv4.
                - Quote it, as YAML takes V(52:54:00:00:00:10) for a number.
              type: str
            id:
              description:
                - The DUID of the guest. Only IPv6.
              type: str
            name:
              description:
                - The name that the host is given, and that DNS finds it by. Without MAC address and DUID, the name that the
                  host calls itself by when it asks for a lease.
              type: str
            ip:
              description:
                - The address, in the subnet. It may be inside or outside of O(ips[].dhcp.ranges).
              type: str
              required: true
            {_lease("hosts")}
        bootp:
          description:
            - What to boot from the network. Only IPv4, and only beside ranges or hosts.
          type: dict
          suboptions:
            file:
              description:
                - The file to load.
              type: str
              required: true
            server:
              description:
                - The TFTP server's address. The default is the host itself.
              type: str
routes:
  description:
    - The whole list of the host's static routes through the network, such as to networks behind a guest that routes.
  type: list
  elements: dict
  suboptions:
    to:
      description:
        - The destination in CIDR form, such as V(10.0.2.0/24).
      type: str
      required: true
    via:
      description:
        - The gateway, an address in one of the network's subnets.
      type: str
      required: true
    metric:
      description:
        - The route's metric, V(1) or more. The default is 1.
      type: int
dnsmasq_options:
  description:
    - The whole list of further lines for the configuration of the network's C(dnsmasq), in order and as they are.
    - libvirt doesn't promise that they go on working. Since libvirt 5.6.0.
  type: list
  elements: str
"""


class ModuleDocFragment:
    DOCUMENTATION: str = options(SERVICES)
