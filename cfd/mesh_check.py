"""Whether a flow can be computed on a mesh: its cells, its boundary and its openings.

A numerical method answers to each of these faults with numbers that look like a flow, or with a linear solver that
does not converge hours later. All of it is plain numpy in one process, so the answer cannot depend on the number of
ranks; a mesh of a million tetrahedra takes about three seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from cfd.mesh_file import MeshContent
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import MeshError
from hemoplan.patch import Patch, Role

FLAT = 1e-6
"""Volume over that of a regular tetrahedron with the longest edge, below which a cell counts as flat."""
COINCIDENT = 1e-3
"""Distance of two faces over the length of an edge, below which they lie on top of each other."""
LARGEST_ANGLE = 20.0
"""Between the normal that `patches.json` gives to an opening and that of its facets [degrees]."""
LARGEST_EXTENT, SMALLEST_EXTENT = 2.0, 1e-3
"""Of the blood vessels that are computed on [m]."""
LARGEST_CELL = 0.01
"""Longest edge of a cell that a vessel can be computed with [m]."""

BLOCK = 1 << 15
"""Cells that are measured at a time, so that they stay in the processor's cache."""

_AGAIN = "mesh again, with a slightly different mesh.size"
_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
"""Face opposite to each corner of a tetrahedron."""


def check_mesh(content: MeshContent, patches: Sequence[Patch], *, where: str) -> None:
    """Check all that the solver relies on.

    Raises:
        MeshError: What is wrong, how often, and near which point [mm].
    """
    _check_patches(patches, where)
    _check_vertices(content, where)
    cells = np.sort(content.cells, axis=1)
    volumes = _check_flat(content.points, cells, where)
    faces = _find_faces(cells, content.facets)
    _check_folds(content.points, cells, volumes, faces, where)
    _check_tags(content, patches, cells, faces, where)
    _check_parts(content, patches, cells, faces, where)
    _check_openings(content, patches, cells, faces, where)


def check_vessel_size(points: FloatArray, cells: NDArray[np.int64], *, where: str) -> None:
    """Check that a mesh has the size of blood vessels, which a mesh in millimetres has not.

    Raises:
        MeshError: The mesh is too large or too small, or its cells are too coarse.
    """
    extent = float(np.ptp(points, axis=0).max())
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    longest = float(np.median(np.linalg.norm(edges, axis=2).max(axis=1)))
    if extent <= LARGEST_EXTENT and longest <= LARGEST_CELL and extent >= SMALLEST_EXTENT:
        return
    too_large = extent > LARGEST_EXTENT or longest > LARGEST_CELL
    raise MeshError(
        f"the mesh is too {'large' if too_large else 'small'} for blood vessels; are its coordinates in metres?",
        where=where,
        value=f"{extent:.3g} m long, with cells of {longest:.3g} m",
        expected=f"{SMALLEST_EXTENT:g} to {LARGEST_EXTENT:g} m, with cells below {LARGEST_CELL:g} m",
        remedy="scale a mesh in millimetres by 0.001, and the areas and centres in patches.json with it"
        if too_large
        else "do not scale a mesh that is in metres already",
    )


def _check_patches(patches: Sequence[Patch], where: str) -> None:
    names = [patch.name for patch in patches]
    tags = [str(patch.tag) for patch in patches]
    for kind, values in (("name", names), ("tag", tags)):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise MeshError(f"two patches have the same {kind}", where=where, value=", ".join(twice))
    found = {role: sum(patch.role is role for patch in patches) for role in Role}
    if not found[Role.INLET] or not found[Role.OUTLET] or not found[Role.WALL]:
        raise MeshError(
            "the mesh needs at least one inlet, at least one outlet and a wall",
            where=where,
            value=", ".join(f"{patch.name} is {patch.role}" for patch in patches) or "no patch",
        )


def _check_vertices(content: MeshContent, where: str) -> None:
    used = np.zeros(len(content.points), dtype=bool)
    used[content.cells.ravel()] = True
    unused = np.flatnonzero(~used)
    if unused.size:
        raise MeshError(
            "the mesh has vertices that belong to no cell",
            where=where,
            value=f"{unused.size} vertices; one lies {_near(content.points[unused[0]])}",
            remedy="remove them, for instance with meshio: mesh.remove_orphaned_nodes()",
        )


