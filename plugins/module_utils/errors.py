# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own errors; everything below the runner raises these and nothing else."""

from __future__ import annotations

from typing import Any


class VirtnetError(Exception):
    """A failure that is told to the user in one sentence."""


class OptionError(VirtnetError):
    """An option has a value that can't be, found before anything was touched.

    ``option`` is the path as the user wrote it (``ips[0].dhcp.ranges[1].start``), ``expected`` completes the
    sentence "expected ...".
    """

    def __init__(self, option: str, value: Any, expected: str) -> None:
        super().__init__(f"{option}: {value!r} can't be used: expected {expected}")
        self.option = option
        self.value = value
        self.expected = expected

    def under(self, parent: str) -> OptionError:
        """The same error with the option's path below ``parent``."""
        joint = "" if self.option.startswith("[") else "."
        return OptionError(f"{parent}{joint}{self.option}", self.value, self.expected)


class HostError(VirtnetError):
    """The host refused or failed at something: what was tried, and the system's own words."""

    def __init__(self, doing: str, cause: object) -> None:
        super().__init__(f"{doing}: {cause}")
        self.doing = doing


class MissingLibraryError(VirtnetError):
    """A Python library isn't there on the host."""

    def __init__(self, library: str, trace: str = "") -> None:
        super().__init__(f"the Python library {library} is missing on the host")
        self.library = library
        self.trace = trace
