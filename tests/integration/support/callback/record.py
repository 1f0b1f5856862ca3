# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Writes down what every task of a run returned, and the recap, for tests to read: see `plays.py`."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Records results
description: Records results, a line of JSON each, in the file that E(VIRTNET_RECORD) names.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible's plugins are not typed
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def _write(self, **entry: Any) -> None:
        with open(os.environ["VIRTNET_RECORD"], "a", encoding="utf-8") as file:
            file.write(json.dumps(entry, default=str) + "\n")

    def _result(self, result: Any, **_: Any) -> None:
        self._write(task=result._task.get_name(), action=result._task.action, result=result._result)

    v2_runner_on_ok = v2_runner_on_failed = _result

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._write(recap={host: stats.summarize(host) for host in stats.processed})
