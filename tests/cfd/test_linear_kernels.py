"""The compiled cell loops against DOLFINx's own assembly of the forms that they stand for."""

import numpy as np
import pytest
import ufl
from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc

from cfd import linear_kernels as kernels
from cfd.elements import Elements, build_elements, constant_matrices
from tests.cfd.tube import tube


@pytest.fixture(scope="module")
def elements() -> Elements:
    return build_elements(tube(1.0, 2.0, 4, 4))


def assembled(elements, form):
    """Dense matrix of a bilinear form."""
    matrix = fem_petsc.assemble_matrix(fem.form(form))
    matrix.assemble()
    every = np.arange(elements.nodes, dtype=np.int32)
    return matrix.getValues(every, every)


def dense(elements, values):
    matrix = np.zeros((elements.nodes, elements.nodes))
    rows = np.repeat(np.arange(elements.nodes), np.diff(elements.indptr))
    matrix[rows, elements.indices] = values
    return matrix


def random_velocity(elements):
    values = np.random.default_rng(1).normal(size=(elements.nodes, 3))
    space = fem.functionspace(elements.domain.mesh, ("Lagrange", 1, (3,)))
    function = fem.Function(space)
    function.x.array[:] = values.ravel()
    return values, function


def test_mass_and_stiffness(elements):
    u, v = ufl.TrialFunction(elements.space), ufl.TestFunction(elements.space)
    mass, stiffness = constant_matrices(elements)
    np.testing.assert_allclose(dense(elements, mass), assembled(elements, u * v * ufl.dx), atol=1e-14)
    expected = assembled(elements, ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx)
    np.testing.assert_allclose(dense(elements, stiffness), expected, atol=1e-12)


def test_skew_symmetric_convection(elements):
    """rho ((w.grad u, v) + 1/2 (div w) (u, v)) without stabilisation, and its right-hand side."""
    rho = 3.0
    w_values, w = random_velocity(elements)
    rng = np.random.default_rng(2)
    inertia, pressure = rng.normal(size=(elements.nodes, 3)), rng.normal(size=elements.nodes)
    values, rhs = np.zeros(elements.indices.size), np.zeros((elements.nodes, 3))
    kernels.momentum(
        elements.cells, elements.gradients, elements.volumes, elements.slots,
        rho, 0.1, 0.0, True, 0.5, inertia, w_values, np.zeros_like(inertia), pressure, values, rhs,
    )  # fmt: skip
    u, v = ufl.TrialFunction(elements.space), ufl.TestFunction(elements.space)
    form = rho * (ufl.dot(w, ufl.grad(u)) + 0.5 * ufl.div(w) * u) * v * ufl.dx
    np.testing.assert_allclose(dense(elements, values), assembled(elements, form), atol=1e-13)

    p, f = fem.Function(elements.space), fem.Function(w.function_space)
    p.x.array[:], f.x.array[:] = pressure, inertia.ravel()
    test = ufl.TestFunction(w.function_space)
    expected = fem.assemble_vector(fem.form(ufl.inner(f - ufl.grad(p), test) * ufl.dx)).array
    np.testing.assert_allclose(rhs.ravel(), expected, atol=1e-13)


def test_streamline_term_vanishes_where_the_mesh_represents_the_convection(elements):
    """For u = w linear in space with w.grad u constant and equal to its projection, the two halves cancel."""
    x = elements.coordinates
    w = np.column_stack([np.full(elements.nodes, 2.0), np.zeros(elements.nodes), np.zeros(elements.nodes)])
    u = np.column_stack([3.0 * x[:, 0], -x[:, 0], np.zeros(elements.nodes)])
    convective = np.tile([6.0, -2.0, 0.0], (elements.nodes, 1))
    zeros, pressure = np.zeros((elements.nodes, 3)), np.zeros(elements.nodes)

    def terms(stabilise):
        values, rhs = np.zeros(elements.indices.size), np.zeros((elements.nodes, 3))
        kernels.momentum(
            elements.cells, elements.gradients, elements.volumes, elements.slots,
            1.0, 1e-3, stabilise, True, 0.5, zeros, w, convective, pressure, values, rhs,
        )  # fmt: skip
        return dense(elements, values) @ u - rhs

    assert np.abs(dense(elements, np.ones(elements.indices.size)) @ u).max() > 1.0
    np.testing.assert_allclose(terms(1.0), terms(0.0), atol=1e-12)


def test_streamline_term_dissipates(elements):
    """The energy that it takes from a rough field is positive and equals the kernel that reports it."""
    w, _ = random_velocity(elements)
    viscosity, rho = 1e-3, 1.0
    zeros = np.zeros_like(w)
    matrices = []
    for stabilise in (0.0, 1.0):
        values, rhs = np.zeros(elements.indices.size), np.zeros_like(w)
        kernels.momentum(
            elements.cells, elements.gradients, elements.volumes, elements.slots,
            rho, viscosity / rho, stabilise, True, 0.5, zeros, w, zeros, np.zeros(elements.nodes), values, rhs,
        )  # fmt: skip
        matrices.append(dense(elements, values))
    taken = float((w * ((matrices[1] - matrices[0]) @ w)).sum())
    reported = kernels.stabilisation_power(
        elements.cells, elements.gradients, elements.volumes, viscosity / rho, rho, w, zeros
    )
    assert taken > 0.0
    assert reported == pytest.approx(taken, rel=1e-12)


def test_weak_divergence_and_gradient(elements):
    w_values, w = random_velocity(elements)
    v = ufl.TestFunction(elements.space)
    out = np.zeros(elements.nodes)
    kernels.weak_divergence(elements.cells, elements.gradients, elements.volumes, w_values, out)
    expected = fem.assemble_vector(fem.form(ufl.inner(w, ufl.grad(v)) * ufl.dx)).array
    np.testing.assert_allclose(out, expected, atol=1e-13)

    gradient = np.zeros((elements.nodes, 3))
    kernels.pressure_gradient(
        elements.cells,
        elements.gradients,
        elements.volumes,
        elements.coordinates @ [1.0, -2.0, 3.0],
        gradient,
    )
    mass = fem.assemble_vector(fem.form(v * ufl.dx)).array
    np.testing.assert_allclose(gradient, mass[:, None] * [1.0, -2.0, 3.0], atol=1e-12)
