"""NIfTI files: one volume and where its voxels lie.

The header is read here and not by a library, because it must answer what libraries smooth over: whether it states a
spacing, a unit and an orientation at all, and sheared axes. Source: NIfTI-1 and NIfTI-2 standards, nifti1.h and
nifti2.h, https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from geometry.imaging.lattice import Lattice
from geometry.imaging.phases import choose_phase
from geometry.imaging.refusals import check_shape, cut_off, refuse_missing_spacing, refuse_vectors
from hemoplan.arrays import FloatArray
from hemoplan.errors import ImageError

type Order = Literal["<", ">"]

GZIP_MAGIC = b"\x1f\x8b"
FIELDS_1: dict[str, tuple[str, int]] = {
    "dim": ("8i2", 40),
    "datatype": ("i2", 70),
    "pixdim": ("8f4", 76),
    "vox_offset": ("f4", 108),
    "scl_slope": ("f4", 112),
    "scl_inter": ("f4", 116),
    "xyzt_units": ("u1", 123),
    "qform_code": ("i2", 252),
    "sform_code": ("i2", 254),
    "quatern": ("3f4", 256),
    "qoffset": ("3f4", 268),
    "srow": ("(3,4)f4", 280),
    "magic": ("S4", 344),
}
FIELDS_2: dict[str, tuple[str, int]] = {
    "magic": ("S4", 4),
    "datatype": ("i2", 12),
    "dim": ("8i8", 16),
    "pixdim": ("8f8", 104),
    "vox_offset": ("i8", 168),
    "scl_slope": ("f8", 176),
    "scl_inter": ("f8", 184),
    "qform_code": ("i4", 344),
    "sform_code": ("i4", 348),
    "quatern": ("3f8", 352),
    "qoffset": ("3f8", 376),
    "srow": ("(3,4)f8", 400),
    "xyzt_units": ("i4", 500),
}
VERSIONS = {348: FIELDS_1, 540: FIELDS_2}
"""Type and offset of what is needed of the header, by its size."""
TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
COLOURS = {32: 2, 128: 3, 1792: 2, 2304: 4}
"""Types with several numbers a voxel (complex, RGB, RGBA), and how many."""
LENGTHS = {0: 1.0e-3, 1: 1.0, 2: 1.0e-3, 3: 1.0e-6}
"""Units of length [m]; 0 is unknown, by custom millimetres."""
TIMES = {8: 1.0e3, 16: 1.0, 24: 1.0e-3}
"""Units of time [ms]."""
SAME_SPACING = 0.01
"""Largest relative difference between the two spacings that a header states."""

_log = logging.getLogger(__name__)


def read_nifti(path: Path, *, phase: int | None = None) -> Lattice:
    """Read one volume of a NIfTI-1 or NIfTI-2 file (.nii, .nii.gz).

    Where the header has both, the affine of the scanner (`sform`) goes before the quaternion (`qform`), as in nibabel.

    Raises:
        ImageError: The file is cut off, is no NIfTI file, has no spacing, colours, or phases and none is chosen.
    """
    where = str(path)
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == GZIP_MAGIC
        with cast(BinaryIO, gzip.open(path)) if packed else path.open("rb") as file:
            header, order = _read_header(file, where)
            return _read_volume(file, header, order, phase, where)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise cut_off(where) from None


def _read_header(file: BinaryIO, where: str) -> tuple[Any, Order]:
    start = file.read(540)
    orders: tuple[Order, ...] = ("<", ">")
    for order in orders:
        size = int(np.frombuffer(start[:4].ljust(4, b"\0"), dtype=f"{order}i4")[0])
        if size not in VERSIONS or len(start) < size:
            continue
        names, fields = zip(*VERSIONS[size].items(), strict=True)
        formats, offsets = zip(*fields, strict=True)
        layout = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})
        header = np.frombuffer(start[:size], dtype=layout.newbyteorder(order))[0]
        if header["magic"] in (b"n+1", b"n+2"):
            return header, order
    raise ImageError(
        "cannot read the image",
        where=where,
        value="no NIfTI header",
        expected="a NIfTI file that holds header and voxels (.nii, .nii.gz)",
        remedy="export the scan again; pairs of .hdr and .img must be converted first",
    )


def _read_volume(file: BinaryIO, header: Any, order: Order, phase: int | None, where: str) -> Lattice:
    dimensions = int(header["dim"][0])
    if not 1 <= dimensions <= 7:
        raise ImageError("cannot read the image", where=where, value=f"{dimensions} dimensions")
    shape = [int(size) for size in header["dim"][1 : dimensions + 1]]
    code = int(header["datatype"])
    if code in COLOURS or int(np.prod(shape[4:])) > 1:
        refuse_vectors(COLOURS.get(code, int(np.prod(shape[4:]))), where=where)
    if code not in TYPES:
        raise ImageError("cannot read the image", where=where, value=f"NIfTI data type {code}")
    check_shape(shape[:3], where=where)
    lattice_steps, origin = _place(header, where)
    count = shape[3] if len(shape) > 3 else 1
    chosen = choose_phase(_name_phases(header, count), phase, where=where)
    kind = np.dtype(f"{order}{TYPES[code]}")
    size = int(np.prod(shape[:3])) * kind.itemsize
    file.seek(int(header["vox_offset"]) + chosen * size)
    content = file.read(size)
    if len(content) < size:
        raise cut_off(where)
    voxels: NDArray[np.generic] = np.frombuffer(content, dtype=kind).reshape(shape[:3], order="F")
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope not in (0.0, 1.0) or intercept != 0.0:
        if slope != 0.0 and np.isfinite(slope) and np.isfinite(intercept):
            voxels = voxels * slope + intercept  # type: ignore[operator]
    return Lattice(voxels=voxels.astype(np.float32), origin=origin, steps=lattice_steps)


def _place(header: Any, where: str) -> tuple[FloatArray, FloatArray]:
    """(3, 3) steps and (3,) origin [m]; NIfTI counts in RAS, as we do."""
    sizes = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    units = int(header["xyzt_units"]) & 7
    if np.any(sizes <= 0.0) or not np.all(np.isfinite(sizes)):
        refuse_missing_spacing(where, " × ".join(f"{size:g}" for size in sizes))
    affine = np.asarray(header["srow"], dtype=np.float64)
    stated = int(header["sform_code"]) > 0
    if units == 0 and np.all(sizes == 1.0) and (not stated or _is_trivial(affine)):
        refuse_missing_spacing(where)
    if units not in LENGTHS:
        raise ImageError("the unit of length is unknown", where=where, value=f"NIfTI unit {units}")
    metre = LENGTHS[units]
    if stated:
        _check_affine(affine[:, :3], sizes, where)
        return metre * affine[:, :3], metre * affine[:, 3]
    if int(header["qform_code"]) > 0:
        mirror = np.array([1.0, 1.0, -1.0 if header["pixdim"][0] < 0.0 else 1.0])
        turned = _rotation(np.asarray(header["quatern"], dtype=np.float64)) * sizes * mirror
        return metre * turned, metre * np.asarray(header["qoffset"], dtype=np.float64)
    _log.warning("%s does not say where left and right are; its axes are taken as right, front, head", where)
    return metre * np.diag(sizes), np.zeros(3)


def _is_trivial(affine: FloatArray) -> bool:
    """Whether an affine matrix says nothing: what programs write for an array whose grid they do not know."""
    return np.array_equal(np.abs(affine[:, :3]), np.eye(3)) and not affine[:, 3].any()


def _check_affine(steps: FloatArray, sizes: FloatArray, where: str) -> None:
    """The header says the spacing twice; for sheared axes either the distance along them or across may be meant."""
    lengths = np.linalg.norm(steps, axis=0)
    if np.all(lengths > 0.0):
        shear = 1.0 - abs(float(np.linalg.det(steps))) / float(np.prod(lengths))
        if np.all(np.abs(sizes / lengths - 1.0) <= SAME_SPACING + shear):
            return
    raise ImageError(
        "the header contradicts itself on the spacing",
        where=where,
        value=f"{' × '.join(f'{size:.4g}' for size in sizes)} by 'pixdim', "
        f"{' × '.join(f'{length:.4g}' for length in lengths)} by the affine matrix",
        expected="the same",
        remedy="export the scan again, or correct the header with your image software",
    )


def _rotation(vector: FloatArray) -> FloatArray:
    """(3, 3) rotation of a unit quaternion by its vector part; its real part is not negative."""
    b, c, d = vector
    a = np.sqrt(max(0.0, 1.0 - float(vector @ vector)))
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def _name_phases(header: Any, count: int) -> list[str]:
    unit, step = TIMES.get(int(header["xyzt_units"]) & 56, 0.0), float(header["pixdim"][4])
    if unit * step > 0.0:
        return [f"{number * step * unit:g} ms" for number in range(count)]
    return [f"volume {number + 1}" for number in range(count)]
