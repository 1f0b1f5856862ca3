# SPDX-FileCopyrightText: 2026, virtnet.kvm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The surveys for AWX, and the topologies that follow from their answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.kvm.plugins.filter.as_fabric import as_fabric
from ansible_collections.virtnet.kvm.plugins.filter.as_topologies import FilterModule
from ansible_collections.virtnet.kvm.plugins.plugin_utils.survey import PREFIX
from ansible_collections.virtnet.kvm.plugins.plugin_utils.topology_options import NEEDED, SPECS
from conftest import CHECKOUT
from testing.surveys import ROLES, SURVEYS, question, survey, surveys

as_topologies = FilterModule().filters()["as_topologies"]

# One answer for each required option, and what the topology has then.
REQUIRED: dict[str, dict[str, Any]] = {
    "nat": {"name": "lan", "cidr": "192.168.150.0/24"},
    "isolated": {"name": "cluster", "cidr": "10.0.2.0/24"},
    "routed": {"name": "routed0", "cidr": "10.9.0.0/24"},
    "open": {"name": "open0", "cidr": "10.9.1.0/24"},
    "bridged": {"name": "br0", "port": "ens32"},
    "vlan_trunk": {"parent": "ens32", "vlans": "[{id: 11, cidr: 192.168.11.231/24}, {id: 12}]"},
}
# Python types of answers and defaults: awx/main/constants.py, SURVEY_TYPE_MAPPING.
AWX_TYPES = {"text": str, "textarea": str, "integer": int, "multiplechoice": str}


def spec(role: str) -> list[dict[str, Any]]:
    return list(json.loads((CHECKOUT / SURVEYS / f"{role}.json").read_text())["spec"])


def untouched(role: str) -> dict[str, Any]:
    """The answers of a user who only presses the buttons: AWX passes the defaults."""
    return {each["variable"]: each["default"] for each in spec(role)}


def answers(role: str, **given: Any) -> dict[str, Any]:
    return {f"survey_{role}_{option}": answer for option, answer in {**REQUIRED[role], **given}.items()}


def topology(role: str, **given: Any) -> dict[str, Any]:
    (found,) = as_topologies(answers(role, **given))
    return dict(found)


def refused(given: Any) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        as_fabric(as_topologies(given), prefix=PREFIX)
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---- the files


def test_the_surveys_are_those_of_the_argument_specs() -> None:
    written = {path.relative_to(CHECKOUT): path.read_text() for path in (CHECKOUT / SURVEYS).glob("*.json")}
    assert written == surveys(), "run `script/test surveys`"


def test_each_topology_has_a_survey() -> None:
    assert set(ROLES) == set(SPECS)


def test_the_playbook_expects_the_prefix_of_the_surveys() -> None:
    (play,) = yaml.safe_load((CHECKOUT / "playbooks" / "survey.yml").read_text())
    assert play["vars"]["virtnet_prefix"] == PREFIX
    for role in ROLES:
        assert all(each["variable"].startswith(PREFIX.replace("{type}", role)) for each in spec(role))


@pytest.mark.parametrize("role", ROLES)
def test_awx_accepts_the_survey(role: str) -> None:
    """The rules of awx/api/views, `_validate_spec_data`, and of awx/main/models/mixins.py, `_survey_element_validation`."""
    variables = [each["variable"] for each in spec(role)]
    assert len(set(variables)) == len(variables)
    for each in spec(role):
        assert isinstance(each["required"], bool)
        assert not re.search(r"\b[A-Z]\(", each["question_name"] + each["question_description"]), "markup"
        kind, default = AWX_TYPES[each["type"]], each["default"]
        assert isinstance(default, kind) and not isinstance(default, bool), each["variable"]
        if each["type"] == "multiplechoice":
            assert default in each["choices"]
        elif each["type"] == "integer":
            assert each["min"] <= default <= each["max"]
        else:
            assert each["min"] == (1 if each["required"] else 0)


@pytest.mark.parametrize("role", ROLES)
def test_a_required_question_is_a_needed_option(role: str) -> None:
    required = {each["variable"] for each in spec(role) if each["required"]}
    assert required == {f"survey_{role}_{option}" for option in NEEDED[role]}


def test_a_question_is_the_first_sentence_of_the_option() -> None:
    option = {
        "type": "list",
        "elements": "dict",
        "description": ["Ports, see O(nat_name) and V(true). Required with C(x).", "O(a.b.c#role:main:d) stays."],
        "options": {"name": {"type": "str", "required": True}, "mtu": {"type": "int"}},
    }
    assert question("nat", "nat_ports", option) == {
        "question_name": "ports: Ports, see name and 'true'",
        "question_description": "Required with x. d stays. Write it as YAML: [{name: ..., mtu: ...}, ...], where only name is required.",
        "required": False,
        "variable": "survey_nat_ports",
        "type": "textarea",
        "min": 0,
        "max": 65535,
        "default": "",
        "choices": "",
    }


def test_a_survey_is_named_after_its_role() -> None:
    found = survey("nat", {"short_description": "A network", "description": "About V(nat).", "options": {}})
    assert found == {"name": "A network", "description": "About 'nat'.", "spec": []}


