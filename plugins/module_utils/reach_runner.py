# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module that measures who reaches whom: options in, result or failure out."""

from __future__ import annotations

import os

from .backend.host import Host
from .backend.netlink.addresses import addresses_by_interface
from .backend.os.paths import is_local
from .backend.probe.bound import bindings
from .backend.probe.probes import Asked, Probe, measure
from .errors import HostError, NoLibvirtError, OptionError
from .kinds.common import URI
from .kinds.network import NETWORK
from .kinds.nwfilter.filters import FILTER
from .model.fields import argument_spec, from_options
from .model.network.options import Network
from .model.network.steps import NetworkDriver
from .model.nwfilter.facts import FilterDriver, bridging_warning
from .model.reach.filtered import ProbeFilter, probe_filter
from .model.reach.options import PROTOCOLS, USUAL_SERVICES, Measurement
from .model.reach.places import Place, places
from .model.reach.table import Answer, differences, lines, unused
from .runner import Module, Result, new_module, run_module


def run_reach() -> None:
    """Runs `net_reach`."""
    module = new_module({**argument_spec(Measurement), **URI})

    def work(host: Host) -> Result:
        given = from_options(Measurement, module.params)
        if not is_local(host.uri):
            raise OptionError("uri", host.uri, "is another host; measure on the host itself")
        found, skipped = places(given, _definitions(host), _addresses(), _random())
        services = USUAL_SERVICES if given.services is None else given.services
        asked = Asked(given.outside or (), given.protocols or PROTOCOLS, services)
        answers, failed = _measured(module, host, given, found, asked)
        return _result(module, given, answers, [*skipped, *failed])

    run_module(module, work, [NETWORK, FILTER])


def _measured(
    module: Module, host: Host, given: Measurement, found: list[Place], asked: Asked
) -> tuple[list[Answer], list[str]]:
    """Returns the answers, and the places without one; of probes with a filter, if one is given."""
    if given.filterref is None:
        return measure(found, asked)
    driver = host.driver(FilterDriver)
    filters = {name: stored.definition for name, stored in driver.filters().items()}
    chosen: ProbeFilter = probe_filter(given.filterref, filters)
    warning = bridging_warning(chosen.name, filters, driver)
    if warning:
        module.warn(warning)
    with bindings(driver, host.uri) as bind:

        def ready(probe: Probe) -> None:
            bind(chosen.binding(probe.port, probe.mac, probe.addresses.get(4, "")))

        return measure(found, asked, ready)


def _definitions(host: Host) -> list[tuple[str, Network, bool]]:
    """Returns the networks of libvirt; a host without it may have bridges."""
    try:
        return host.driver(NetworkDriver).definitions()
    except NoLibvirtError:
        return []


def _addresses() -> dict[str, set[str]]:
    try:
        return addresses_by_interface()
    except OSError as error:
        raise HostError("read the addresses", error.strerror or error) from error


def _random() -> int:
    return int.from_bytes(os.urandom(7), "big")


def _result(module: Module, given: Measurement, answers: list[Answer], skipped: list[str]) -> Result:
    expected = given.expect or ()
    result: Result = {
        "changed": False,
        "reach": [each.shown() for each in answers],
        "table": lines(answers),
        "unmeasured": skipped,  # a key `skipped` would say that the task was skipped
    }
    wrong = [
        *(f"expect[{place}] fits nothing that was measured" for place in unused(answers, expected)),
        *differences(answers, expected),
    ]
    if wrong:
        module.fail_json(msg="; ".join(wrong), differences=wrong, **result)
    return result
