"""Tetrahedral meshes with named boundary patches, and the files that the solver reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import meshio
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geometry.meshing.quality import cell_volumes, measure_quality
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError
from hemoplan.patch import Patch, read_patches, write_patches

_OPPOSITE_FACES = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMesh:
    """Tetrahedra that fill a lumen, and the triangles of its boundary.

    Attributes:
        points: (n, 3) vertices, world coordinates (RAS) [m].
        tetrahedra: (m, 4) vertex indices, positive volume.
        facets: (k, 3) vertex indices of the boundary triangles, counter-clockwise seen from outside.
        facet_tags: (k,) tag of the patch that a facet belongs to; 1 is the wall.
        patches: The wall first, then the openings, measured on the facets.
    """

    points: FloatArray
    tetrahedra: IntArray
    facets: IntArray
    facet_tags: IntArray
    patches: tuple[Patch, ...]


def boundary_facets(tetrahedra: IntArray) -> IntArray:
    """(k, 3) faces that belong to one tetrahedron only, counter-clockwise seen from outside.

    Raises:
        MeshError: A face belongs to more than two tetrahedra.
    """
    faces = tetrahedra[:, _OPPOSITE_FACES].reshape(-1, 3)
    _, first, counts = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    if counts.max() > 2:
        raise MeshError(
            "the cells overlap", value=f"{int((counts > 2).sum())} faces join more than two cells"
        )
    return np.asarray(faces[first[counts == 1]])


def check_mesh(mesh: VolumeMesh, *, where: str) -> None:
    """Check that a mesh can be computed on.

    All cells are positive, all vertices are used, the faces on the boundary are exactly the tagged facets with the
    same orientation, every tag has its patch, and the cells hang together face by face.

    Raises:
        MeshError: One of these does not hold; the message says which and where.
    """
    volumes = cell_volumes(mesh.points, mesh.tetrahedra)
    if (volumes <= 0.0).any():
        x, y, z = 1e3 * mesh.points[mesh.tetrahedra[int(volumes.argmin())]].mean(axis=0)
        raise MeshError(
            "the mesh has inverted cells",
            where=where,
            value=f"{int((volumes <= 0.0).sum())} cells; the worst lies near ({x:.1f}, {y:.1f}, {z:.1f}) mm",
            remedy="change mesh.size or mesh.min_size a little",
        )
    if len(np.unique(mesh.tetrahedra)) != len(mesh.points):
        raise MeshError("the mesh has vertices that belong to no cell", where=where)
    outside, tagged = _canonical(boundary_facets(mesh.tetrahedra)), _canonical(mesh.facets)
    if not np.array_equal(outside, tagged):
        raise MeshError(
            "the boundary of the cells is not the tagged surface",
            where=where,
            value=f"{len(outside)} boundary faces, {len(tagged)} tagged facets",
            expected="the same triangles",
            remedy="repair the surface there, or segment again",
        )
    if {int(tag) for tag in np.unique(mesh.facet_tags)} != {patch.tag for patch in mesh.patches}:
        raise MeshError("a patch has no facets, or a facet has no patch", where=where)
    pieces = _count_pieces(mesh.tetrahedra)
    if pieces != 1:
        raise MeshError(
            "the lumen falls into pieces that no blood can pass between",
            where=where,
            value=f"{pieces} pieces",
            expected="1",
            remedy="keep only the vessels that hang together, or undo the edit that closed the vessel",
        )


def write_mesh(folder: Path, mesh: VolumeMesh) -> None:
    """Write a mesh for the solver and for ParaView.

    `mesh.xdmf` + `mesh.h5` hold the tetrahedra, `facets.xdmf` + `facets.h5` the boundary triangles with the cell array
    `patch_id`, both with the grid name `Grid`; `patches.json` tells what the tags mean, `quality.json` the sizes and
    shapes of the cells. In DOLFINx: `XDMFFile.read_mesh(name="Grid")`, `read_meshtags(mesh, name="Grid")`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tetrahedra = meshio.Mesh(mesh.points, {"tetra": mesh.tetrahedra})
    meshio.xdmf.write(folder / "mesh.xdmf", tetrahedra, data_format="HDF", compression=None)
    triangles = meshio.Mesh(
        mesh.points, {"triangle": mesh.facets}, cell_data={"patch_id": [mesh.facet_tags.astype(np.int32)]}
    )
    meshio.xdmf.write(folder / "facets.xdmf", triangles, data_format="HDF", compression=None)
    write_patches(folder / "patches.json", mesh.patches)
    quality = asdict(measure_quality(mesh.points, mesh.tetrahedra))
    (folder / "quality.json").write_text(json.dumps(quality, indent=1) + "\n", encoding="utf-8")


def read_mesh(folder: Path) -> VolumeMesh:
    """Read what `write_mesh` wrote.

    Raises:
        MeshError: A file is missing or damaged.
    """
    try:
        tetrahedra = meshio.read(folder / "mesh.xdmf")
        triangles = meshio.read(folder / "facets.xdmf")
        return VolumeMesh(
            points=np.asarray(tetrahedra.points, dtype=np.float64),
            tetrahedra=np.asarray(tetrahedra.cells_dict["tetra"], dtype=np.int64),
            facets=np.asarray(triangles.cells_dict["triangle"], dtype=np.int64),
            facet_tags=np.asarray(triangles.cell_data["patch_id"][0], dtype=np.int64),
            patches=read_patches(folder / "patches.json"),
        )
    except (OSError, KeyError, ValueError, meshio.ReadError, SyntaxError) as error:
        raise MeshError(
            "cannot read the mesh",
            where=str(folder),
            value=error,
            remedy="make it again with `hemoplan mesh CASE`",
        ) from error


def _canonical(facets: IntArray) -> IntArray:
    """Facets turned so that the smallest index comes first (which keeps their orientation), in sorted order."""
    turned = np.take_along_axis(facets, (facets.argmin(axis=1)[:, None] + np.arange(3)) % 3, axis=1)
    return np.asarray(turned[np.lexsort(turned.T[::-1])])


def _count_pieces(tetrahedra: IntArray) -> int:
    faces = np.sort(tetrahedra[:, _OPPOSITE_FACES].reshape(-1, 3), axis=1)
    owners = np.repeat(np.arange(len(tetrahedra)), 4)
    order = np.lexsort(faces.T)
    faces, owners = faces[order], owners[order]
    shared = np.flatnonzero((faces[1:] == faces[:-1]).all(axis=1))
    links = coo_array(
        (np.ones(len(shared)), (owners[shared], owners[shared + 1])), shape=(len(tetrahedra), len(tetrahedra))
    )
    return int(connected_components(links, directed=False, return_labels=False))
