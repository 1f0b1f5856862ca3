# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a host, in each network namespace that a run looks at."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Optional

from ...contract import Facts, Host
from ..links import Link, LinkFacts
from ..namespace.facts import NamespaceFacts
from ..namespace.options import short_name
from .kernel_effects import Context
from .normal import destination, normal_state, route_family
from .options import Interface, InterfaceState, LinuxBridge
from .requests import BRIDGE_VLANS, AccountDriver, InterfaceDriver
from .steps import StepPlanner

_LOOPBACK = InterfaceState("", 1, Interface(name="lo", mtu=65536, up=False), loopback=True)  # of a new namespace


class Namespace:
    """The interfaces of one network namespace as they will be when what is planned so far is done.

    ``states`` has them by name, in normal form; plans change it. A ``new`` one is created by this run.
    """

    def __init__(self, host: Host, netns: Optional[str], *, new: bool = False) -> None:
        self._host = host
        self._netns = netns
        self._driver = host.driver(InterfaceDriver, None if new else netns)  # both have the same kernel
        found = {_LOOPBACK.name: _LOOPBACK} if new else self._driver.all()
        self.states: dict[str, InterfaceState] = {name: normal_state(state) for name, state in found.items()}

    @functools.cached_property
    def features(self) -> frozenset[str]:
        """What the kernel can make, see `requests.InterfaceDriver`."""
        return self._driver.features()

    @functools.cached_property
    def has_ipv6(self) -> bool:
        """Whether the kernel has IPv6."""
        return self._driver.has_ipv6()

    @property
    def bridge_vlans(self) -> bool:
        return BRIDGE_VLANS in self.features

    def account(self, kind: str, text: str) -> Optional[str]:
        """Returns what a ``user`` or ``group``, given by name or number, is called on the host; ``None`` for no such one."""
        return self._host.driver(AccountDriver).known(kind, text)

    def planner(self) -> StepPlanner:
        """Returns what plans steps from here on."""
        return StepPlanner(self.states, self._netns, bridge_vlans=self.bridge_vlans, context=self._context)

    @functools.cached_property
    def _context(self) -> Context:
        """What the plans of a run know of bridges together: a port may change a bridge that was planned before it."""
        return Context(self.states, self.bridge_vlans)


class InterfaceFacts(Facts):
    """The namespaces, by name or path; ``None`` is the host's own."""

    @functools.cached_property
    def _namespaces(self) -> dict[Optional[str], Namespace]:
        return {}

    def namespace(self, netns: Optional[str]) -> Namespace:
        """Returns a namespace, whose interfaces are read at its first use."""
        netns = None if netns is None else short_name(netns)
        if netns not in self._namespaces:
            self._namespaces[netns] = Namespace(self.host, netns, new=self.world.facts(NamespaceFacts).is_new(netns))
        found = self._namespaces[netns]
        if netns is None:
            self._take_into_account(found.states)
        return found

    def _take_into_account(self, states: dict[str, InterfaceState]) -> None:
        """Applies what networks and guest NICs change by the plans since the last time."""
        links = self.world.facts(LinkFacts)
        for name in links.bridges:
            if name not in states:  # libvirt makes it, when the network's plan is applied
                states[name] = InterfaceState("bridge", 0, LinuxBridge(name=name, up=True))
        while links.leaving:  # once: a later plan may give the tap to another bridge
            name = links.leaving.pop()
            if name in states:
                states[name] = replace(states[name], master=None, port=None)

    def expect_links(self, netns: Optional[str], before: dict[str, InterfaceState]) -> None:
        """Lets plans of networks see which interfaces differ from ``before`` now."""
        if netns is not None:
            return
        facts, states = self.world.facts(LinkFacts), self.namespace(None).states
        for name in {**before, **states}:
            if before.get(name) is not states.get(name):
                facts.expect(name, _link(states[name]) if name in states else None)


def _link(state: InterfaceState) -> Link:
    """Returns an interface as `links.LinkDriver` shows it."""
    onlink = [
        destination(route.option)
        for route in state.routes
        if route.option.via is None and route.option.table is None and route_family(route.option) == 4
    ]
    subnets = [*(address.cidr for address in state.addresses), *(to for to in onlink if not to.endswith("/0"))]
    return Link(state.name, tuple(dict.fromkeys(subnets)))
