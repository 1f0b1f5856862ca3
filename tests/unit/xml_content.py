# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""What an XML document says, whatever its spelling: libvirt doesn't care in which order it finds elements of different tags."""

from __future__ import annotations

from typing import Any

from lxml import etree


def content(text: str) -> tuple[Any, ...]:
    """Returns the content of a document; equal for two documents that differ only in prefixes, blanks and order."""
    return _content(etree.fromstring(text))


def _content(element: Any) -> tuple[Any, ...]:
    children = sorted(element, key=lambda child: child.tag)  # a stable sort: those of one tag keep their order
    words = element.text or ""
    return element.tag, sorted(element.items()), words.strip() and words, [_content(child) for child in children]
