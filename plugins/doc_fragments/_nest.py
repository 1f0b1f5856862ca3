# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places the text of options below another option, so that each text is written once and used in several documents."""

from __future__ import annotations

import re
import textwrap

_OPTION = re.compile(r"^(\w+):$", re.MULTILINE)


def options(text: str) -> str:
    """Returns the document of a fragment, from the text of its options.

    Assign the result with its type, ``DOCUMENTATION: str = ...``. ansible-test's yamllint reads the value of a plain
    assignment from the source, and fails if that value isn't a string.
    """
    return "options:\n" + textwrap.indent(text.strip("\n") + "\n", "  ")


def below(text: str, parent: str, depth: int = 1) -> str:
    """Returns ``text`` as the suboptions of ``parent``, indented by ``depth`` levels.

    References between these options are adapted: ``O(dns.hosts)`` becomes ``O(networks[].dns.hosts)``. A reference to
    an option that isn't in the text stays as it is.
    """
    held = "|".join(_OPTION.findall(text))
    moved = re.sub(rf"\bO\((?=(?:{held})\b)", f"O({parent}.", text)
    return textwrap.indent(moved.strip("\n") + "\n", "  " * depth)
