# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The steps: each gate, each set of tests, each Molecule scenario that the checkout has."""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import ansible_callbacks

from .hosts import HostsRun, scenarios, select
from .paths import CACHE, CHECKOUT, ansible_test_environment, collections_root, environment, stage, tool
from .step import Step

KINDS = ("gate", "unit", "integration", "molecule")
MODES = {
    "quick": ("gate", "unit", "integration"),
    "gates": ("gate", "unit"),
    "unit": ("unit",),
    "integration": ("integration",),
    "molecule": ("molecule",),
    "all": KINDS,
    "full": KINDS,
}

# The hosts of the integration tests, as tests/integration/conftest.py has them: of which kind each is.
INTEGRATION_HOSTS = {"bookworm": "container", "trixie": "container", "bookworm_uml": "uml", "trixie_uml": "uml"}
QUICK_HOST = "trixie"

# In half processor cores. Ansible keeps about one core busy with hosts of its own kernel, emulated or not; two emulated VMs keep
# two. In containers, tests wait for half of their time. Gates and unit tests fill the gaps.
HOSTS, VMS, FILLING = 2, 4, 1


def steps(mode: str, logs: Path) -> list[Step]:
    kinds = MODES[mode]
    found: list[Step] = []
    if "integration" in kinds:
        found += _integration(logs, mode)
    if "molecule" in kinds:
        found += _molecule(mode)
    if "gate" in kinds:
        found += _gates(logs, mode)
    if "unit" in kinds:
        found += _units(logs)
    return [*_builds(found, mode), *(dataclasses.replace(step, after=_needed(step)) for step in found)]


def _needed(step: Step) -> tuple[str, ...]:
    """Containers are the neighbours of the hosts of other kinds, whose LAN they share."""
    return tuple(_build_name(kind) for kind in sorted({step.hosts, "container"})) if step.hosts else ()


def _build_name(kind: str) -> str:
    return f"build {kind} images"


def _builds(found: Sequence[Step], mode: str) -> Iterator[Step]:
    """What hosts are made of, so that on a new machine it is built while the gates run; there already, it takes a second."""
    for name in sorted({name for step in found for name in _needed(step)}):
        kind = name.split()[1]
        # VMs of Debian 12 are only part of a full run.
        distros = ("--distro", "trixie") if kind == "vm" and mode != "full" else ()
        command = (str(CHECKOUT / "script" / "lab"), "build", "--kind", kind, *distros)
        yield Step(name, "build", command, CHECKOUT, dict(os.environ), minutes=40, hosts=kind)


def _pytest(name: str, kind: str, venv: str, logs: Path, arguments: list[str]) -> Step:
    command = (tool(venv, "python"), "-m", "pytest", "-p", "no:cacheprovider", *arguments)
    step = Step(name, kind, command, CHECKOUT, environment(venv))
    report = logs / f"{step.slug}.xml"
    return dataclasses.replace(step, command=(*command, f"--junitxml={report}"), report=report)


def _units(logs: Path) -> Iterator[Step]:
    for venv, name in (("old", "units, oldest ansible-core"), ("dev", "units, newest ansible-core")):
        yield _pytest(name, "unit", venv, logs, ["tests/unit"])


def _integration(logs: Path, mode: str) -> Iterator[Step]:
    """The modules, on each host by itself; and, except in a quick run, the lab itself."""
    quick = mode == "quick"
    # -v: a line a test, so that the log of a run that hangs says where.
    options = ["-v", "--durations=20", *(["--quick"] if quick else [])]
    options += ["--fabrics", "500"] if mode == "full" else [] if quick else ["--spread"]
    lab_options = ["-v", "--durations=20", *(["--full"] if mode == "full" else [])]
    for host, kind in INTEGRATION_HOSTS.items():
        if host == QUICK_HOST or not quick:
            step = _pytest(
                f"integration, {host}", "integration", "dev", logs, [*options, "tests/integration", "--host", host]
            )
            minutes = 120 if mode == "full" else 85
            yield dataclasses.replace(
                step, hosts=kind, minutes=minutes, weight=FILLING if kind == "container" else HOSTS
            )
    for file in sorted((CHECKOUT / "tests" / "lab").glob("test_*.py")) if not quick else ():
        what = file.stem.removeprefix("test_")
        kind = what if what in ("uml", "vm") else "container"
        step = _pytest(f"lab, {file.stem}", "integration", "dev", logs, [*lab_options, f"tests/lab/{file.name}"])
        yield dataclasses.replace(step, hosts=kind, minutes=45, weight=FILLING if kind == "container" else HOSTS)


