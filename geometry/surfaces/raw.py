"""Triangles as they come from elsewhere: nothing about them is promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geometry.surfaces.surface import WALL_TAG, Surface
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.patch import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A named set of triangles of a file.

    Attributes:
        tag: Marks its triangles in `RawSurface.patch_id`.
        name: As in the file.
        role: What it does, by its name.
    """

    tag: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSurface:
    """Triangles that may be open, folded, turned inside out or in several pieces.

    Attributes:
        points: (n, 3) vertices, world coordinates (RAS) [m].
        triangles: (m, 3) vertex indices.
        patch_id: (m,) tag of each triangle; 1 is the wall.
        groups: What the tags mean, the wall left out; empty where the file names none.
        source: Where they come from, for messages.
    """

    points: FloatArray
    triangles: IntArray
    patch_id: IntArray
    groups: tuple[Group, ...] = ()
    source: str = "surface"

    def renewed(self, points: FloatArray, triangles: IntArray, patch_id: IntArray) -> RawSurface:
        """Other triangles of the same groups and source, without vertices that none of them uses."""
        used, renumbered = np.unique(triangles, return_inverse=True)
        return RawSurface(
            points=points[used],
            triangles=renumbered.reshape(-1, 3).astype(np.int64),
            patch_id=patch_id,
            groups=self.groups,
            source=self.source,
        )


def as_raw(surface: Surface | RawSurface, *, source: str = "surface") -> RawSurface:
    """Any surface without its promises; the openings become groups."""
    if isinstance(surface, RawSurface):
        return surface
    return RawSurface(
        points=surface.points,
        triangles=surface.triangles,
        patch_id=surface.patch_id,
        groups=tuple(Group(tag=each.tag, name=each.name, role=each.role) for each in surface.openings),
        source=source,
    )


def no_triangles() -> RawSurface:
    """A surface without any."""
    return wall_only(np.empty((0, 3)), np.empty((0, 3), dtype=np.int64))


def wall_only(points: FloatArray, triangles: IntArray, *, source: str = "surface") -> RawSurface:
    """Triangles that are all wall."""
    return RawSurface(
        points=np.asarray(points, dtype=np.float64),
        triangles=np.asarray(triangles, dtype=np.int64).reshape(-1, 3),
        patch_id=np.full(len(triangles), WALL_TAG, dtype=np.int64),
        source=source,
    )
