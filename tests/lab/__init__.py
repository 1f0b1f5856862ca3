# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""The lab: hosts with libvirt to run the collection on, made from Debian packages. See README.md."""

from __future__ import annotations

from .machine import LabError, Machine, create, get, inventory, known

__all__ = ["LabError", "Machine", "create", "get", "inventory", "known"]
