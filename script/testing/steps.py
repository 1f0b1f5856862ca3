# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The steps: each gate, each set of tests, each Molecule scenario that the checkout has."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .paths import CACHE, CHECKOUT, ansible_test_environment, collections_root, environment, stage, tool

KINDS = ("gate", "unit", "integration", "molecule")
MODES = {
    "quick": ("gate", "unit", "integration"),
    "gates": ("gate", "unit"),
    "unit": ("unit",),
    "integration": ("integration",),
    "molecule": ("molecule",),
    "all": KINDS,
}


@dataclass(frozen=True)
class Step:
    name: str
    kind: str
    command: tuple[str, ...]
    cwd: Path
    env: dict[str, str] = field(repr=False)
    minutes: int = 15
    """After which it is taken to hang."""
    report: Path | None = None
    """Where pytest leaves its counts. A step without is one test."""

    @property
    def heavy(self) -> bool:
        """Boots machines: one such step at a time."""
        return self.kind in ("integration", "molecule")


def log_name(step: str) -> str:
    return step.replace(",", "").replace(" ", "-")


def steps(mode: str, logs: Path) -> list[Step]:
    kinds = MODES[mode]
    found: list[Step] = []
    # What takes longest comes first, so that nothing long is left when all else is done.
    if "integration" in kinds:
        found += _integration(logs, quick=mode == "quick")
    if "molecule" in kinds:
        found += _molecule()
    if "gate" in kinds:
        found += _gates(logs)
    if "unit" in kinds:
        found += _units(logs)
    return found


def _pytest(name: str, kind: str, venv: str, logs: Path, arguments: list[str], minutes: int = 15) -> Step:
    report = logs / f"{log_name(name)}.xml"
    command = (tool(venv, "python"), "-m", "pytest", f"--junitxml={report}", "-p", "no:cacheprovider", *arguments)
    return Step(name, kind, command, CHECKOUT, environment(venv), minutes, report)


def _units(logs: Path) -> Iterator[Step]:
    for venv, name in (("old", "units, oldest ansible-core"), ("dev", "units, newest ansible-core")):
        yield _pytest(name, "unit", venv, logs, ["tests/unit"])


def _integration(logs: Path, quick: bool) -> Iterator[Step]:
    """The modules on lab hosts; and, but for a quick run, the lab itself."""
    suites = {"integration": ["--quick"]} if quick else {"integration": [], "lab": []}
    for suite, options in suites.items():
        if any((CHECKOUT / "tests" / suite).glob("test_*.py")):
            # -v: a line a test, so that the log of a run that hangs says where.
            arguments = ["-v", "--durations=20", f"tests/{suite}", *options]
            yield _pytest(suite, "integration", "dev", logs, arguments, minutes=45)


# On a VM libvirt's other firewall backend, which containers' kernels may lack; in containers both Debians. A scenario that
# needs a kernel of its own, or is much like another, has a file `hosts` that says so.
_SCENARIO_HOSTS = {
    "vm": {"VIRTNET_MOLECULE_KIND": "vm", "VIRTNET_MOLECULE_FIREWALL": "nftables"},
    "vms": {"VIRTNET_MOLECULE_KIND": "vm", "VIRTNET_MOLECULE_DISTRO": "both"},
    "containers": {"VIRTNET_MOLECULE_KIND": "container", "VIRTNET_MOLECULE_DISTRO": "both"},
}
_EVERYWHERE = "vm containers"
# Enough for an emulated host to get to where it is cut off.
_LOCKOUT = {"VIRTNET_LOCKOUT_SECONDS": "45"}


def _molecule() -> Iterator[Step]:
    for scenario in sorted((CHECKOUT / "extensions" / "molecule").glob("*/molecule.yml")):
        name = scenario.parent.name
        command = (tool("dev", "molecule"), "test", "--scenario-name", name)
        chosen = scenario.with_name("hosts")
        for hosts in (chosen.read_text() if chosen.exists() else _EVERYWHERE).split():
            env = {**environment("dev"), **_SCENARIO_HOSTS[hosts], **_LOCKOUT}
            yield Step(f"molecule {name}, {hosts}", "molecule", command, stage(), env, minutes=30)


def _gates(logs: Path) -> Iterator[Step]:
    staged, env = stage(), environment("dev")

    def gate(name: str, *command: str, env: dict[str, str] = env, cwd: Path = staged) -> Step:
        return Step(name, "gate", command, cwd, env)

    yield gate("sanity", *_sanity(), env=ansible_test_environment("dev"))
    yield gate("galaxy-importer", "bash", "-c", _importer(logs), env=environment("importer"))
    yield gate("ansible-lint", tool("dev", "ansible-lint"), "--offline", "--profile", "production", "--nocolor")
    yield gate("docs", tool("dev", "antsibull-docs"), "lint-collection-docs", "--plugin-docs", ".")
    yield gate("changelog", tool("dev", "antsibull-changelog"), "lint")
    yield gate("ruff check", tool("dev", "ruff"), "check", "--no-cache", ".")
    yield gate("ruff format", tool("dev", "ruff"), "format", "--no-cache", "--check", "--diff", ".")
    yield from _mypy(env)
    yield gate("shellcheck", "shellcheck", "--external-sources", *_shell_scripts(), cwd=CHECKOUT)


def _sanity() -> list[str]:
    # The Python of the environment only: the others that a machine may have are not the project's to choose.
    return [tool("dev", "ansible-test"), "sanity", "--color", "no", "--truncate", "0", "--python", "default"]


def _importer(logs: Path) -> str:
    """Build what Galaxy would be sent and let Galaxy's own importer judge it: anything that it says is a failure."""
    build = logs / "build"
    galaxy, python = tool("importer", "ansible-galaxy"), tool("importer", "python")
    output = shlex.quote(str(build))
    return f"""set -euo pipefail
        {galaxy} collection build --force --output-path {output} .
        cd {output}
        {python} -m galaxy_importer.main *.tar.gz 2>&1 | tee importer.txt
        ! grep -E '^(WARNING|ERROR|CRITICAL)' importer.txt"""


def _mypy(env: dict[str, str]) -> Iterator[Step]:
    """The plugins as the collection that Ansible imports, the rest as packages of the checkout."""
    roots = (collections_root(), CHECKOUT / "script", CHECKOUT / "tests")
    env = {**env, "MYPYPATH": os.pathsep.join(map(str, roots))}
    for package in ("ansible_collections.virtnet.kvm.plugins", "testing", "benchmark", "lab", "integration"):
        if not any((root / package.replace(".", "/")).exists() for root in roots):
            continue
        options = ("--config-file", str(CHECKOUT / "pyproject.toml"), "--cache-dir", str(CACHE / "mypy" / package))
        command = (tool("dev", "mypy"), *options, "-p", package)
        yield Step(f"mypy {package.rpartition('.')[2]}", "gate", command, collections_root(), env)


def _shell_scripts() -> list[str]:
    """Whatever begins as a shell script does, and what these source."""
    found = []
    for directory in ("script", ".ci", "tests", "roles"):
        for path in sorted((CHECKOUT / directory).rglob("*")):
            if not path.is_file() or path.suffix == ".j2":
                continue
            with path.open("rb") as file:
                first = file.readline(80)
            if path.suffix == ".sh" or (first.startswith(b"#!") and first.rstrip().endswith((b"sh", b"bash"))):
                found.append(os.fspath(path.relative_to(CHECKOUT)))
    return found
