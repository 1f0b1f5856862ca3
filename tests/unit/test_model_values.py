# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""One spelling of each value, and what is refused."""

from __future__ import annotations

from typing import Callable

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.model import values

NORMAL = [
    (values.mac, "52:54:00:AB:cd:01", "52:54:00:ab:cd:01"),
    (values.mac, "52-54-00-ab-cd-01", "52:54:00:ab:cd:01"),
    (values.mac, "5254.00ab.cd01", "52:54:00:ab:cd:01"),
    (values.ip, "192.0.2.1", "192.0.2.1"),
    (values.ip, "2001:DB8:0:0::1", "2001:db8::1"),
    (values.ipv4, "192.0.2.1", "192.0.2.1"),
    (values.interface_cidr, "192.0.2.1/24", "192.0.2.1/24"),
    (values.interface_cidr, "192.0.2.1/255.255.255.0", "192.0.2.1/24"),
    (values.interface_cidr, "FD00:0::1/64", "fd00::1/64"),
    (values.network_cidr, "10.0.2.0/24", "10.0.2.0/24"),
    (values.network_cidr, "10.0.2.0/255.255.255.0", "10.0.2.0/24"),
    (values.network_cidr, "FD00:2::/64", "fd00:2::/64"),
    (values.uuid, "7B3F6A1E3C1B4F8E9D1E0C8A5C0E2F11", "7b3f6a1e-3c1b-4f8e-9d1e-0c8a5c0e2f11"),
    (values.ifname, "abcdefghijklmno", "abcdefghijklmno"),
    (values.object_name, "my net", "my net"),
    (values.pci_address, "03:00.1", "0000:03:00.1"),
    (values.pci_address, "0000:0A:1F.7", "0000:0a:1f.7"),
]


@pytest.mark.parametrize(("norm", "written", "normal"), NORMAL, ids=[f"{n.__name__}-{w}" for n, w, _normal in NORMAL])
def test_spellings_of_a_value_are_one(norm: Callable[[str], str], written: str, normal: str) -> None:
    assert norm(written) == normal
    assert norm(normal) == normal


def test_a_mapped_address_is_spelt_the_same_everywhere() -> None:
    mapped = "::ffff:0.0.0.0/96"
    assert values.interface_cidr(mapped) == values.network_cidr(mapped) == f"{values.ip('::ffff:0.0.0.0')}/96"


REFUSED = [
    (values.mac, "52:54:00:ab:cd", "is not a MAC address; write it as"),
    (values.mac, "52:54:00:ab:cd:0g", "is not a MAC address; write it as"),
    (values.mac, "525400123456789", "in quotes"),
    (values.mac, "01:00:5e:00:00:01", "multicast"),
    (values.mac, "00:00:00:00:00:00", "is all zeros"),
    (values.ip, "192.0.2.256", "is not an IPv4 or IPv6 address; "),
    (values.ip, "192.0.2.1/24", "is not an IPv4 or IPv6 address; "),
    (values.ipv4, "2001:db8::1", "is not an IPv4 address; "),
    (values.interface_cidr, "192.0.2.1", "has no prefix; "),
    (values.interface_cidr, "192.0.2.1/33", "is not an address with a prefix; "),
    (values.network_cidr, "10.0.2.1/24", "has host bits set; write the network as 10.0.2.0/24"),
    (values.network_cidr, "somewhere", "is not a network in CIDR form; "),
    (values.uuid, "7b3f6a1e", "is not a UUID; "),
    (values.ifname, "", "1 to 15 characters"),
    (values.ifname, "abcdefghijklmnop", "1 to 15 characters"),
    (values.ifname, "..", "without"),
    (values.ifname, "a/b", "without"),
    (values.ifname, "a:b", "without"),
    (values.ifname, "a b", "without"),
    (values.host_cidr, "224.0.0.1/24", "is a multicast address; "),
    (values.host_cidr, "127.0.0.1/8", "is a loopback address; "),
    (values.host_cidr, "::/128", "is an unspecified address; "),
    (values.host_cidr, "10.0.0.0/24", "is the address of the network 10.0.0.0/24 itself; "),
    (values.host_cidr, "10.0.0.255/24", "is the broadcast address of 10.0.0.0/24; "),
    (values.route_target, "10.0.2.1/24", "has host bits set; write the network as 10.0.2.0/24"),
    (values.vlan_range, "20-10", "is not a VLAN id or a range of them; "),
    (values.object_name, "a/b", "without '/'"),
    (values.object_name, "", "can't be a name in libvirt; "),
    (values.object_name, " a", "surrounding white space"),
    (values.object_name, "a\nb", "control characters"),
    (values.pci_address, "00:1f", "is not a PCI address; "),
    (values.pci_address, "0000:03:00.8", "is not a PCI address; "),
]


@pytest.mark.parametrize(
    ("norm", "written", "problem"), REFUSED, ids=[f"{n.__name__}-{w}" for n, w, _problem in REFUSED]
)
def test_other_values_are_refused_with_problem_and_remedy(
    norm: Callable[[str], str], written: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        norm(written)
