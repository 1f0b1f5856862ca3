# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the settings of the role `tuning`, and what a host has, to the changes that the role applies. Pure.

What a setting had before its first change is remembered in the file of the setting, so that it can be given back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

OURS = "# Made by virtnet.kvm; changes here are overwritten\n"
_BEFORE = "# Before: "
HOME = "/var/lib/virtnet.kvm/tuning"
VHOST_FILE = "/etc/modules-load.d/virtnet-kvm-vhost.conf"
BRIDGE_RULE = "/etc/udev/rules.d/80-virtnet-kvm-bridge.rules"
DROP_IN = "/etc/systemd/system/irqbalance.service.d/virtnet-kvm.conf"
IRQBALANCE, TUNED = "irqbalance.service", "tuned.service"

# The parameters exist only while br_netfilter is loaded, which can be long after the boot (the example of sysctl.d(5)).
_BRIDGE_RULES = (
    f'{OURS}ACTION=="add", SUBSYSTEM=="module", KERNEL=="br_netfilter",'
    ' RUN+="/usr/lib/systemd/systemd-sysctl --prefix=/net/bridge"\n'
)


@dataclass(frozen=True)
class Group:
    """A group of kernel parameters, which has a file of its own: how their names begin, and those that it can have."""

    prefix: str
    names: tuple[str, ...]

    def path(self, name: str) -> str:
        return f"/etc/sysctl.d/70-virtnet-kvm-{name.replace('_', '-')}.conf"


GROUPS: Mapping[str, Group] = {
    "buffers": Group("net.core.", ("rmem_max", "wmem_max", "optmem_max")),
    "backlog": Group("net.core.", ("netdev_max_backlog", "netdev_budget", "netdev_budget_usecs")),
    "bridge_nf_call": Group("net.bridge.bridge-nf-call-", ("iptables", "ip6tables", "arptables")),
}
PARAMETERS = tuple(f"{group.prefix}{name}" for group in GROUPS.values() for name in group.names)


@dataclass
class Changes:
    """What the role applies. ``files`` are written first, and ``remove`` goes last: both hold what was there before."""

    problems: list[str] = field(default_factory=list)
    files: list[dict[str, str]] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    sysctl: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    services: list[dict[str, Any]] = field(default_factory=list)
    profile: list[str] = field(default_factory=list)
    nics: list[dict[str, Any]] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """What a host has, as the script of the role prints it: lines of ``key=value``."""

    found: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> Look:
        return cls(dict(line.split("=", 1) for line in text.splitlines() if "=" in line))

    def text(self, key: str) -> str:
        return self.found.get(key, "")

    def words(self, key: str) -> list[str]:
        return self.text(key).split()

    def yes(self, key: str) -> bool:
        return self.text(key) == "yes"

    def memory(self, key: str) -> Optional[dict[str, Any]]:
        """Returns what a file of ours remembers; ``None`` if there is no such file."""
        if key not in self.found:
            return None
        try:
            held = json.loads(self.text(key).removeprefix(_BEFORE) or "{}")
        except ValueError:
            return {}
        return held if isinstance(held, dict) else {}

    def live(self, parameter: str) -> Optional[str]:
        return self.found.get(f"live.{parameter}")


def changes(settings: Mapping[str, Any], said: str, state: str, *, check: bool = False) -> dict[str, Any]:
    """Returns the changes, as the tasks of the role take them. ``said`` is the output of the script."""
    look = Look.of(said)
    found = Changes()
    given = settings if state == "present" else {}
    gone = state == "absent"
    parameters: dict[str, str] = {}
    for name, group in GROUPS.items():
        if gone or given.get(name) is not None:
            parameters.update(_parameters(found, name, group, given.get(name) or {}, look))
    if gone or given.get("vhost_net") is not None:
        _vhost(found, bool(given.get("vhost_net")), look)
    if gone or given.get("irqbalance") is not None:
        _irqbalance(found, given.get("irqbalance") or {}, look, check)
    if gone or given.get("tuned_profile") is not None:
        _tuned(found, given.get("tuned_profile") or "", look, check)
    # a profile that goes may set them back
    again = bool(found.profile) or any(each["name"] == TUNED for each in found.services)
    found.sysctl = [
        f"{key}={value}"
        for key, value in sorted(parameters.items())
        if look.live(key) is not None and (again or look.live(key) != value)
    ]
    found.files = [each for each in found.files if look.text(f"sum.{each['path']}") != _sum(each["content"])]
    found.nics = _nics(settings.get("nics") or [], gone)
    if (given.get("irqbalance") or {}).get("enabled") and any(each.get("irq_affinity") for each in found.nics):
        found.problems.append("irqbalance.enabled: can't be true beside irq_affinity of nics; use one of them")
    return vars(found)


