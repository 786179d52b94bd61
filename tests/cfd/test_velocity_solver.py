"""The velocity solver against a direct solution."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from cfd.elements import build_elements, constant_matrices
from cfd.velocity_solver import VelocitySolver
from hemoplan.errors import DivergenceError
from tests.cfd.tube import tube


@pytest.fixture(scope="module", params=[1, 2])
def elements(request):
    return build_elements(tube(1.0, 2.0, 6, 6), request.param)


def system(elements, skew):
    """Mass and stiffness, and a random skew-symmetric part of a size; three right-hand sides, fixed nodes, start."""
    rng = np.random.default_rng(0)
    mass, stiffness = constant_matrices(elements)
    shape = (elements.nodes, elements.nodes)
    indices, indptr = elements.indices.astype(int), elements.indptr.astype(int)
    random = sp.csr_matrix((mass * rng.normal(size=mass.size), indices, indptr), shape=shape)
    matrix = sp.csr_matrix((mass + 1e-3 * stiffness, indices, indptr), shape=shape) + skew * (
        random - random.T
    )
    matrix.sort_indices()
    fixed = elements.patch_nodes(*elements.domain.wall)
    return matrix, rng.normal(size=(elements.nodes, 3)), fixed, rng.normal(size=(elements.nodes, 3))


@pytest.mark.parametrize("skew", [0.0, 3.0])
@pytest.mark.parametrize("tolerance", [1e-4, 1e-11])
def test_solution_equals_the_direct_one(elements, skew, tolerance):
    matrix, rhs, fixed, velocity = system(elements, skew)
    free = np.setdiff1d(np.arange(elements.nodes), fixed)
    exact = velocity.copy()
    load = rhs[free] - matrix[free][:, fixed] @ velocity[fixed]
    exact[free] = spsolve(matrix[free][:, free].tocsc(), load)
    solver = VelocitySolver(elements, fixed, tolerance=tolerance)
    solver.solve(matrix.data.copy(), rhs.copy(), velocity)
    assert np.abs(velocity - exact).max() < 50.0 * tolerance * np.abs(exact).max()
    np.testing.assert_array_equal(velocity[fixed], exact[fixed])
    solver.solve(matrix.data.copy(), rhs.copy(), velocity)
    assert solver.iterations <= 2  # it starts from the solution


def test_values_that_are_not_finite_are_reported(elements):
    matrix, rhs, fixed, velocity = system(elements, 0.0)
    values = matrix.data.copy()
    values[:] = np.nan
    with pytest.raises(DivergenceError, match="not finite"):
        VelocitySolver(elements, fixed, tolerance=1e-4).solve(values, rhs, velocity)
