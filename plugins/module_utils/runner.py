# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only code that knows AnsibleModule: options in, one run of the engine, result or failure out.

Check mode, diff, exit and failure are decided here and nowhere else.
"""

from __future__ import annotations

import functools
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.yaml import HAS_YAML, yaml_dump

from .backend.host import Host
from .engine import ENDING, Outcome, all_actions, run
from .errors import MissingLibraryError, OptionError, VirtnetError
from .resources import (
    INTERFACES,
    URI,
    describe_interface,
    describe_network,
    interface_rules,
    interface_spec,
    leave_to_bridges,
    network_rules,
    network_spec,
    parse_interface_options,
    parse_network_options,
)


@dataclass(frozen=True)
class Kind:
    """What a resource of a kind is made of: its options, what goes with what in them, how they are parsed, and whether it
    is reached by a connection to libvirt. ``plural`` is the list that `fabric` and the `_info` module have it in."""

    plural: str
    options: Callable[[], dict[str, Any]]
    rules: Callable[[], dict[str, Any]]
    parse: Callable[..., Any]
    uri: bool = False
    model: Any = None

    @property
    def connection(self) -> dict[str, Any]:
        return URI if self.uri else {}


def _interface(plural: str, word: str) -> Kind:
    kind = INTERFACES[word]
    return Kind(
        plural,
        functools.partial(interface_spec, kind),
        functools.partial(interface_rules, kind),
        functools.partial(parse_interface_options, kind),
        model=kind.options,
    )


NETWORK = Kind("networks", network_spec, network_rules, parse_network_options, uri=True)
BRIDGE = _interface("bridges", "bridge")
VLAN = _interface("vlans", "vlan")
TUNTAP = _interface("taps", "tap")

# The lists that `fabric` takes; networks last, as they must not collide with what the host has.
LISTS = {kind.plural: kind for kind in (BRIDGE, VLAN, TUNTAP, NETWORK)}


class EndedError(VirtnetError):
    """The run was asked to end; what it has done is taken back first."""


def _interrupt(number: int, _frame: Any) -> None:
    for repeated in ENDING:
        signal.signal(repeated, signal.SIG_IGN)  # what follows is taking back, which is not to be interrupted
    raise EndedError(f"ended by {signal.Signals(number).name}")


def run_resource(kind: Kind) -> None:
    """A module that declares one resource."""
    module = AnsibleModule(
        argument_spec={**kind.options(), **kind.connection}, supports_check_mode=True, **kind.rules()
    )

    def work(host: Host) -> dict[str, Any]:
        (outcome,) = run(host, [kind.parse(module.params)], check=module.check_mode)
        _warn(module, [outcome])
        return _result(host, outcome)

    _run(module, work)


def run_fabric() -> None:
    """The module that declares a list of every kind, as one transaction."""
    spec: dict[str, Any] = {}
    for name, kind in LISTS.items():
        spec[name] = {"type": "list", "elements": "dict", "options": kind.options(), **kind.rules()}
    module = AnsibleModule(argument_spec={**spec, **URI}, supports_check_mode=True)

    def work(host: Host) -> dict[str, Any]:
        resources, kinds = [], []
        for name, kind in LISTS.items():
            for place, options in enumerate(module.params[name] or ()):
                resources.append(kind.parse(options, f"{name}[{place}]"))
                kinds.append(name)
        outcomes = run(host, leave_to_bridges(resources), check=module.check_mode)
        _warn(module, outcomes)
        return _results(host, kinds, outcomes)

    _run(module, work)


def run_network_info() -> None:
    """The module that reads networks."""
    module = AnsibleModule(
        argument_spec={"name": {"type": "list", "elements": "str", "aliases": ["names"]}, **URI},
        supports_check_mode=True,
    )

    def work(host: Host) -> dict[str, Any]:
        asked: Sequence[str] = module.params["name"] if module.params["name"] is not None else host.networks.names()
        states = [(name, host.networks.observe(name)) for name in asked]
        return {
            "changed": False,
            "networks": [describe_network(host, name, state) for name, state in states if state is not None],
        }

    _run(module, work)


def run_interface_info(kind: Kind) -> None:
    """The module that reads one kind of the host's interfaces."""
    module = AnsibleModule(
        argument_spec={"name": {"type": "list", "elements": "str", "aliases": ["names"]}, "netns": {"type": "str"}},
        supports_check_mode=True,
    )

    def work(host: Host) -> dict[str, Any]:
        driver = host.interfaces(module.params["netns"])
        there = {name for name, state in driver.all().items() if type(state.definition) is kind.model}
        asked: Sequence[str] = module.params["name"] if module.params["name"] is not None else sorted(there)
        return {"changed": False, kind.plural: [describe_interface(driver, name) for name in asked if name in there]}

    _run(module, work)


def _run(module: AnsibleModule, work: Callable[[Host], dict[str, Any]]) -> None:
    for number in ENDING:
        signal.signal(number, _interrupt)
    host = Host(module.params["uri"]) if "uri" in module.params else Host()
    try:
        result = work(host)
    except MissingLibraryError as error:
        module.fail_json(msg=missing_required_lib(error.library), exception=error.trace or None)
    except OptionError as error:
        module.fail_json(msg=str(error), option=error.option)
    except VirtnetError as error:
        module.fail_json(msg=str(error))
    finally:
        host.close()
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)


def _warn(module: AnsibleModule, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        for warning in outcome.warnings:
            module.warn(warning)


def _result(host: Host, outcome: Outcome) -> dict[str, Any]:
    state = outcome.before if outcome.observed is None and not outcome.changed else outcome.observed
    return {
        "changed": outcome.changed,
        "actions": outcome.actions,
        "before": outcome.shown_before,
        "after": outcome.shown_after,
        "diff": _diff(outcome),
        **outcome.resource.report(host, state, outcome.plan),
    }


def _results(host: Host, kinds: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The results of several resources, each below the name of its kind, and what they come to together."""
    lists: dict[str, list[Mapping[str, Any]]] = {}
    for kind, outcome in zip(kinds, outcomes):
        result = _result(host, outcome)
        result.pop("diff")
        lists.setdefault(kind, []).append({"name": outcome.resource.label.split(" ", 1)[1], **result})
    changed = [outcome for outcome in outcomes if outcome.changed]
    return {
        "changed": bool(changed),
        "actions": all_actions(changed),
        "diff": [_diff(outcome) for outcome in changed],
        **lists,
    }


def _diff(outcome: Outcome) -> dict[str, Any]:
    return {
        "before_header": outcome.resource.label,
        "after_header": outcome.resource.label,
        "before": _readable(outcome.shown_before),
        "after": _readable(outcome.shown_after),
    }


def _readable(shown: dict[str, Any]) -> Any:
    """YAML for a person to read; Ansible makes JSON of it where the host has no PyYAML."""
    return yaml_dump(shown, default_flow_style=False, sort_keys=False) if HAS_YAML else shown