def _check_flat(points: FloatArray, cells: NDArray[np.int64], where: str) -> FloatArray:
    """(c,) signed volumes of cells with sorted corners."""
    volumes, longest = np.empty(len(cells)), np.empty(len(cells))
    for start in range(0, len(cells), BLOCK):
        block = slice(start, start + BLOCK)
        corners = points[cells[block]]
        a, b, c = (corners[:, k] - corners[:, 0] for k in (1, 2, 3))
        volumes[block] = (np.cross(a, b) * c).sum(axis=1) / 6.0
        squares = [(edge**2).sum(axis=1) for edge in (a, b, c, b - a, c - a, c - b)]
        longest[block] = np.sqrt(np.max(squares, axis=0))
    quality = 6.0 * math.sqrt(2.0) * np.abs(volumes) / np.maximum(longest, 1e-300) ** 3
    flat = np.flatnonzero(~(quality > FLAT))
    if flat.size:
        worst = flat[int(quality[flat].argmin())]
        raise MeshError(
            "the mesh has flat cells",
            where=where,
            value=f"{flat.size} cells; the worst lies {_near(points[cells[worst]].mean(axis=0))}",
            expected="cells with a volume",
            remedy=_AGAIN,
        )
    return volumes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Faces:
    """All different triangles of a mesh, as corner of a cell or as tagged facet.

    Attributes:
        triangles: (t, 3) vertices, sorted.
        cells: (t,) cells that have the face.
        facets: (t,) tagged facets that are the face.
        first, second: (t,) a cell of the face and another, as 4 cell + corner opposite; -1 where there is none.
        facet: (t,) one of its tagged facets; -1 where there is none.
    """

    triangles: NDArray[np.int64]
    cells: IntArray
    facets: IntArray
    first: IntArray
    second: IntArray
    facet: IntArray


