# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes NetworkManager take over interfaces that are already as its profiles say, without touching them.

To activate a profile on a running bridge, NetworkManager first removes the bridge's ports, and adds them again a moment
later. Only its start is gentle: it finds the interfaces as it has left them, reads which profile each had
(/run/NetworkManager/devices, see NetworkManager(8)), and goes on with that if it matches what it finds. So our profiles are
written there while it is stopped. It is stopped, too, while interfaces of its own are changed (`hold`), because it at once
creates again what is removed. When it stops, all its interfaces stay as they are.
"""

from __future__ import annotations

import contextlib
import glob
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from ...errors import HostError
from ...persist.ini import parse, render
from ...persist.networkmanager.writer import DIRECTORIES, PROFILES, profile_path, profile_uuid, users_profile
from ..os import commands, udev
from ..os.atomic import write_file
from . import name_servers

_SERVICE = "NetworkManager.service"
_GUARD = "virtnet-kvm-networkmanager"
_GUARD_SECONDS = 120
_DEVICES = "/run/NetworkManager/devices"
_INTERFACES = "/sys/class/net"
_PATTERNS = tuple(f"{directory}/*" for directory in DIRECTORIES)
_OURS = ("virtnet-kvm-", "netplan-")
_UUIDS_BY_FILE = uuid.UUID("b425e9fb-7598-44b4-9e3b-5a2e3aaa4905")  # nm_uuid_ns_1
_SETTLES = 20.0
_IP = ("ipv4", "ipv6")
_CONNECTED = "connected"
_PAUSE = 0.2


def hold() -> None:
    """Stops NetworkManager, if it runs, until `reload`. Without a `reload` a timer starts it. Raises `HostError`."""
    if _active():
        _stop()


def reload(names: tuple[str, ...]) -> None:
    """Makes NetworkManager manage the interfaces by their profiles. Raises `HostError`."""
    held = _guarded()
    if not held and not _active():
        return
    if not held:
        _stop()
    with contextlib.ExitStack() as stack:
        try:
            files = _profiles()
            desired = {**_left(files), **_desired(names, files)}
            for name, profile in desired.items():
                _write_state(name, profile)
            asking = _asking(files, desired)
            # Before udev has seen new interfaces, NetworkManager doesn't take over a bridge, activates the profile of its port in
            # vain, and then takes the user's one for the port.
            udev.settle()
            stack.enter_context(_secondaries_kept(asking))
        finally:
            _start()
        _settle(desired)
        _await_ip(asking)
    for name in names:
        if not _gives_name_servers(name, files):
            name_servers.forget(name)  # after its restart it doesn't know that it has told systemd-resolved of some


def _active() -> bool:
    try:
        return "active" in commands.run("ask whether NetworkManager runs", "systemctl", "is-active", _SERVICE).split()
    except HostError:
        return False


def _guarded() -> bool:
    try:
        return (
            "active"
            in commands.run("ask whether NetworkManager is held", "systemctl", "is-active", f"{_GUARD}.timer").split()
        )
    except HostError:
        return False


def _stop() -> None:
    doing = "stop NetworkManager for a moment"
    start = ("systemctl", "start", _SERVICE)
    commands.run(
        doing, "systemd-run", "--quiet", "--collect", f"--unit={_GUARD}", f"--on-active={_GUARD_SECONDS}", *start
    )
    commands.run(doing, "systemctl", "stop", _SERVICE)


def _start() -> None:
    commands.run("start NetworkManager again", "systemctl", "start", _SERVICE)
    commands.run("start NetworkManager again", "systemctl", "stop", f"{_GUARD}.timer")


def _gives_name_servers(name: str, files: Mapping[str, str]) -> bool:
    """Returns whether the profiles for an interface have name servers or domains, or ask for some; also where none names it."""
    profiles = [
        found for found in map(parse, files.values()) if found.get("connection", {}).get("interface-name") == name
    ]
    settings = [profile.get(family, {}) for profile in profiles for family in _IP]
    return not profiles or any(
        each.get("dns") or each.get("dns-search") or each.get("method") == "auto" for each in settings
    )


def _profiles() -> dict[str, str]:
    found = {}
    for path in sorted(path for pattern in _PATTERNS for path in glob.glob(pattern)):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as handle:
            found[path] = handle.read()
    return found


def _desired(names: tuple[str, ...], files: dict[str, str]) -> dict[str, str]:
    """Returns the UUIDs of the profiles, ours or netplan's, of those of these interfaces and their ports that exist."""
    found = {}
    for path, text in files.items():
        connection = parse(text).get("connection", {})
        name = connection.get("interface-name", "")
        netplans = os.path.basename(path).startswith("netplan-")
        concerned = name in names or connection.get("master") in names or netplans
        if os.path.basename(path).startswith(_OURS) and concerned and _index(name) is not None:
            found[name] = connection.get("uuid") or _uuid_by_file(path)
    return found


