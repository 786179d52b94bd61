"""Values of a finite element function at points, on straight and on curved cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from dolfinx import geometry
from dolfinx import mesh as dmesh

from cfd.dolfinx_versions import coordinate_element, geometry_nodes
from hemoplan.arrays import FloatArray
from hemoplan.errors import MeshError

SLACK = 0.05
"""How far outside its cell a point may lie, relative to the cell: a facet cuts off a part of a curved boundary."""


class Probe:
    """Points (k, d) [m] whose cells are found once. Collective.

    Raises:
        MeshError: A point lies outside the mesh.
    """

    def __init__(self, mesh: dmesh.Mesh, points: FloatArray) -> None:
        self._comm = mesh.comm
        self._points = np.zeros((len(points), 3))
        self._points[:, : points.shape[1]] = points
        self._cells = np.zeros(len(points), dtype=np.int32)
        outside = np.full(len(points), np.inf)
        size = np.ptp(mesh.geometry.x, axis=0).max() if len(mesh.geometry.x) else 0.0
        tree = geometry.bb_tree(mesh, mesh.topology.dim, padding=1e-6 * float(size))
        found = geometry.compute_collisions_points(tree, self._points)
        for k, point in enumerate(self._points):
            for cell in found.links(k):
                distance = _distance_outside(mesh, cell, point)
                if distance < outside[k]:
                    outside[k], self._cells[k] = distance, cell
        everywhere = np.array(self._comm.allgather(outside))
        self._owner = everywhere.argmin(axis=0)
        worst = int(everywhere.min(axis=0).argmax()) if len(points) else 0
        if len(points) and everywhere[:, worst].min() > SLACK:
            raise MeshError(
                "the point lies outside the mesh",
                value=", ".join(f"{x:.6g}" for x in points[worst]),
                remedy="choose a point inside the vessel",
            )

    def evaluate(self, function: Any) -> FloatArray:
        """(k, c) values of a function with c components. Collective."""
        mine = self._owner == self._comm.rank
        components = function.function_space.dofmap.index_map_bs
        values = np.zeros((len(self._points), components))
        if mine.any():
            values[mine] = function.eval(self._points[mine], self._cells[mine]).reshape(-1, components)
        return np.asarray(self._comm.allreduce(values))


def _distance_outside(mesh: dmesh.Mesh, cell: int, point: FloatArray) -> float:
    """How negative the least barycentric coordinate of a point in a cell is; zero inside."""
    nodes = mesh.geometry.x[geometry_nodes(mesh)[cell]][:, : mesh.geometry.dim]
    reference = coordinate_element(mesh).pull_back(point[None, : mesh.geometry.dim], nodes)[0]
    return float(max(0.0, -reference.min(), reference.sum() - 1.0))
