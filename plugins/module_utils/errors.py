# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own errors. All code below the runner raises these and nothing else.

A message is one sentence: the subject, the problem, and after a semicolon what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class VirtnetError(Exception):
    """A failure that the user sees as one sentence."""


class OptionError(VirtnetError):
    """An option has a value that is not possible; found before the host was changed.

    ``option`` is the path as the user wrote it (``ips[0].dhcp.ranges[1].start``); an empty one is all that was given.
    ``problem`` reads on from the value, and ends with the remedy: ``is too small; use 68 to 65535``. Where the value is
    ``None``, it reads on from the option: ``is missing; give the name of an interface``.
    """

    def __init__(self, option: str, value: object, problem: str) -> None:
        super().__init__(f"{option}: {problem}" if value is None else f"{option}: {value!r} {problem}")
        self.option = option
        self.value = value
        self.problem = problem

    def under(self, parent: str) -> OptionError:
        """Returns the same error with the option's path below ``parent``."""
        joint = "" if not self.option or self.option.startswith("[") else "."
        return OptionError(f"{parent}{joint}{self.option}", self.value, self.problem)


@contextmanager
def under(path: str) -> Iterator[None]:
    """Puts the paths of options below ``path`` in the errors that are raised inside; an empty path changes nothing."""
    try:
        yield
    except OptionError as error:
        if not path:
            raise
        raise error.under(path) from None


class HostError(VirtnetError):
    """The host refused to do something, or failed at it.

    ``doing`` is what was tried, in the words of a step where a step tried it (``start network lan``); ``cause`` is the
    system's own message.
    """

    def __init__(self, doing: str, cause: object) -> None:
        super().__init__(f"{doing}: {cause}")
        self.doing = doing
        self.cause = str(cause)


class NoLibvirtError(VirtnetError):
    """The host has no libvirt at all, and so no networks and guests of it."""

    def __init__(self) -> None:
        super().__init__(
            "libvirt is not installed on this host; install it, or use the role virtnet.kvm.host, which does that"
        )


class MissingLibraryError(VirtnetError):
    """A Python library is not installed on the host; ``trace`` is the traceback of its import."""

    def __init__(self, library: str, trace: str = "") -> None:
        super().__init__(f"the Python library {library} is missing on the host")
        self.library = library
        self.trace = trace
