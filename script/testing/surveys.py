# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The surveys for AWX in docs/awx, which follow from the argument specs of the roles.

Each option of a role is a question. Its variable is `survey_` and the role's variable, so that it never collides with a
variable of the inventory. The playbook `survey` makes a topology of the answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
SURVEYS = Path("docs", "awx")
ROLES = ("nat", "routed", "open", "isolated", "bridged", "vlan_trunk")

# The form of AWX checks the length of texts, and needs both bounds of a number. The numbers of the roles are VLAN ids and MTUs.
LONGEST_TEXT, LONGEST_YAML, LARGEST = 1024, 65535, 65535

Option = Mapping[str, Any]
Question = dict[str, Any]


def surveys(checkout: Path = CHECKOUT) -> dict[Path, str]:
    """Returns the text of each survey, by its path below the checkout."""
    found = {}
    for role in ROLES:
        specs = yaml.safe_load((checkout / "roles" / role / "meta" / "argument_specs.yml").read_text())
        found[SURVEYS / f"{role}.json"] = json.dumps(survey(role, specs["argument_specs"]["main"]), indent=2) + "\n"
    return found


def survey(role: str, spec: Option) -> dict[str, Any]:
    """Returns the survey of a role in the form of AWX's API, `survey_spec`."""
    return {
        "name": _plain(spec["short_description"], role),
        "description": _plain(_joined(spec["description"]), role),
        "spec": [question(role, name, option) for name, option in spec["options"].items()],
    }


def question(role: str, name: str, option: Option) -> Question:
    """Returns the question for an option. The first sentence of the option's text becomes the question, the rest its description."""
    text = _plain(_joined(option["description"]), role)
    first, rest = re.fullmatch(r"(.+?)\.(?: (.*))?", text, re.DOTALL).groups("")  # type: ignore[union-attr]
    if "choices" in option and "default" not in option:
        rest = f"{rest} One of {', '.join(option['choices'])}.".strip()
    if option["type"] in ("list", "dict"):
        rest = f"{rest} {_yaml_hint(option)}".strip()
    required = option.get("required", False)
    return {
        "question_name": f"{name.removeprefix(f'{role}_')}: {first}",
        "question_description": rest,
        "required": required,
        "variable": f"survey_{name}",
        **_answer(option, required),
    }


def _answer(option: Option, required: bool) -> Question:
    """Returns the type of the answer, its bounds, its choices and its default, which is the role's."""
    default = option.get("default")
    if option["type"] == "bool":
        return _choice(["true", "false"], "" if default is None else str(default).lower())
    if "choices" in option and default is not None:  # AWX needs one of the choices as the default
        return _choice(option["choices"], default or "")
    if option["type"] == "int":
        return {
            "type": "integer",
            "min": 0,
            "max": LARGEST,
            "default": "" if default is None else default,
            "choices": "",
        }
    kind, longest = ("text", LONGEST_TEXT) if option["type"] == "str" else ("textarea", LONGEST_YAML)
    # AWX refuses an empty answer to an optional question if there is a minimum.
    return {"type": kind, "min": int(required), "max": longest, "default": default or "", "choices": ""}


def _choice(choices: list[str], default: str) -> Question:
    return {"type": "multiplechoice", "min": None, "max": None, "default": default, "choices": choices}


def _yaml_hint(option: Option) -> str:
    if option.get("elements") == "str":
        return "One on each line, or with commas between them."
    if "options" not in option:
        return "Write it as YAML."
    return f"Write it as YAML: {_form(option)}" + _needed(option)


def _form(option: Option) -> str:
    if "options" not in option:
        return "..."
    inner = "{" + ", ".join(f"{name}: {_form(suboption)}" for name, suboption in option["options"].items()) + "}"
    return f"[{inner}, ...]" if option["type"] == "list" else inner


def _needed(option: Option) -> str:
    required = [name for name, suboption in option["options"].items() if suboption.get("required")]
    if len(required) == len(option["options"]):
        return "."
    return f", where only {' and '.join(required)} {'are' if len(required) > 1 else 'is'} required."


def _joined(text: str | list[str]) -> str:
    return " ".join([text] if isinstance(text, str) else text).replace("\n", " ")


def _plain(text: str, role: str) -> str:
    """Returns Ansible's markup as plain text. Options of the role have the name that they have in a question."""

    def reference(match: re.Match[str]) -> str:
        return match[1].rpartition(":")[2].removeprefix(f"{role}_")

    text = re.sub(r"\bO\(([^()]*)\)", reference, text)
    text = re.sub(r"\bV\(([a-z_]+)\)", r"'\1'", text)  # without quotes, a value that is a word reads like the sentence
    return re.sub(r"\b[VCMPBI]\(([^()]*)\)", r"\1", text)


def main() -> None:
    """Writes the surveys."""
    for path, text in surveys().items():
        (CHECKOUT / path).parent.mkdir(exist_ok=True)
        (CHECKOUT / path).write_text(text)


if __name__ == "__main__":
    main()
