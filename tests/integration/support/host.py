# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""A lab host as the tests see it: run a module, a command, a playbook, and look at all networks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from lxml import etree

from lab.machine import Machine, inventory

from .interfaces import settled

CHECKOUT = Path(__file__).resolve().parents[3]
HOME = "/var/lib/virtnet-test"
# Daemons and namespaces take a moment to end.
CLEAN_SECONDS = 10

# The lists of `fabric` with firewall rules, and how the files of their sets begin.
RULE_FILES = {"portforwards": "forwards", "outbound": "outbound", "policies": "policy"}

# A run that does nothing, to have Ansible put what it sends on the host: fabric brings all that the others but two need.
_NOTHING: list[dict[str, Any]] = [
    {"virtnet.kvm.fabric": {"networks": []}},
    {"virtnet.kvm.net_checkpoint": {"state": "rolled_back"}},
    {"virtnet.kvm.net_reach": {"networks": []}},
]
_SEND = [{"hosts": "all", "gather_facts": False, "tasks": _NOTHING}]

_EXPLODE = f"""
set -eu
cd /
rm -rf {HOME}/modules
mkdir -p {HOME}/modules
for sent in /root/.ansible/tmp/*/AnsiballZ_*.py; do
    python3 "$sent" explode >/dev/null
    cp -a "${{sent%/*}}"/debug_dir/. {HOME}/modules/
done
rm -rf /root/.ansible/tmp
python3 -m compileall -q {HOME}/modules
cat {HOME}/modules/args
"""


class Failed(AssertionError):
    """A module that should have worked has failed, or has said that something isn't as it predicted."""


@contextlib.contextmanager
def prepared(machine: Machine, directory: Path) -> Iterator[Host]:
    """A machine that runs, as a host for tests; ``directory`` is for its inventory."""
    found = Host(machine)
    found.prepare(directory)
    found.clean()
    yield found
    found.close()


