# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All parts of a checkpoint, in the order in which they are restored."""

from __future__ import annotations

from typing import Any

from ..part import Part
from .files import FILES
from .firewall import FIREWALL
from .interfaces import INTERFACES
from .link_local import LINK_LOCAL
from .routes import ROUTES
from .shaping import SHAPING

PARTS: tuple[Part[Any], ...] = (FILES, FIREWALL, INTERFACES, LINK_LOCAL, ROUTES, SHAPING)
