# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""`script/lab`: the lab by hand."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
