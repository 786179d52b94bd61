"""gmsh as a filler of closed triangle surfaces. The only module that imports gmsh (GPL-2+, optional)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import partial
from types import ModuleType

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError, ResourceError

_TRIANGLE, _TETRAHEDRON = 2, 4
_TO_GMSH = 1e3
"""gmsh's geometric tolerances are absolute and made for lengths of order 1, so it is given millimetres."""


class Algorithm(IntEnum):
    """3D algorithms, by gmsh's numbers."""

    DELAUNAY = 1
    HXT = 10


SizeField = Callable[[float, float, float], float]
"""Coordinates [m] to the wanted edge length [m]; infinite where nothing is wanted."""


def fill(
    points: FloatArray,
    triangles: IntArray,
    *,
    algorithm: Algorithm,
    size_at: SizeField | None = None,
) -> tuple[FloatArray, IntArray]:
    """Fill a closed triangle surface with tetrahedra; the triangles are kept as they are.

    The edge lengths of the surface are carried on into the volume. One thread, so that a mesh can be made again.

    Args:
        points: (n, 3) vertices of the surface [m].
        triangles: (m, 3) counter-clockwise seen from outside.
        algorithm: gmsh's 3D algorithm.
        size_at: Finer size than the surface's, where wanted.

    Returns:
        Points (those of the surface first, in their order) and positive tetrahedra.

    Raises:
        MeshError: gmsh cannot fill the surface; the message holds gmsh's own reason.
        ResourceError: gmsh is not installed.
    """
    with _session() as gmsh:
        gmsh.option.setNumber("Mesh.Algorithm3D", int(algorithm))
        surface = gmsh.model.addDiscreteEntity(2)
        gmsh.model.mesh.addNodes(2, surface, np.arange(1, len(points) + 1), (_TO_GMSH * points).ravel())
        gmsh.model.mesh.addElementsByType(surface, _TRIANGLE, [], (triangles + 1).ravel())
        gmsh.model.geo.addVolume([gmsh.model.geo.addSurfaceLoop([surface])])
        gmsh.model.geo.synchronize()
        if size_at is not None:
            gmsh.model.mesh.setSizeCallback(partial(_size_in_gmsh, size_at))
        try:
            gmsh.model.mesh.generate(3)
        except Exception as error:  # gmsh raises bare Exception
            raise _failure(_reason(gmsh, error)) from error
        tags, coordinates, _ = gmsh.model.mesh.getNodes()
        _, corners = gmsh.model.mesh.getElementsByType(_TETRAHEDRON)
        reason = _reason(gmsh, "no cells were made")
    if len(corners) == 0:
        raise _failure(reason)
    return _renumber(points, tags, coordinates, corners)


def _size_in_gmsh(
    size_at: SizeField, _dimension: int, _tag: int, x: float, y: float, z: float, size: float
) -> float:
    return min(size, _TO_GMSH * size_at(x / _TO_GMSH, y / _TO_GMSH, z / _TO_GMSH))


def _renumber(
    surface_points: FloatArray, tags: IntArray, coordinates: FloatArray, corners: IntArray
) -> tuple[FloatArray, IntArray]:
    """Vertices of the surface first and bit for bit, then the vertices that gmsh added."""
    tags = tags.astype(np.int64)
    order = np.argsort(tags)
    inner = order[tags[order] > len(surface_points)]
    index = np.full(int(tags.max()) + 1, -1, dtype=np.int64)
    index[1 : len(surface_points) + 1] = np.arange(len(surface_points))
    index[tags[inner]] = len(surface_points) + np.arange(len(inner))
    points = np.vstack([surface_points, coordinates.reshape(-1, 3)[inner] / _TO_GMSH])
    tetrahedra = index[corners.astype(np.int64)].reshape(-1, 4)
    a, b, c, d = (points[tetrahedra[:, corner]] for corner in range(4))
    flipped = np.einsum("ij,ij->i", np.cross(b - a, c - a), d - a) < 0.0
    tetrahedra[flipped] = tetrahedra[flipped][:, [0, 2, 1, 3]]
    return points, tetrahedra


@contextmanager
def _session() -> Iterator[ModuleType]:
    """A quiet gmsh that leaves signal handlers alone, in a model of its own."""
    try:
        import gmsh
    except (ImportError, OSError) as error:
        raise ResourceError(
            "gmsh, which makes the volume mesh, cannot be loaded",
            where="mesh",
            value=error,
            remedy="install it with `pip install gmsh`, or run `hemoplan doctor`",
        ) from error
    gmsh.initialize(readConfigFiles=False, interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("General.NumThreads", 1)
        gmsh.option.setNumber("Mesh.OptimizeThreshold", 0.35)
        gmsh.logger.start()
        yield gmsh
    finally:
        gmsh.finalize()


def _failure(reason: str) -> MeshError:
    return MeshError("gmsh cannot fill the surface with cells", where="mesh", value=reason)


def _reason(gmsh: ModuleType, error: object) -> str:
    """gmsh's first error message, or what it raised."""
    messages = [line for line in gmsh.logger.get() if line.startswith("Error")]
    return (messages[0] if messages else str(error)).removeprefix("Error: ")
