"""Triangulated vessel surfaces with named patches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista as pv

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import SurfaceError
from hemoplan.patch import Patch, Role

WALL_TAG = 1
"""Tag of the wall; openings count from 2."""
LARGEST_EXTENT = 2.0
"""No vessel is longer [m]; the coordinates of a longer one are in another unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A closed, outward-oriented triangle surface whose openings are flat caps with names.

    Attributes:
        points: (n, 3) vertices, world coordinates (RAS) [m].
        triangles: (m, 3) vertex indices, counter-clockwise seen from outside.
        patch_id: (m,) tag of each triangle; 1 is the wall, openings count from 2.
        patches: The wall first, then the openings in the order of their tags. Empty before openings are cut.
    """

    points: FloatArray
    triangles: IntArray
    patch_id: IntArray
    patches: tuple[Patch, ...] = ()

    def patch(self, name: str) -> Patch:
        """The patch of a name.

        Raises:
            SurfaceError: There is none.
        """
        for patch in self.patches:
            if patch.name == name:
                return patch
        raise SurfaceError(
            "there is no such patch",
            value=name,
            expected=f"one of {', '.join(patch.name for patch in self.patches)}",
        )

    @property
    def openings(self) -> tuple[Patch, ...]:
        """All patches but the wall."""
        return tuple(patch for patch in self.patches if patch.role is not Role.WALL)


def area_vectors(points: FloatArray, triangles: IntArray) -> FloatArray:
    """(m, 3) area-weighted outward normals of triangles [m²]."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.asarray(0.5 * np.cross(b - a, c - a))


def vertex_normals(points: FloatArray, triangles: IntArray) -> FloatArray:
    """(n, 3) outward unit normals at the vertices, the area-weighted mean of the triangles around each."""
    vectors = area_vectors(points, triangles)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], vectors)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.maximum(lengths, np.finfo(np.float64).tiny))


def describe_patch(points: FloatArray, triangles: IntArray, *, name: str, role: Role, tag: int) -> Patch:
    """Measure area, centroid and normal of the triangles of one patch."""
    vectors = area_vectors(points, triangles)
    areas = np.linalg.norm(vectors, axis=1)
    centre = (areas[:, None] * points[triangles].mean(axis=1)).sum(axis=0) / areas.sum()
    normal = (
        vectors.sum(axis=0) / np.linalg.norm(vectors.sum(axis=0)) if role is not Role.WALL else np.zeros(3)
    )
    x, y, z = (float(value) for value in centre)
    nx, ny, nz = (float(value) for value in normal)
    return Patch(
        name=name, role=role, tag=tag, area=float(areas.sum()), centre=(x, y, z), normal=(nx, ny, nz)
    )


def check_closed(surface: Surface, *, where: str) -> None:
    """Check that every edge joins two triangles in opposite directions, and that normals point outwards.

    Raises:
        SurfaceError: The surface leaks, has a fold or is inside out; the message tells where the first defect is.
    """
    if surface.triangles.shape[0] == 0:
        raise SurfaceError("the surface is empty", where=where)
    triangles = surface.triangles
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ordered = np.sort(edges, axis=1)
    unique, index, counts = np.unique(ordered, axis=0, return_inverse=True, return_counts=True)
    direction = np.where(edges[:, 0] < edges[:, 1], 1, -1)
    balance = np.bincount(index.ravel(), weights=direction, minlength=len(unique))
    bad = np.flatnonzero((counts != 2) | (balance != 0))
    if bad.size:
        x, y, z = 1e3 * surface.points[unique[bad[0]]].mean(axis=0)
        kind = (
            "an open edge (a hole)"
            if counts[bad[0]] == 1
            else "an edge that does not join exactly two triangles"
        )
        raise SurfaceError(
            "the surface is not watertight",
            where=where,
            value=f"{bad.size} bad edges; the first is {kind} near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
            expected="a closed surface",
            remedy="smooth or repair the surface there, or segment again",
        )
    if enclosed_volume(surface) <= 0.0:
        raise SurfaceError(
            "the surface is inside out", where=where, expected="normals that point out of the lumen"
        )


def enclosed_volume(surface: Surface) -> float:
    """Volume that a closed surface encloses [m³], by the divergence theorem."""
    centroids = surface.points[surface.triangles].mean(axis=1)
    return float((area_vectors(surface.points, surface.triangles) * centroids).sum() / 3.0)


def to_polydata(surface: Surface) -> pv.PolyData:
    """PyVista mesh with the cell array `patch_id` and the patches' names and roles as field data."""
    mesh = pv.PolyData.from_regular_faces(surface.points, surface.triangles)
    mesh.cell_data["patch_id"] = surface.patch_id.astype(np.int32)
    if surface.patches:
        mesh.field_data["patch_names"] = [patch.name for patch in surface.patches]
        mesh.field_data["patch_roles"] = [patch.role.value for patch in surface.patches]
        mesh.field_data["patch_tags"] = np.array([patch.tag for patch in surface.patches], dtype=np.int32)
    return mesh


def from_polydata(mesh: pv.PolyData) -> Surface:
    """Surface of a PyVista mesh; all wall where it has no `patch_id`."""
    triangulated = mesh.triangulate()
    points = np.asarray(triangulated.points, dtype=np.float64)
    triangles = np.asarray(triangulated.regular_faces, dtype=np.int64)
    if "patch_id" not in triangulated.cell_data:
        return Surface(
            points=points, triangles=triangles, patch_id=np.full(len(triangles), WALL_TAG, dtype=np.int64)
        )
    patch_id = np.asarray(triangulated.cell_data["patch_id"], dtype=np.int64)
    patches: tuple[Patch, ...] = ()
    if "patch_names" in mesh.field_data:
        names = [str(name) for name in mesh.field_data["patch_names"]]
        roles = [Role(str(role)) for role in mesh.field_data["patch_roles"]]
        tags = [int(tag) for tag in mesh.field_data["patch_tags"]]
        patches = tuple(
            describe_patch(points, triangles[patch_id == tag], name=name, role=role, tag=tag)
            for name, role, tag in zip(names, roles, tags, strict=True)
        )
    return Surface(points=points, triangles=triangles, patch_id=patch_id, patches=patches)


def write_surface(path: Path, surface: Surface) -> None:
    """Write a VTP file in metres."""
    to_polydata(surface).save(path)


def read_surface(path: Path) -> Surface:
    """Read a VTP, STL, PLY or OBJ file whose coordinates are metres.

    Raises:
        SurfaceError: The file is missing, holds no triangles, or its coordinates are no metres.
    """
    if not path.is_file():
        raise SurfaceError("there is no such surface", where=str(path))
    try:
        mesh = pv.read(path)
    except (OSError, ValueError) as error:
        raise SurfaceError("cannot read the surface", where=str(path), value=error) from error
    if not isinstance(mesh, pv.PolyData) or mesh.n_cells == 0:
        raise SurfaceError("the file holds no surface", where=str(path), expected="a file of triangles")
    surface = from_polydata(mesh)
    extent = float(np.ptp(surface.points, axis=0).max())
    if not extent < LARGEST_EXTENT:
        raise SurfaceError(
            "the surface is too large for a vessel",
            where=str(path),
            value=f"{extent:g} m from end to end",
            expected=f"coordinates in metres, at most {LARGEST_EXTENT:g} m from end to end",
            remedy="if the file is in millimetres, scale it by 0.001",
        )
    return surface
