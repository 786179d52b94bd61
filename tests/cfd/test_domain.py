"""Meshes that no flow can be computed on: found before DOLFINx sees them, told in one message on every rank."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from cfd.domain import read_domain
from hemoplan.errors import MeshError
from hemoplan.patch import Role
from tests.cfd.ranks import run_on_ranks
from tests.cfd.tube_mesh import INLET, OUTLET, PATCHES, WALL, TubeMesh, patch, tube_mesh

TUBE = tube_mesh()


def middle_vertex(mesh: TubeMesh) -> int:
    """A vertex inside the tube."""
    return int(np.linalg.norm(mesh.points - mesh.points.mean(axis=0), axis=1).argmin())


def moved(mesh: TubeMesh, step: np.ndarray) -> TubeMesh:
    points = mesh.points.copy()
    points[middle_vertex(mesh)] += step
    return mesh.but(points=points)


def collapsed(mesh: TubeMesh) -> TubeMesh:
    """The vertex moves into the plane of the face opposite to it in one of its cells."""
    vertex = middle_vertex(mesh)
    cell = mesh.cells[(mesh.cells == vertex).any(axis=1)][0]
    points = mesh.points.copy()
    points[vertex] = points[cell[cell != vertex]].mean(axis=0)
    return mesh.but(points=points)


def joined(one: TubeMesh, other: TubeMesh, shared: dict[int, int]) -> TubeMesh:
    """Two meshes as one, where vertices of the other are vertices of the one."""
    n = len(one.points)
    kept = np.setdiff1d(np.arange(len(other.points)), list(shared))
    new = np.empty(len(other.points), dtype=np.int64)
    new[kept] = n + np.arange(len(kept))
    for vertex, target in shared.items():
        new[vertex] = target
    return one.but(
        points=np.concatenate([one.points, other.points[kept]]),
        cells=np.concatenate([one.cells, new[other.cells]]),
        facets=np.concatenate([one.facets, new[other.facets]]),
        tags=np.concatenate([one.tags, np.full(len(other.tags), WALL)]),
    )


def beside(mesh: TubeMesh, touching: int) -> TubeMesh:
    """A closed piece of tube that shares so many vertices with the tube's wall."""
    piece = tube_mesh(length=2e-3, across=2, along=2)
    piece = piece.but(points=piece.points + [6e-3, 0.0, 0.0])
    wall = np.unique(mesh.facets[mesh.tags == WALL])[:touching]
    return joined(mesh, piece, dict(zip(range(touching), wall.tolist(), strict=True)))


def cracked(mesh: TubeMesh) -> TubeMesh:
    """The cells in the second half get vertices of their own where they meet the first half."""
    middle = 4e-3
    late = mesh.points[mesh.cells][:, :, 2].mean(axis=1) > middle
    plane = np.flatnonzero(np.abs(mesh.points[:, 2] - middle) < 1e-9)
    new = np.arange(len(mesh.points))
    new[plane] = len(mesh.points) + np.arange(len(plane))
    cells, facets = mesh.cells.copy(), mesh.facets.copy()
    cells[late] = new[cells[late]]
    late_facets = mesh.points[mesh.facets][:, :, 2].mean(axis=1) > middle
    facets[late_facets] = new[facets[late_facets]]
    return mesh.but(points=np.concatenate([mesh.points, mesh.points[plane]]), cells=cells, facets=facets)


def inner_face_tagged(mesh: TubeMesh) -> TubeMesh:
    vertex = middle_vertex(mesh)
    cell = mesh.cells[(mesh.cells == vertex).any(axis=1)][0]
    face = np.array([[vertex, *cell[cell != vertex][:2]]])
    return mesh.but(facets=np.concatenate([mesh.facets, face]), tags=np.append(mesh.tags, OUTLET))


