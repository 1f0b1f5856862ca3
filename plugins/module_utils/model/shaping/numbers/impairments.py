# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Impairments, which netem does: from options to the kernel's numbers, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional

from ....errors import OptionError
from ..options import Impair, LossModel
from . import units
from .tree import Values, values

_LIMIT = 1000  # packets (netem's default in iproute2's tc/q_netem.c)
_PARTS = ("delay_correlation", "loss_correlation", "duplicate", "duplicate_correlation")
_MORE_PARTS = ("corrupt", "corrupt_correlation", "reorder", "reorder_correlation")
# What only makes sense beside another option.
_NEEDS = (
    ("jitter", "delay"),
    ("delay_correlation", "jitter"),
    ("distribution", "jitter"),
    ("loss_correlation", "loss"),
    ("duplicate_correlation", "duplicate"),
    ("corrupt_correlation", "corrupt"),
    ("reorder", "delay"),
    ("reorder_correlation", "reorder"),
    ("gap", "reorder"),
)


def _part(text: Optional[str], default: int = 0) -> int:
    return units.part(text) if text is not None else default


def impair_values(impair: Impair) -> Values:
    """Returns the numbers of an impairment. Raises `OptionError`."""
    for name, needed in _NEEDS:
        if getattr(impair, name) is not None and getattr(impair, needed) is None:
            raise OptionError(name, getattr(impair, name), f"needs {needed}; give that too, or leave it out")
    if impair.loss is not None and impair.loss_model is not None:
        raise OptionError("loss", impair.loss, "can't be given beside loss_model; give one of them")
    found = {
        "limit": impair.limit or _LIMIT,
        "delay": units.nanoseconds(impair.delay) if impair.delay else 0,
        "jitter": units.nanoseconds(impair.jitter) if impair.jitter else 0,
        "rate": units.bytes_per_second(impair.rate) if impair.rate else 0,
        "loss": _part(impair.loss),
        "gap": impair.gap or (1 if impair.reorder else 0),
        "seed": impair.seed or 0,
        **{name: _part(getattr(impair, name)) for name in (*_PARTS, *_MORE_PARTS)},
    }
    if impair.loss_model is not None:
        model = impair.loss_model
        # r, 1-h and 1-k as tc takes them; without r the state is left at once (q_netem.c)
        p = _part(model.p)
        found.update(
            model_p=p,
            model_r=_part(model.r, units.WHOLE - p),
            model_h=units.WHOLE - _part(model.bad, units.WHOLE),
            model_k=_part(model.good),
        )
    return values({name: value for name, value in found.items() if value or name == "limit"})


def impair_of(held: Mapping[str, int], distribution: str) -> Impair:
    """Returns the options of an impairment that the kernel has."""

    def part(name: str) -> Optional[str]:
        return units.part_text(held[name]) if name in held else None

    def time(name: str) -> Optional[str]:
        return units.time_text(held[name]) if name in held else None

    model = None
    if "model_p" in held or "model_r" in held:
        model = LossModel(
            p=units.part_text(held.get("model_p", 0)),
            r=units.part_text(held.get("model_r", 0)),
            bad=units.part_text(units.WHOLE - held.get("model_h", 0)),
            good=units.part_text(held.get("model_k", 0)),
        )
    return Impair(
        delay=time("delay"),
        jitter=time("jitter"),
        distribution=distribution or None,
        loss_model=model,
        loss=part("loss"),
        rate=units.rate_text(held["rate"]) if "rate" in held else None,
        gap=held["gap"] if held.get("gap", 0) > 1 else None,
        limit=held.get("limit"),
        seed=held.get("seed"),
        **{name: part(name) for name in (*_PARTS, *_MORE_PARTS)},
    )
