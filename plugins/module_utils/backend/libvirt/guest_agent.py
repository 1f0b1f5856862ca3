# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the agent in a guest (qemu-guest-agent) for the addresses that the guest has itself."""

from __future__ import annotations

import ipaddress
import queue
import threading
from collections.abc import Iterator
from typing import Optional

from ...xml.domain import agent_is_connected, links_by_mac
from .binding import GuestInterface, VirDomain
from .connection import libvirt_module

# libvirt waits for an agent that is silent for 5 s, and without end for one that begins to answer (qemuAgentGuestSync,
# qemuAgentCommand). virDomainAgentSetResponseTimeout would change that for all who use the guest's agent, and nothing can be
# asked for the former time. So the answer is waited for in a thread.
SECONDS = 3.0


def addresses_by_agent(domain: VirDomain) -> Iterator[tuple[str, str, str]]:
    """Yields the addresses of a guest's interfaces that are known to libvirt: the address, the network or bridge, the MAC address.

    Nothing where the guest doesn't run, has no agent, or where that doesn't answer in time.
    """
    libvirt = libvirt_module()
    try:
        text = domain.XMLDesc(0)
    except libvirt.libvirtError:
        return
    if not agent_is_connected(text):
        return
    links = links_by_mac(text)
    for found in (_answer(domain, SECONDS) or {}).values():
        mac = str(found["hwaddr"] or "").lower()
        for each in found["addrs"] or () if mac in links else ():
            address = ipaddress.ip_address(each["addr"])
            if not address.is_link_local and not address.is_loopback:
                yield str(address), links[mac], mac


def _answer(domain: VirDomain, seconds: float) -> Optional[dict[str, GuestInterface]]:
    """Returns the answer of the agent; ``None`` if there is none within that time."""
    libvirt = libvirt_module()
    answers: queue.SimpleQueue[Optional[dict[str, GuestInterface]]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(domain.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT, 0))
        except libvirt.libvirtError:
            answers.put(None)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return None
