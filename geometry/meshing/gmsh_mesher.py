"""gmsh as a filler of closed triangle surfaces. The only module that imports gmsh (GPL-2+, optional)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import ModuleType

import numpy as np

from geometry.meshing.quality import cell_volumes
from geometry.meshing.size_field import SizeGrid
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError, ResourceError

_TRIANGLE, _TETRAHEDRON = 2, 4
_TO_GMSH = 1e3
"""gmsh's geometric tolerances are absolute and made for lengths of order 1, so it is given millimetres."""


class Algorithm(IntEnum):
    """3D algorithms, by gmsh's numbers."""

    DELAUNAY = 1
    HXT = 10


_STRETCH = 1.45
"""Mean edge inside a volume over the size that gmsh is asked for, measured on tubes."""
_ANY = 1.0e6
"""Size [mm] that wants nothing."""


def fill(
    points: FloatArray,
    triangles: IntArray,
    *,
    algorithm: Algorithm,
    sizes: SizeGrid | None = None,
) -> tuple[FloatArray, IntArray]:
    """Fill a closed triangle surface with tetrahedra; the triangles are kept as they are.

    The edge lengths of the surface are carried on into the volume. One thread, so that a mesh can be made again: with
    two, each run of HXT gives another mesh.

    Args:
        points: (n, 3) vertices of the surface [m].
        triangles: (m, 3) counter-clockwise seen from outside.
        algorithm: gmsh's 3D algorithm.
        sizes: Finer sizes than the surface's, where wanted.

    Returns:
        Points (those of the surface first, in their order) and positive tetrahedra.

    Raises:
        MeshError: gmsh cannot fill the surface; the message holds gmsh's own reason.
        ResourceError: gmsh is not installed.
    """
    with _session() as gmsh, tempfile.TemporaryDirectory() as folder:
        gmsh.option.setNumber("Mesh.Algorithm3D", int(algorithm))
        surface = gmsh.model.addDiscreteEntity(2)
        gmsh.model.mesh.addNodes(2, surface, np.arange(1, len(points) + 1), (_TO_GMSH * points).ravel())
        gmsh.model.mesh.addElementsByType(surface, _TRIANGLE, [], (triangles + 1).ravel())
        gmsh.model.geo.addVolume([gmsh.model.geo.addSurfaceLoop([surface])])
        gmsh.model.geo.synchronize()
        if sizes is not None:
            _set_background(gmsh, sizes, Path(folder) / "sizes.bin")
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


def _set_background(gmsh: ModuleType, sizes: SizeGrid, path: Path) -> None:
    """Give gmsh a grid of sizes as a binary file: a function in Python would be called once for every new vertex."""
    wanted = np.where(np.isfinite(sizes.sizes), _TO_GMSH / _STRETCH * sizes.sizes, _ANY)
    header = np.concatenate([_TO_GMSH * sizes.origin, np.full(3, _TO_GMSH * sizes.spacing)])
    path.write_bytes(
        header.astype(np.float64).tobytes()
        + np.array(wanted.shape, dtype=np.int32).tobytes()
        + wanted.tobytes()
    )
    field = gmsh.model.mesh.field.add("Structured")
    gmsh.model.mesh.field.setString(field, "FileName", str(path))
    gmsh.model.mesh.field.setNumber(field, "TextFormat", 0)
    gmsh.model.mesh.field.setNumber(field, "SetOutsideValue", 1)
    gmsh.model.mesh.field.setNumber(field, "OutsideValue", _ANY)
    gmsh.model.mesh.field.setAsBackgroundMesh(field)


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
    flipped = cell_volumes(points, tetrahedra) < 0.0
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