def _molecule(mode: str) -> Iterator[Step]:
    for scenario in scenarios(CHECKOUT / "extensions" / "molecule"):
        for run in select(scenario.runs, mode):
            yield _scenario(scenario.name, run)


def _scenario(name: str, run: HostsRun) -> Step:
    command = (tool("dev", "molecule"), "test", "--scenario-name", name)
    step = Step(f"molecule {name}, {run.kind}", "molecule", command, stage(), {}, minutes=30, hosts=run.kind)
    # Several runs of a scenario may be under way at once.
    directory = CACHE / "molecule" / step.slug
    env = {
        **environment("dev"),
        **ansible_callbacks.environment(),
        **run.environment,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(directory),
    }
    weight = FILLING if run.kind == "container" else VMS if (run.kind, run.distro) == ("vm", "both") else HOSTS
    return dataclasses.replace(step, env=env, weight=weight)


def _gates(logs: Path, mode: str) -> Iterator[Step]:
    staged, env = stage(), environment("dev")

    def gate(name: str, *command: str, env: dict[str, str] = env, cwd: Path = staged) -> Step:
        return Step(name, "gate", command, cwd, env, minutes=40)

    yield gate("sanity", *_sanity(), env=ansible_test_environment("dev", each=mode == "full"))
    yield gate("galaxy-importer", "bash", "-c", _importer(logs), env=environment("importer"))
    yield gate("execution environment", "bash", "-c", _execution_environment(logs), env=environment("importer"))
    yield gate("ansible-lint", tool("dev", "ansible-lint"), "--offline", "--profile", "production", "--nocolor")
    yield gate("docs", tool("dev", "antsibull-docs"), "lint-collection-docs", "--plugin-docs", ".")
    yield gate("changelog", tool("dev", "antsibull-changelog"), "lint")
    yield gate("ruff check", tool("dev", "ruff"), "check", "--no-cache", ".")
    yield gate("ruff format", tool("dev", "ruff"), "format", "--no-cache", "--check", "--diff", ".")
    yield from _mypy(env)
    yield gate("shellcheck", "shellcheck", "--external-sources", *_shell_scripts(), cwd=CHECKOUT)


def _sanity() -> list[str]:
    # Of what is published. For the tests there are ruff and mypy.
    left_out = ["--exclude", "tests/", "--exclude", "script/", "--exclude", "extensions/"]
    return [tool("dev", "ansible-test"), "sanity", "--color", "no", "--truncate", "0", "--python", "default", *left_out]


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


def _execution_environment(logs: Path) -> str:
    """The build context of docs/awx/execution-environment.yml, and what the collection adds to such an image: nothing of a host."""
    builder, root = tool("importer", "ansible-builder"), shlex.quote(str(collections_root()))
    context = shlex.quote(str(logs / "execution-environment"))
    return f"""set -euo pipefail
        {builder} create --file docs/awx/execution-environment.yml --context {context} --output-filename Containerfile
        grep -x -e '- name: virtnet.kvm' {context}/_build/requirements.yml
        {builder} introspect {root} | tee {context}/needs.yml
        grep -q 'openssh-clients.*virtnet.kvm' {context}/needs.yml
        ! grep -E 'libvirt|lxml|pyroute2' {context}/needs.yml"""


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