def _uuid_by_file(path: str) -> str:
    """Returns the UUID that NetworkManager gives a profile without one (nm_keyfile_read_ensure_uuid in its nm-keyfile.c).

    It takes the file as one in the first of its directories, wherever it is.
    """
    return str(uuid.uuid3(_UUIDS_BY_FILE, f"keyfile\0{PROFILES}/{os.path.basename(path)}\0"))


def _left(files: dict[str, str]) -> dict[str, str]:
    """Returns the UUIDs of the users' profiles for interfaces whose profile was ours and is gone."""
    found = {}
    for name in os.listdir(_INTERFACES):
        if profile_path(name) in files or _last_profile(name) != profile_uuid(name):
            continue
        ethernet = not os.path.exists(f"{_INTERFACES}/{name}/tun_flags") and "DEVTYPE" not in _text(
            f"{_INTERFACES}/{name}/uevent"
        )
        users = users_profile(files, name, {_text(f"{_INTERFACES}/{name}/address")}, ethernet=ethernet)
        if users is not None and "uuid" in users["connection"]:
            found[name] = users["connection"]["uuid"]
    return found


def _last_profile(name: str) -> str:
    return parse(_text(f"{_DEVICES}/{_index(name)}")).get("device", {}).get("connection-uuid", "")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read().strip()
    except OSError:
        return ""


def _index(name: str) -> Optional[int]:
    text = _text(f"{_INTERFACES}/{name}/ifindex")
    return int(text) if text.isdigit() else None


def _write_state(name: str, profile: str) -> None:
    try:
        os.makedirs(_DEVICES, exist_ok=True)
        device = ("device", (("managed", "true"), ("connection-uuid", profile)))
        write_file(f"{_DEVICES}/{_index(name)}", "\n".join([*render([device]), ""]).encode(), mode=0o644)
    except OSError as error:
        raise HostError(f"give NetworkManager the profile of {name}", error.strerror or error) from error


def _devices(names: tuple[str, ...]) -> dict[str, tuple[str, bool]]:
    """Returns the UUID of each interface's active profile, and whether NetworkManager doesn't manage it, or not yet."""
    said = commands.run("ask NetworkManager", "nmcli", "-t", "-e", "no", "-f", "DEVICE,CON-UUID,STATE", "device")
    found = {}
    for line in said.splitlines():
        device, profile, state = line.split(":", 2)
        if device in names:
            found[device] = (profile, state.startswith(("connected (externally)", "connecting")))
    return found


def _settle(desired: dict[str, str]) -> None:
    """Waits until it has taken over all that it can, and has their leases; an interface without a carrier waits for that."""
    names = tuple(desired)
    found: dict[str, tuple[str, bool]] = {}
    until = time.monotonic() + _SETTLES
    while time.monotonic() < until:
        with contextlib.suppress(HostError):
            found = _devices(names)
            if all(found.get(name) == (profile, False) for name, profile in desired.items()):
                return
            if commands.run("ask NetworkManager", "nmcli", "-g", "STARTUP", "general").strip() == "started":
                break
        time.sleep(_PAUSE)
    for name, profile in desired.items():
        if found.get(name, ("", True))[0] not in ("", profile):
            # it was in a hurry, and has taken another one
            with contextlib.suppress(HostError):
                commands.run(f"activate the profile of {name}", "nmcli", "connection", "up", profile, "ifname", name)


def _asking(files: Mapping[str, str], desired: Mapping[str, str]) -> list[str]:
    """Returns the interfaces that are to be taken over with a profile that asks a DHCP server."""
    found = []
    for profile in map(parse, files.values()):
        connection = profile.get("connection", {})
        name = connection.get("interface-name", "")
        asks = any("dhcp-timeout" in profile.get(section, {}) for section in _IP)
        if asks and name in desired and connection.get("uuid", desired[name]) == desired[name]:
            found.append(name)
    return found


@contextlib.contextmanager
def _secondaries_kept(names: Sequence[str]) -> Iterator[None]:
    """Makes the kernel keep the other addresses of a subnet when NetworkManager removes the lease, which it adds again.

    Without that the kernel removes them with it, and NetworkManager doesn't add them again (__inet_del_ifa in
    net/ipv4/devinet.c).
    """
    changed = []
    for name in names:
        path = f"/proc/sys/net/ipv4/conf/{name}/promote_secondaries"
        with contextlib.suppress(OSError):
            if _text(path) == "0":
                _write(path, "1")
                changed.append(path)
    try:
        yield
    finally:
        for path in changed:
            with contextlib.suppress(OSError):
                _write(path, "0")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as setting:
        setting.write(text)


def _await_ip(names: Sequence[str]) -> None:
    """Waits until interfaces that ask a DHCP server are set up, at most for a while: there may be no server.

    NetworkManager adds their static addresses together with the lease, and has removed them before.
    """
    until = time.monotonic() + _SETTLES
    while names and time.monotonic() < until:
        said = commands.run("ask NetworkManager", "nmcli", "-t", "-e", "no", "-f", "DEVICE,STATE", "device")
        states = dict(line.split(":", 1) for line in said.splitlines())
        if all(states.get(name) in (_CONNECTED, None) for name in names):
            return
        time.sleep(_PAUSE)