class Host:
    """A machine that runs, with what the tests need on it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._agents: list[subprocess.Popen[str]] = []
        self._internal: dict[str, Any] = {}
        self._bare: list[str] | None = None

    # -- getting there -------------------------------------------------------------------------------------------

    def prepare(self, inventory_dir: Path) -> None:
        self.inventory = inventory_dir / f"{self.machine.name}.yml"
        self.inventory.write_text(yaml.safe_dump(inventory([self.machine])))
        sent = self.playbook(_SEND, env={"ANSIBLE_KEEP_REMOTE_FILES": "1"})
        assert sent.returncode == 0, sent.stdout + sent.stderr
        arguments = json.loads(self.machine.run(_EXPLODE).stdout)["ANSIBLE_MODULE_ARGS"]
        self._internal = {name: value for name, value in arguments.items() if name.startswith("_ansible_")}
        plugins = "ansible_collections/virtnet/kvm/plugins/modules"
        self.machine.put(staged() / plugins, f"{HOME}/modules/{plugins}")
        self.machine.put(Path(__file__).with_name("agent.py"), f"{HOME}/agent.py")

    def close(self) -> None:
        for agent in self._agents:
            agent.stdin.close()  # type: ignore[union-attr]
            agent.wait(timeout=20)
        self._agents.clear()

    def _agent(self, number: int) -> subprocess.Popen[str]:
        while len(self._agents) <= number:
            agent = subprocess.Popen(
                [*self.machine.ssh_args(), f"python3 -B {HOME}/agent.py {HOME}/modules"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            ready = agent.stdout.readline()  # type: ignore[union-attr]
            assert ready == "ready\n", f"the agent on {self.machine.name} said {ready!r}"
            self._agents.append(agent)
        return self._agents[number]

    def _ask(self, request: dict[str, Any], agent: int = 0) -> None:
        pipe = self._agent(agent).stdin
        assert pipe
        pipe.write(json.dumps(request) + "\n")
        pipe.flush()

    def _answer(self, agent: int = 0) -> dict[str, Any]:
        pipe = self._agent(agent).stdout
        assert pipe
        line = pipe.readline()
        assert line, f"the agent on {self.machine.name} has gone"
        return json.loads(line)  # type: ignore[no-any-return]

    # -- asking --------------------------------------------------------------------------------------------------

    def shell(self, command: str, *, check: bool = True, input: str | None = None) -> str:
        self._ask({"do": "shell", "command": command, "input": input})
        done = self._answer()
        assert not check or done["status"] == 0, f"{command}: {done['err'] or done['out']}"
        return str(done["out"])

    def can(self, probe: str) -> bool:
        """Whether a command succeeds."""
        self._ask({"do": "shell", "command": f"exec >/dev/null 2>&1; {probe}"})
        return bool(self._answer()["status"] == 0)

    def until(self, command: str, seconds: int = 30) -> str:
        """Wait until a shell command succeeds; what it said then. What it said last is the failure, after that time."""
        return self.shell(
            f"end=$(($(cut -d. -f1 /proc/uptime) + {seconds})); until said=$( ({command}) 2>&1); do"
            f' test "$(cut -d. -f1 /proc/uptime)" -lt $end || {{ echo "not so after {seconds} s: $said" >&2; exit 1; }};'
            ' sleep 0.1; done; echo "$said"'
        )

    def look(self) -> dict[str, Any]:
        """Every network, as libvirt and the kernel have it."""
        self._ask({"do": "look"})
        done = self._answer()
        assert done["status"] == 0, done["err"]
        return json.loads(done["out"])  # type: ignore[no-any-return]

    def interfaces(self, netns: str | None = None) -> dict[str, Any]:
        """Every interface of the host or of a namespace, by its name, and the files that make them at boot."""
        self._ask({"do": "interfaces", "netns": netns})
        done = self._answer()
        assert done["status"] == 0, done["err"]
        return settled(json.loads(done["out"]))

    def everything(self) -> dict[str, Any]:
        return {"networks": self.look(), **self.interfaces()}

    def clean(self) -> None:
        """Remove all guests, interfaces, namespaces and firewall rules of ours, and all networks but Debian's own `default`, which
        is stopped.

        What is there afterwards must be what was there after the first time.
        """
        self._remove_rules()
        self._ask({"do": "clean"})
        done = self._answer()
        assert done["status"] == 0, done["err"]
        if self._bare is None:
            self._bare = self._traces()
        deadline = time.monotonic() + CLEAN_SECONDS
        while left := difference(self._bare, found := self._traces()):
            if time.monotonic() > deadline:
                self._bare = found  # the next test is not to blame
                raise Failed(f"{self.machine.name} is not as it was:\n" + "\n".join(left))
            time.sleep(0.2)

    def _remove_rules(self) -> None:
        """Remove the sets of firewall rules, such as those of networks that a playbook has created."""
        files = self.shell("cd /etc/virtnet.kvm/nft.d 2>/dev/null && ls || true")
        sets = {
            kind: [{"name": name, "state": "absent"} for name in re.findall(rf"(?m)^{start}-(.*)[.]nft$", files)]
            for kind, start in RULE_FILES.items()
        }
        if files:
            self.ok("fabric", sets)

    def _traces(self) -> list[str]:
        self._ask({"do": "traces"})
        return sorted(self._answer()["out"].splitlines())

    def document(self, name: str, *, running: bool = False) -> etree._Element:
        found = self.look()[name]
        return etree.fromstring(found["running" if running else "stored"])

    @cached_property
    def libvirt(self) -> tuple[int, ...]:
        version = self.shell("virsh version --daemon | sed -n 's/^Running against daemon: //p'").strip()
        return tuple(int(part) for part in version.split("."))

    def start_module(
        self,
        name: str,
        args: dict[str, Any],
        *,
        check: bool = False,
        diff: bool = True,
        fault: dict[str, Any] | None = None,
        user: str | None = None,
        agent: int = 0,
    ) -> None:
        internal = {**self._internal, "_ansible_check_mode": check, "_ansible_diff": diff}
        self._ask(
            {"do": "module", "name": name, "args": args, "internal": internal, "fault": fault, "user": user}, agent
        )

    def end_module(self, agent: int = 0) -> dict[str, Any]:
        """What it returned; a module that a signal has ended has returned nothing but ``signal``."""
        done = self._answer(agent)
        if done["signal"]:
            return {"signal": done["signal"], "err": done["err"]}
        try:
            result = json.loads(done["out"])
        except ValueError:
            raise Failed(f"no result: {done['out']}\n{done['err']}") from None
        assert isinstance(result, dict)
        return result

    def module(self, name: str, args: dict[str, Any], **options: Any) -> dict[str, Any]:
        self.start_module(name, args, **options)
        return self.end_module()

    def ok(self, name: str, args: dict[str, Any], **options: Any) -> dict[str, Any]:
        """A module that must not fail, nor see something else come about than it has predicted."""
        result = self.module(name, args, **options)
        if result.get("failed") or "signal" in result:
            raise Failed(f"{name} failed: {result.get('msg')}\n{result.get('exception') or ''}\nargs: {args}")
        surprises = [
            warning for warning in result.get("warnings", ()) if "has other values than predicted" in str(warning)
        ]
        if surprises:
            raise Failed(f"{surprises}\nargs: {args}\nresult: {json.dumps(result.get('diff'), indent=1)}")
        return result

    def net(self, **options: Any) -> dict[str, Any]:
        return self.ok("virt_net", options)

    def info(self, *names: str) -> list[dict[str, Any]]:
        return list(self.ok("virt_net_info", {"name": list(names)} if names else {})["networks"])

    def playbook(
        self,
        plays: list[dict[str, Any]],
        *arguments: str,
        env: dict[str, str] | None = None,
        tool: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        path = self.inventory.with_suffix(".play.yml")
        path.write_text(yaml.safe_dump(plays, sort_keys=False))
        config = self.inventory.with_suffix(".cfg")  # nobody's own settings
        config.touch()
        settings = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(staged()),
            "ANSIBLE_CONFIG": str(config),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "ANSIBLE_GATHERING": "explicit",
            **(env or {}),
        }
        tool = tool or Path(sys.executable).with_name("ansible-playbook")
        return subprocess.run(
            [str(tool), "-i", str(self.inventory), *arguments, str(path)],
            check=False,
            env=settings,
            capture_output=True,
            text=True,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )


def difference(before: list[str], after: list[str]) -> list[str]:
    """Returns the lines that only one of both has."""
    gone, come = Counter(before) - Counter(after), Counter(after) - Counter(before)
    return [*(f"  gone: {line}" for line in gone.elements()), *(f"  left: {line}" for line in come.elements())]


_staged: list[Path] = []


def staged() -> Path:
    """The directory that holds `ansible_collections`, with this checkout in it."""
    if not _staged:
        made = subprocess.run([CHECKOUT / "script" / "stage"], check=True, capture_output=True, text=True)
        _staged.append(Path(made.stdout.strip()).parents[2])
    return _staged[0]
