# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Runs a module's function in this process, with parameters as Ansible sends them, and returns what it printed."""

from __future__ import annotations

import contextlib
import io
import json
import signal
from typing import Any, Callable

import pytest
from ansible.module_utils import basic


def run_module(monkeypatch: pytest.MonkeyPatch, main: Callable[[], None], **params: Any) -> dict[str, Any]:
    """``check`` and ``diff`` are the modes that the user asks for; all else are options."""
    modes = {"_ansible_check_mode": params.pop("check", False), "_ansible_diff": params.pop("diff", False)}
    arguments = {"ANSIBLE_MODULE_ARGS": {**params, **modes, "_ansible_remote_tmp": "/tmp"}}
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps(arguments).encode())
    if hasattr(basic, "_ANSIBLE_PROFILE"):  # ansible-core 2.19 and later
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy")
    # Where the controller's code is loaded in the same process, ansible-core prints warnings instead of returning them.
    warned: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _self, warning, **_options: warned.append(warning))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
            main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    result: dict[str, Any] = json.loads(printed.getvalue())
    result.pop("invocation", None)  # before ansible-core 2.19
    if warned:
        result["warnings"] = warned
    return result
