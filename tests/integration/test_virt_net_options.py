# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Every option of a network: set, changed and removed on a real host, and found so in libvirt's own document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from lxml import etree

from ansible_collections.virtnet.kvm.plugins.module_utils.model.fields import argument_spec
from ansible_collections.virtnet.kvm.plugins.module_utils.model.network.options import Network
from integration.support.cases import Case, leaves, replaced, spec_leaves
from integration.support.cases_ports import CASES
from integration.support.checks import converge, refused
from integration.support.host import Host

pytestmark = pytest.mark.each

# What makes a network another one: shown where networks are created, in test_virt_net.py.
IDENTITY = {"name", "uuid"}


def test_every_option_has_a_case() -> None:
    """Each is given in two different values at least, in the steps of one case."""
    changed = set()
    for case in CASES:
        given: dict[str, list[Any]] = {}
        for options, _document in case.steps:
            for path, _place, value in leaves(options):
                given.setdefault(path, []).append(value)
        changed |= {path for path, values in given.items() if any(value != values[0] for value in values)}
    assert set(spec_leaves(argument_spec(Network))) - changed == IDENTITY


# What the containers' kernel may be unable to run is run on a UML host too.
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.nftables] * (case.probe != "true")) for case in CASES], ids=str
)
def test_option(clean: Host, case: Case) -> None:
    if clean.libvirt < case.since:
        for options, _document in case.steps[:-1]:
            refused(clean, {"name": "opt", **case.base, **options}, "libvirt", ".".join(map(str, case.since)))
        return
    runs = case.runs and clean.can(case.probe)
    base = {"name": "opt", "active": runs, **case.base}
    if case.hardware:
        before = clean.look()
        result = clean.module("virt_net", base)
        assert case.hardware in result["msg"] and result["msg"].endswith("; the host is as it was")
        assert clean.look() == before
        return
    clean.ok("virt_net", base)
    last: Mapping[str, Any] = {}
    for options, wanted in case.steps:
        _each_is_seen(clean, last, options)
        converge(clean, {"name": "opt", **options}, changed=True)
        _holds(clean, case, wanted, runs)
        last = options


def _each_is_seen(host: Host, now: Mapping[str, Any], then: Mapping[str, Any]) -> None:
    """One option alone that differs must not be passed over because others usually differ with it."""
    values = {place: value for _path, place, value in leaves(then)}
    for _path, place, value in leaves(now):
        if place in values and values[place] != value and type(values[place]) is type(value):
            alone = {"name": "opt", **replaced(now, place, values[place])}
            result = host.module("virt_net", alone, check=True)
            assert result.get("changed") or "option" in result, f"{place}: {values[place]} is not seen: {result}"


def _holds(host: Host, case: Case, wanted: Mapping[str, str], runs: bool) -> None:
    found = host.look()["opt"]
    assert found["active"] == runs
    documents = {"stored": found["stored"], **({"running": found["running"]} if runs else {})}
    for which, text in documents.items():
        document = etree.fromstring(text)
        for path, value in wanted.items():
            expression = path if path.startswith("count(") else f"string({path})"
            seen = document.xpath(expression, namespaces=dict(case.namespaces) or None)
            seen = str(int(seen)) if isinstance(seen, float) else seen
            if which == "running" and path.startswith(
                ("title", "description", "metadata", "count(title", "count(metadata")
            ):
                continue  # libvirt keeps these in the stored definition until the next start
            assert seen == value, f"{which} {path} is {seen!r}, not {value!r}:\n{text}"
