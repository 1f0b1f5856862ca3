# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the host's own commands, for what has no other interface: its services and its boot tools."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Optional

from ...errors import HostError

SECONDS = 60
# Their output is read. LANGUAGE counts beside C.UTF-8, and Debian's installer may set it (guess_category_value in glibc's intl/dcigettext.c).
_IN_ENGLISH = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}


def run(doing: str, *command: str, env: Optional[Mapping[str, str]] = None, stdin: Optional[str] = None) -> str:
    """Returns what the command printed. ``env`` is its whole environment; by default it has that of this process, in
    English and with the directories of the administrator's commands in its PATH. ``stdin`` is what it reads, by default nothing.

    Raises `HostError` with what it printed if it fails.
    """
    try:
        # A checkpoint's restore has no AnsibleModule, whose run_command pylint would have here.
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            command,
            check=False,
            cwd="/",
            input=stdin or "",
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            env=env or {**os.environ, **_IN_ENGLISH, "PATH": _path()},
        )
    except FileNotFoundError as error:
        raise HostError(doing, f"the command {command[0]} isn't there; install its package") from error
    except OSError as error:
        raise HostError(doing, f"{command[0]}: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise HostError(doing, f"{' '.join(command)} did not end within {SECONDS} s") from error
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout.strip())[-2000:].split())
        raise HostError(doing, said or f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
