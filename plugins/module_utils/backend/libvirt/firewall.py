# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall rules that libvirt makes for its networks: whether they are there, and how libvirt makes them again.

Only what a network can't work without is looked for: libvirt's chains, the jumps to them, and at least one rule for the
network in each. An administrator, or a hook, may have removed single rules on purpose.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Optional

from ...errors import HostError
from ...model.network.options import Network, mode_of
from ...model.values import IPNetwork
from ..os import commands
from .dnsmasq import RUN

# libvirt makes no rules in the other modes (networkReloadFirewallRulesHelper).
_MODES = ("none", "nat", "route")
_CONFIGURATION = "/etc/libvirt/network.conf"

# libvirt makes all rules again when firewalld says that it has reloaded its own (networkFirewalldDBusCallback).
_SIGNAL = ("/org/fedoraproject/FirewallD1", "org.fedoraproject.FirewallD1", "Reloaded")
_SECONDS = 10
_POLL_SECONDS = 0.2

_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))

# The words of each rule, by its table and chain.
Rules = dict[tuple[str, str], list[list[str]]]


@dataclass(frozen=True)
class Backend:
    """One of libvirt's ways to make rules: the command that lists them, and libvirt's chains.

    ``jumps`` lead to the chains of all networks, as (table, from, to). ``per_bridge`` have a rule for each bridge, of which
    in IPv6 those in ``addressed`` only for one with addresses. ``nat`` has the rules of the subnets that are
    masqueraded, and ``nat_jump`` leads to it.
    """

    command: dict[int, tuple[str, ...]]
    jumps: tuple[tuple[str, str, str], ...]
    per_bridge: tuple[tuple[str, str], ...]
    addressed: tuple[tuple[str, str], ...]
    nat: tuple[str, str]
    nat_jump: Optional[tuple[str, str, str]] = None


# iptablesSetupPrivateChains, iptablesAddGeneralFirewallRules
_IPTABLES = Backend(
    command={4: ("iptables-save",), 6: ("ip6tables-save",)},
    jumps=(
        ("filter", "INPUT", "LIBVIRT_INP"),
        ("filter", "OUTPUT", "LIBVIRT_OUT"),
        *(("filter", "FORWARD", chain) for chain in ("LIBVIRT_FWO", "LIBVIRT_FWI", "LIBVIRT_FWX")),
    ),
    per_bridge=tuple(("filter", chain) for chain in ("LIBVIRT_FWO", "LIBVIRT_FWI", "LIBVIRT_FWX")),
    addressed=(("filter", "LIBVIRT_INP"), ("filter", "LIBVIRT_OUT")),
    nat=("nat", "LIBVIRT_PRT"),
    nat_jump=("nat", "POSTROUTING", "LIBVIRT_PRT"),
)
# nftablesChains, nftablesAddGeneralFirewallRules
_TABLE = "libvirt_network"
_NFTABLES = Backend(
    command={4: ("nft", "list", "table", "ip", _TABLE), 6: ("nft", "list", "table", "ip6", _TABLE)},
    jumps=tuple((_TABLE, "forward", chain) for chain in ("guest_output", "guest_input", "guest_cross")),
    per_bridge=tuple((_TABLE, chain) for chain in ("guest_output", "guest_input", "guest_cross")),
    addressed=(),
    nat=(_TABLE, "guest_nat"),
)
_BACKENDS = {"iptables": _IPTABLES, "nftables": _NFTABLES}


class Firewall:
    """The host's firewall rules; each command is run once, and again after `forget`."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, ...], Optional[Rules]] = {}
        self._signalled = False

    def forget(self) -> None:
        self._read.clear()

    def lacks(self, network: Network, *, bridge: bool = True) -> bool:
        """Returns whether rules of an active network are missing; false where that can't be found out.

        Without ``bridge`` only what all networks need is looked for: libvirt's chains, and the jumps to them.
        """
        if mode_of(network) not in _MODES:
            return False
        found = [self._has(backend, network, bridge) for backend in _backends(network.name or "")]
        known = [has for has in found if has is not None]
        return bool(known) and not any(known)

    def restore(self, network: Network, *, bridge: bool = True) -> None:
        """Makes libvirt create its rules again, and waits until those of a network are there. Raises `HostError`.

        libvirt creates those of all networks, so that what it has done for another network may be enough.
        """
        self.forget()
        if not self.lacks(network, bridge=bridge) or (self._signalled and self._came(network, bridge)):
            return
        _emit()
        self._signalled = True
        if not self._came(network, bridge):
            raise HostError(
                f"restore the firewall rules of network {network.name}",
                f"libvirt hasn't created them within {_SECONDS} s of the D-Bus signal {'.'.join(_SIGNAL[1:])};"
                " restart libvirtd or virtnetworkd, which creates them too",
            )

    def _came(self, network: Network, bridge: bool) -> bool:
        """Waits until the rules are there and libvirt has stopped adding to them."""
        deadline = time.monotonic() + _SECONDS
        before: Optional[dict[tuple[str, ...], Optional[Rules]]] = None
        while time.monotonic() < deadline:
            self.forget()
            if not self.lacks(network, bridge=bridge):
                if before == self._read:
                    return True
                before = dict(self._read)
            time.sleep(_POLL_SECONDS)
        return False

    def _has(self, backend: Backend, network: Network, bridge: bool) -> Optional[bool]:
        """Returns whether the rules of a network are there; ``None`` where the host can't list rules of this kind."""
        found = [self._has_family(backend, network, bridge, family) for family in _families(network)]
        known = [has for has in found if has is not None]
        return all(known) if known else None

    def _has_family(self, backend: Backend, network: Network, bridge: bool, family: int) -> Optional[bool]:
        rules = self._rules(backend.command[family])
        if rules is None:
            return None
        masqueraded = _masqueraded(network, family)
        jumps = (*backend.jumps, *([backend.nat_jump] if backend.nat_jump and masqueraded else []))
        if not all(_mentions(rules, (table, source), target) for table, source, target in jumps):
            return False
        name = network.bridge.name if network.bridge and bridge else None
        if name is None:
            return True
        addressed = family == 4 or any(ip.version == family for ip in _subnets(network))
        chains = (*backend.per_bridge, *(backend.addressed if addressed else ()))
        return all(_mentions(rules, chain, name) for chain in chains) and all(
            _mentions(rules, backend.nat, *_spellings(subnet)) for subnet in masqueraded
        )

    def _rules(self, command: tuple[str, ...]) -> Optional[Rules]:
        if command not in self._read:
            self._read[command] = _list(command)
        return self._read[command]


