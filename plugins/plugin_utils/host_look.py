# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host needs before its networks can be applied: packages, daemons and forwarding, from the answers of look.sh. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Optional

SYSCTL_FILE = "/etc/sysctl.d/99-virtnet-kvm.conf"
# The first of Debian 11 and RHEL 9. Older systems don't have the Python that the modules need.
LIBVIRT_OLDEST = (7, 0, 0)
PYTHON_OLDEST = (3, 9)

PACKAGES = {
    "debian": (
        *("dnsmasq-base", "libvirt-clients", "libvirt-daemon-driver-qemu", "libvirt-daemon-system", "nftables"),
        *("python3-libvirt", "python3-lxml", "python3-pyroute2", "python3-yaml"),
    ),
    "redhat": (
        *("dnsmasq", "libvirt-client", "libvirt-daemon-config-nwfilter", "libvirt-daemon-driver-network"),
        *("libvirt-daemon-driver-nwfilter", "libvirt-daemon-driver-qemu", "nftables"),
        *("python3-libvirt", "python3-lxml", "python3-pyroute2", "python3-pyyaml"),
    ),
}

# Guests of these topologies have their router on the LAN or in the VLAN, so the host doesn't become a router for them.
_NOT_ROUTED = {"bridged", "vlan_trunk"}
_ROUTES_IPV6 = {"nat", "routed", "open"}


@dataclass(frozen=True)
class Needs:
    """What the user wants of the host besides networks: the variables of the role host."""

    manage_packages: bool = True
    require_kvm: bool = False
    forward_ipv4: bool = True
    forward_ipv6: bool = False


def needs(given: Mapping[str, object], topologies: object, options: Optional[Mapping[str, Any]] = None) -> Needs:
    """Returns the needs that are ``given``; forwarding that isn't given follows from the topologies, and from the rules in the
    ``options`` of `fabric`."""
    known = [each for each in topologies if isinstance(each, Mapping)] if isinstance(topologies, Sequence) else []
    said_types = given.get("types")
    types = said_types if isinstance(said_types, list) else [topology.get("type") for topology in known]
    versions = _translated(options or {})
    derived = {
        "manage_packages": True,
        "require_kvm": False,
        "forward_ipv4": (not types and not _only_guests(options or {}))
        or not _NOT_ROUTED.issuperset(types)
        or 4 in versions,
        "forward_ipv6": 6 in versions
        or any(topology.get("type") in _ROUTES_IPV6 and topology.get("cidr6") for topology in known),
    }
    said = {name: given[name] for name in derived if given.get(name) is not None}
    return Needs(**{name: bool(value) for name, value in {**derived, **said}.items()})


def _only_guests(options: Mapping[str, Any]) -> bool:
    """Returns whether nothing is declared but filters and NICs of guests, which need no forwarding."""
    held = {kind for kind, items in options.items() if items}
    return bool(held) and held <= {"filters", "guest_nics"}


def _translated(options: Mapping[str, Any]) -> set[int]:
    """Returns the versions of IP for which there are outbound rules."""
    rules = [rule for each in options.get("outbound") or () for rule in each.get("rules") or ()]
    return {6 if ":" in f"{rule.get('source', {}).get('cidr', '')}{rule.get('to', '')}" else 4 for rule in rules}


