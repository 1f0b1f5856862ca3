# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Services of ours are started without a reload of systemd, or with one that leaves networkd's files as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.virtnet.kvm.plugins.module_utils.backend.os import commands, units
from ansible_collections.virtnet.kvm.plugins.module_utils.errors import HostError


class Systemd:
    """What systemctl does, with netplan's generator: it writes all files anew, and those of new interfaces."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.stale = False
        self.asked: list[str] = []
        self.fails = False

    def run(self, _doing: str, *command: str) -> str:
        words = [word for word in command[1:] if not word.startswith("-")]
        self.asked.append(words[0])
        if words[0] == "daemon-reload":
            for path in self.home.glob("*-netplan-*"):
                text = path.read_text()
                path.unlink()
                path.write_text(text)
            (self.home / "10-netplan-new.netdev").write_text("")
            if self.fails:
                raise HostError("reload", "Transport endpoint is not connected")
        assert words[0] not in ("enable", "disable") or "--no-reload" in command
        return f"NeedDaemonReload={'yes' if self.stale else 'no'}\n"


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    home = tmp_path / "network"
    home.mkdir()
    found = Systemd(home)
    monkeypatch.setattr(commands, "run", found.run)
    monkeypatch.setattr(units, "_NETWORKD", str(home))
    monkeypatch.setattr(units, "_OF_NETPLAN", f"{home}/*-netplan-*")
    return found


def test_a_unit_that_is_new_needs_no_reload(systemd: Systemd) -> None:
    units.start("ours.service", "start it")
    units.end("ours.service", "end it")
    assert systemd.asked == ["show", "enable", "restart", "stop", "disable"]


def test_a_unit_for_the_next_boot_is_only_enabled(systemd: Systemd) -> None:
    units.enable("new.service", "enable new.service")
    assert systemd.asked == ["enable"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_reload_leaves_the_files_of_networkd_as_they_were(systemd: Systemd, fails: bool) -> None:
    systemd.stale, systemd.fails = True, fails
    there = systemd.home / "10-netplan-br0.network"
    there.write_text("[Match]\n")
    own = systemd.home / "05-virtnet-kvm-br1.network"
    own.write_text("")
    before = {path: path.stat().st_ino for path in (there, own)}
    if fails:
        with pytest.raises(HostError):
            units.start("ours.service", "start it")
    else:
        units.start("ours.service", "start it")
        assert systemd.asked == ["show", "daemon-reload", "enable", "restart"]
    assert {path: path.stat().st_ino for path in systemd.home.iterdir()} == before
    assert [path.name for path in systemd.home.parent.iterdir()] == ["network"]
