"""Copyright, date and place of a picture, taken out of all else that its file says."""

import re
import struct
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from pimenton.metadata import Metadata, read_metadata

_EXIF, _GPS = 0x8769, 0x8825
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SPACES = {
    "x": "adobe:ns:meta/",
    "rdf": _RDF,
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
}


@dataclass(frozen=True)
class Kind:
    """Where something is said.

    Attributes
    ----------
    tags : tuple of int
        Tags of EXIF's first directory.
    exif_tags : tuple of int
        Tags of its second.
    has_place : bool
        Whether the directory of the place belongs to it.
    properties : str
        Pattern of properties of XMP, prefix and name.
    texts : tuple of bytes
        Keywords of PNG's texts.
    """

    tags: tuple[int, ...] = ()
    exif_tags: tuple[int, ...] = ()
    has_place: bool = False
    properties: str = ""
    texts: tuple[bytes, ...] = ()


KINDS = {
    "copyright": Kind(tags=(0x8298,), properties=r"dc:rights|xmpRights:\w+", texts=(b"Copyright",)),
    "creation": Kind(
        exif_tags=(0x9003, 0x9011, 0x9291),
        properties=r"xmp:CreateDate|photoshop:DateCreated|exif:DateTimeOriginal",
        texts=(b"Creation Time",),
    ),
    "location": Kind(has_place=True, properties=r"exif:GPS\w+"),
}


def preserved(data: bytes, names: frozenset[str]) -> Metadata:
    """Read what is to be kept of a file.

    Parameters
    ----------
    data : bytes
        The file's content; what is damaged in it is passed over.
    names : frozenset of str
        Keys of ``KINDS``.

    Returns
    -------
    Metadata
        Without a resolution.
    """
    if not names:
        return Metadata()
    kinds = [KINDS[name] for name in sorted(names)]
    found = read_metadata(data, keep="keep")
    return Metadata(
        exif=_exif(found.exif, kinds),
        xmp=_xmp(found.xmp, "|".join(kind.properties for kind in kinds)),
        texts=tuple(
            (kind, body)
            for kind, body in found.texts
            if any(body.partition(b"\0")[0] in kept.texts for kept in kinds)
        ),
    )


def _exif(exif: bytes, kinds: list[Kind]) -> bytes:
    if not exif:
        return b""
    from PIL import Image

    kept, tags = Image.Exif(), Image.Exif()
    # Damaged metadata raises errors of many kinds, and is no reason to refuse the picture.
    try:
        tags.load(b"Exif\0\0" + exif.removeprefix(b"Exif\0\0"))
        for kind in kinds:
            _copy(kept, tags, kind.tags)
            _copy(kept.get_ifd(_EXIF), tags.get_ifd(_EXIF), kind.exif_tags)
            if kind.has_place:
                place = dict(tags.get_ifd(_GPS))
                _copy(kept.get_ifd(_GPS), place, tuple(place))
        for directory in (_EXIF, _GPS):
            if inner := dict(kept.get_ifd(directory)):
                kept[directory] = inner
        return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else b""
    except (ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError,
            AttributeError, struct.error):  # fmt: skip
        return b""


def _copy(target: Any, source: Any, tags: tuple[int, ...]) -> None:
    for tag in tags:
        if tag in source:
            target[tag] = source[tag]


def _xmp(packet: bytes, pattern: str) -> bytes:
    """Make a packet of the properties that are kept, as they are written."""
    # Entities can make much of little.
    if not packet or b"<!" in packet:
        return b""
    try:
        tree = ElementTree.fromstring(packet.strip(b"\0"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return b""
    names = {
        f"{{{space}}}{name}": f"{prefix}:{name}"
        for prefix, space in _SPACES.items()
        for name in _names_in(tree, space)
    }
    kept = {tag for tag, name in names.items() if re.fullmatch(pattern, name)}
    description = ElementTree.Element(f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""})
    for found in tree.iter(f"{{{_RDF}}}Description"):
        for tag, value in found.attrib.items():
            if tag in kept:
                description.set(tag, value)
        description.extend(child for child in found if child.tag in kept)
    if len(description) == 0 and len(description.attrib) == 1:
        return b""
    return _written(description)


def _names_in(tree: ElementTree.Element, space: str) -> set[str]:
    start = f"{{{space}}}"
    return {
        tag.removeprefix(start)
        for element in tree.iter()
        for tag in (element.tag, *element.attrib)
        if isinstance(tag, str) and tag.startswith(start)
    }


def _written(description: ElementTree.Element) -> bytes:
    for prefix, space in _SPACES.items():
        ElementTree.register_namespace(prefix, space)
    packet = ElementTree.Element(f"{{{_SPACES['x']}}}xmpmeta")
    ElementTree.SubElement(packet, f"{{{_RDF}}}RDF").append(description)
    return ElementTree.tostring(packet, encoding="unicode").encode()
