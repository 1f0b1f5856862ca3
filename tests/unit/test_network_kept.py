# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What libvirt ignores of a definition: refused before, or found after it, and never a change in every run."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.engine import ApplyError
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import from_options
from ansible_collections.virtnet.kvm.plugins.module_utils.model.libvirt_parts import Extra
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.kept import not_kept
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network, normalise
from unit.fake_host import FakeHost, host_with_lan

MODEL = Extra(path="forward/driver", xml="@model=vfio-pci")
POOL_XML = """<network><name>lan</name><forward mode='hostdev'><driver name='vfio' model='vfio-pci'/><pf dev='eth4'/></forward>
</network>"""


@pytest.mark.parametrize("check", [True, False])
def test_a_part_that_libvirt_ignores_is_refused(check: bool) -> None:
    """Each later run would find that it is missing, and define the network again."""
    host = FakeHost(libvirt=9_000_000)
    host.networks.ignored = (MODEL,)
    problem = r"xml: \"<driver model='vfio-pci'>\" is not kept by libvirt 9\.0\.0; remove it, or upgrade libvirt"
    with pytest.raises(OptionError, match=problem):
        host.declare({"name": None, "xml": POOL_XML}, check=check)
    assert host.networks.calls == []
    host.networks.ignored = ()
    host.declare({"name": None, "xml": POOL_XML})
    assert host.declare({"name": None, "xml": POOL_XML})[0].actions == []


def test_a_network_that_has_the_part_needs_no_answer() -> None:
    host = FakeHost()
    host.declare({"name": None, "xml": POOL_XML})
    host.networks.ignored = (MODEL,)
    assert host.declare({"name": None, "xml": POOL_XML})[0].actions == []


@pytest.mark.parametrize("there", [True, False])
def test_a_part_that_is_missing_after_the_definition(there: bool) -> None:
    """A daemon of another version than the library: it is undone, and said."""
    host = host_with_lan() if there else FakeHost()
    host.networks.ignored, host.networks.tells = (MODEL,), False
    before = host.state()
    with pytest.raises(ApplyError) as error:
        host.declare({"name": None, "xml": POOL_XML})
    assert str(error.value) == (
        f"{'update' if there else 'create'} network lan: libvirt 12.0.0 doesn't keep <driver model='vfio-pci'>;"
        " leave that out, or use a libvirt that has it; the host is as it was"
    )
    assert host.state() == before


def test_what_is_not_kept() -> None:
    def normal(**options: Any) -> Network:
        return normalise(from_options(Network, {"name": "lan", **options}))

    sent = normal(
        title="a",
        bridge={"delay": 3, "zone": "trusted"},
        dns={"txt": [{"name": "a", "value": "b"}, {"name": "c", "value": "d"}]},
        ips=[{"address": "192.0.2.1/24"}, {"address": "198.51.100.1/24"}],
        vlan={"tags": [{"id": 7}]},
    )
    stored = normal(
        bridge={"delay": 2, "name": "virbr0"},
        dns={"txt": [{"name": "a", "value": "b"}]},
        ips=[{"address": "198.51.100.1/24"}, {"address": "192.0.2.1/24"}],
        mac="52:54:00:00:00:01",
    )
    assert not_kept(sent, stored) == (
        "title: a",
        "bridge.delay: 3 (it has 2)",
        "bridge.zone: trusted",
        "dns.txt: {'name': 'c', 'value': 'd'}",
        "vlan: {'tags': [{'id': 7}]}",
    )
    assert not_kept(sent, sent) == ()
