# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What `script/test` runs (steps, hosts), when (plan), how (runner, processes, owners), and what it says (report, telling)."""
