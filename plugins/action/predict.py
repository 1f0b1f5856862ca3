# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action that compares a host with its topologies, in one task, so that a host without changes needs no other one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Optional

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError
from ansible_collections.virtnet.kvm.plugins.plugin_utils.host_look import PACKAGES, SYSCTL_FILE, Look, needs
from ansible_collections.virtnet.kvm.plugins.plugin_utils.predicted import (
    KINDS,
    OF_LIBVIRT,
    applied_before,
    not_predicted_before,
    predicted,
    rule_steps,
)
from ansible_collections.virtnet.kvm.plugins.plugin_utils.return_routes import SETS, published
from ansible_collections.virtnet.kvm.plugins.plugin_utils.rule_lists import SET
from ansible_collections.virtnet.kvm.plugins.plugin_utils.site_lists import SITE_LISTS, written_as
from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology import fabric

SCRIPT = Path(__file__).resolve().parents[2] / "roles" / "host" / "files" / "look.sh"

SPEC: dict[str, dict[str, Any]] = {
    "variable": {"type": "str"},
    "lists": {"type": "dict", "options": {kind: {"type": "str"} for kind in SITE_LISTS}},
    "set": {"type": "str", "default": SET},
    "prefix": {"type": "str"},
    "state": {"type": "str", "choices": ["absent"]},
    "options": {"type": "dict"},
    "prepare": {"type": "bool", "default": False},
    "prepared": {"type": "list", "elements": "str", "default": []},
    "predicted": {"type": "list", "elements": "str", "default": []},
    "publish": {"type": "dict"},
    "types": {"type": "list", "elements": "str"},
    "manage_packages": {"type": "bool"},
    "require_kvm": {"type": "bool"},
    "forward_ipv4": {"type": "bool"},
    "forward_ipv6": {"type": "bool"},
    "return_via": {"type": "list", "elements": "str", "default": []},
    "uri": {"type": "str"},
}


