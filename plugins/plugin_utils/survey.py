# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of a survey, in which each variable has one text, as topologies.

AWX passes the answers as extra variables: `survey_nat_cidr` is the option `cidr` of a topology of the type nat. An optional
question without an answer is left out, or is an empty text, or null (AWX 24.6). All of these mean that the topology doesn't
have the option.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.virtnet.kvm.plugins.module_utils.errors import OptionError, VirtnetError

from .topology_options import SPECS, Options

# What the variables of a survey begin with, as `fabric` of topology.py expects it.
PREFIX = "survey_{type}_"


def topologies(answers: Any) -> list[dict[str, Any]]:
    """Returns a topology for each type of topology that has answers.

    Raises `VirtnetError` if there are none, and `OptionError` if an answer that has to be YAML isn't. Other variables are
    ignored, because a survey may have questions of its own.
    """
    if not isinstance(answers, Mapping):
        raise OptionError(
            "", answers, "is not a dictionary of variables and answers; write it as {survey_nat_name: lan}"
        )
    found = []
    for kind in SPECS:
        prefix = PREFIX.replace("{type}", kind)
        given = {variable: answers[variable] for variable in answers if variable.startswith(prefix)}
        if given:
            options = {name.removeprefix(prefix): _value(name, given[name], kind, prefix) for name in given}
            answered = {name: value for name, value in options.items() if value is not None and value != ""}
            found.append({"type": kind, **answered})
    if not found:
        names = ", ".join(PREFIX.replace("{type}", kind) for kind in SPECS)
        raise VirtnetError(f"there is no answer of a survey; give variables that begin with one of {names}")
    return found


def _value(variable: str, answer: Any, kind: str, prefix: str) -> Any:
    option = SPECS[kind].get(variable.removeprefix(prefix), {})
    if option.get("type") not in ("list", "dict") or not isinstance(answer, str):
        return answer
    return _structure(variable, answer, option)


def _structure(variable: str, answer: str, option: Options) -> Any:
    """Returns the list or dictionary that is written as YAML. A list of texts may also be written with commas or line breaks."""
    try:
        # With this loader each scalar is text. Else, YAML reads the MAC address 52:54:00:00:00:10 as a number.
        value = yaml.load(answer, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1}: {problem})" if mark else f" ({problem})"
        raise OptionError(
            variable, answer, f"is not YAML{line}; write it as the description of the question shows"
        ) from None
    if isinstance(value, str) and option.get("elements") == "str":
        return [word for word in re.split(r"[,\s]+", value) if word]
    return value