# ---- the answers


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("empty", ["", None], ids=["text", "null"])
def test_an_empty_answer_is_left_out(role: str, empty: Any) -> None:
    """Defaults and empty answers make the same as the required answers alone. The role host asks whether there is a cidr6."""
    full = {**untouched(role), **answers(role)}
    full = {variable: empty if answer == "" else answer for variable, answer in full.items()}
    (found,) = as_topologies(full)
    assert not [name for name, value in found.items() if value in ("", None)]
    assert as_fabric(as_topologies(full)) == as_fabric(as_topologies(answers(role)))


@pytest.mark.parametrize("role", ROLES)
def test_an_empty_answer_to_each_optional_question(role: str) -> None:
    """Numbers and choices too, which have a default in the survey."""
    full = {**{each["variable"]: "" for each in spec(role)}, **answers(role)}
    assert as_fabric(as_topologies(full)) == as_fabric(as_topologies(answers(role)))


def test_each_option_can_be_answered() -> None:
    found = topology(
        "nat",
        dhcp="false",
        mtu="1400",
        dhcp_range="{start: 192.168.150.100, end: 192.168.150.199}",
        hosts="- mac: 52:54:00:00:00:10\n  ip: 192.168.150.10\n  name: web\n",
        forwarders="1.1.1.1, 9.9.9.9\n8.8.8.8",
    )
    assert found == {
        "type": "nat",
        "name": "lan",
        "cidr": "192.168.150.0/24",
        "dhcp": "false",
        "mtu": "1400",
        "dhcp_range": {"start": "192.168.150.100", "end": "192.168.150.199"},
        "hosts": [{"mac": "52:54:00:00:00:10", "ip": "192.168.150.10", "name": "web"}],
        "forwarders": ["1.1.1.1", "9.9.9.9", "8.8.8.8"],
    }
    (network,) = as_fabric([{**found, "dhcp": "true"}])["networks"]
    assert network["mtu"] == 1400
    assert network["ips"][0]["dhcp"]["hosts"][0]["mac"] == "52:54:00:00:00:10"


def test_yaml_without_content_is_left_out() -> None:
    assert topology("nat", hosts=" \n# none\n") == {"type": "nat", **REQUIRED["nat"]}


@pytest.mark.parametrize(
    "written", ["[ens33, ens34]", "- ens33\n- ens34", "ens33\nens34\n", "ens33,ens34", "ens33 ens34"]
)
def test_a_list_of_texts_is_yaml_or_words(written: str) -> None:
    assert topology("bridged", ports=written)["ports"] == ["ens33", "ens34"]


def test_an_empty_list_is_an_answer() -> None:
    """It removes what the host has; without an answer, the routes stay."""
    assert as_fabric([topology("bridged", routes="[]")])["bridges"][0]["routes"] == []
    assert "routes" not in as_fabric([topology("bridged", routes="")])["bridges"][0]


def test_answers_that_are_lists_already() -> None:
    """Extra variables of the API may be structures."""
    assert topology("vlan_trunk", vlans=[{"id": 11}])["vlans"] == [{"id": 11}]


def test_answers_of_several_surveys() -> None:
    found = as_topologies({**answers("nat"), **answers("isolated"), "survey_ticket": "4711", "nat_name": "other"})
    assert [(each["type"], each["name"]) for each in found] == [("nat", "lan"), ("isolated", "cluster")]


# ---- bad answers: one sentence, which names the variable


@pytest.mark.parametrize(
    ("role", "given", "said"),
    [
        ("nat", {"cidr": "192.168.150.0/33"}, "survey_nat_cidr: '192.168.150.0/33' "),
        ("nat", {"name": ""}, "survey_nat_name: is missing; give the network's name"),
        ("nat", {"mtu": "big"}, "survey_nat_mtu: 'big' has the wrong form; give a whole number"),
        ("nat", {"state": "gone"}, "survey_nat_state: 'gone' has the wrong form; give one of present, absent"),
        ("nat", {"colour": "red"}, "survey_nat_colour: 'red' is given, but type nat has no such option"),
        (
            "nat",
            {"dhcp_range": "{start: 192.168.150.2"},
            "survey_nat_dhcp_range: '{start: 192.168.150.2' is not YAML (line 1: ",
        ),
        (
            "nat",
            {"dhcp_range": "2 to 9"},
            "survey_nat_dhcp_range: '2 to 9' has the wrong form; give a dictionary with start and end",
        ),
        ("nat", {"hosts": "[{mac: 52:54:00:00:00:1, ip: x}]"}, "survey_nat_hosts[0].mac: '52:54:00:00:00:1' "),
        (
            "vlan_trunk",
            {"vlans": "11, 12"},
            "survey_vlan_trunk_vlans: '11, 12' has the wrong form; give a list of dictionaries",
        ),
        ("vlan_trunk", {"vlans": "[{id: 4095}]"}, "survey_vlan_trunk_vlans[0].id: 4095 "),
        ("bridged", {"ports": "ens32"}, "survey_bridged_ports[0]: 'ens32' is also survey_bridged_port"),
    ],
)
def test_a_bad_answer(role: str, given: dict[str, Any], said: str) -> None:
    assert refused(answers(role, **given)).startswith(said)


def test_answers_that_collide() -> None:
    given = {**answers("nat", name="lan"), **answers("isolated", name="lan")}
    assert refused(given) == "survey_isolated_name: 'lan' is also survey_nat_name; give another one"


def test_no_answers_at_all() -> None:
    assert refused({"survey_ticket": "4711"}).startswith(
        "there is no answer of a survey; give variables that begin with "
    )


def test_answers_that_are_no_dictionary() -> None:
    assert "is not a dictionary of variables and answers" in refused([])
