"""Surfaces of any origin: STL, VTP, OBJ and PLY, and the boundaries of volume meshes, to RAS and metres."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Literal

import meshio
import numpy as np
import pyvista as pv

from geometry.surfaces.mending import merge_points
from geometry.surfaces.raw import Group, RawSurface, as_raw, no_triangles
from geometry.surfaces.surface import LARGEST_EXTENT, WALL_TAG, from_polydata
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Role
from hemoplan.spelling import hint

type Unit = Literal["m", "cm", "mm"]
type Frame = Literal["RAS", "LPS"]

METRES: dict[str, float] = {"m": 1.0, "cm": 1.0e-2, "mm": 1.0e-3}
SMALLEST_EXTENT = 3.0e-3
"""No vessel that is planned on is shorter [m]."""
_USUAL = (5.0e-3, 0.6)
"""Extents of vessels [m], by which the likely unit is told."""
_SURFACES = (".stl", ".vtp", ".obj", ".ply", ".vtk")
_VOLUMES = (".msh", ".vtu", ".xdmf", ".mesh", ".inp", ".med")
_FACES = ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1))
"""Faces of a positive tetrahedron, seen from outside counter-clockwise."""
_HEADER = 4096
"""Bytes at the beginning of a file in which 3D Slicer says the frame."""


def read_any(path: Path, *, unit: Unit, frame: Frame | None = None) -> RawSurface:
    """Read triangles from a file.

    Points that coincide are merged. Of a volume mesh the boundary is read; named groups of triangles become openings,
    the inlets by their names. 3D Slicer writes `SPACE=LPS` or `SPACE=RAS` into its files; that is obeyed.

    Args:
        path: STL (binary or text), VTP, OBJ, PLY or VTK; MSH, VTU, XDMF and others that meshio reads.
        unit: Of the coordinates.
        frame: Of the coordinates; by default what the file says, and RAS where it says nothing.

    Raises:
        SurfaceError: The file is missing, empty or no surface; its size says that the unit is wrong; or the file says
            another frame than asked for.
    """
    where = str(path)
    if unit not in METRES:
        raise SurfaceError("unknown unit", where=where, value=unit, expected=hint(str(unit), METRES))
    if not path.is_file():
        raise SurfaceError("there is no such surface", where=where, remedy="check the path")
    if path.stat().st_size == 0:
        raise SurfaceError("the file is empty", where=where, remedy="export the surface again")
    suffix = path.suffix.lower()
    if suffix in _SURFACES:
        raw = _read_surface(path)
    elif suffix in _VOLUMES:
        raw = _read_volume(path)
    else:
        raise SurfaceError(
            "unknown kind of file",
            where=where,
            value=suffix or "no suffix",
            expected=f"one of {', '.join((*_SURFACES, *_VOLUMES))}",
        )
    if not len(raw.triangles):
        raise SurfaceError("the file holds no triangles", where=where, expected="the surface of a lumen")
    _check_size(raw.points, unit, where)
    turn = np.array([-1.0, -1.0, 1.0]) if _choose_frame(path, frame) == "LPS" else np.ones(3)
    return merge_points(replace(raw, points=METRES[unit] * turn * raw.points, source=path.name))


def _read_surface(path: Path) -> RawSurface:
    try:
        # What VTK prints about a broken file is said in the error instead.
        with pv.VtkErrorCatcher(raise_errors=False, send_to_logging=False), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mesh = pv.read(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    if isinstance(mesh, pv.UnstructuredGrid):
        mesh = mesh.extract_surface(algorithm="dataset_surface")
    if not isinstance(mesh, pv.PolyData):
        raise SurfaceError(
            "the file holds no surface",
            where=str(path),
            value=type(mesh).__name__,
            expected="triangles around a lumen",
            remedy="export the surface as STL or VTP",
        )
    mesh = mesh.triangulate()
    if not mesh.n_cells or mesh.n_cells == mesh.n_lines + mesh.n_verts:
        return no_triangles()
    return as_raw(from_polydata(mesh))


def _read_volume(path: Path) -> RawSurface:
    try:
        mesh = meshio.read(path)
    except (OSError, ValueError, KeyError, meshio.ReadError, SystemExit) as error:
        raise _unreadable(path, error) from None
    points = np.zeros((len(mesh.points), 3))
    points[:, : mesh.points.shape[1]] = mesh.points
    cells = [block.data[:, :4] for block in mesh.cells if block.type.startswith("tetra")]
    triangles, tags = _named_triangles(mesh)
    if cells:
        outside = _boundary(points, np.vstack(cells).astype(np.int64))
        tags = _carry_tags(outside, triangles, tags, len(points))
        triangles = outside
    elif not len(triangles):
        surface = pv.from_meshio(mesh).extract_surface(algorithm="dataset_surface").triangulate()
        return as_raw(from_polydata(surface)) if surface.n_cells else no_triangles()
    names = {int(entry[0]): name for name, entry in mesh.field_data.items() if int(entry[1]) == 2}
    openings = {tag: name for tag, name in names.items() if "wall" not in name.lower()}
    patch_id = np.full(len(triangles), WALL_TAG, dtype=np.int64)
    groups = []
    for number, (tag, name) in enumerate(sorted(openings.items()), start=WALL_TAG + 1):
        if (tags == tag).any():
            patch_id[tags == tag] = number
            role = Role.INLET if re.search("inlet|inflow", name.lower()) else Role.OUTLET
            groups.append(Group(tag=number, name=name, role=role))
    used, renumbered = np.unique(triangles, return_inverse=True)
    return RawSurface(
        points=points[used],
        triangles=renumbered.reshape(-1, 3).astype(np.int64),
        patch_id=patch_id,
        groups=tuple(groups),
    )


def _named_triangles(mesh: meshio.Mesh) -> tuple[IntArray, IntArray]:
    """(k, 3) triangles of a mesh and the (k,) tags of their groups, 0 where they have none."""
    marks = mesh.cell_data.get("gmsh:physical", [])
    triangles: list[IntArray] = [np.empty((0, 3), dtype=np.int64)]
    tags: list[IntArray] = [np.empty(0, dtype=np.int64)]
    for number, block in enumerate(mesh.cells):
        if block.type.startswith("triangle"):
            triangles.append(block.data[:, :3].astype(np.int64))
            count = len(block.data)
            mark = np.asarray(marks[number]) if number < len(marks) else np.zeros(count)
            tags.append(mark.astype(np.int64))
    return np.vstack(triangles), np.concatenate(tags)


def _boundary(points: FloatArray, cells: IntArray) -> IntArray:
    """(b, 3) faces that belong to one tetrahedron, counter-clockwise seen from outside."""
    a, b, c, d = (points[cells[:, corner]] for corner in range(4))
    negative = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) < 0.0
    cells = np.where(negative[:, None], cells[:, [0, 2, 1, 3]], cells)
    faces = np.concatenate([cells[:, face] for face in _FACES])
    _, first, counts = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    return np.asarray(faces[np.sort(first[counts == 1])])


def _carry_tags(outside: IntArray, triangles: IntArray, tags: IntArray, count: int) -> IntArray:
    """(b,) tags of boundary faces, from triangles with the same corners."""

    def key(faces: IntArray) -> IntArray:
        low, middle, high = np.sort(faces, axis=1).T
        return np.asarray((low * count + middle) * count + high)

    if not len(triangles):
        return np.zeros(len(outside), dtype=np.int64)
    known = key(triangles)
    order = np.argsort(known)
    wanted = key(outside)
    place = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    found = known[order][place] == wanted
    return np.asarray(np.where(found, tags[order][place], 0))


def _check_size(points: FloatArray, unit: str, where: str) -> None:
    finite = points[np.isfinite(points).all(axis=1)]
    sides = np.ptp(finite, axis=0) if len(finite) else np.zeros(3)
    extent = METRES[unit] * float(sides.max())
    if SMALLEST_EXTENT <= extent <= LARGEST_EXTENT:
        return
    shown = " × ".join(f"{METRES[unit] * side:.3g}" for side in sides)
    likely = [
        f"'{other}' ({1e3 * factor * float(sides.max()):.3g} mm from end to end)"
        for other, factor in METRES.items()
        if _USUAL[0] <= factor * float(sides.max()) <= _USUAL[1]
    ]
    raise SurfaceError(
        f"the surface is too {'large' if extent > LARGEST_EXTENT else 'small'} for a vessel",
        where=where,
        value=f"{shown} m if its unit is '{unit}'",
        expected=f"{1e3 * SMALLEST_EXTENT:g} mm to {LARGEST_EXTENT:g} m from end to end",
        remedy=f"say unit {' or '.join(likely)}" if likely else "check the unit and what the file holds",
    )


def _choose_frame(path: Path, frame: Frame | None) -> Frame:
    with path.open("rb") as file:
        said = re.search(rb"SPACE\s*=\s*(LPS|RAS)", file.read(_HEADER))
    header: Frame | None = None if said is None else ("LPS" if said.group(1) == b"LPS" else "RAS")
    if frame is not None and header is not None and frame != header:
        raise SurfaceError(
            "the file says another frame than the one asked for",
            where=str(path),
            value=f"SPACE={header} in the file, '{frame}' asked for",
            remedy="leave the frame out, so that the file is obeyed, or correct the file's header",
        )
    return frame or header or "RAS"


def _unreadable(path: Path, error: BaseException) -> SurfaceError:
    return SurfaceError(
        "cannot read the surface",
        where=str(path),
        value=error,
        expected=f"a file of kind {path.suffix}",
        remedy="export it again as STL or VTP",
    )
