# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only use of lxml: text to elements and back, with what libvirt's documents need and nothing more."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional, Protocol, cast

from ..errors import MissingLibraryError, VirtnetError

try:
    from lxml import etree
except ImportError:
    _MISSING: Optional[str] = traceback.format_exc()
else:
    _MISSING = None


class Element(Protocol):
    """What is used of an lxml element (its stubs take every string for bytes, too)."""

    tag: Any
    text: Optional[str]
    attrib: dict[str, str]

    def __iter__(self) -> Iterator[Element]: ...
    def __len__(self) -> int: ...
    def items(self) -> Iterable[tuple[str, str]]: ...
    def get(self, name: str, default: Optional[str] = None) -> Any: ...
    def keys(self) -> Iterable[str]: ...
    def set(self, name: str, value: str) -> None: ...
    def append(self, child: Element) -> None: ...
    def find(self, path: str) -> Optional[Element]: ...
    def iterfind(self, path: str) -> Iterator[Element]: ...


class NotXmlError(VirtnetError):
    """A text that should have been an XML document and isn't."""


@functools.cache
def _parser() -> Any:
    if _MISSING is not None:
        raise MissingLibraryError("lxml", _MISSING)
    # libvirt drops blanks and comments too. The declared encoding doesn't count: what we get is decoded already.
    return etree.XMLParser(
        encoding="utf-8",
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
    )


def parse_document(text: str) -> Element:
    """The root element of a document."""
    parser = _parser()
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise NotXmlError(f"not well-formed XML: {error}") from None
    return cast(Element, root)


def new(tag: str) -> Element:
    """A root element."""
    _parser()
    return cast(Element, etree.Element(tag))


def add(parent: Element, tag: str, nsmap: Optional[Mapping[str, str]] = None) -> Element:
    """A new last child."""
    return cast(Element, etree.SubElement(cast(Any, parent), tag, nsmap=cast(Any, nsmap)))


def canonical_text(element: Element) -> str:
    """An element by itself as text, the same for all its spellings (exclusive C14N: only the namespaces it uses)."""
    text: bytes = etree.tostring(cast(Any, element), method="c14n", exclusive=True, with_tail=False)
    return text.decode("utf-8")


def to_text(element: Element, pretty: bool = False) -> str:
    """An element as text."""
    text: str = etree.tostring(cast(Any, element), pretty_print=pretty, encoding="unicode", with_tail=False)
    return text
