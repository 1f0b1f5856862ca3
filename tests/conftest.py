# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Makes `import ansible_collections.virtnet.kvm...` mean this checkout, wherever it lies and however pytest is started."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

CHECKOUT = Path(__file__).resolve().parents[1]


def _provide_collection() -> None:
    parent = None
    for name, path in (("ansible_collections", []), ("virtnet", []), ("kvm", [str(CHECKOUT)])):
        full_name = f"{parent.__name__}.{name}" if parent else name
        package = ModuleType(full_name)
        package.__path__ = path
        sys.modules[full_name] = package
        if parent:
            setattr(parent, name, package)
        parent = package


_provide_collection()
