# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""NICs in a guest's document: all options read and written, and the document with one of them changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import shapes, to_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.inherited import without_inherited
from ansible_collections.virtnet.kvm.plugins.module_utils.model.guest_nic.options import Nic, Source, normalise
from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import Bandwidth, Rate, Vlan, VlanTag
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network, PortGroup
from ansible_collections.virtnet.kvm.plugins.module_utils.xml.guest_nic import (
    insert_nic,
    read_guest,
    read_macs,
    read_nics,
    remove_nic,
    render_nic,
    replace_nic,
)
from unit.xml_content import content

# As libvirt writes it, with a part for each option, and some that are no option.
FULL = """<interface type='network' trustGuestRxFilters='yes'>
  <mac address='52:54:00:00:00:01'/>
  <source network='lan' portgroup='fast'/>
  <vlan><tag id='7'/></vlan>
  <virtualport type='openvswitch'><parameters profileid='web'/></virtualport>
  <bandwidth><inbound average='1000' peak='2000' floor='100' burst='50'/><outbound average='5'/></bandwidth>
  <port isolated='yes'/>
  <target dev='web0' managed='no'/>
  <guest dev='eth9'/>
  <backend tap='/dev/net/tun' vhost='/dev/vhost-net'/>
  <model type='virtio'/>
  <driver name='vhost' txmode='iothread' ioeventfd='on' event_idx='off' packed='on' iommu='on' ats='on' page_per_vq='on' rss='on'
          rss_hash_report='off' queues='4' rx_queue_size='512' tx_queue_size='256'>
    <host csum='off' gso='off' tso4='on' tso6='off' ecn='off' ufo='off' mrg_rxbuf='off'/>
    <guest csum='off' tso4='off' tso6='off' ecn='off' ufo='off'/>
  </driver>
  <filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.7'/><parameter name='IP' value='10.0.0.8'/></filterref>
  <tune><sndbuf>1600</sndbuf></tune>
  <link state='down'/>
  <mtu size='1400'/>
  <coalesce><rx><frames max='7'/></rx></coalesce>
  <boot order='1'/>
  <alias name='ua-lan'/>
  <rom enabled='yes' bar='off' file='/rom'/>
  <acpi index='3'/>
  <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0' multifunction='on'/>
</interface>"""
LIVE = """<interface type='bridge'>
  <mac address='52:54:00:00:00:02'/>
  <source network='lan' portid='0' bridge='virbr7'/>
  <target dev='vnet7'/><model type='virtio'/><link state='up'/><alias name='net0'/>
  <address type='pci' domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>
</interface>"""


def _domain(*interfaces: str, machine: str = "pcie-root") -> str:
    ports = "".join(f"<controller type='pci' index='{n}' model='pcie-root-port'/>" for n in (1, 2, 3))
    controllers = f"<controller type='pci' index='0' model='{machine}'/>{ports if machine == 'pcie-root' else ''}"
    return (
        "<domain><name>web1</name><uuid>u</uuid><os><type>hvm</type></os><features><acpi/></features><devices>"
        f"{controllers}{''.join(interfaces)}<serial type='pty'/></devices></domain>"
    )


def test_every_option_is_read() -> None:
    (nic,) = read_nics(_domain(FULL))
    lacking = [shape.name for shape in shapes(Nic) if getattr(nic, shape.name) is None]
    assert lacking == []
    assert {kept.xml for kept in nic.extra or ()} == {'<guest dev="eth9"></guest>', "@managed=no", "@multifunction=on"}
    driver = to_options(nic)["driver"]
    assert driver["queues"] == 4 and driver["host"]["tso4"] is True and driver["guest"]["csum"] is False


def test_a_nic_is_written_as_it_was_read() -> None:
    (nic,) = read_nics(_domain(FULL))
    assert content(render_nic(nic)) == content(FULL)


def test_a_live_nic_stays_on_its_network() -> None:
    """Sent back as it is, it would become a NIC of the bridge."""
    (nic,) = read_nics(_domain(LIVE))
    assert nic.type == "network" and nic.source == Source(network="lan")
    assert (nic.target, nic.alias, nic.link) == (None, None, None)
    sent = etree.fromstring(render_nic(nic))
    assert dict(sent.find("source").attrib) == {"network": "lan"} and sent.get("type") == "network"


def test_a_guest_is_read() -> None:
    guest = read_guest("web1", _domain(FULL), _domain(LIVE))
    assert guest.running and guest.persistent and guest.acpi and not guest.os_boot
    assert guest.free_ports == 2 and guest.devices == ("vnet7",)
    assert read_guest("web1", _domain(FULL), None).free_ports is None
    assert read_guest("web1", None, _domain(LIVE, machine="pci-root")).free_ports is None
    assert read_macs(_domain(FULL, LIVE)) == ["52:54:00:00:00:01", "52:54:00:00:00:02"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_list_keeps_its_order(place: int) -> None:
    first, second = read_nics(_domain(FULL, LIVE))
    new = normalise(Nic(type="bridge", mac="52:54:00:00:00:03", source=Source(bridge="br0")))
    text = insert_nic(_domain(FULL, LIVE), place, new)
    assert [nic.mac for nic in read_nics(text)].index(new.mac) == place
    assert read_nics(remove_nic(text, place)) == (first, second)
    if place < 2:
        changed = read_nics(replace_nic(_domain(FULL, LIVE), place, new))
        assert changed[place] == new and changed[1 - place] == (second, first)[place]
    assert [each.tag for each in etree.fromstring(text).find("devices")][-1] == "serial"
    assert read_nics(insert_nic(_domain(), 0, new)) == (new,)


def test_what_a_nic_has_from_its_network_is_not_its_own() -> None:
    group = PortGroup(name="fast", bandwidth=Bandwidth(inbound=Rate(average=5)))
    networks = {"lan": Network(name="lan", vlan=Vlan(tags=(VlanTag(7),)), isolated=True, portgroups=(group,))}
    (nic,) = read_nics(_domain(FULL))
    own = without_inherited(nic, nic, networks)
    assert own == nic
    stored = Nic(source=nic.source)
    found = without_inherited(nic, stored, networks)
    assert (found.vlan, found.isolated, found.bandwidth) == (None, None, None)
    elsewhere = replace(nic, source=Source(network="other"))
    assert without_inherited(elsewhere, stored, networks) == elsewhere