def _backends(name: str) -> list[Backend]:
    """Returns the backends that libvirt may use for a network.

    Since 10.4 libvirt notes it in the network's status, and its configuration can have it; before, there was only one.
    """
    for path, pattern in (
        (f"{RUN}/{name}.xml", r"<firewall name='fwRemoval' backend='(\w+)'"),
        (_CONFIGURATION, r'^\s*firewall_backend\s*=\s*"(\w+)"'),
    ):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found = re.search(pattern, file.read(), re.MULTILINE)
        except OSError:
            continue
        if found:
            return [_BACKENDS[found[1]]] if found[1] in _BACKENDS else []
    return list(_BACKENDS.values())


def _list(command: tuple[str, ...]) -> Optional[Rules]:
    """Returns the rules that a command lists; ``None`` where the host doesn't have it, or where it fails."""
    tool = shutil.which(command[0], path=_PATH)
    if tool is None:
        return None
    try:
        text = commands.run("list the firewall rules", tool, *command[1:])
    except HostError as error:
        return {} if "No such file or directory" in error.cause else None  # there is no such table
    return _parse_nft(text) if command[0] == "nft" else _parse_iptables(text)


def _parse_iptables(text: str) -> Rules:
    """Parses what iptables-save prints: ``*filter``, and below it rules such as ``-A INPUT -j LIBVIRT_INP``."""
    rules: Rules = {}
    table = ""
    for line in text.splitlines():
        words = line.split()
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A ") and len(words) > 2:
            rules.setdefault((table, words[1]), []).append(words[2:])
    return rules


def _parse_nft(text: str) -> Rules:
    """Parses a table as nft prints it: ``chain guest_cross {``, and below it rules such as ``iif "br0" oif "br0" accept``.

    Counters are left out, as they change by themselves.
    """
    rules: Rules = {}
    chain = ""
    for line in text.splitlines():
        words = re.sub(r"counter packets \d+ bytes \d+", "counter", line).replace('"', "").split()
        if words[:1] == ["chain"]:
            chain = words[1]
        elif chain and words and words not in (["}"], ["{"]):
            rules.setdefault((_TABLE, chain), []).append(words)
    return rules


def _mentions(rules: Rules, chain: tuple[str, str], *words: str) -> bool:
    return any(word in rule for rule in rules.get(chain, ()) for word in words)


def _families(network: Network) -> list[int]:
    """Returns the families of libvirt's rules for a network; those of IPv4 it makes in any case."""
    return [4, 6] if network.ipv6 or any(ip.version == 6 for ip in _subnets(network)) else [4]


def _subnets(network: Network) -> Iterator[IPNetwork]:
    for ip in network.ips or ():
        yield ipaddress.ip_interface(ip.address or "").network


def _masqueraded(network: Network, family: int) -> list[IPNetwork]:
    nat = mode_of(network) == "nat"
    if family == 6:
        nat = nat and bool(network.forward and network.forward.nat and network.forward.nat.ipv6)
    return [subnet for subnet in _subnets(network) if nat and subnet.version == family]


def _spellings(subnet: IPNetwork) -> Iterable[str]:
    """Returns the words by which rules name a subnet; nft leaves out the prefix length of a single address."""
    single = subnet.prefixlen == subnet.max_prefixlen
    return (str(subnet), *([str(subnet.network_address)] if single else []))


def _emit() -> None:
    """Sends the signal by which firewalld tells others that it has reloaded its rules."""
    path, interface, member = _SIGNAL
    doing = f"send the D-Bus signal {interface}.{member}"
    for command in (
        ("busctl", "emit", path, interface, member),
        ("dbus-send", "--system", "--type=signal", path, f"{interface}.{member}"),
    ):
        tool = shutil.which(command[0], path=_PATH)
        if tool:
            commands.run(doing, tool, *command[1:])
            return
    raise HostError(doing, "the host has neither busctl nor dbus-send; restart libvirtd or virtnetworkd")
