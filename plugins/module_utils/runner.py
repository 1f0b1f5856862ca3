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
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.yaml import HAS_YAML

from .backend.host import Host
from .engine import ENDING, Outcome, all_actions, run
from .errors import MissingLibraryError, OptionError, VirtnetError
from .kinds.kind import Kind
from .run_state import RunState


class EndedError(VirtnetError):
    """The run was asked to end; what it has done is taken back first."""


def _interrupt(number: int, _frame: Any) -> None:
    for repeated in ENDING:
        signal.signal(repeated, signal.SIG_IGN)  # what follows is taking back, which is not to be interrupted
    raise EndedError(f"ended by {signal.Signals(number).name}")


def run_resource(kind: Kind) -> None:
    """A module that declares one resource."""
    module = AnsibleModule(argument_spec={**kind.options(), **kind.where}, supports_check_mode=True, **kind.rules())

    def work(host: Host) -> dict[str, Any]:
        (outcome,) = run(host, RunState(host.uri), [kind.parse(module.params)], check=module.check_mode)
        _warn(module, [outcome])
        return _result(host, outcome)

    run_module(module, work)


def run_lists(kinds: Sequence[Kind], settle: Callable[[list[Any]], list[Any]]) -> None:
    """The module that declares a list of every kind, as one transaction; ``settle`` is done to the resources together."""
    spec: dict[str, Any] = {"checkpoint": {"type": "str"}}
    for kind in kinds:
        items = {"type": "list", "elements": "dict", "options": kind.options(), **kind.rules()}
        spec.update({kind.plural: items, **kind.where})
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)

    def work(host: Host) -> dict[str, Any]:
        resources, names = [], []
        for kind in kinds:
            for place, options in enumerate(module.params[kind.plural] or ()):
                resources.append(kind.parse(options, f"{kind.plural}[{place}]"))
                names.append(kind.plural)
        state = RunState(host.uri, module.params["checkpoint"])
        outcomes = run(host, state, settle(resources), check=module.check_mode)
        _warn(module, outcomes)
        return _results(host, names, outcomes)

    run_module(module, work)


def run_info(kind: Kind) -> None:
    """The module that reads what there is of a kind."""
    names = {"name": {"type": "list", "elements": "str", "aliases": ["names"]}}
    module = AnsibleModule(argument_spec={**names, **kind.asks, **kind.where}, supports_check_mode=True)

    def work(host: Host) -> dict[str, Any]:
        return {"changed": False, kind.plural: kind.describe(host, module.params["name"], module.params)}

    run_module(module, work)


def run_module(module: AnsibleModule, work: Callable[[Host], dict[str, Any]]) -> None:
    """Do a module's work on its host, and exit or fail with what became of it."""
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
    """YAML for a person to read, with files in it line by line; Ansible makes JSON of it where the host has no PyYAML."""
    if not HAS_YAML:
        return shown
    import yaml

    return yaml.dump(shown, Dumper=_dumper(), default_flow_style=False, sort_keys=False)


@functools.cache
def _dumper() -> Any:
    """Of text in lines it makes a block, which a diff can show line by line."""
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]
        pass

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    return Dumper
