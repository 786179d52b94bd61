"""Tetrahedral meshes with named boundary patches, and the files that the solver reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import meshio
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geometry.meshing.cell_shapes import FACES
from geometry.meshing.quality import LayerReport, MeshQuality, cell_volumes, measure_quality
from geometry.meshing.topology import BOUNDARY, OVERLAP, count_pieces, face_neighbours
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError
from hemoplan.patch import Patch, Role, read_patches, write_patches

LARGEST_VOLUME_ERROR = 1.0e-6
"""Of the cells against what the surface encloses: the wall is kept vertex by vertex, so only round-off is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMesh:
    """Tetrahedra that fill a lumen, and the triangles of its boundary.

    Attributes:
        points: (n, 3) vertices, world coordinates (RAS) [m].
        tetrahedra: (m, 4) vertex indices, positive volume.
        facets: (k, 3) vertex indices of the boundary triangles, counter-clockwise seen from outside.
        facet_tags: (k,) tag of the patch that a facet belongs to; 1 is the wall, which may have other patches too.
        patches: The wall first, then the openings, measured on the facets.
        layers: What became of the boundary layers; None where none were asked for, and for a mesh read from files.
        enclosed: Volume that the surface encloses [m³]; None where it is not known.
    """

    points: FloatArray
    tetrahedra: IntArray
    facets: IntArray
    facet_tags: IntArray
    patches: tuple[Patch, ...]
    layers: LayerReport | None = None
    enclosed: float | None = None


def describe_mesh(mesh: VolumeMesh) -> MeshQuality:
    """Sizes and shapes of its cells, its layers and its volume."""
    return measure_quality(mesh.points, mesh.tetrahedra, layers=mesh.layers, enclosed=mesh.enclosed)


def boundary_facets(tetrahedra: IntArray) -> IntArray:
    """(k, 3) faces that belong to one tetrahedron only, counter-clockwise seen from outside.

    Raises:
        MeshError: A face belongs to more than two tetrahedra.
    """
    return _facets_of(tetrahedra, _neighbours(tetrahedra))


def check_mesh(mesh: VolumeMesh, *, where: str) -> None:
    """Check that a mesh can be computed on.

    All cells are positive, all vertices are used, the faces on the boundary are exactly the tagged facets with the
    same orientation, every tag has its patch, the cells hang together face by face, and they fill what the surface
    encloses. Several pieces, as two great arteries whose duct is tied off, are vessels by themselves: each has an
    inlet and another opening of its own.

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
    used = np.zeros(len(mesh.points), dtype=bool)
    used[mesh.tetrahedra] = True
    if not used.all():
        raise MeshError("the mesh has vertices that belong to no cell", where=where)
    neighbours = _neighbours(mesh.tetrahedra)
    outside, tagged = _canonical(_facets_of(mesh.tetrahedra, neighbours)), _canonical(mesh.facets)
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
    pieces = count_pieces(neighbours)
    if pieces != 1:
        _check_pieces(mesh, pieces, where)
    if mesh.enclosed is not None and abs(volumes.sum() / mesh.enclosed - 1.0) > LARGEST_VOLUME_ERROR:
        raise MeshError(
            "the cells do not fill what the surface encloses",
            where=where,
            value=f"{1e6 * volumes.sum():.6g} mL",
            expected=f"{1e6 * mesh.enclosed:.6g} mL",
            remedy="change mesh.size or mesh.min_size a little",
        )


def _check_pieces(mesh: VolumeMesh, pieces: int, where: str) -> None:
    """Check that pieces which do not hang together are vessels by themselves, and touch nowhere.

    Raises:
        MeshError: A piece has no inlet or no other opening, or shares a vertex or an opening with another.
    """
    cells = mesh.tetrahedra
    links = np.concatenate([cells[:, [0, 1]], cells[:, [1, 2]], cells[:, [2, 3]]])
    count = len(mesh.points)
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(count, count))
    apart, label = connected_components(graph, directed=False)
    roles: list[list[Role]] = [[] for _ in range(apart)]
    for patch in mesh.patches:
        if patch.role is not Role.WALL:
            for piece in np.unique(label[mesh.facets[mesh.facet_tags == patch.tag]]):
                roles[piece].append(patch.role)
    whole = apart == pieces and sum(map(len, roles)) == sum(
        patch.role is not Role.WALL for patch in mesh.patches
    )
    if not whole or any(Role.INLET not in own or len(own) < 2 for own in roles):
        raise MeshError(
            "the lumen falls into pieces that no blood can pass between",
            where=where,
            value=f"{pieces} pieces",
            expected="1, or an inlet and another opening on each",
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
    quality = asdict(describe_mesh(mesh))
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


def _neighbours(tetrahedra: IntArray) -> IntArray:
    tetrahedra = np.ascontiguousarray(tetrahedra, dtype=np.int64)
    neighbours: IntArray = face_neighbours(tetrahedra, int(tetrahedra.max()) + 1)
    if (neighbours == OVERLAP).any():
        raise MeshError(
            "the cells overlap", value=f"{int((neighbours == OVERLAP).sum())} faces join more than two cells"
        )
    return neighbours


def _facets_of(tetrahedra: IntArray, neighbours: IntArray) -> IntArray:
    cells, faces = np.nonzero(neighbours == BOUNDARY)
    return np.asarray(tetrahedra[cells[:, None], np.array(FACES)[faces]])
