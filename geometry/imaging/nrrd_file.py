"""NRRD files: volumes, where their voxels lie, and the keys and values that programs add.

The header is read here and not by a library, because it must answer what libraries smooth over: whether it states a
spacing, a unit and an orientation at all, sheared axes, and axes that are no directions of space (phases, layers of a
segmentation). Source: Definition of NRRD file format, https://teem.sourceforge.net/nrrd/format.html.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geometry.imaging.lattice import Lattice, Voxels
from geometry.imaging.phases import choose_phase
from geometry.imaging.plausibility import MILLIMETRE, format_lengths
from geometry.imaging.refusals import (
    check_shape,
    cut_off,
    refuse_missing_spacing,
    refuse_vectors,
    unreadable,
    voxels_elsewhere,
)
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError

EXPECTED = "an NRRD file of one volume"
TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "signed long long int")
    + ("int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
"""Types and what the format calls them."""
SPACES = {
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0),
    "left-posterior-superior": (-1.0, -1.0, 1.0),
    "ras": (1.0, 1.0, 1.0),
    "las": (-1.0, 1.0, 1.0),
    "lps": (-1.0, -1.0, 1.0),
}
"""Spaces that are the patient's, and the signs that turn them to RAS."""
UNITS = {"m": 1.0, "cm": 1.0e-2, "mm": MILLIMETRE, "um": 1.0e-6, "µm": 1.0e-6, "": MILLIMETRE}
"""Units of length [m]; without one, by custom millimetres."""
SPATIAL_KINDS = ("domain", "space")
COLOUR_KINDS = ("color", "vector", "complex", "matrix", "quaternion", "normal", "gradient", "point")
"""Parts of the kinds of axes that hold several values a voxel."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NrrdFile:
    """The content of a file.

    Attributes:
        samples: (n, nx, ny, nz) volumes: phases, layers of a segmentation, or one.
        origin: (3,) centre of the first voxel, RAS [m].
        steps: (3, 3) columns lead from a voxel to the next along each index, RAS [m].
        keys: Keys and values that programs added.
    """

    samples: Voxels
    origin: FloatArray
    steps: FloatArray
    keys: Mapping[str, str]


def read_nrrd(path: Path, *, phase: int | None = None) -> Lattice:
    """Read one volume of an NRRD file; see `load_nrrd`."""
    content = load_nrrd(path)
    names = [f"volume {number + 1}" for number in range(len(content.samples))]
    chosen = choose_phase(names, phase, where=str(path))
    return Lattice(voxels=content.samples[chosen], origin=content.origin, steps=content.steps)


def load_nrrd(path: Path) -> NrrdFile:
    """Read an NRRD file (.nrrd, .nhdr): all volumes, and the keys.

    Raises:
        ImageError: The file is cut off or damaged, no volume, has no spacing, or an unknown space, unit or encoding.
    """
    where = str(path)
    content = path.read_bytes()
    fields, keys, start = _parse_header(content, where)
    try:
        sizes = [int(size) for size in fields["sizes"].split()]
        code = next(code for code, names in TYPES.items() if fields["type"].lower() in names)
    except (KeyError, ValueError, StopIteration):
        raise unreadable(where, "'sizes' or 'type' of the header", EXPECTED) from None
    if min(sizes, default=0) < 1:
        raise unreadable(where, f"sizes {fields['sizes']}", EXPECTED)
    spatial = _find_spatial_axes(fields, sizes, where)
    order = ">" if fields.get("endian") == "big" else "<"
    values = _read_values(path, content[start:], fields, np.dtype(f"{order}{code}"), int(np.prod(sizes)))
    samples = np.moveaxis(values.reshape(sizes, order="F"), spatial, (-3, -2, -1))
    samples = samples.reshape(-1, *samples.shape[-3:])
    check_shape(samples.shape[1:], where=where)
    origin, steps = _place(fields, spatial, where)
    return NrrdFile(samples=samples, origin=origin, steps=steps, keys=keys)


def _parse_header(content: bytes, where: str) -> tuple[dict[str, str], dict[str, str], int]:
    """Fields, keys, and where the voxels start."""
    if not content.startswith(b"NRRD000"):
        raise unreadable(where, "no NRRD header", EXPECTED)
    ends = [place + len(end) for end in (b"\n\n", b"\r\n\r\n") if (place := content.find(end)) >= 0]
    start = min(ends, default=len(content))
    fields, keys = {}, {}
    for line in content[:start].decode("utf-8", errors="replace").splitlines()[1:]:
        if line.startswith("#") or not line.strip():
            continue
        key, mark, value = line.partition(":=")
        if mark:
            keys[key] = value.replace("\\n", "\n").replace("\\\\", "\\")
            continue
        field, mark, value = line.partition(":")
        if mark:
            name = field.strip().lower()
            fields["data file" if name == "datafile" else name] = value.strip()
    return fields, keys, start


def _find_spatial_axes(fields: Mapping[str, str], sizes: list[int], where: str) -> list[int]:
    """The three axes that are directions of space."""
    axes = list(range(len(sizes)))
    kinds = fields.get("kinds", "").lower().split()
    if "space directions" in fields:
        vectors = _vectors(fields, where)
        if len(vectors) != len(sizes):
            raise unreadable(where, "'space directions' of the header", EXPECTED)
        spatial = [axis for axis in axes if vectors[axis] is not None]
    elif len(kinds) == len(sizes) and any(kind in SPATIAL_KINDS for kind in kinds):
        spatial = [axis for axis in axes if kinds[axis] in SPATIAL_KINDS]
    else:
        spatial = axes[:3]
    others = [axis for axis in axes if axis not in spatial]
    for axis in others:
        if len(kinds) == len(sizes) and any(part in kinds[axis] for part in COLOUR_KINDS):
            refuse_vectors(sizes[axis], where=where)
    if len(spatial) != 3 or len(others) > 1:
        check_shape([sizes[axis] for axis in spatial], where=where)
        refuse_vectors(int(np.prod([sizes[axis] for axis in others])), where=where)
    return spatial


def _vectors(fields: Mapping[str, str], where: str) -> list[FloatArray | None]:
    """Space directions, `none` for axes that have none."""
    try:
        return [
            None if text == "none" else np.array([float(part) for part in text.strip("()").split(",")])
            for text in fields["space directions"].replace(", ", ",").split()
        ]
    except ValueError:
        raise unreadable(where, "'space directions' of the header", EXPECTED) from None


def _place(fields: Mapping[str, str], spatial: list[int], where: str) -> tuple[FloatArray, FloatArray]:
    """(3,) origin and (3, 3) steps [m] in RAS."""
    signs = _turn(fields, where)
    units = fields.get("space units", fields.get("units", '"mm"'))
    found = {unit.strip('"') for unit in units.split()} - {"none", "???", "ms", "s"} or {""}
    unit = found.pop()
    if found or unit not in UNITS:
        raise ImageError(
            "the unit of length is unknown", where=where, value=units, expected=", ".join(filter(None, UNITS))
        )
    if "space directions" in fields:
        vectors = [each for each in _vectors(fields, where) if each is not None]
        if any(vector.shape != (3,) for vector in vectors):
            raise unreadable(where, "'space directions' of the header", EXPECTED)
        steps = np.stack(vectors, axis=1)
    else:
        steps = np.diag(_spacings(fields, spatial, where))
    try:
        text = fields.get("space origin", "(0,0,0)").strip("()")
        origin = np.array([float(part) for part in text.split(",")]).reshape(3)
    except ValueError:
        raise unreadable(where, "'space origin' of the header", EXPECTED) from None
    return UNITS[unit] * signs * origin, UNITS[unit] * signs[:, None] * steps


def _turn(fields: Mapping[str, str], where: str) -> FloatArray:
    """(3,) signs that turn the file's space to RAS."""
    space = fields.get("space", "").lower()
    if not space:
        _log.warning(
            "%s does not say where left and right are; its axes are taken as left, back, head", where
        )
        return np.array(SPACES["lps"])
    if space not in SPACES:
        raise ImageError(
            "the space of the image is not the patient's",
            where=where,
            value=space,
            expected=", ".join(name for name in SPACES if "-" in name),
            remedy="export the scan again with its orientation",
        )
    return np.array(SPACES[space])


