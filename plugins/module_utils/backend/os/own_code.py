# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own code as files, for copies that run on the host: Ansible removes what it has sent when the module ends."""

from __future__ import annotations

import importlib.util
import io
import marshal
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator

PACKAGE = "ansible_collections.virtnet.kvm.plugins.module_utils"
_BELOW = PACKAGE.replace(".", "/") + "/"


def copy(directory: str) -> None:
    """Copies the code to a directory, whose former content is removed. Raises `OSError` or `zipfile.BadZipFile`.

    Python keeps the files compiled there, so that the next start is faster.
    """
    shutil.rmtree(directory, ignore_errors=True)
    for name, content in sources():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as handle:
            handle.write(content)


def archive(main: str = "") -> bytes:
    """Returns the code as an archive, which Python imports from. With ``main`` it also runs it, and what is loaded now is compiled.

    Raises `OSError` or `zipfile.BadZipFile`.
    """
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED if main else zipfile.ZIP_STORED) as found:
        for name, content in sources():
            found.writestr(name, content)
            if main and _module(name) in sys.modules:
                found.writestr(f"{name}c", _compiled(name, content))
        parts = PACKAGE.split(".")[:-1]
        for length in range(1, len(parts) + 1):
            # zipimport takes no directory for a package that has no such file
            found.writestr("/".join((*parts[:length], "__init__.py")), "")
        if main:
            found.writestr("__main__.py", main)
    return held.getvalue()


def is_current(path: str, main: str) -> bool:
    """Returns whether an archive is one of this code.

    Each module comes with the code that it needs. So what only one of the two has is no difference: what an archive lacks is
    imported by a file that is another one then.
    """
    try:
        with zipfile.ZipFile(path) as found:
            names = set(found.namelist())
            if found.read("__main__.py") != main.encode():
                return False
            return all(found.read(name) == content for name, content in sources() if name in names)
    except (OSError, KeyError, zipfile.BadZipFile):
        return False


def sources() -> Iterator[tuple[str, bytes]]:
    """Yields the files of this package from where it was imported: the archive that Ansible sends, or a directory."""
    sent = getattr(globals().get("__loader__"), "archive", None)
    if sent:
        with zipfile.ZipFile(sent) as content:
            for name in content.namelist():
                if name.startswith(_BELOW) and name.endswith(".py"):
                    yield name, content.read(name)
        return
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for parent, directories, names in os.walk(top):
        directories[:] = [name for name in directories if name != "__pycache__"]
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(parent, name)
                with open(path, "rb") as handle:
                    yield _BELOW + os.path.relpath(path, top), handle.read()


def _module(name: str) -> str:
    return name[: -len(".py")].replace("/", ".")


def _compiled(name: str, content: bytes) -> bytes:
    """Returns a compiled file that isn't compared with its source (PEP 552), and is ignored by another version of Python."""
    code = compile(content, name, "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)
