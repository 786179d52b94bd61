"""A straight tube of tetrahedra as arrays and as the files that the solver reads, to be spoilt by tests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path

import meshio
import numpy as np

from hemoplan.patch import Patch, Role, write_patches

WALL, INLET, OUTLET = 1, 2, 3


def patch(name: str, role: Role, tag: int, normal=(0.0, 0.0, 0.0)) -> Patch:
    return Patch(name=name, role=role, tag=tag, area=1e-5, centre=(0.0, 0.0, 0.0), normal=normal)


PATCHES = (
    patch("wall", Role.WALL, WALL),
    patch("inlet", Role.INLET, INLET, (0.0, 0.0, -1.0)),
    patch("outlet", Role.OUTLET, OUTLET, (0.0, 0.0, 1.0)),
)


@dataclass(frozen=True, kw_only=True)
class TubeMesh:
    """Vertices [m], cells, tagged facets, and what the tags mean."""

    points: np.ndarray
    cells: np.ndarray
    facets: np.ndarray
    tags: np.ndarray
    patches: tuple[Patch, ...] = field(default=PATCHES)

    def but(self, **changes) -> TubeMesh:
        return replace(self, **changes)

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        meshio.xdmf.write(
            folder / "mesh.xdmf", meshio.Mesh(self.points, {"tetra": self.cells}), compression=None
        )
        triangles = meshio.Mesh(
            self.points, {"triangle": self.facets}, cell_data={"patch_id": [self.tags.astype(np.int32)]}
        )
        meshio.xdmf.write(folder / "facets.xdmf", triangles, compression=None)
        write_patches(folder / "patches.json", self.patches)
        return folder


def tube_mesh(radius: float = 2e-3, length: float = 8e-3, across: int = 4, along: int = 6) -> TubeMesh:
    """A box of cubes, each cut into six tetrahedra, whose square section is mapped to the disc."""
    shape = np.array([across + 1, across + 1, along + 1])
    number = np.arange(shape.prod()).reshape(shape)
    stride = np.array([shape[1] * shape[2], shape[2], 1])
    first = number[:-1, :-1, :-1].ravel()
    paths = [np.cumsum([0, *stride[list(order)]]) for order in itertools.permutations(range(3))]
    cells = np.concatenate([first[:, None] + path for path in paths])
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).reshape(-1, 3)
    x, y, z = (grid / [across / 2, across / 2, along] - [1.0, 1.0, 0.0]).T
    points = np.column_stack(
        [radius * x * np.sqrt(1 - 0.5 * y**2), radius * y * np.sqrt(1 - 0.5 * x**2), length * z]
    )
    faces = np.sort(cells, axis=1)[:, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]].reshape(-1, 3)
    facets, counts = np.unique(faces, axis=0, return_counts=True)
    facets = facets[counts == 1]
    tags = np.full(len(facets), WALL)
    tags[(grid[facets, 2] == 0).all(axis=1)] = INLET
    tags[(grid[facets, 2] == along).all(axis=1)] = OUTLET
    return TubeMesh(points=points, cells=cells, facets=facets, tags=tags)
