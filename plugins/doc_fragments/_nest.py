# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the text of options is put below another option, so that it is written once and shown wherever it holds."""

from __future__ import annotations

import re
import textwrap

_OPTION = re.compile(r"^(\w+):$", re.MULTILINE)


def options(text: str) -> str:
    """A fragment's document, from the text of its options.

    What is made so is assigned with its type, ``DOCUMENTATION: str = ...``: ansible-test's yamllint reads the value of
    a plain assignment from the source, and stumbles where that isn't a string.
    """
    return "options:\n" + textwrap.indent(text.strip("\n") + "\n", "  ")


def below(text: str, parent: str, depth: int = 1) -> str:
    """``text`` as the suboptions of ``parent``, ``depth`` levels further in.

    References between the options follow: ``O(dns.hosts)`` becomes ``O(networks[].dns.hosts)``. A reference to an
    option that the text doesn't hold is left as it is.
    """
    held = "|".join(_OPTION.findall(text))
    moved = re.sub(rf"\bO\((?=(?:{held})\b)", f"O({parent}.", text)
    return textwrap.indent(moved.strip("\n") + "\n", "  " * depth)
