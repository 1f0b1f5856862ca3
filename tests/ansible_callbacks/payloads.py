# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Keeps what Ansible sends to hosts from one run of `ansible-playbook` to the next one.

Each run would look up anew, for two seconds of processor time, which of the collection's files a module needs. What it finds
is in a directory that goes with the run (`ansiballz_cache`, see `ansible.executor.module_common`). Here the files in it are
kept, by the version of Ansible and by the state of the collection's files.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__

DOCUMENTATION = """
name: payloads
type: notification
short_description: Keeps the modules that are ready to be sent
description: Keeps the modules that are ready to be sent, in the directory that E(VIRTNET_PAYLOADS) names.
"""


def _state_of_the_files() -> str:
    """Changes with each file of the plugins."""
    plugins = Path(os.environ["ANSIBLE_COLLECTIONS_PATH"], "ansible_collections", "virtnet", "kvm", "plugins")
    found = hashlib.sha256()
    for path in sorted(plugins.rglob("*.py")):
        status = path.stat()
        found.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()[:16]


def _link_all(source: Path, target: Path) -> None:
    for path in source.iterdir() if source.is_dir() else ():
        if not path.name.endswith((".lock", "-part")):
            with contextlib.suppress(OSError):  # it is there already
                os.link(path, target / path.name)


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible's plugins are not typed
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "payloads"

    def __init__(self) -> None:
        super().__init__()
        self._own = Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")
        self._kept = Path(os.environ["VIRTNET_PAYLOADS"], f"{__version__}-{_state_of_the_files()}")
        for directory in (self._own, self._kept):
            directory.mkdir(parents=True, exist_ok=True)
        _link_all(self._kept, self._own)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        del stats
        _link_all(self._own, self._kept)
