# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Where things are: the checkout, its staged copy, the cache and the environments in it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

from lab.machine import cache_dir

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = cache_dir()
OLDEST_PYTHON = "3.9"


@functools.cache
def _programs(venv: str) -> Path:
    """The programs of an environment. A run keeps the environment it began with, if another checkout moves the link."""
    return (CACHE / f"venv-{venv}").resolve() / "bin"


def tool(venv: str, name: str) -> str:
    return str(_programs(venv) / name)


@functools.cache
def stage() -> Path:
    """The collection at a path where Ansible finds it."""
    made = subprocess.run([CHECKOUT / "script" / "stage"], check=True, capture_output=True, text=True)
    return Path(made.stdout.strip())


def collections_root() -> Path:
    """The directory that holds `ansible_collections`."""
    return stage().parents[2]


def environment(venv: str) -> dict[str, str]:
    """The environment of a step: its tools first, pyenv's shims (which are no interpreters) last of all: left out."""
    path = [str(_programs(venv))]
    path += [entry for entry in os.environ["PATH"].split(os.pathsep) if Path(entry).name != "shims"]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # the runner's own
    return {
        **inherited,
        "PATH": os.pathsep.join(path),
        "ANSIBLE_COLLECTIONS_PATH": str(collections_root()),
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


# ansible-test fetches pip from a site of its own, which a closed network refuses; the interpreter brings a pip, which
# then gets what was asked for from the index that pip is configured for.
_GET_PIP = """\
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "pip", "install"] + wanted)
"""


def ansible_test_environment(venv: str, *, each: bool) -> dict[str, str]:
    """`environment` with a home of its own, so that the stand-in for get-pip is nobody else's.

    ``each`` puts each Python that pyenv keeps where ansible-test finds it; otherwise only the oldest one that is supported.
    """
    home = CACHE / "ansible-test"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in (".pip", ".config"):  # pip's own settings: which index, which certificates
        settings = Path.home() / name
        if settings.exists() and not (home / name).exists():
            (home / name).symlink_to(settings)
    (cache / f"get_pip_{_pip_version(venv).replace('.', '_')}.py").write_text(_GET_PIP)
    env = environment(venv)
    return {**env, "HOME": str(home), "PATH": os.pathsep.join([env["PATH"], *_pyenv_pythons(each)])}


def _pyenv_pythons(each: bool) -> list[str]:
    """Where pyenv keeps real interpreters: ansible-test imports the collection with each that it finds, half a minute for each."""
    if shutil.which("pyenv") is None:
        return []
    root = subprocess.run(["pyenv", "root"], check=True, capture_output=True, text=True).stdout.strip()
    found = sorted(Path(root).glob(f"versions/{'3' if each else OLDEST_PYTHON}.*/bin"), reverse=True)
    return [str(path) for path in found]


def _pip_version(venv: str) -> str:
    """The pip that this ansible-test will ask for."""
    code = (
        "import sys, types\n"
        "from ansible_test._internal.python_requirements import get_venv_packages\n"
        "version = '.'.join(map(str, sys.version_info[:2]))\n"
        "print(get_venv_packages(types.SimpleNamespace(version=version))['pip'])"
    )
    found = subprocess.run([tool(venv, "python"), "-c", code], check=True, capture_output=True, text=True)
    return found.stdout.strip()
