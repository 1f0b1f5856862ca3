# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab hosts on which the real modules are run: a container and a UML host of each Debian, side by side.

    pytest tests/integration            all of them
    pytest tests/integration --quick    the container of Debian 13 only

Each host has a worker of its own (pytest-xdist); `-n 0` runs one host after the other. VIRTNET_IT_PREFIX gives the hosts
names of their own, so that two runs at a time don't meet.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from integration.support.host import Host, prepared
from lab.machine import Machine, create, get, known

_PREFIX = os.environ.get("VIRTNET_IT_PREFIX", "it")

# libvirt 9.0 with iptables, libvirt 11.3 with iptables, and 11.3 with nftables, which needs a kernel with tc's csum. The UML
# hosts have a kernel of their own, with all that a container's may lack.
HOSTS: dict[str, dict[str, Any]] = {
    "bookworm": {"name": f"{_PREFIX}12", "distro": "bookworm", "kind": "container"},
    "trixie": {"name": f"{_PREFIX}13", "distro": "trixie", "kind": "container"},
    "bookworm_uml": {"name": f"{_PREFIX}12uml", "distro": "bookworm", "kind": "uml"},
    "trixie_uml": {"name": f"{_PREFIX}13uml", "distro": "trixie", "kind": "uml", "firewall_backend": "nftables"},
}
# What containers can show is shown there: a UML host runs what is marked for it, and nothing else.
MARKS = {"bookworm_uml": ("kernel",), "trixie_uml": ("kernel", "nftables")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="only the container host of Debian 13")
    parser.addoption("--host", choices=list(HOSTS), action="append", help="only this host; may be given several times")
    parser.addoption("--fabrics", type=int, default=30, help="so many random fabrics on each host; 30 unless told")
    parser.addoption("--spread", action="store_true", help="run each test on one Debian only, except those marked each")
    parser.addoption("--keep", action="store_true", help="take a host that is up, and leave it up")


def _hosts(config: pytest.Config) -> list[str]:
    return config.getoption("--host") or (["trixie"] if config.getoption("--quick") else list(HOSTS))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "nftables: also run on the UML host whose libvirt uses nftables")
    config.addinivalue_line(
        "markers",
        "kernel: only run on the UML hosts, or on those that it names: it needs VLANs, which a container may not have",
    )
    config.addinivalue_line(
        "markers",
        "each: it may show another thing on the other Debian, so that with --spread both hosts of a kind run it, not one by turns",
    )
    config.addinivalue_line(
        "markers",
        "once: with --spread only the host of Debian 13 runs it, or of the release that it names, not one by turns",
    )
    config.addinivalue_line("markers", "full: not with --spread and not in a quick run, because it takes long")
    config.addinivalue_line(
        "markers", "debian: only on hosts of the releases that it names, as it needs what others lack"
    )
    config.addinivalue_line("markers", "thorough: not in a quick run; what it shows is shown with a fake host too")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """One worker for each host, unless `-n` says otherwise."""
    if hasattr(config, "workerinput"):
        return  # a worker must not have workers of its own
    hosts = _hosts(config)
    if config.getoption("numprocesses", None) is None and len(hosts) > 1 and not config.getoption("usepdb"):
        config.option.numprocesses = len(hosts)


class _HostScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """A host is never shared: all tests of one go to the same worker."""

    def _split_scope(self, nodeid: str) -> str:
        found = re.search(r"\[(\w+)", nodeid)
        return found[1] if found and found[1] in HOSTS else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _HostScheduling(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "host" in metafunc.fixturenames:
        metafunc.parametrize("host", _hosts(metafunc.config), indirect=True, scope="session")


def _can_run(item: pytest.Item, where: str) -> bool:
    """Whether a host has what the test needs. A UML host runs only what is marked for it."""
    if where in MARKS:
        found = [item.get_closest_marker(mark) for mark in MARKS[where]]
        return any(mark and (not mark.args or where in mark.args) for mark in found)
    debian = item.get_closest_marker("debian")
    return not item.get_closest_marker("kernel") and not (debian and HOSTS[where]["distro"] not in debian.args)


def _is_the_one(item: pytest.Item, where: str) -> bool:
    """Whether the host is the one of its kind that runs the test when each runs once. By turns, which the tests' names decide."""
    kind = HOSTS[where]["kind"]
    able = [name for name, host in HOSTS.items() if host["kind"] == kind and _can_run(item, name)]
    once = item.get_closest_marker("once")
    if once:
        able = [name for name in able if HOSTS[name]["distro"] == (once.args or ("trixie",))[0]] or able
    turn = zlib.crc32(item.nodeid.replace(where, "").encode())
    return where == able[turn % len(able)]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what a host can't show, and what needn't be shown there."""
    quick, spread = config.getoption("--quick"), config.getoption("--spread")

    def wanted(item: pytest.Item) -> bool:
        has_host = isinstance(item, pytest.Function) and hasattr(item, "callspec") and "host" in item.callspec.params
        where = str(item.callspec.params["host"]) if has_host else ""  # type: ignore[attr-defined]
        if where and not _can_run(item, where):
            return False
        if where and spread and not item.get_closest_marker("each") and not _is_the_one(item, where):
            return False
        if (quick or spread) and item.get_closest_marker("full"):
            return False
        return not (quick and item.get_closest_marker("thorough"))

    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host that runs. What a crashed run has left of it is removed first, itself at the end."""
    keep = request.config.getoption("--keep")
    machine: Machine = create(**HOSTS[request.param])
    if keep and machine.name in [other.name for other in known() if other.is_running()]:
        machine = get(machine.name)
    else:
        machine.down()
    try:
        if not machine.is_running():
            machine.up()
        with prepared(machine, tmp_path_factory.mktemp(machine.name)) as found:
            yield found
    finally:
        if not keep:
            machine.down()


@pytest.fixture
def clean(host: Host) -> Iterator[Host]:
    """A host without networks but Debian's own `default`, which is inactive; the same again for the next test."""
    yield host
    host.clean()
