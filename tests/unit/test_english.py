# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Tests of the language that users read: verbs at the beginning of task names and docstrings, and phrases not to use.

CONTRIBUTING, "Words", has the glossary.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]

# Verbs that may begin the name of a task or a play. Molecule's own (Converge, Destroy, ...) are among them.
VERBS = frozenset(
    """
    Add Apply Assert Boot Change Check Clean Close Commit Configure Connect Converge Copy Create Cut Define Delete Derive
    Destroy Disable Disconnect Enable Fail Gather Include Install Limit List Load Measure Move Open Ping Predict Prepare
    Read Reboot Reconnect Reload Remove Rename Report Reset Restart Restore Roll Run Save Set Show Start Stop Store Test
    Update Validate Verify Wait Write
    """.split()
)

# Markdown, and files whose comments and texts users read, as patterns below the checkout.
TEXTS = (
    *("README.md", "CONTRIBUTING.md", "TESTING.md", "docs/**/*.md", "tests/lab/README.md"),
    *("roles/**/*.md", "roles/**/*.yml", "roles/**/*.sh", "roles/**/*.j2"),
    *("playbooks/*.yml", "extensions/molecule/**/*.yml", "extensions/molecule/**/*.sh", "plugins/filter/*.yml"),
)

# Python whose strings, docstrings too, must not have these phrases: directories with everything below them, or files.
CODE = (
    "plugins/module_utils",
    *("plugins/doc_fragments", "plugins/filter", "plugins/modules", "plugins/plugin_utils"),
    *("tests/unit/test_english.py",),
)

# Python whose functions have docstrings that begin with a verb, as above.
DOCSTRINGS = CODE

# A phrase as a regular expression, what to write instead, and an example that the expression finds.
FORBIDDEN = (
    (r"\b(bring|brings|brought|bringing)( \w+)? about\b", "apply, create, cause", "bring them about"),
    (r"\b(come|comes|came|coming) about\b", "happen, follow", "what comes about"),
    (r"\b(come|comes|came) to as\b|\bthat \w+ (\w+ )?comes? to\b", "the result of", "the options that it comes to"),
    (r"\b(is|are|be|was|were) let be\b|\b(be|is|are) let\b", "may, is not changed", "what is let be"),
    (r"\b(is|are|be|been|was|were|being) told\b", "gets, reads, is passed", "it is told to read them"),
    (r"\btells? (so|of it)\b", "reports", "nothing tells so"),
    (r"\bheed(s|ed)?\b", "accept, obey", "whether tags are heeded"),
    (r"\bas yet\b", "yet", "not there as yet"),
    (r"\bbut for\b", "except", "all but for one"),
    (r"\bheirs?\b", "takes over", "the heir of the NIC"),
    (r"\bwho(m)?ever\b", "every program that, the one that", "whoever opens it"),
    (r"\bwanted\b", "desired, given, requested", "what is wanted"),
    (r"\bforese(e|es|en|ing)\b", "predict", "what is foreseen"),
    (r"\bforetold\b", "predicted", "as it was foretold"),
    (r"\banew\b", "again", "made anew"),
    (r"\b(made|make|makes|making) (again|so|exactly so|known)\b", "create again, apply", "removed and made again"),
    (r"\bno more\b(?! than)", "no longer, remove", "have the interfaces no more"),
    (r"\b(whole|entire) list\b", "complete list", "the whole list of ports"),
    (r"\bwhole truth\b", "complete definition", "it is the whole truth"),
    (r"\bthe very\b", "the same, own", "the very connection"),
    (r"\bspeaks?\b", "uses, has", "a bridge that speaks STP"),
    (r"\b(?<!hot-)(un)?plug(s|ged|ging)?\b(?! --| d\d|`)(?<!guest plug)", "connect, reconnect", "plugged in again"),
    (r"\bhang(s|ing)? on\b", "use, be connected to", "guests hang on it"),
    (r"\bsits? on\b", "be on top of", "what sits on it"),
    (r"\bone another\b", "each other", "guests reach one another"),
    (r"\bnobody\b|\bsomebody\b|\banybody\b", "no program, another user, any machine", "nobody is there"),
    (r"\bpass(ed|es)? over\b", "ignore", "names are passed over"),
    (r"\bfor ever\b", "permanently, without a lifetime", "stored, it is for ever"),
    (r"\bbe it\b", "either, both", "interfaces, be it a bridge or a tap"),
    (r"\bmeans? nothing\b", "has no meaning", "their order means nothing"),
    (r"\bcounts? no more\b", "has no effect", "the file counts no more"),
    (r"\bmade (it )?up\b|\bmakes? (it |one )?up\b", "generated, chosen", "what the kernel has made up"),
    (r"\bsees? to (it|that)\b", "ensures", "it sees to it that"),
    (r"\blooks? after\b", "manages", "who looks after it"),
    (r"\bin one go\b", "in one run", "does them in one go"),
    (r"\bset about\b|\bgo(es)? about\b", "begins", "it goes about it"),
    (r"\bsomething else of\b", "changed", "the host made something else of it"),
    (r"\bneeds? each other\b", "dependency cycle", "these need each other"),
    (r"\bof (one's|its|their) own accord\b", "by itself", "of its own accord"),
    (r"\bwith nobody\b|\bby other hands\b", "without a user, by other means", "restarted by other hands"),
    (r"\b(as|since) who\b|\bby who\b|\bwho (it|asks|opens|adopts)\b", "the program that", "taken over by who adopts"),
    (r"\bhave what\b", "install, have the", "have what they need"),
)
_FORBIDDEN = tuple((re.compile(pattern, re.IGNORECASE), instead) for pattern, instead, _example in FORBIDDEN)

