"""The calls that differ between versions of DOLFINx mean the same in the one at hand."""

from __future__ import annotations

import basix.ufl
import numpy as np
import pytest
import ufl
from dolfinx import fem
from mpi4py import MPI

from cfd.dolfinx_versions import (
    collapse,
    coordinate_element,
    create_simplex_mesh,
    geometry_nodes,
    read_tagged_mesh,
)
from tests.cfd.tube_mesh import INLET, OUTLET, WALL, tube_mesh

TUBE = tube_mesh()
SQUARE = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]]), np.array([[0, 1, 2], [0, 2, 3]])


def measure(mesh) -> float:
    return float(fem.assemble_scalar(fem.form(fem.Constant(mesh, 1.0) * ufl.dx)))


def test_mesh_from_arrays_in_2d():
    assert measure(create_simplex_mesh(MPI.COMM_SELF, *SQUARE)) == pytest.approx(6.0)


def test_mesh_from_arrays_in_3d():
    corners = TUBE.points[TUBE.cells]
    volume = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])).sum() / 6.0
    assert measure(create_simplex_mesh(MPI.COMM_SELF, TUBE.points, TUBE.cells)) == pytest.approx(volume)


def test_nodes_are_those_of_the_arrays():
    mesh = create_simplex_mesh(MPI.COMM_SELF, TUBE.points, TUBE.cells)
    nodes = geometry_nodes(mesh)
    assert nodes.shape == TUBE.cells.shape
    original = mesh.geometry.input_global_indices[nodes]
    np.testing.assert_array_equal(TUBE.points[original], mesh.geometry.x[nodes])
    np.testing.assert_array_equal(
        np.sort(np.sort(original, axis=1), axis=0), np.sort(np.sort(TUBE.cells, axis=1), axis=0)
    )


def test_coordinate_element_pulls_back():
    mesh = create_simplex_mesh(MPI.COMM_SELF, *SQUARE)
    corners = mesh.geometry.x[geometry_nodes(mesh)[0]][:, :2]
    centre = coordinate_element(mesh).pull_back(corners.mean(axis=0)[None], corners)
    np.testing.assert_allclose(centre, [[1 / 3, 1 / 3]])


def test_dofs_of_a_subspace():
    mesh = create_simplex_mesh(MPI.COMM_SELF, *SQUARE)
    quadratic = basix.ufl.element("Lagrange", "triangle", 2, shape=(2,))
    linear = basix.ufl.element("Lagrange", "triangle", 1)
    whole = fem.functionspace(mesh, basix.ufl.mixed_element([quadratic, linear]))
    function = fem.Function(whole)
    function.sub(0).interpolate(lambda x: (x[0] ** 2, x[1]))
    function.sub(1).interpolate(lambda x: 1.0 + x[0])
    pressure, dofs = collapse(whole.sub(1))
    np.testing.assert_allclose(function.x.array[dofs], 1.0 + pressure.tabulate_dof_coordinates()[:, 0])
    velocity, dofs = collapse(whole.sub(0))
    expected = velocity.tabulate_dof_coordinates()[:, :2] ** [2, 1]
    np.testing.assert_allclose(function.x.array[dofs].reshape(-1, 2), expected)


def test_mesh_and_tags_from_files(tmp_path):
    TUBE.write(tmp_path)
    mesh, tags = read_tagged_mesh(
        MPI.COMM_SELF, tmp_path / "mesh.xdmf", tmp_path / "facets.xdmf", grid="Grid"
    )
    assert mesh.topology.index_map(3).size_global == len(TUBE.cells)
    for tag in (WALL, INLET, OUTLET):
        assert len(tags.find(tag)) == (TUBE.tags == tag).sum()
