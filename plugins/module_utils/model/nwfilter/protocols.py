# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every protocol of a filter rule and its attributes, as libvirt knows them: the tables of conf/nwfilter_conf.c.

libvirt drops an attribute that the protocol doesn't have, without an error; the rule then matches more than it should.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Optional

from . import attributes as of
from .attributes import Norm

EBTABLES, IPTABLES, IP6TABLES = "ebtables", "iptables", "ip6tables"

_U8, _U16, _U32 = of.number(0, 0xFF), of.number(0, 0xFFFF), of.number(0, 0xFFFFFFFF)

# Attributes in which a variable has no meaning.
WITHOUT_VARIABLES = frozenset({"state", "flags", "ipset", "ipsetflags", "comment"})

_COMMENT = {"comment": of.comment}
_FROM_MAC = {"srcmacaddr": of.mac, "srcmacmask": of.mac_mask}
_MACS = {**_FROM_MAC, "dstmacaddr": of.mac, "dstmacmask": of.mac_mask}
_PORTS = dict.fromkeys(("srcportstart", "srcportend", "dstportstart", "dstportend"), _U16)
_ICMP = {"type": _U8, "code": _U8}
_DSCP = {"dscp": of.number(0, 63)}
_IP_PROTOCOL = {"protocol": of.named(of.IP_PROTOCOLS, 0, 0xFF)}


def _addresses(address: Norm, mask: Norm) -> dict[str, Norm]:
    return {"srcipaddr": address, "srcipmask": mask, "dstipaddr": address, "dstipmask": mask}


def _header(address: Norm, mask: Norm) -> dict[str, Norm]:
    """Returns what iptables and ip6tables match in the header of a packet (COMMON_IP_PROPS)."""
    to = {} if address is of.ipv6 else {"dstipto": of.ipv4}  # libvirt takes only IPv4 there, in all protocols
    return {
        "srcmacaddr": of.mac,
        **_addresses(address, mask),
        "srcipfrom": address,
        "srcipto": address,
        **({"dstipfrom": address} if to else {}),
        **to,
        **_DSCP,
        "connlimit-above": _U16,
        "state": of.state,
        **_COMMENT,
    }


# libvirt drops both in the other protocols, and keeps a rule that matches more (tried with 9.0 and 11.3).
_IPSET = {"ipset": of.ip_set, "ipsetflags": of.ip_set_flags}
_STP = {
    "type": _U8,
    "flags": _U8,
    "root-priority": _U16,
    "root-priority-hi": _U16,
    "root-address": of.mac,
    "root-address-mask": of.mac_mask,
    "root-cost": _U32,
    "root-cost-hi": _U32,
    "sender-priority": _U16,
    "sender-priority-hi": _U16,
    "sender-address": of.mac,
    "sender-address-mask": of.mac_mask,
    **dict.fromkeys(("port", "port-hi", "age", "age-hi", "max-age", "max-age-hi"), _U16),
    **dict.fromkeys(("hello-time", "hello-time-hi", "forward-delay", "forward-delay-hi"), _U16),
}
_ARP = {
    "hwtype": _U16,
    "protocoltype": _U16,
    "opcode": of.named(of.OPCODES, 0, 0xFFFF),
    "arpsrcmacaddr": of.mac,
    "arpdstmacaddr": of.mac,
    "arpsrcipaddr": of.ipv4,
    "arpsrcipmask": of.mask4,
    "arpdstipaddr": of.ipv4,
    "arpdstipmask": of.mask4,
    "gratuitous": of.switch,
}
_HEADER4, _HEADER6 = _header(of.ipv4, of.mask4), _header(of.ipv6, of.mask6)


@dataclass(frozen=True)
class Protocol:
    """A protocol: the attributes that it has, and the tool of the host that makes its rules."""

    tool: str
    attributes: Mapping[str, Norm] = field(hash=False)


