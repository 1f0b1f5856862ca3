# Copyright (c) 2026, virtnet.kvm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text to elements and back, with what libvirt's documents need and nothing more. Nothing else uses lxml."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import Optional, Protocol, cast

from ..errors import MissingLibraryError, VirtnetError

try:
    from lxml import etree
except ImportError:
    _MISSING: Optional[str] = traceback.format_exc()
else:
    _MISSING = None


class Element(Protocol):
    """What is used of an lxml element; lxml's own stubs allow bytes for each string."""

    tag: str
    text: Optional[str]
    attrib: dict[str, str]

    def iterchildren(self, tag: str) -> Iterator[Element]: ...
    def items(self) -> Iterable[tuple[str, str]]: ...
    def keys(self) -> Iterable[str]: ...
    def set(self, name: str, value: str) -> None: ...
    def append(self, child: Element) -> None: ...
    def insert(self, index: int, child: Element) -> None: ...
    def remove(self, child: Element) -> None: ...
    def iterfind(self, path: str) -> Iterator[Element]: ...


class NotXmlError(VirtnetError):
    """A text that should have been an XML document and isn't."""


@functools.cache
def _parser() -> etree.XMLParser:
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
    """Returns the root element of a document; raises `NotXmlError`, or `MissingLibraryError` where lxml is missing."""
    parser = _parser()
    try:
        return cast(Element, etree.fromstring(text.encode("utf-8"), parser))
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise NotXmlError(f"not well-formed XML: {error}") from None


def new(tag: str) -> Element:
    """Returns a new root element; raises `MissingLibraryError` where lxml is missing."""
    _parser()
    return cast(Element, etree.Element(tag))


def add(parent: Element, tag: str, nsmap: Optional[Mapping[str, str]] = None) -> Element:
    """Adds a last child, and returns it."""
    return cast(Element, etree.SubElement(_lxml(parent), tag, nsmap=nsmap))


def canonical_text(element: Element) -> str:
    """Returns an element by itself as text, the same for all its spellings.

    This is exclusive C14N: of the namespaces, it has only those that the element uses.
    """
    return etree.tostring(_lxml(element), method="c14n", exclusive=True, with_tail=False).decode("utf-8")


def to_text(element: Element, pretty: bool = False) -> str:
    """Returns an element as text."""
    return etree.tostring(_lxml(element), pretty_print=pretty, encoding="unicode", with_tail=False)


def _lxml(element: Element) -> etree._Element:
    return cast("etree._Element", element)
