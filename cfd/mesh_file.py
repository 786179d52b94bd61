"""What the mesh files of a folder hold, read in one process before DOLFINx reads them in all.

`mesh.xdmf` names the tetrahedra and `facets.xdmf` the tagged boundary triangles; the numbers lie in HDF5 files beside
them. DOLFINx ends with an assertion, a crash or a hang where they are damaged, so they are looked at here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
from numpy.typing import NDArray

from hemoplan.arrays import FloatArray
from hemoplan.errors import MeshError

GRID = "Grid"
"""Name of the XDMF grid in both files."""
CELL_KINDS = {"tetrahedron": 4}
FACET_KINDS = {"triangle": 3}
"""XDMF's names of the shapes that are read, in small letters, and their corners."""

_AGAIN = "make the mesh again with `hemoplan mesh CASE`"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshContent:
    """The numbers of a mesh as they lie in its files.

    Attributes:
        points: (n, 3) vertices [m].
        cells: (c, 4) vertices of the tetrahedra.
        facets: (f, 3) vertices of the tagged triangles.
        tags: (f,) their tags.
    """

    points: FloatArray
    cells: NDArray[np.int64]
    facets: NDArray[np.int64]
    tags: NDArray[np.int64]


def read_mesh_content(folder: Path) -> MeshContent:
    """Read `mesh.xdmf` and `facets.xdmf` of a folder with the HDF5 files that they name.

    Raises:
        MeshError: A file is missing, damaged, empty or of another kind, or the facets belong to another mesh.
    """
    files = folder / "mesh.xdmf", folder / "facets.xdmf"
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise MeshError("the mesh is missing", where=", ".join(missing), remedy=_AGAIN)
    cell_grid, facet_grid = (_find_grid(path) for path in files)
    points = _read_points(files[0], cell_grid)
    cells = _read_topology(files[0], cell_grid, CELL_KINDS, len(points))
    facets = _read_topology(files[1], facet_grid, FACET_KINDS, len(points))
    others = _read_points(files[1], facet_grid)
    if others.shape != points.shape or not np.allclose(others, points, rtol=0.0, atol=1e-6 * np.ptp(points)):
        raise MeshError(
            "the facets belong to another mesh than the cells",
            where=str(files[1]),
            value=f"{len(others)} vertices" if len(others) != len(points) else "other coordinates",
            expected=f"the {len(points)} vertices of {files[0].name}",
            remedy=_AGAIN,
        )
    tags = _read(files[1], facet_grid.find("Attribute"), "the tags of the facets")
    if tags.shape[0] != len(facets) or tags.size != len(facets) or not np.issubdtype(tags.dtype, np.integer):
        raise MeshError(
            "the tags of the facets are not one whole number a facet",
            where=str(files[1]),
            value=f"{tags.shape} numbers of type {tags.dtype} for {len(facets)} facets",
        )
    return MeshContent(points=points, cells=cells, facets=facets, tags=tags.ravel().astype(np.int64))


def _find_grid(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError, UnicodeDecodeError) as error:
        raise MeshError(
            "cannot read the XDMF file", where=str(path), value=str(error), remedy=_AGAIN
        ) from error
    names = [str(grid.get("Name")) for grid in root.iter("Grid")]
    for grid in root.iter("Grid"):
        if grid.get("Name") == GRID:
            return grid
    raise MeshError(
        "the XDMF file has no grid of the right name",
        where=str(path),
        value=", ".join(names) or "no grid",
        expected=f"'{GRID}'",
    )


def _read_points(path: Path, grid: ElementTree.Element) -> FloatArray:
    points = _read(path, grid.find("Geometry"), "the vertices")
    if points.ndim != 2 or points.shape[1] != 3:
        raise MeshError(
            "the vertices of the mesh are not points in space",
            where=str(path),
            value=f"{points.shape} numbers",
            expected="three coordinates each",
        )
    if not np.isfinite(points).all():
        raise MeshError(
            "a vertex of the mesh has a coordinate that is not a number",
            where=str(path),
            value=f"vertex {int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])}",
            remedy=_AGAIN,
        )
    return points.astype(np.float64)


def _read_topology(
    path: Path, grid: ElementTree.Element, kinds: dict[str, int], vertices: int
) -> NDArray[np.int64]:
    topology = grid.find("Topology")
    kind = "" if topology is None else str(topology.get("TopologyType", topology.get("Type", ""))).lower()
    if kind not in kinds:
        raise MeshError(
            "the mesh is made of another kind of cells",
            where=str(path),
            value=kind or "none",
            expected=" or ".join(kinds),
            remedy="export it with these alone; the solver takes tetrahedra with tagged triangles on the boundary",
        )
    numbers = _read(path, topology, "the cells")
    corners = kinds[kind]
    if numbers.ndim != 2 or numbers.shape[1] != corners or not np.issubdtype(numbers.dtype, np.integer):
        raise MeshError(
            "the cells do not have the number of corners of their kind",
            where=str(path),
            value=f"{numbers.shape} numbers of type {numbers.dtype}",
            expected=f"{corners} whole numbers for each {kind}",
        )
    if numbers.min() < 0 or numbers.max() >= vertices:
        raise MeshError(
            "a cell names a vertex that the mesh does not have",
            where=str(path),
            value=f"vertex {int(numbers.min() if numbers.min() < 0 else numbers.max())}",
            expected=f"0 to {vertices - 1}",
            remedy=_AGAIN,
        )
    return numbers.astype(np.int64)


def _read(path: Path, element: ElementTree.Element | None, what: str) -> NDArray[np.generic]:
    """The array that the data item of an XDMF element names, whole."""
    item = None if element is None else element.find("DataItem")
    if item is None:
        raise MeshError(f"the XDMF file lacks {what}", where=str(path), remedy=_AGAIN)
    name, _, dataset = (item.text or "").strip().partition(":")
    if str(item.get("Format")).upper() != "HDF" or not dataset:
        raise MeshError(
            f"{what} do not lie in an HDF5 file",
            where=str(path),
            value=f"format {item.get('Format')}",
            expected="format HDF",
            remedy="write the XDMF file with its data in HDF5",
        )
    file = path.parent / name
    try:
        with h5py.File(file, "r", locking=False) as content:
            values = np.asarray(content[dataset])
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        missing = "is missing" if not file.is_file() else "is damaged"
        raise MeshError(
            f"the file that holds {what} {missing}", where=str(file), value=str(error), remedy=_AGAIN
        ) from error
    said = tuple(int(number) for number in str(item.get("Dimensions", "")).split())
    if said != values.shape or values.size == 0:
        raise MeshError(
            f"the mesh is empty: it lacks {what}" if values.size == 0 else f"{what} are not all there",
            where=str(file),
            value=f"{values.shape} numbers",
            expected=f"{said} as {path.name} says" if values.size else "a mesh with cells and tagged facets",
            remedy=_AGAIN,
        )
    return values