class Look:
    """A host, as look.sh has found it, and what it lacks."""

    def __init__(self, output: str, needs: Needs) -> None:
        lines = (line.rstrip("\r").partition("=") for line in output.splitlines())
        self._found = {key: value for key, equals, value in lines if equals}
        self._needs = needs

    def _words(self, key: str) -> list[str]:
        return self._found.get(key, "").split()

    @property
    def complete(self) -> bool:
        """Whether the script has run to its end."""
        return "sum" in self._found

    @property
    def family(self) -> str:
        return self._found["family"]

    @property
    def _has_python(self) -> bool:
        return self._found["python"] != "none"

    @property
    def _is_root(self) -> bool:
        return self._found["user"] == "0"

    # -- packages ------------------------------------------------------------------------------------------------

    @cached_property
    def absent(self) -> list[str]:
        """Names of everything that is missing, for messages."""
        libraries = [f"python3-{name}" for name in self._words("libraries")]
        return [*libraries, *self._words("commands"), *([] if self._words("daemons") else ["libvirt"])]

    @property
    def packages(self) -> list[str]:
        """The packages that must be installed."""
        possible = self._needs.manage_packages and self.family in PACKAGES and self._is_root and self._has_python
        return self._words("lacks") if possible and self.absent else []

    # -- daemons -------------------------------------------------------------------------------------------------

    @property
    def libvirt(self) -> tuple[int, int, int]:
        """The version of libvirt; zeros if it doesn't answer."""
        number = int(self._found.get("libvirt") or 0)
        return number // 1000000, number // 1000 % 1000, number % 1000

    @property
    def answers(self) -> bool:
        return any(self.libvirt)

    @property
    def _manages_daemons(self) -> bool:
        return self._found["systemd"] == "yes" and self._is_root and not self.absent

    @property
    def disabled(self) -> list[str]:
        """Units that must be enabled at boot."""
        return self._words("off") if self._manages_daemons else []

    @property
    def stopped(self) -> list[str]:
        """Units that must be started. An idle daemon may have stopped by itself, and its socket starts it when it is needed."""
        return (
            [f"{name}.socket" for name in self._words("daemons")] if self._manages_daemons and not self.answers else []
        )

    @property
    def has_libvirt(self) -> bool:
        return bool(self._words("daemons"))

    @property
    def firewalld(self) -> Optional[bool]:
        """Whether firewalld runs, now and after the next boot; ``None`` where it will, but doesn't run now."""
        return {"running": True, "enabled": None}.get(self._found.get("firewalld", ""), False)

    # -- forwarding ----------------------------------------------------------------------------------------------

    @property
    def sysctl(self) -> str:
        """The content of the sysctl file."""
        lines = ["# Written by the Ansible role virtnet.kvm.host, which overwrites changes."]
        if self._needs.forward_ipv6:
            for interface in self._words("advertised"):
                lines.append("# Accepts router advertisements, as before, although the host forwards.")
                lines.append(f"net/ipv6/conf/{interface}/accept_ra = 2")
        if self._needs.forward_ipv4:
            lines.append("net/ipv4/ip_forward = 1")
        if self._needs.forward_ipv6:
            lines.append("net/ipv6/conf/all/forwarding = 1")
        return "\n".join(lines) + "\n"

    @property
    def forwarding_differs(self) -> bool:
        """Whether the kernel or the sysctl file differ from what is needed."""
        if not (self._needs.forward_ipv4 or self._needs.forward_ipv6):
            return False
        drift = (self._needs.forward_ipv4 and self._found["ipv4"] != "1") or (
            self._needs.forward_ipv6 and self._found["ipv6"] != "1"
        )
        return drift or self._found["sum"] != hashlib.sha256(self.sysctl.encode()).hexdigest()

    @property
    def warnings(self) -> list[str]:
        """What won't be as it is now after the next boot, in words."""
        needed = (
            ("reset4", "net.ipv4.ip_forward", self._needs.forward_ipv4),
            ("reset6", "net.ipv6.conf.all.forwarding", self._needs.forward_ipv6),
        )
        return [
            f"{parameter} is set to 0 at boot by {self._found[key]}, which is read after {SYSCTL_FILE}; remove it there"
            for key, parameter, forwards in needed
            if forwards and self._found.get(key)
        ]

    @property
    def left(self) -> dict[str, object]:
        """What stays on the host when its topologies are removed."""
        stays = ["packages and daemons of libvirt"] if self.has_libvirt else []
        return {"stays": stays, "sysctl_file": SYSCTL_FILE if self._found["sum"] else ""}

    @property
    def sources(self) -> dict[int, str]:
        """The host's addresses towards the outside, by the version of IP."""
        return {version: text for version in (4, 6) if (text := self._found.get(f"source{version}", ""))}

    # -- in words ------------------------------------------------------------------------------------------------

    @property
    def problems(self) -> list[str]:
        """Everything that keeps the networks from being applied now, each in words."""
        return [
            *self.obstacles,
            *([self._missing] if self.packages else []),
            *([self._silence] if self.stopped else []),
        ]

    @cached_property
    def obstacles(self) -> list[str]:
        """The problems that neither packages nor daemons solve."""
        found, python = self._found, self._found["python"]
        problems = (
            (f"the tasks run as user {found['user']}, not as root (become: true)", not self._is_root),
            ("there is no Python 3", not self._has_python),
            (f"Python {python} is older than {_dotted(PYTHON_OLDEST)}", self._has_python and _old_python(python)),
            ("the host does not run systemd", found["systemd"] != "yes"),
            (self._missing, bool(self.absent) and not self.packages),
            (self._silence, self._silent and not self.stopped),
            (
                f"libvirt {_dotted(self.libvirt)} is older than {_dotted(LIBVIRT_OLDEST)}",
                self.answers and self.libvirt < LIBVIRT_OLDEST,
            ),
            ("there is no /dev/kvm (host_require_kvm is true)", self._needs.require_kvm and found["kvm"] != "yes"),
            (
                "IPv6 is disabled in the kernel (host_forward_ipv6 is true)",
                self._needs.forward_ipv6 and not found["ipv6"],
            ),
        )
        return [words for words, applies in problems if applies]

    @property
    def _silent(self) -> bool:
        return bool(self._words("daemons")) and not self._words("libraries") and self._has_python and not self.answers

    @property
    def _silence(self) -> str:
        return f"libvirt does not answer: {self._found.get('trouble')}"

    @property
    def _missing(self) -> str:
        words = f"missing: {', '.join(self.absent)}"
        if self._words("libraries") and self.family in PACKAGES and not self._words("lacks"):
            words += f" (for {self._found.get('path')}; the packages are installed, set ansible_python_interpreter)"
        if not self._needs.manage_packages:
            words += " (host_manage_packages is false)"
        if self.family not in PACKAGES:
            words += f" (no packages are known for {self._found['system']})"
        return words

    @property
    def part(self) -> str:
        """The task file that prepares the host next; empty if it needs none."""
        return f"packages_{self.family}" if self.packages else "daemons" if self.disabled or self.stopped else ""

    @property
    def actions(self) -> list[str]:
        """Returns what is done to the host before its networks are applied, in words."""
        return [
            *(f"install {package}" for package in self.packages),
            *(f"enable {unit} at boot" for unit in self.disabled),
            *(f"start {unit}" for unit in self.stopped),
            *([f"write and load {SYSCTL_FILE}"] if self.forwarding_differs else []),
        ]


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _old_python(version: str) -> bool:
    return tuple(int(part) for part in version.split(".")) < PYTHON_OLDEST
