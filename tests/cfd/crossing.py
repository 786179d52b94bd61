"""A square duct of tetrahedra with a window in each of two sides: four flat openings, two of them inlets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hemoplan.patch import Role
from tests.cfd.tube_mesh import INLET, OUTLET, PATCHES, WALL, TubeMesh, patch, tube_mesh

LEFT, RIGHT = 4, 5
SIDE, LENGTH = 4e-3, 8e-3
"""Width of the duct and its length [m]."""


def crossing_mesh(across: int = 4, along: int = 8) -> TubeMesh:
    """Openings `inlet` (bottom), `outlet` (top), `left` (an inlet) and `right` (an outlet), both at mid-height."""
    mesh = tube_mesh(radius=0.5 * SIDE, length=LENGTH, across=across, along=along)
    steps = np.arange(across + 1), np.arange(across + 1), np.arange(along + 1)
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = grid * [SIDE / across, SIDE / across, LENGTH / along]
    tags = mesh.tags.copy()
    centres = points[mesh.facets].mean(axis=1)
    window = (np.abs(centres[:, 1] - 0.5 * SIDE) < 0.25 * SIDE + 1e-9) & (
        np.abs(centres[:, 2] - 0.5 * LENGTH) < 0.25 * LENGTH + 1e-9
    )
    flat = np.ptp(points[mesh.facets][:, :, 0], axis=1) < 1e-9
    for tag, x in ((LEFT, 0.0), (RIGHT, SIDE)):
        tags[(tags == WALL) & window & flat & (np.abs(centres[:, 0] - x) < 1e-9)] = tag
    patches = (
        *PATCHES,
        patch("left", Role.INLET, LEFT, (-1.0, 0.0, 0.0)),
        patch("right", Role.OUTLET, RIGHT, (1.0, 0.0, 0.0)),
    )
    areas = {INLET: SIDE**2, OUTLET: SIDE**2, LEFT: 0.25 * SIDE * LENGTH, RIGHT: 0.25 * SIDE * LENGTH}
    return mesh.but(
        points=points,
        tags=tags,
        patches=tuple(replace(each, area=areas.get(each.tag, each.area)) for each in patches),
    )