def _find_faces(cells: NDArray[np.int64], facets: NDArray[np.int64]) -> _Faces:
    triangles = np.concatenate([cells[:, _OTHERS].reshape(-1, 3), np.sort(facets, axis=1)])
    tagged = np.arange(len(triangles)) >= 4 * len(cells)
    n = int(triangles.max()) + 1
    pair = triangles[:, 0] * n + triangles[:, 1]
    if n**3 < 2**63:  # one number tells a triangle, which sorts twice as fast as two
        order = np.argsort(pair * n + triangles[:, 2], kind="stable")
    else:
        order = np.lexsort((triangles[:, 2], pair))
    # Both sorts are stable: in a group the faces of cells come before the tagged facets.
    triangles = triangles[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (triangles[1:] != triangles[:-1]).any(axis=1)
    start = np.flatnonzero(new)
    end = np.append(start[1:], len(order))
    facet_count = np.add.reduceat(tagged[order].astype(np.int64), start)
    cell_count = end - start - facet_count
    return _Faces(
        triangles=triangles[start],
        cells=cell_count,
        facets=facet_count,
        first=np.where(cell_count > 0, order[start], -1),
        second=np.where(cell_count > 1, order[np.minimum(start + 1, len(order) - 1)], -1),
        facet=np.where(facet_count > 0, order[end - 1] - 4 * len(cells), -1),
    )


def _check_folds(
    points: FloatArray, cells: NDArray[np.int64], volumes: FloatArray, faces: _Faces, where: str
) -> None:
    """Two cells that share a face lie on different sides of it, or one of them is inverted."""
    crowded = np.flatnonzero(faces.cells > 2)
    if crowded.size:
        raise MeshError(
            "cells of the mesh overlap: a face joins more than two of them",
            where=where,
            value=f"{crowded.size} faces; one lies {_near_face(points, faces, crowded[0])}",
            remedy="remove duplicate cells, or mesh again",
        )
    inner = np.flatnonzero(faces.cells == 2)

    def side(corner: IntArray) -> IntArray:
        # The corner opposite to the face takes 3 - i swaps to come last, and each turns the sign of the volume.
        return np.asarray(np.sign(volumes[corner // 4]).astype(np.int64) * (1 - 2 * ((3 - corner % 4) % 2)))

    folded = inner[side(faces.first[inner]) == side(faces.second[inner])]
    if folded.size:
        raise MeshError(
            "the mesh has inverted cells, which overlap their neighbours",
            where=where,
            value=f"{folded.size} faces have both cells on one side; one lies {_near_face(points, faces, folded[0])}",
            expected="cells that fill the vessel once",
            remedy=_AGAIN,
        )


def _check_tags(
    content: MeshContent, patches: Sequence[Patch], cells: NDArray[np.int64], faces: _Faces, where: str
) -> None:
    """The tagged facets are the boundary, each once, each with the tag of a patch."""
    known = {patch.tag: patch for patch in patches}
    unknown = np.setdiff1d(content.tags, list(known))
    if unknown.size:
        raise MeshError(
            "facets carry a tag that no patch has",
            where=where,
            value=f"tag {', '.join(map(str, unknown))} on {int(np.isin(content.tags, unknown).sum())} facets",
            expected=", ".join(f"{tag} ({patch.name})" for tag, patch in sorted(known.items())),
            remedy="add the patch to patches.json, or correct the tags",
        )
    for tag, patch in known.items():
        if not (content.tags == tag).any():
            raise MeshError(
                "the patch has no facets in the mesh", where=where, value=f"{patch.name}, tag {tag}"
            )
    faults = {
        "tagged facets are not faces of any cell": faces.cells == 0,
        "facets are tagged twice": faces.facets > 1,
        "tagged facets lie inside the mesh, between two cells": (faces.cells == 2) & (faces.facets > 0),
    }
    for fault, wrong in faults.items():
        places = np.flatnonzero(wrong)
        if places.size:
            raise MeshError(
                fault,
                where=where,
                value=f"{places.size} facets, such as of {known[int(content.tags[faces.facet[places[0]]])].name} "
                f"{_near_face(content.points, faces, places[0])}",
                expected="the triangles of the boundary, each once",
                remedy="export the tagged facets again from the mesh that holds the cells",
            )
    bare = np.flatnonzero((faces.cells == 1) & (faces.facets == 0))
    if bare.size:
        _report_bare(content.points, faces, bare, where)


def _report_bare(points: FloatArray, faces: _Faces, bare: IntArray, where: str) -> None:
    corners = points[faces.triangles[bare]]
    length = float(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1).mean())
    pairs = KDTree(corners.mean(axis=1)).query_pairs(COINCIDENT * length, output_type="ndarray")
    if len(pairs):
        raise MeshError(
            "the mesh has a crack: faces lie on top of each other and do not share their vertices",
            where=where,
            value=f"{len(pairs)} pairs of faces; one lies {_near_face(points, faces, bare[pairs[0, 0]])}",
            remedy="merge the duplicate vertices before the mesh is exported",
        )
    raise MeshError(
        "part of the boundary belongs to no patch and would have no boundary condition",
        where=where,
        value=f"{bare.size} facets; one lies {_near_face(points, faces, bare[0])}",
        expected="a tag on every facet of the boundary",
    )


def _check_parts(
    content: MeshContent, patches: Sequence[Patch], cells: NDArray[np.int64], faces: _Faces, where: str
) -> None:
    """The cells hang together face by face: an edge or a vertex lets no blood through.

    Parts that touch nowhere are vessels by themselves where each has an inlet and another opening of its own, as two
    great arteries whose duct is tied off.
    """
    points = content.points
    inner = faces.cells == 2
    links = faces.first[inner] // 4, faces.second[inner] // 4
    graph = coo_array((np.ones(len(links[0]), dtype=np.int8), links), shape=(len(cells), len(cells)))
    count, part = connected_components(graph, directed=False)
    if count == 1 or _are_vessels(content, patches, cells, part):
        return
    sizes = np.bincount(part)
    smallest = int(sizes.argmin())
    members = cells[part == smallest]
    touching = np.isin(members, cells[part != smallest]).any()
    raise MeshError(
        "the mesh falls into parts that no blood can pass between",
        where=where,
        value=f"{count} parts; the smallest has {sizes[smallest]} cells, lies "
        f"{_near(points[members].mean(axis=(0, 1)))} and "
        + ("hangs on by an edge or a vertex" if touching else "is isolated"),
        expected="cells that hang together face by face, or an inlet and another opening on each part",
        remedy="keep only the part that connects the openings, or join the parts",
    )


def _are_vessels(
    content: MeshContent, patches: Sequence[Patch], cells: NDArray[np.int64], part: NDArray[np.int32]
) -> bool:
    """Whether parts of the mesh share no vertex, and each has an inlet and another opening that no other part has."""
    owner = np.full(len(content.points), -1, dtype=np.int64)
    owner[cells] = part[:, None]
    if (owner[cells] != part[:, None]).any():
        return False
    roles: dict[int, list[Role]] = {number: [] for number in range(int(part.max()) + 1)}
    for patch in patches:
        if patch.role is Role.WALL:
            continue
        owners = np.unique(owner[content.facets[content.tags == patch.tag]])
        if len(owners) != 1:
            return False
        roles[int(owners[0])].append(patch.role)
    return all(Role.INLET in own and len(own) > 1 for own in roles.values())


def _check_openings(
    content: MeshContent, patches: Sequence[Patch], cells: NDArray[np.int64], faces: _Faces, where: str
) -> None:
    """Every opening has a rim on the wall, keeps away from the others, and faces where `patches.json` says."""
    walls = [patch.tag for patch in patches if patch.role is Role.WALL]
    wall = np.unique(content.facets[np.isin(content.tags, walls)])
    seen: dict[str, NDArray[np.int64]] = {}
    outward = _outward_areas(content.points, cells, faces)
    tags = np.where(faces.facet >= 0, content.tags[faces.facet], 0)
    for patch in patches:
        if patch.role is Role.WALL:
            continue
        vertices = np.unique(content.facets[content.tags == patch.tag])
        if not np.isin(vertices, wall).any():
            raise MeshError(
                "the opening touches no wall",
                where=f"{where}: {patch.name}",
                value=f"{int((content.tags == patch.tag).sum())} facets",
                expected="a rim on the wall, where the velocity vanishes",
                remedy="correct the tags of the facets around it",
            )
        for name, others in seen.items():
            if np.isin(vertices, others).any():
                raise MeshError("two openings touch", where=where, value=f"{name} and {patch.name}")
        seen[patch.name] = vertices
        _check_normal(patch, outward[(faces.facet >= 0) & (tags == patch.tag)].sum(axis=0), where)


def _check_normal(patch: Patch, area: FloatArray, where: str) -> None:
    measured = area / np.linalg.norm(area)
    given = np.array(patch.normal)
    length = float(np.linalg.norm(given))
    if abs(length - 1.0) < 1e-3 and measured @ given > math.cos(math.radians(LARGEST_ANGLE)):
        return
    raise MeshError(
        "the normal of the opening is not that of its facets, out of the vessel",
        where=f"{where}: {patch.name}",
        value=", ".join(f"{value:.3f}" for value in patch.normal),
        expected=", ".join(f"{value:.3f}" for value in measured),
        remedy="correct it in patches.json",
    )


def _outward_areas(points: FloatArray, cells: NDArray[np.int64], faces: _Faces) -> FloatArray:
    """(t, 3) area vectors of the faces, out of their first cell [m²]."""
    a, b, c = (points[faces.triangles[:, k]] for k in range(3))
    vectors = 0.5 * np.cross(b - a, c - a)
    opposite = points[cells[faces.first // 4, faces.first % 4]]
    inward = ((opposite - a) * vectors).sum(axis=1) > 0.0
    vectors[inward] *= -1.0
    return np.asarray(vectors)


def _near(point: FloatArray) -> str:
    x, y, z = 1e3 * np.asarray(point)
    return f"near ({x:.1f}, {y:.1f}, {z:.1f}) mm"


def _near_face(points: FloatArray, faces: _Faces, face: np.int64) -> str:
    return _near(points[faces.triangles[face]].mean(axis=0))
