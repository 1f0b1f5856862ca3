# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""libvirt's Python binding, and its errors in the collection's own."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from typing import Any

from ...errors import HostError, MissingLibraryError

try:
    import libvirt

    LIBVIRT_TRACE = ""
except ImportError:
    libvirt = None
    LIBVIRT_TRACE = traceback.format_exc()


def require() -> Any:
    """The binding; raises `MissingLibraryError` where it isn't installed."""
    if libvirt is None:
        raise MissingLibraryError("libvirt", LIBVIRT_TRACE)
    return libvirt


@contextlib.contextmanager
def asking(doing: str) -> Iterator[None]:
    """Turn libvirt's errors into `HostError` in libvirt's own words."""
    try:
        yield
    except libvirt.libvirtError as error:
        raise HostError(doing, error.get_error_message() or str(error)) from error


def connect(uri: str) -> Any:
    """Open a connection; raises `HostError` that says what to look at."""
    binding = require()
    # the default handler prints every error on stderr, besides raising it
    binding.registerErrorHandler(lambda _context, _error: None, None)
    try:
        return binding.open(uri)
    except binding.libvirtError as error:
        text = error.get_error_message() or str(error)
        code = error.get_error_code()
        refusals = (binding.VIR_ERR_AUTH_UNAVAILABLE, binding.VIR_ERR_AUTH_FAILED, binding.VIR_ERR_ACCESS_DENIED)
        if code in refusals or "ermission denied" in text:
            hint = "may this user manage libvirt? become: true is the usual answer"
        elif code in (binding.VIR_ERR_SYSTEM_ERROR, binding.VIR_ERR_RPC):
            hint = "is libvirtd (or virtqemud and virtnetworkd) running?"
        else:
            hint = "is the uri spelled right?"
        raise HostError(f"uri: no connection to {uri}", f"{text} ({hint})") from error
