# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an active network works: its bridge with its addresses, its dnsmasq, and its firewall rules.

libvirt only knows what it has made, not what other programs have removed since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Optional

from ...errors import HostError
from ...model.network.options import OWN_BRIDGE_MODES, Network, has_dhcp, has_dnsmasq, mode_of, own_bridge
from ...model.network.problems import Fault, Problem
from ..netlink import links
from ..netlink.addresses import addresses_by_interface
from ..os import proc_net, units
from . import dnsmasq
from .firewall import Firewall

_RESOLVED = "systemd-resolved.service"


class Health:
    """What can be seen of libvirt's networks on the daemon's own host; nothing where the host isn't ``local``.

    What only root may see is left out for other users.
    """

    def __init__(self, *, local: bool) -> None:
        self._local = local
        self.sees_all = local and os.geteuid() == 0
        self._firewall = Firewall()
        self._addresses: Optional[dict[str, set[str]]] = None

    def forget(self) -> None:
        """Forgets what was read, as something has been changed."""
        self._addresses = None
        self._firewall.forget()

    def problems(self, network: Network) -> tuple[Problem, ...]:
        """Returns what an active network lacks."""
        return tuple(self._look(network)) if self._is_here(network) else ()

    def obstacles(self, definition: Network) -> tuple[str, ...]:
        """Returns why libvirt couldn't start a network with this definition."""
        if not self.sees_all or mode_of(definition) not in OWN_BRIDGE_MODES:
            return ()
        found = []
        for path in dnsmasq.files(definition):
            reason = dnsmasq.why_not_writable(path)
            if reason:
                found.append(f"libvirt can't write {path} ({reason}); make it writable")
        if any(":" in (ip.address or "") for ip in definition.ips or ()) and not proc_net.has_ipv6():
            found.append("this host's kernel has no IPv6; leave out its IPv6 addresses, or boot without ipv6.disable=1")
        if definition.domain and definition.domain.register and not units.is_active(_RESOLVED):
            found.append(
                "systemd-resolved, which is to ask its DNS server, doesn't run; start it, or set domain.register to false"
            )
        return tuple(found)

    def restore_firewall(self, network: Network) -> None:
        """Makes libvirt create the rules of an active network again, and waits for them. Raises `HostError`."""
        self._firewall.restore(network, bridge=_has_bridge(network))

    def restore_chains(self, definition: Network) -> bool:
        """Makes libvirt create its chains again if they are missing; returns whether it has.

        libvirt creates them once, and a later start of a network fails without them (networkAddFirewallRules).
        """
        self._firewall.forget()
        if not self.sees_all or not self._firewall.lacks(definition, bridge=False):
            return False
        try:
            self._firewall.restore(definition, bridge=False)
        except HostError:
            return False
        return True

    def correct_pid_file(self, name: str) -> None:
        dnsmasq.correct_pid_file(name)

    def end_leftovers(self, name: str) -> bool:
        """Ends what is left of a network that libvirt has stopped; returns whether there was something."""
        return self.sees_all and dnsmasq.end(name)

    def _is_here(self, network: Network) -> bool:
        """Returns whether libvirt's own notes on the active network are on this host, not only its socket."""
        return self._local and bool(own_bridge(network)) and os.path.exists(f"{dnsmasq.RUN}/{network.name}.xml")

    def _look(self, network: Network) -> Iterator[Problem]:
        bridge = network.bridge.name or "" if network.bridge else ""
        yield from self._look_at_bridge(network, bridge)
        if not self.sees_all:
            return
        if has_dnsmasq(network):
            yield from _look_at_dnsmasq(network.name or "")
        if has_dhcp(network):
            path = dnsmasq.leases_path(bridge)
            if os.path.lexists(path) and dnsmasq.why_not_writable(path):
                yield Problem(Fault.LEASES, path)
        if self._firewall.lacks(network, bridge=_has_bridge(network)):
            yield Problem(Fault.FIREWALL)

    def _look_at_bridge(self, network: Network, bridge: str) -> Iterator[Problem]:
        if not _has_bridge(network):
            yield Problem(Fault.BRIDGE, bridge)
            if links.exists(bridge):
                yield Problem(Fault.NAME_TAKEN, f"{bridge} isn't a bridge")
            return
        if not links.is_up(bridge):
            yield Problem(Fault.BRIDGE_DOWN, bridge)
        if self._addresses is None:
            self._addresses = addresses_by_interface()
        for ip in network.ips or ():
            if ip.address not in self._addresses.get(bridge, ()):
                yield Problem(Fault.ADDRESS, ip.address or "")


def _has_bridge(network: Network) -> bool:
    return network.bridge is not None and links.is_bridge(network.bridge.name or "")


def _look_at_dnsmasq(name: str) -> Iterator[Problem]:
    noted = dnsmasq.pid_in_file(name)
    if noted is not None and dnsmasq.is_dnsmasq_of(name, noted):
        return
    if dnsmasq.find(name) is not None:
        yield Problem(Fault.PID_FILE, dnsmasq.pid_path(name))
        return
    yield Problem(Fault.DNSMASQ)
    program = None if noted is None else dnsmasq.taken_by(name, noted)
    if program:
        yield Problem(Fault.PID_TAKEN, f"{noted} ({program})")