def strange_facet(mesh: TubeMesh) -> TubeMesh:
    far = np.array([[0, len(mesh.points) // 2, len(mesh.points) - 1]])
    return mesh.but(facets=np.concatenate([mesh.facets, far]), tags=np.append(mesh.tags, WALL))


def island_opening(mesh: TubeMesh) -> TubeMesh:
    """The outlet shrinks to the triangles that touch no wall; its rim becomes a second outlet."""
    wall = np.unique(mesh.facets[mesh.tags == WALL])
    inside = (mesh.tags == OUTLET) & ~np.isin(mesh.facets, wall).any(axis=1)
    tags = np.where(inside, 9, mesh.tags)
    return mesh.but(tags=tags, patches=(*PATCHES, patch("island", Role.OUTLET, 9, (0.0, 0.0, 1.0))))


def split_outlet(mesh: TubeMesh) -> TubeMesh:
    right = (mesh.tags == OUTLET) & (mesh.points[mesh.facets][:, :, 0].mean(axis=1) > 0.0)
    tags = np.where(right, 9, mesh.tags)
    return mesh.but(tags=tags, patches=(*PATCHES, patch("right", Role.OUTLET, 9, (0.0, 0.0, 1.0))))


SPOILT: dict[str, tuple[Callable[[TubeMesh], TubeMesh], str]] = {
    "inverted": (lambda mesh: moved(mesh, np.array([3e-3, 0.0, 0.0])), "has inverted cells"),
    "flat": (collapsed, "has flat cells"),
    "repeated_corner": (
        lambda mesh: mesh.but(cells=np.concatenate([mesh.cells, mesh.cells[:1, [0, 1, 2, 2]]])),
        "has flat cells",
    ),
    "duplicate_cell": (
        lambda mesh: mesh.but(cells=np.concatenate([mesh.cells, mesh.cells[100:101]])),
        "cells of the mesh overlap",
    ),
    "isolated": (lambda mesh: beside(mesh, 0), r"2 parts; the smallest has 48 cells.*is isolated"),
    "at_a_vertex": (lambda mesh: beside(mesh, 1), "hangs on by an edge or a vertex"),
    "at_an_edge": (lambda mesh: beside(mesh, 2), "hangs on by an edge or a vertex"),
    "unused_vertex": (
        lambda mesh: mesh.but(points=np.concatenate([mesh.points, [[1e-3, 0.0, 0.0]]])),
        r"vertices that belong to no cell \(value: 1 vertices; one lies near \(1\.0, 0\.0, 0\.0\) mm",
    ),
    "crack": (cracked, "the mesh has a crack.*32 pairs of faces"),
    "untagged": (
        lambda mesh: mesh.but(facets=mesh.facets[7:], tags=mesh.tags[7:]),
        r"would have no boundary condition \(value: 7 facets",
    ),
    "twice": (
        lambda mesh: mesh.but(
            facets=np.concatenate([mesh.facets, mesh.facets[:1]]), tags=np.append(mesh.tags, OUTLET)
        ),
        "facets are tagged twice",
    ),
    "inside": (inner_face_tagged, "1 facets, such as of outlet"),
    "strange_facet": (strange_facet, "not faces of any cell"),
    "unknown_tag": (
        lambda mesh: mesh.but(tags=np.where(np.arange(len(mesh.tags)) < 5, 17, mesh.tags)),
        r"a tag that no patch has \(value: tag 17 on 5 facets\)",
    ),
    "no_facets": (
        lambda mesh: mesh.but(patches=(*PATCHES, patch("lost", Role.OUTLET, 9))),
        r"has no facets in the mesh \(value: lost, tag 9\)",
    ),
    "no_outlet": (
        lambda mesh: mesh.but(patches=(*PATCHES[:2], patch("outlet", Role.INLET, OUTLET))),
        "at least one inlet, at least one outlet",
    ),
    "no_wall": (
        lambda mesh: mesh.but(patches=(patch("wall", Role.OUTLET, WALL), *PATCHES[1:])),
        "at least one outlet and a wall",
    ),
    "same_tag": (
        lambda mesh: mesh.but(patches=(*PATCHES, patch("other", Role.OUTLET, OUTLET))),
        r"same tag \(value: 3\)",
    ),
    "same_name": (
        lambda mesh: mesh.but(patches=(*PATCHES, patch("outlet", Role.OUTLET, 7))),
        r"same name \(value: outlet\)",
    ),
    "island": (island_opening, "island.* the opening touches no wall"),
    "touching": (split_outlet, r"two openings touch \(value: outlet and right\)"),
    "normal": (
        lambda mesh: mesh.but(
            patches=(*PATCHES[:1], patch("inlet", Role.INLET, INLET, (0.0, 0.0, 1.0)), PATCHES[2])
        ),
        r"inlet\] the normal of the opening.*expected 0\.000, 0\.000, -1\.000",
    ),
    "millimetres": (lambda mesh: mesh.but(points=1e3 * mesh.points), "too large.*in millimetres by 0.001"),
    "scaled_twice": (lambda mesh: mesh.but(points=1e-3 * mesh.points), "too small"),
    "not_a_number": (lambda mesh: moved(mesh, np.array([np.nan, 0.0, 0.0])), "not a number"),
    "infinite": (lambda mesh: moved(mesh, np.array([np.inf, 0.0, 0.0])), "not a number"),
    "no_such_vertex": (
        lambda mesh: mesh.but(cells=np.where(np.arange(len(mesh.cells))[:, None] == 3, 9999, mesh.cells)),
        "a vertex that the mesh does not have .value: vertex 9999",
    ),
    "empty": (lambda mesh: mesh.but(cells=mesh.cells[:0]), "the mesh is empty"),
}


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def replace_text(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def rewrite_cells(folder: Path, kind: str, corners: int) -> None:
    with h5py.File(folder / "mesh.h5", "r+") as file:
        cells = file["data1"][:, :corners]
        del file["data1"]
        file["data1"] = cells
    replace_text(folder / "mesh.xdmf", "Tetrahedron", kind)
    replace_text(folder / "mesh.xdmf", f"{len(TUBE.cells)} 4", f"{len(TUBE.cells)} {corners}")


def other_points(folder: Path) -> None:
    with h5py.File(folder / "facets.h5", "r+") as file:
        file["data0"][:] *= 1.5


def flat_points(folder: Path) -> None:
    with h5py.File(folder / "mesh.h5", "r+") as file:
        points = file["data0"][:, :2]
        del file["data0"]
        file["data0"] = points
    replace_text(folder / "mesh.xdmf", f"{len(TUBE.points)} 3", f"{len(TUBE.points)} 2")


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no_folder": (shutil.rmtree, "the mesh is missing"),
    "no_mesh": (lambda folder: (folder / "mesh.xdmf").unlink(), "the mesh is missing"),
    "no_numbers": (
        lambda folder: (folder / "facets.h5").unlink(),
        "facets.h5. the file that holds .* is missing",
    ),
    "no_patches": (lambda folder: (folder / "patches.json").unlink(), "cannot read the patches"),
    "cut_numbers": (
        lambda folder: cut(folder / "mesh.h5", 0.5),
        "mesh.h5. the file that holds .* is damaged",
    ),
    "no_hdf5": (lambda folder: (folder / "mesh.h5").write_bytes(b"x" * 4096), "is damaged"),
    "cut_xml": (lambda folder: cut(folder / "facets.xdmf", 0.5), "cannot read the XDMF file"),
    "other_grid": (
        lambda folder: replace_text(folder / "mesh.xdmf", 'Name="Grid"', 'Name="mesh"'),
        r"no grid of the right name \(value: mesh\)",
    ),
    "other_count": (
        lambda folder: replace_text(folder / "mesh.xdmf", f'"{len(TUBE.cells)} 4"', '"9999 4"'),
        "are not all there",
    ),
    "no_tags": (
        lambda folder: replace_text(folder / "facets.xdmf", "Attribute", "Something"),
        "lacks the tags of the facets",
    ),
    "triangles": (
        lambda folder: rewrite_cells(folder, "Triangle", 3),
        r"another kind of cells \(value: triangle\); expected tetrahedron",
    ),
    "three_corners": (lambda folder: rewrite_cells(folder, "Tetrahedron", 3), "4 whole numbers for each"),
    "in_the_plane": (flat_points, "not points in space"),
    "other_mesh": (other_points, "belong to another mesh"),
    "text": (
        lambda folder: replace_text(folder / "mesh.xdmf", 'Format="HDF"', 'Format="XML"'),
        r"do not lie in an HDF5 file \(value: format XML\)",
    ),
}
EXPECTED = {name: expected for cases in (SPOILT, DAMAGED) for name, (_, expected) in cases.items()}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """One folder a fault, and one without."""
    whole = tmp_path_factory.mktemp("meshes")
    TUBE.write(whole / "sound")
    for name, (spoil, _) in SPOILT.items():
        spoil(TUBE).write(whole / name)
    for name, (damage, _) in DAMAGED.items():
        TUBE.write(whole / name)
        damage(whole / name)
    (whole / "no_folder").mkdir()
    tube_mesh(across=2, along=1).write(whole / "few_cells")
    return whole


@pytest.fixture(scope="module")
def on_two_ranks(folders, tmp_path_factory) -> list[dict[str, str]]:
    out = tmp_path_factory.mktemp("answers") / "answers.json"
    run_on_ranks(2, "tests.cfd.domain_program", folders, out)
    return json.loads(out.read_text())


def test_a_sound_mesh_is_read(folders):
    domain = read_domain(MPI.COMM_SELF, folders / "sound", vessels=True)
    assert domain.mesh.topology.index_map(3).size_global == len(TUBE.cells)
    for each in PATCHES:
        assert len(domain.facets(each)) == (TUBE.tags == each.tag).sum()


@pytest.mark.parametrize("fault", list(EXPECTED))
def test_fault_is_named(folders, fault):
    with pytest.raises(MeshError, match=EXPECTED[fault]):
        read_domain(MPI.COMM_SELF, folders / fault, vessels=True)


@pytest.mark.mpi
def test_every_rank_says_the_same(folders, on_two_ranks):
    first, second = on_two_ranks
    assert first == second
    assert first["sound"] == "sound"
    assert set(EXPECTED) <= set(first)
    for name in EXPECTED:
        assert first[name] != "sound", name


@pytest.mark.mpi
def test_too_many_ranks_for_the_cells(folders, on_two_ranks):
    read_domain(MPI.COMM_SELF, folders / "few_cells")
    assert "24 cells on 2 ranks" in on_two_ranks[1]["few_cells"]
    assert "at most 1 ranks" in on_two_ranks[1]["few_cells"]


def test_a_mirrored_mesh_is_sound(tmp_path):
    """The order of the corners in the file, which is that of the mirror image here, means nothing."""
    TUBE.but(cells=TUBE.cells[:, [1, 0, 2, 3]]).write(tmp_path)
    read_domain(MPI.COMM_SELF, tmp_path)


def test_a_mesh_in_metres_may_be_large_where_it_is_no_vessel(tmp_path):
    """Benchmarks of fluid mechanics have channels of metres."""
    read_domain(MPI.COMM_SELF, TUBE.but(points=1e3 * TUBE.points).write(tmp_path))
