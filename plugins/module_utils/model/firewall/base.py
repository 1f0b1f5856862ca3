# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all sets of firewall rules share: the mark of packets that pass, and where it is set back.

libvirt rejects what it doesn't know in a chain of its own, and so does a policy of Docker or ufw. One rule at the head of each such
chain accepts what is marked. The mark is there from our chains in ``forward`` to the end of it, so that routing and traffic
control don't see it.
"""

from __future__ import annotations

from .nft import Chain, Table, hook

MASK = "0x10000000"
# What default rules allow has this mark. It passes where nothing else has decided: at the end of a chain that drops by its policy.
DEFAULT_MASK = "0x20000000"
_OTHER_BITS = "0xcfffffff"
# In nft's words and in iptables', which must not read rules that it doesn't know.
MARKED = f"meta mark & {MASK} == {MASK} accept"


def marked_iptables(mask: str) -> tuple[str, ...]:
    """Returns the rule of iptables that accepts packets with a mark."""
    return ("-m", "mark", "--mark", f"{mask}/{mask}", "-m", "comment", "--comment", "virtnet.kvm", "-j", "ACCEPT")


_FIRST, _LAST = -10, 150


def base_table() -> Table:
    """Returns the table that takes the marks away before our chains set them, and when a packet leaves."""
    rule = f"meta mark set meta mark & {_OTHER_BITS}"
    return Table(
        "virtnet_base",
        chains=(
            Chain("forward", (rule,), hook("filter", "forward", _FIRST)),
            Chain("postrouting", (rule,), hook("filter", "postrouting", _LAST)),
        ),
    )
