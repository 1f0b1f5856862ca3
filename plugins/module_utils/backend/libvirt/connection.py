# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to libvirt, and libvirt's errors as the collection's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ...errors import HostError, MissingLibraryError
from .binding import IMPORT_TRACE, LIBVIRT, LibvirtError, LibvirtModule, VirConnect


def libvirt_module() -> LibvirtModule:
    """Returns libvirt's Python binding; raises `MissingLibraryError` where it isn't installed."""
    if LIBVIRT is None:
        raise MissingLibraryError("libvirt", IMPORT_TRACE)
    return LIBVIRT


@contextlib.contextmanager
def libvirt_errors(doing: str) -> Iterator[None]:
    """Raises libvirt's errors as `HostError`: what was tried, and libvirt's own words."""
    try:
        yield
    except libvirt_module().libvirtError as error:
        raise HostError(doing, message_of(error)) from error


def message_of(error: LibvirtError) -> str:
    """Returns the words of libvirt's error."""
    return error.get_error_message() or str(error)


def connect(uri: str) -> VirConnect:
    """Opens a connection; raises `HostError` that says what to look at."""
    libvirt = libvirt_module()
    # the default handler prints every error on stderr, besides raising it
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        return libvirt.open(uri)
    except libvirt.libvirtError as error:
        text = message_of(error)
        code = error.get_error_code()
        refusals = (libvirt.VIR_ERR_AUTH_UNAVAILABLE, libvirt.VIR_ERR_AUTH_FAILED, libvirt.VIR_ERR_ACCESS_DENIED)
        if code in refusals or "ermission denied" in text:
            hint = "set become: true, or use a user who may manage libvirt"
        elif code in (libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_RPC):
            hint = "check that libvirtd, or virtqemud and virtnetworkd, is running"
        else:
            hint = "check the spelling of the uri"
        raise HostError(f"uri: no connection to {uri}", f"{text} ({hint})") from error
