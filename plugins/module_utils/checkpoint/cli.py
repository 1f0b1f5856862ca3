# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line of the copied code: for the timer, for a boot, for the module's rehearsal, and for a person."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Callable, Optional, TextIO

from ..errors import VirtnetError
from . import boot, finish
from .store import Store, describe_end, local_time

USAGE = "usage: checkpoint.py [status | commit | rollback]"


def main(arguments: Sequence[str]) -> int:
    """Runs a command and returns its exit status. Errors go to stderr, which is the journal for what systemd starts."""
    verb = arguments[0] if arguments else "status"
    verbs: dict[str, Callable[..., int]] = {
        "status": _status,
        "commit": _commit,
        "rollback": _roll_back,
        "restore": _roll_back,
        "rehearse": _rehearse,
        "boot": _boot,
    }
    if verb not in verbs:
        _say(USAGE, sys.stderr)
        return 2
    try:
        return verbs[verb](Store(), *arguments[1:])
    except VirtnetError as error:
        _say(error, sys.stderr)
        return 1
    except Exception:  # the journal has the traceback; systemd starts a restore again
        traceback.print_exc()
        return 1


def _say(text: object, where: Optional[TextIO] = None) -> None:
    (where or sys.stdout).write(f"{text}\n")


def _status(store: Store) -> int:
    opened, last = store.opened(), store.last()
    if opened is not None:
        _say(
            f"the checkpoint {opened.name} has been open since {local_time(opened.opened)}; the host is restored in"
            f" {opened.seconds_left} s unless it is committed"
        )
    elif last is not None:
        _say(describe_end(last))
    else:
        _say("no checkpoint was made since this host started")
    return 0


def _commit(store: Store) -> int:
    with store.lock():
        opened = store.opened()
        if opened is None:
            _status(store)
            return 1
        _say(describe_end(finish.commit(store, opened)))
        return 0


def _roll_back(store: Store, identity: Optional[str] = None) -> int:
    ended = finish.restore(store, identity)
    if ended is None:
        return 0 if identity else _status(store)
    for action in ended.actions:
        _say(action)
    _say(describe_end(ended))
    return 0


def _rehearse(store: Store) -> int:
    finish.predict(store)
    return 0


def _boot(store: Store) -> int:
    boot.restore_at_boot(store)
    return 0