def _sum(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


# -- kernel parameters -----------------------------------------------------------------------------------------------------


def _parameters(found: Changes, name: str, group: Group, given: Mapping[str, Any], look: Look) -> dict[str, str]:
    """Adds the files of a group, and returns the values of its parameters."""
    path = group.path(name)
    before = look.memory(f"before.{name}")
    former = {key: None if value is None else str(value) for key, value in (before or {}).items()}
    desired = {f"{group.prefix}{key}": str(int(value)) for key, value in given.items() if value is not None}
    found.problems += _wrong_parameters(name, group, desired, look)
    # None: it didn't exist before, as those of a module that wasn't loaded
    prior = {key: former[key] if key in former else look.live(key) for key in desired}
    if desired:
        lines = "".join(f"{key} = {value}\n" for key, value in sorted(desired.items()))
        found.files.append({"path": path, "content": f"{OURS}{_BEFORE}{json.dumps(prior, sort_keys=True)}\n{lines}"})
    elif before is not None:
        found.remove.append(path)
    if name == "bridge_nf_call":
        if desired:
            found.files.append({"path": BRIDGE_RULE, "content": _BRIDGE_RULES})
        elif look.yes("bridge_rule"):
            found.remove.append(BRIDGE_RULE)
    return {key: value for key, value in {**former, **desired}.items() if value is not None}


def _wrong_parameters(name: str, group: Group, desired: Mapping[str, str], look: Look) -> Iterator[str]:
    for key, value in desired.items():
        where = f"{name}.{key.removeprefix(group.prefix)}"
        if name != "bridge_nf_call":
            if int(value) < 1:
                yield f"{where}: {value} is too small; use 1 or more"
            if look.live(key) is None:
                yield f"{where}: is no parameter of this kernel; leave it out"
        # another file that systemd-sysctl reads after this one: "VALUE FILE"
        other, _space, file = look.text(f"later.{key}").partition(" ")
        if file and other != value:
            yield f"{where}: is set to {other} at boot by {file}, which is read later; remove it there"
        if key in look.words("tuned_sets"):
            profile = look.text("tuned_profile")
            yield (
                f"{where}: is also set by the tuned profile {profile}, and reapply_sysctl is off in /etc/tuned/tuned-main.conf;"
                " turn that on, leave the parameter out, or use another profile"
            )


# -- modules and services --------------------------------------------------------------------------------------------------


def _vhost(found: Changes, desired: bool, look: Look) -> None:
    if not desired:
        if look.yes("vhost_file"):
            found.remove.append(VHOST_FILE)
        return
    if not look.yes("vhost_known"):
        found.problems.append("vhost_net: this kernel has no module vhost_net; leave it out")
    found.files.append({"path": VHOST_FILE, "content": f"{OURS}vhost_net\n"})
    if not look.yes("vhost_loaded"):
        found.modules.append("vhost_net")


def _irqbalance(found: Changes, given: Mapping[str, Any], look: Look, check: bool) -> None:
    enabled = given.get("enabled")
    banned = given.get("banned_cpus")
    if banned and enabled is not True:
        found.problems.append("irqbalance.banned_cpus: has no effect without enabled=true; add it, or leave this out")
    if banned:
        found.files.append(
            {"path": DROP_IN, "content": f"{OURS}[Service]\nEnvironment=IRQBALANCE_BANNED_CPULIST={banned}\n"}
        )
    elif look.yes("irqbalance_drop_in"):
        found.remove.append(DROP_IN)
    _service(found, IRQBALANCE, enabled, look, check)


def _tuned(found: Changes, profile: str, look: Look, check: bool) -> None:
    former = look.memory(f"memory.{TUNED}")
    if profile:
        if look.yes(f"has.{TUNED}") and not look.yes("tuned_known"):
            found.problems.append(
                f"tuned_profile: '{profile}' is no profile of this host; use one that tuned-adm list shows"
            )
        now = {"profile": look.text("tuned_stored"), "mode": look.text("tuned_mode")}
        _service(found, TUNED, True, look, check, **now)
        if look.text("tuned_stored") != profile or not look.yes(f"active.{TUNED}"):
            found.profile = ["tuned-adm", "profile", profile]
        return
    _service(found, TUNED, None, look, check)
    if former is not None and look.yes(f"active.{TUNED}"):
        before, mode = str(former.get("profile", "")), str(former.get("mode", ""))
        if look.text("tuned_stored") != before or (mode == "auto") != (look.text("tuned_mode") == "auto"):
            found.profile = _profile_command(before, mode)


def _profile_command(profile: str, mode: str) -> list[str]:
    if mode == "auto":  # tuned chose the profile by itself
        return ["tuned-adm", "auto_profile"]
    return ["tuned-adm", "profile", *profile.split()] if profile else ["tuned-adm", "off"]


def _service(found: Changes, name: str, enabled: Optional[bool], look: Look, check: bool, **more: str) -> None:
    """Adds what a service needs; ``enabled`` is ``None`` where it should be again as it was."""
    path = f"{HOME}/{name}.json"
    former = look.memory(f"memory.{name}")
    there = look.yes(f"has.{name}")
    now = {"enabled": look.yes(f"enabled.{name}"), "active": look.yes(f"active.{name}")}
    if enabled is None:
        if former is None:
            return
        found.remove.append(path)
        desired = {key: bool(former.get(key)) for key in now}
    else:
        desired = {"enabled": enabled, "active": enabled}
        memory = former if former is not None else {**now, **more}
        found.files.append({"path": path, "content": f"{json.dumps(memory, sort_keys=True)}\n"})
        if enabled and not there:
            found.packages.append(name.partition(".")[0])
    # in check mode nothing has installed it
    if (there or (desired["enabled"] and not check)) and (not there or desired != now):
        state = "started" if desired["active"] else "stopped"
        found.services.append({"name": name, "enabled": desired["enabled"], "state": state})


# -- NICs ------------------------------------------------------------------------------------------------------------------


def _nics(given: Iterable[Mapping[str, Any]], gone: bool) -> list[dict[str, Any]]:
    """Returns the items for ``fabric``, which are persistent unless they say otherwise."""
    if gone:
        return [{"device": each.get("device"), "state": "absent"} for each in given]
    return [{"persist": True, **each} for each in given]