# First words of docstrings that end like a verb in the third person, and aren't one.
_NO_VERBS = frozenset(
    """
    This Its Is Has Was As Does Addresses Bridges Changes Commands Drivers Errors Facts Files Fields Guests Hosts Interfaces
    Items Keys Kinds Libvirts Lines Links Lists Names Networks Numbers Options Others Parts Ports Processes Rows Routes
    Settings Steps Taps Texts Things Those Tools Types Units Users Values Versions Vlans Words
    """.split()
)


# ---- names of tasks


def _tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Yields plays and tasks, including those in blocks."""
    for item in node if isinstance(node, list) else []:
        if not isinstance(item, dict) or not any(_is_action(key) for key in item):
            continue
        yield item
        for key in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from _tasks(item.get(key))


def _is_action(key: str) -> bool:
    return key in ("hosts", "block") or key.count(".") >= 2


def _constants(path: Path) -> dict[str, str]:
    """Returns the strings that the file assigns at its top level."""
    return {
        node.targets[0].id: node.value.value
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _examples_of_a_module(path: Path) -> list[Any]:
    return [yaml.safe_load(_constants(path).get("EXAMPLES", ""))]


def _examples_of_a_filter(path: Path) -> list[Any]:
    return [yaml.safe_load(yaml.safe_load(path.read_text())["EXAMPLES"])]


def _examples_of_a_page(path: Path) -> list[Any]:
    blocks = re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(block) for block in blocks]


def _playbook(path: Path) -> list[Any]:
    return [yaml.safe_load(path.read_text())]


_SOURCES: tuple[tuple[Callable[[Path], list[Any]], tuple[str, ...]], ...] = (
    (_playbook, ("roles/*/tasks/*.yml", "roles/*/handlers/*.yml", "playbooks/*.yml", "extensions/molecule/**/*.yml")),
    (_examples_of_a_module, ("plugins/modules/*.py",)),
    (_examples_of_a_filter, ("plugins/filter/*.yml",)),
    (_examples_of_a_page, ("*.md", "docs/**/*.md", "roles/*/README.md", "tests/lab/README.md")),
)


def _found(patterns: tuple[str, ...]) -> list[Path]:
    return sorted({path for pattern in patterns for path in CHECKOUT.glob(pattern) if path.name != "__init__.py"})


def _documents() -> list[Any]:
    """Returns a parameter for each file that has tasks."""
    return [
        pytest.param(tasks, id=path.relative_to(CHECKOUT).as_posix())
        for read, patterns in _SOURCES
        for path in _found(patterns)
        if (tasks := [task for document in read(path) for task in _tasks(document)])
    ]


@pytest.mark.parametrize("tasks", _documents())
def test_task_begins_with_a_verb(tasks: list[dict[str, Any]]) -> None:
    names = [task.get("name", "") for task in tasks]
    assert not [name for name in names if name.partition(" ")[0] not in VERBS]


def test_tasks_are_found_everywhere() -> None:
    found = {parameter.id.partition("/")[0] for parameter in _documents()}
    assert found >= {"README.md", "docs", "extensions", "playbooks", "plugins", "roles"}


# ---- phrases


def _strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the string constants of a Python file, docstrings too, with their lines; not those of `FORBIDDEN`."""
    tree = ast.parse(path.read_text())
    rules = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "FORBIDDEN"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in rules:
            yield node.lineno, node.value


def _text(path: Path) -> str:
    """Returns the text of a file, without the glossary, which names the words not to use."""
    return re.sub(r"^## Words\n.*?(?=^## )", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def _mistakes(text: str) -> list[str]:
    """Returns the forbidden phrases of a text, with a few words around each."""
    text = " ".join(re.sub(r"^\s*(#|//)", "", text, flags=re.MULTILINE).split())
    return [
        f"...{text[max(0, match.start() - 30) : match.end() + 30]}... (instead: {instead})"
        for pattern, instead in _FORBIDDEN
        for match in pattern.finditer(text)
    ]


def _code(names: tuple[str, ...]) -> list[Path]:
    """Returns the Python files of the directories and files. Raises an error for a name that doesn't exist."""
    roots = [CHECKOUT / name for name in names]
    assert all(root.exists() for root in roots), "a name in CODE or DOCSTRINGS doesn't exist"
    return sorted({path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py"))})


def _id(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("path", _found(TEXTS), ids=_id)
def test_text_has_no_forbidden_phrase(path: Path) -> None:
    assert not _mistakes(_text(path))


@pytest.mark.parametrize("path", _code(CODE), ids=_id)
def test_string_has_no_forbidden_phrase(path: Path) -> None:
    assert not [f"line {line}: {mistake}" for line, text in _strings(path) for mistake in _mistakes(text)]


@pytest.mark.parametrize(("pattern", "example"), [(pattern, example) for pattern, _instead, example in FORBIDDEN])
def test_phrase_is_found(pattern: str, example: str) -> None:
    assert re.search(pattern, example, re.IGNORECASE)


# ---- docstrings


def _functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Yields the functions that have a docstring, except properties and tests."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("test_") or not ast.get_docstring(node):
            continue
        if not any("property" in ast.unparse(decorator) for decorator in node.decorator_list):
            yield node


@pytest.mark.parametrize("path", _code(DOCSTRINGS), ids=_id)
def test_docstring_begins_with_a_verb(path: Path) -> None:
    first = {node.name: (ast.get_docstring(node) or "").split()[0].rstrip(".,:;") for node in _functions(path)}
    wrong = {
        name: word for name, word in first.items() if not re.fullmatch(r"[A-Z][a-z-]+s", word) or word in _NO_VERBS
    }
    assert not wrong