def _spacings(fields: Mapping[str, str], spatial: list[int], where: str) -> FloatArray:
    try:
        every = [float(text) for text in fields["spacings"].split()]
        spacing = np.array([every[axis] for axis in spatial])
    except (KeyError, ValueError, IndexError):
        refuse_missing_spacing(where)
    if not np.all(spacing > 0.0):
        refuse_missing_spacing(where, format_lengths(MILLIMETRE * spacing))
    return spacing


def _read_values(
    path: Path, attached: bytes, fields: Mapping[str, str], kind: np.dtype[np.generic], count: int
) -> Voxels:
    """(count,) values, from behind the header or from the file that it names."""
    where = str(path)
    content, name = attached, fields.get("data file", "")
    if name:
        source = path.parent / name
        if name.upper().startswith("LIST") or "%" in name or not source.is_file():
            raise voxels_elsewhere(where, name, ".nrrd")
        content = source.read_bytes()
    for _ in range(int(fields.get("line skip", fields.get("lineskip", "0")))):
        content = content.partition(b"\n")[2]
    encoding = fields.get("encoding", "raw").lower()
    try:
        if encoding in ("gzip", "gz"):
            content = gzip.decompress(content)
        elif encoding in ("bzip2", "bz2"):
            content = bz2.decompress(content)
        elif encoding in ("text", "txt", "ascii"):
            content = np.array(content.split(), dtype=np.float64).astype(kind).tobytes()
        elif encoding != "raw":
            raise unreadable(where, f"encoding '{encoding}'", EXPECTED)
    except (EOFError, OSError, ValueError, zlib.error):
        raise cut_off(where) from None
    size = count * kind.itemsize
    skipped = int(fields.get("byte skip", fields.get("byteskip", "0")))
    content = content[-size:] if skipped == -1 else content[skipped : skipped + size]
    if len(content) < size:
        raise cut_off(where)
    return np.frombuffer(content, dtype=kind)
