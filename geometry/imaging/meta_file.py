"""MetaImage files: one volume and where its voxels lie.

The header is read here and not by a library, because it must answer what libraries smooth over: whether it states a
spacing at all, and sheared axes; and because the library ends the whole program where the file of voxels is missing.
Source: MetaIO documentation, "MetaImage", https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from geometry.imaging.itk_file import TO_RAS
from geometry.imaging.lattice import Lattice, Voxels
from geometry.imaging.phases import choose_phase
from geometry.imaging.plausibility import MILLIMETRE
from geometry.imaging.refusals import (
    check_shape,
    cut_off,
    refuse_missing_spacing,
    refuse_vectors,
    unreadable,
    voxels_elsewhere,
)
from hemoplan.arrays import FloatArray

EXPECTED = "a MetaImage file of one volume"
TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
SYNONYMS = {
    "Position": "Offset",
    "Origin": "Offset",
    "Orientation": "TransformMatrix",
    "Rotation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}
"""Older names of keys."""
UNITS = {"": MILLIMETRE, "?": MILLIMETRE, "mm": MILLIMETRE, "cm": 1.0e-2, "um": 1.0e-6}
"""Units of length [m]; without one, by custom millimetres."""
LAST_KEY = "ElementDataFile"
MOST_LINES = 1000
"""A header has fewer lines than this."""


def read_meta(path: Path, *, phase: int | None = None) -> Lattice:
    """Read one volume of a MetaImage file (.mha, .mhd).

    Raises:
        ImageError: The file is cut off or damaged, is no volume, has no spacing, colours, or phases and none is chosen.
    """
    where = str(path)
    content = path.read_bytes()
    fields, start = _parse_header(content, where)
    sizes = [int(size) for size in _numbers(fields, "DimSize", where)]
    count = len(sizes)
    check_shape(sizes[:3], where=where)
    channels = int(fields.get("ElementNumberOfChannels", "1") or 1)
    if channels != 1 or int(np.prod(sizes[4:])) != 1:
        refuse_vectors(channels * int(np.prod(sizes[4:])), where=where)
    spacing = _spacing(fields, count, where)
    matrix = _numbers(fields, "TransformMatrix", where, np.eye(count).ravel())
    origin = _numbers(fields, "Offset", where, np.zeros(count))
    unit = fields.get("DistanceUnits", "").strip()
    if matrix.size != count * count or origin.size != count or unit not in UNITS:
        raise unreadable(where, "'TransformMatrix', 'Offset' or 'DistanceUnits' of the header", EXPECTED)
    names = [f"volume {number + 1}" for number in range(sizes[3] if count > 3 else 1)]
    chosen = choose_phase(names, phase, where=where)
    voxels = _read_voxels(path, content[start:], fields, [*sizes[:3], len(names)])
    # A line of the matrix is the direction of an axis, in LPS.
    axes = matrix.reshape(count, count)[:3, :3].T
    return Lattice(
        voxels=voxels[..., chosen],
        origin=UNITS[unit] * TO_RAS * origin[:3],
        steps=UNITS[unit] * TO_RAS[:, None] * axes * spacing[:3],
    )


def _parse_header(content: bytes, where: str) -> tuple[dict[str, str], int]:
    """Fields, and where the voxels start."""
    fields: dict[str, str] = {}
    start = 0
    for _ in range(MOST_LINES):
        end = content.find(b"\n", start)
        line = content[start : end if end >= 0 else len(content)].decode("utf-8", errors="replace")
        start = end + 1 if end >= 0 else len(content)
        key, mark, value = line.partition("=")
        if not mark:
            break
        name = key.strip()
        fields[SYNONYMS.get(name, name)] = value.strip()
        if name == LAST_KEY:
            return fields, start
    raise unreadable(where, "no MetaImage header", EXPECTED)


def _numbers(
    fields: Mapping[str, str], name: str, where: str, default: FloatArray | None = None
) -> FloatArray:
    if name not in fields and default is not None:
        return default
    try:
        numbers = np.array([float(text) for text in fields[name].split()])
    except (KeyError, ValueError):
        raise unreadable(where, f"'{name}' of the header", EXPECTED) from None
    if not np.all(np.isfinite(numbers)):
        raise unreadable(where, f"'{name}' of the header", EXPECTED)
    return numbers


def _spacing(fields: Mapping[str, str], count: int, where: str) -> FloatArray:
    name = next((name for name in ("ElementSpacing", "ElementSize") if name in fields), None)
    if name is None:
        refuse_missing_spacing(where)
    spacing = _numbers(fields, name, where)
    if len(spacing) != count:
        raise unreadable(where, f"'{name}' of the header", EXPECTED)
    if not np.all(spacing > 0.0):
        refuse_missing_spacing(where, " × ".join(f"{size:g}" for size in spacing))
    return spacing


def _read_voxels(path: Path, attached: bytes, fields: Mapping[str, str], sizes: list[int]) -> Voxels:
    """(nx, ny, nz, n) values, from behind the header or from the file that it names."""
    where, name = str(path), fields[LAST_KEY]
    content = attached
    if name.upper() != "LOCAL":
        source = path.parent / name
        if not name or name.upper().startswith("LIST") or "%" in name or not source.is_file():
            raise voxels_elsewhere(where, name, ".mha")
        content = source.read_bytes()
    code = TYPES.get(fields.get("ElementType", "").removesuffix("_ARRAY"))
    if code is None:
        raise unreadable(where, "'ElementType' of the header", EXPECTED)
    kind = np.dtype(f"{'>' if _is_true(fields, 'BinaryDataByteOrderMSB') else '<'}{code}")
    size = int(np.prod(sizes)) * kind.itemsize
    try:
        skipped = int(fields.get("HeaderSize", "0"))
        if _is_true(fields, "CompressedData"):
            content = zlib.decompressobj().decompress(content[max(skipped, 0) :], size)
        elif fields.get("BinaryData", "True").lower() == "false":
            content = np.array(content.split(), dtype=np.float64).astype(kind).tobytes()
        else:
            content = content[-size:] if skipped == -1 else content[skipped : skipped + size]
    except (ValueError, OverflowError, zlib.error):
        raise cut_off(where) from None
    if len(content) < size:
        raise cut_off(where)
    return np.frombuffer(content[:size], dtype=kind).reshape(sizes, order="F")


def _is_true(fields: Mapping[str, str], name: str) -> bool:
    return fields.get(name, "").strip().lower() in ("true", "1")
