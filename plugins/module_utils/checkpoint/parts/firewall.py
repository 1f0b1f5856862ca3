# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of firewall rules as a part of a checkpoint: their files, from which the kernel's rules are loaded again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ...backend.nftables.firewall import NftFirewall
from ...model.firewall.nft import removal, table_of
from ...model.firewall.service import HOOK, SCRIPT, UNIT, UNIT_FILE
from ...model.firewall.steps import DIRECTORY
from ..part import Host, Part, Snapshot, Step
from .files import RestoreFile, SavedFiles, below, differing

# Our directories go with the last set. The link enables the service.
_LINK = f"/etc/systemd/system/multi-user.target.wants/{UNIT}"
_TOPS = (os.path.dirname(DIRECTORY), os.path.dirname(SCRIPT), HOOK, UNIT_FILE, _LINK)


def _at(host: Host, path: str) -> str:
    return os.path.join(host.root, path.lstrip("/"))


class FirewallPart(Part[SavedFiles]):
    """The files of all sets, and of the service that keeps them in place."""

    name = "firewall"
    kept = SavedFiles
    on_disk = True

    def take(self, host: Host) -> SavedFiles:
        return SavedFiles({path: saved for top in _TOPS for path, saved in below(_at(host, top))})

    def steps(self, snapshot: Snapshot, host: Host) -> Sequence[RestoreFile]:
        saved = snapshot.of(self).files
        return [RestoreFile(path, saved.get(path)) for path in differing(saved, self.take(host).files)]

    def handlers(self, done: Sequence[Step], snapshot: Snapshot, host: Host) -> Sequence[LoadSets]:
        if not done:
            return ()
        saved = snapshot.of(self).files
        scripts = [(saved[path].content or b"").decode() for path in sorted(saved) if path.endswith(".nft")]
        return [LoadSets(tuple(scripts), _at(host, UNIT_FILE) in saved)]


FIREWALL = FirewallPart()


@dataclass(frozen=True)
class LoadSets:
    """The kernel gets the rules of the files again, and no other sets. ``service``: the service was there."""

    scripts: tuple[str, ...]
    service: bool

    @property
    def words(self) -> str:
        return "load the firewall rules again"

    def do(self, _host: Host) -> None:
        firewall = NftFirewall()
        if not self.service:
            firewall.stop_service()
        kept = {table_of(script) for script in self.scripts}
        for table in firewall.tables():
            if table not in kept:
                firewall.run(f"remove the table {table}", removal(table))
        for script in self.scripts:
            firewall.run(self.words, script)
        if self.service:
            firewall.set_service(True)