class Refused(Exception):
    """The task fails with this sentence."""

    def __init__(self, sentence: str, **result: object) -> None:
        super().__init__(sentence)
        self.result = result


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible's plugins are not typed
    _supports_check_mode = True

    def run(self, tmp: object = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        try:
            self._params = self._parameters()
            return self._predict()
        except Refused as refused:
            host = self._vars.get("inventory_hostname", "this host")
            return {"changed": False, **refused.result, "failed": True, "msg": f"{host}: {refused}"}

    def _parameters(self) -> dict[str, Any]:
        checked = ArgumentSpecValidator(SPEC).validate(dict(self._task.args))
        if checked.error_messages:
            raise Refused("; ".join(checked.error_messages))
        return dict(checked.validated_parameters)

    def _predict(self) -> dict[str, Any]:
        params, derived, check = self._params, self._params["options"] is None, bool(self._task.check_mode)
        if params["publish"] is not None:
            return {"changed": False, **params["publish"]}
        known = params["variable"] in self._vars
        # Before the host is contacted: this refuses invalid topologies and rules.
        lists = self._lists()
        if derived and not known and not lists:
            return {"changed": False, "skipped": True, "skip_reason": f"there is no {params['variable']}"}
        topologies = self._topologies() if known else []
        options = _joined(self._derived(topologies) if derived else params["options"], lists)
        look = self._look(topologies, options) if params["prepare"] else None
        routes = self._return_routes(topologies, options, look)
        found: dict[str, Any] = {}
        if look is not None and params["state"]:
            options = {
                kind: [] if kind in OF_LIBVIRT and not look.has_libvirt else options.get(kind, []) for kind in KINDS
            }
            found = self._fabric(options, lists) if any(options.values()) else {}
            result = {**predicted(None, found, options, check=check), **look.left}
            return applied_before(result, routes, check=check)
        if look is not None:
            self._check_ready(look)
        if look is None or not look.problems:
            if look is not None and derived:
                options = _joined(self._derived(topologies, look), lists)
            if any(options.get(kind) for kind in KINDS):
                found = self._fabric(options, lists)
        if check:
            found = not_predicted_before(found, params["predicted"])
        result = predicted(look, found, options, check=check, prepared=params["prepared"])
        if check and found.get("changed"):
            result["rule_steps"] = [*params["predicted"], *rule_steps(found)]
        warnings = [*(look.warnings if look else ()), *result.get("warnings", ()), *routes.pop("warnings", ())]
        result = applied_before(result, routes, check=check)
        return {**result, **({"warnings": warnings} if warnings else {})}

    # -- the topologies ------------------------------------------------------------------------------------------

    def _value(self, name: str) -> Any:
        """Returns the value of a variable. Its templates are resolved here, so that an error in one is a single sentence."""
        try:
            return self._templar.template(self._vars[name])
        except AnsibleError as error:
            cause = _innermost(error)
            message = " ".join(str(cause).split()).rstrip(".")
            raise Refused(message if isinstance(cause, AnsibleFilterError) else f"{name}: {message}") from None

    def _lists(self) -> dict[str, list[dict[str, Any]]]:
        """Returns the lists of `fabric` whose variables the host has. What another list declares stays as it is."""
        found = {}
        for kind, name in (self._params["lists"] or {}).items():
            if not name or name not in self._vars:
                continue
            make = SITE_LISTS[kind].removed if self._params["state"] else SITE_LISTS[kind].applied
            try:
                found[kind] = make(partial(self._value, name), name, self._params["set"])
            except OptionError as error:
                raise Refused(str(error)) from None
        return found

    def _topologies(self) -> list[Any]:
        value = self._value(self._params["variable"])
        if self._params["state"] and isinstance(value, list):
            value = [{**each, "state": "absent"} if isinstance(each, Mapping) else each for each in value]
        return value  # type: ignore[no-any-return]  # fabric refuses what isn't a list

    def _derived(self, topologies: list[Any], look: Optional[Look] = None) -> dict[str, Any]:
        libvirt, firewalld = (look.libvirt, look.firewalld) if look else ((), None)
        try:
            return dict(fabric(topologies, self._params["variable"], self._params["prefix"], libvirt, firewalld))
        except OptionError as error:
            raise Refused(str(error)) from None

    # -- the host ------------------------------------------------------------------------------------------------

    def _look(self, topologies: list[Any], options: Mapping[str, Any]) -> Look:
        """Returns what the host has. A shell script reads it, because the host may not have Python yet."""
        interpreter = str(self._vars.get("ansible_python_interpreter", ""))
        settings = {
            "python": self._templar.template(interpreter) if interpreter.startswith("/") else "",
            "file": SYSCTL_FILE,
            **{family: " ".join(packages) for family, packages in PACKAGES.items()},
        }
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
        done = self._low_level_execute_command(f"{given}\n{SCRIPT.read_text()}")
        look = Look(done["stdout"], needs(self._params, topologies, options))
        if not look.complete:
            said = " ".join((done["stderr"] or done["stdout"]).split())
            raise Refused(f"the host can't be read: {said or 'it has answered nothing'}")
        return look

    def _return_routes(self, topologies: list[Any], options: Mapping[str, Any], look: Optional[Look]) -> dict[str, Any]:
        """Returns what is published about the routes that the routers outside need."""
        if look is None or self._params["options"] is not None:
            return {}
        host, facts = str(self._vars.get("inventory_hostname", "")), self._vars.get("ansible_facts") or {}
        try:
            return published(host, topologies, options, look.sources, self._params["return_via"], facts.get(SETS) or ())
        except OptionError as error:
            raise Refused(str(error)) from None

    def _check_ready(self, look: Look) -> None:
        """Raises `Refused` if the host has problems that preparing it doesn't solve, or hasn't solved."""
        if look.obstacles or (look.problems and look.part in self._params["prepared"]):
            raise Refused(f"not ready for virtual networks: {'; '.join(look.problems)}")

    def _fabric(self, options: Mapping[str, Any], lists: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
        arguments = {kind: options.get(kind) or [] for kind in KINDS}
        if self._params["uri"]:
            arguments["uri"] = self._params["uri"]
        with self._in_check_mode():
            result = self._execute_module("virtnet.kvm.fabric", arguments, task_vars=self._vars)
        if result.get("failed"):
            self._fail(result, {kind: len(arguments[kind]) - len(items) for kind, items in lists.items()})
        return dict(result)

    @contextmanager
    def _in_check_mode(self) -> Iterator[None]:
        """Makes modules predict. Outside of check mode no diff is shown, because the tasks that follow show it."""
        check, diff = self._task.check_mode, self._task.diff
        self._task.check_mode, self._task.diff = True, bool(check and diff)
        try:
            yield
        finally:
            self._task.check_mode, self._task.diff = check, diff

    def _fail(self, result: Mapping[str, Any], first: Mapping[str, int]) -> NoReturn:
        """Fails with the module's error, which names the variable of the user. ``first``: where its items begin in a list."""
        rest = {key: value for key, value in result.items() if key not in ("msg", "failed", "changed", "invocation")}
        message, option = str(result.get("msg") or "the module has failed"), str(result.get("option") or "")
        written = written_as(option, self._params["lists"] or {}, first)
        if written is not None and message.startswith(f"{option}: "):
            raise Refused(f"{written}{message[len(option) :]}", **{**rest, "option": written})
        raise Refused(message, **rest)


def _joined(options: Mapping[str, Any], lists: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Returns the options with the items of ``lists`` after those that they have."""
    return {**options, **{kind: [*(options.get(kind) or ()), *items] for kind, items in lists.items()}}


def _innermost(error: BaseException) -> BaseException:
    """Returns the error from which all others follow: those around it only tell where it was."""
    while True:
        cause = error.__cause__ or getattr(error, "orig_exc", None)
        if cause is None:
            return error
        error = cause