def _ebtables(own: Mapping[str, Norm], macs: Optional[Mapping[str, Norm]] = None) -> Protocol:
    return Protocol(EBTABLES, {**(_MACS if macs is None else macs), **own, **_COMMENT})


PROTOCOLS: dict[str, Protocol] = {
    "mac": _ebtables({"protocolid": of.named(of.ETHERTYPES, 0x600, 0xFFFF)}),
    "vlan": _ebtables({"vlanid": of.number(0, 4095), "encap-protocol": of.named(of.ETHERTYPES, 0x3C, 0xFFFF)}),
    "stp": _ebtables(_STP, _FROM_MAC),
    "arp": _ebtables(_ARP),
    "rarp": _ebtables(_ARP),
    "ip": _ebtables({**_addresses(of.ipv4, of.mask4), **_IP_PROTOCOL, **_PORTS, **_DSCP}),
    "ipv6": _ebtables(
        {
            **_addresses(of.ipv6, of.mask6),
            **_IP_PROTOCOL,
            **_PORTS,
            **dict.fromkeys(("type", "typeend", "code", "codeend"), _U8),
        }
    ),
    "tcp": Protocol(IPTABLES, {**_HEADER4, **_PORTS, "option": _U8, "flags": of.tcp_flags}),
    "udp": Protocol(IPTABLES, {**_HEADER4, **_PORTS}),
    "sctp": Protocol(IPTABLES, {**_HEADER4, **_PORTS}),
    "udplite": Protocol(IPTABLES, _HEADER4),
    "esp": Protocol(IPTABLES, _HEADER4),
    "ah": Protocol(IPTABLES, _HEADER4),
    "igmp": Protocol(IPTABLES, _HEADER4),
    "all": Protocol(IPTABLES, {**_HEADER4, **_IPSET}),
    "icmp": Protocol(IPTABLES, {**_HEADER4, **_ICMP}),
    "tcp-ipv6": Protocol(IP6TABLES, {**_HEADER6, **_PORTS, "option": _U8}),
    "udp-ipv6": Protocol(IP6TABLES, {**_HEADER6, **_PORTS}),
    "sctp-ipv6": Protocol(IP6TABLES, {**_HEADER6, **_PORTS}),
    "udplite-ipv6": Protocol(IP6TABLES, _HEADER6),
    "esp-ipv6": Protocol(IP6TABLES, _HEADER6),
    "ah-ipv6": Protocol(IP6TABLES, _HEADER6),
    "all-ipv6": Protocol(IP6TABLES, {**_HEADER6, **_IPSET}),
    "icmpv6": Protocol(IP6TABLES, {**_HEADER6, **_ICMP}),
}

# The attributes that need another one: the end of a range its start, a mask its address.
NEEDS: dict[str, str] = {
    **{f"{side}portend": f"{side}portstart" for side in ("src", "dst")},
    **{f"{side}ipto": f"{side}ipfrom" for side in ("src", "dst")},
    **{f"{side}ipmask": f"{side}ipaddr" for side in ("src", "dst", "arpsrc", "arpdst")},
    **{f"{side}macmask": f"{side}macaddr" for side in ("src", "dst")},
    **{f"{side}-address-mask": f"{side}-address" for side in ("root", "sender")},
    **{name: name[:-3] for name in _STP if name.endswith("-hi")},
    "typeend": "type",
    "codeend": "code",
    "code": "type",
    "ipset": "ipsetflags",
    "ipsetflags": "ipset",
}
# The ranges: where each one begins, by its end.
RANGES: dict[str, str] = {
    end: start for end, start in NEEDS.items() if end.endswith(("portend", "ipto", "-hi", "typeend", "codeend"))
}
# With iptables, libvirt negates all ports as it does with the first one (virNWFilterRuleDefFixup).
NEGATED_AS_SOURCE = ("dstportstart", "dstportend")
SOURCE_PORT = "srcportstart"
# The IP protocols with ports, as `ip` and `ipv6` name them (ebtables refuses the ports of others).
WITH_PORTS = ("tcp", "udp", "sctp", "33")
