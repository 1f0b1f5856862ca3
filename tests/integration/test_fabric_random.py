# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Random fabrics, each on the host that the one before has left: what check mode says comes true, and is all that there is to do.

pytest tests/integration/test_fabric_random.py --host trixie --fabrics 1000
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from integration.support.checks import FORETOLD
from integration.support.host import Host
from integration.support.random_fabrics import MAKE_PORTS, fabric

pytestmark = pytest.mark.each

TOGETHER = 10  # after so many the host is cleaned, so that a failure needs few to be seen again


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("seed", range(0, metafunc.config.getoption("--fabrics"), TOGETHER))


@pytest.fixture
def host_without_forwarding(clean: Host) -> Iterator[Host]:
    """libvirt turns forwarding on for its networks, and a host that forwards ignores router advertisements."""
    before = clean.shell("sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding")
    yield clean
    clean.shell("sysctl --quiet --load -", input=before)


def test_random_fabrics(host_without_forwarding: Host, seed: int) -> None:
    host = host_without_forwarding
    host.shell(MAKE_PORTS)
    done = 0
    for number in range(seed, seed + TOGETHER):
        args = fabric(random.Random(f"{host.libvirt} {number}"))
        done += _applied(host, args, f"fabric {number}: {json.dumps(args)}")
    assert done >= TOGETHER // 2, "too many are refused to show something"


def _applied(host: Host, args: dict[str, Any], words: str) -> bool:
    """Whether it is one that can be applied; a refused one is refused in check mode too, and touches nothing."""
    before = host.everything()
    foretold = host.module("fabric", args, check=True)
    assert host.everything() == before, f"check mode has changed the host: {words}"
    real = host.module("fabric", args)
    if real.get("failed"):
        assert not real.get("exception") and foretold.get("msg") == real["msg"], f"{foretold}, {real}: {words}"
        assert host.everything() == before, f"{real['msg']}: {words}"
        return False
    for key in FORETOLD["fabric"]:
        assert foretold.get(key) == real.get(key), f"{key}: foretold {foretold.get(key)}, came {real.get(key)}: {words}"
    for kind in args:
        for said, came in zip(foretold[kind], real[kind], strict=True):
            assert said["after"] == came["after"], f"{said['after']} != {came['after']}: {words}"
    again = host.module("fabric", args)
    assert not again.get("failed") and not again["changed"], f"a second run would {again.get('diff')}: {words}"
    return True
