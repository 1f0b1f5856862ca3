# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only code that knows AnsibleModule: options in, one run of the engine, result or failure out.

Check mode, diff, exit and failure are decided here and nowhere else.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Callable, NoReturn, Optional, Protocol, cast

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.common.yaml import HAS_YAML

from .backend.host import Host
from .backend.os.paths import SYSTEM_URI
from .contract import AnyResource, ArgumentSpec, Driver, Kind, Opener, Options, Outcome, Shown
from .engine import ENDING, all_actions, run
from .errors import MissingLibraryError, OptionError, VirtnetError
from .run_state import RunState

Result = dict[str, object]


class Module(Protocol):
    """What is used of `AnsibleModule`, which has no types."""

    params: Options
    check_mode: bool
    _diff: bool

    def warn(self, warning: str) -> None: ...
    def exit_json(self, **result: object) -> NoReturn: ...
    def fail_json(self, msg: str, **result: object) -> NoReturn: ...


class _CheckedModule(AnsibleModule):  # type: ignore[misc]  # it has no types
    """Checks the parameters before Ansible does, whose errors don't always say which one is wrong."""

    def _set_internal_properties(self, *given: object) -> None:
        super()._set_internal_properties(*given)
        try:
            check_nested(self.argument_spec, self.params)
        except OptionError as error:
            self.fail_json(msg=str(error), option=error.option)


def new_module(spec: ArgumentSpec, **constraints: object) -> Module:
    """Reads and checks the module's parameters; ends the module where they are wrong."""
    return cast(Module, _CheckedModule(argument_spec=spec, supports_check_mode=True, **constraints))


def check_nested(spec: ArgumentSpec, params: Mapping[str, object], path: str = "") -> None:
    """Raises `OptionError` for the first value that should be a dictionary of options and isn't one.

    ``params`` are as the user gave them, and may be wrong in other ways. A string that Ansible takes for a dictionary
    (``a=b``) is one.
    """
    for name, option in spec.items():
        nested = cast(ArgumentSpec, option.get("options"))
        if nested is None:
            continue
        for written in (name, *cast("list[str]", option.get("aliases", ()))):
            for place, value in _places(path + written, params.get(written), option.get("type") == "list"):
                check_nested(nested, _dictionary(place, value, nested), f"{place}.")


def _places(path: str, given: object, several: bool) -> list[tuple[str, object]]:
    """Returns the elements of a list with their paths; what is no list is one."""
    if several and isinstance(given, (list, tuple)):
        return [(f"{path}[{number}]", each) for number, each in enumerate(given)]
    return [] if given is None else [(path, given)]


def _dictionary(place: str, value: object, nested: ArgumentSpec) -> Mapping[str, object]:
    try:
        return cast("Mapping[str, object]", check_type_dict(value))
    except TypeError:
        raise OptionError(place, value, f"is no dictionary; its options are {', '.join(sorted(nested))}") from None


class EndedError(VirtnetError):
    """A signal has asked the run to end; what the run has done is undone first."""


def _interrupt(number: int, _frame: Optional[FrameType]) -> None:
    for repeated in ENDING:
        signal.signal(repeated, signal.SIG_IGN)  # what follows is undoing, which is not to be interrupted
    raise EndedError(f"ended by {signal.Signals(number).name}")


def run_resource(kind: Kind) -> None:
    """Runs a module that declares one resource."""
    spec = {**kind.argument_spec(), **kind.common_options}
    module = new_module(spec, **kind.constraints())

    def work(host: Host) -> Result:
        resource = kind.parse(module.params)
        (outcome,) = run(host, RunState(host.uri), [resource], check=module.check_mode)
        _warn(module, [outcome])
        diff = {"diff": _diff(outcome)} if module._diff else {}  # a large one takes longer than the run
        return {**outcome.result(host), **diff}

    run_module(module, work, [kind])


def run_fabric(kinds: Sequence[Kind]) -> None:
    """Runs the module that declares a list of every kind, as one transaction."""
    spec: ArgumentSpec = {"checkpoint": {"type": "str"}}
    for kind in kinds:
        items: dict[str, object] = {
            "type": "list",
            "elements": "dict",
            "options": kind.argument_spec(),
            **kind.constraints(),
        }
        spec.update({kind.plural: items, **kind.common_options})
    module = new_module(spec)

    def work(host: Host) -> Result:
        declared = [
            (kind, kind.parse(options, f"{kind.plural}[{place}]"))
            for kind in kinds
            for place, options in enumerate(cast(list[Options], module.params[kind.plural] or []))
        ]
        resources = _settle(declared)
        state = RunState(host.uri, cast(Optional[str], module.params["checkpoint"]))
        outcomes = run(host, state, resources, check=module.check_mode)
        _warn(module, outcomes)
        return _results(host, [kind for kind, _resource in declared], outcomes)

    run_module(module, work, kinds)


def _settle(declared: Sequence[tuple[Kind, AnyResource]]) -> list[AnyResource]:
    resources = [resource for _kind, resource in declared]
    return [kind.settle(resource, resources) for kind, resource in declared]


def run_info(kind: Kind) -> None:
    """Runs the module that reads the resources of a kind."""
    name: ArgumentSpec = {"name": {"type": "list", "elements": "str", "aliases": ["names"]}}
    spec = {**name, **kind.info_options, **kind.common_options}
    module = new_module(spec)

    def work(host: Host) -> Result:
        names = cast(Optional[list[str]], module.params["name"])
        return {"changed": False, kind.plural: kind.info(host, names, module.params), **kind.info_on_host(host)}

    run_module(module, work, [kind])


def run_module(module: Module, work: Callable[[Host], Result], kinds: Sequence[Kind] = ()) -> None:
    """Runs a module's work on its host, and exits or fails with the result; ``kinds`` bring the drivers of the host."""
    for number in ENDING:
        signal.signal(number, _interrupt)
    # A hardened host may have 077. Accounts of daemons (systemd-network) read what is written here; secrets have modes of their own.
    os.umask(0o022)
    openers: dict[type[Driver], Opener] = {}
    for kind in kinds:
        openers.update(kind.drivers)
    host = Host(str(module.params.get("uri", SYSTEM_URI)), openers)
    try:
        result = work(host)
    except MissingLibraryError as error:
        module.fail_json(msg=str(missing_required_lib(error.library)), exception=error.trace or None)
    except OptionError as error:
        module.fail_json(msg=str(error), option=error.option)
    except VirtnetError as error:
        module.fail_json(msg=str(error))
    finally:
        host.close()
    if not module._diff:
        result.pop("diff", None)
    module.exit_json(**result)


def _warn(module: Module, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        for warning in outcome.warnings:
            module.warn(warning)


def _results(host: Host, kinds: Sequence[Kind], outcomes: Sequence[Outcome]) -> Result:
    """Returns the results of several resources, each in the list of its kind, and what they have in common."""
    lists: dict[str, list[Result]] = {}
    for kind, outcome in zip(kinds, outcomes):
        result = {"name": outcome.resource.name, **outcome.result(host)}
        lists.setdefault(kind.plural, []).append(result)
    changed = [outcome for outcome in outcomes if outcome.changed]
    return {
        "changed": bool(changed),
        "restorable": any(kind.restorable and outcome.changed for kind, outcome in zip(kinds, outcomes)),
        "actions": all_actions(changed),
        "diff": [_diff(outcome) for outcome in changed],
        **lists,
    }


def _diff(outcome: Outcome) -> Result:
    before = _readable(outcome.shown_before)
    same = outcome.shown_before == outcome.shown_after
    return {
        "before_header": outcome.label,
        "after_header": outcome.label,
        "before": before,
        "after": before if same else _readable(outcome.shown_after),
    }


def _readable(shown: Shown) -> object:
    """Returns YAML, with files in it line by line; Ansible makes JSON of it where the host has no PyYAML."""
    if not HAS_YAML:
        return shown
    import yaml

    return str(yaml.dump(shown, Dumper=_dumper(), default_flow_style=False, sort_keys=False))


@functools.cache
def _dumper() -> type:
    """Returns a dumper that writes text of several lines as a block, which a diff can show line by line."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def lines(self, value: str) -> yaml.ScalarNode:
            return self.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, Dumper.lines)
    return Dumper
