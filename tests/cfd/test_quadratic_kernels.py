"""The compiled loops of P2–P1 and the viscous stress against the same forms assembled by DOLFINx, in 2D and 3D."""

import numpy as np
import pytest
import scipy.sparse as sp
import ufl
from dolfinx import fem
from dolfinx import mesh as dmesh
from mpi4py import MPI

from cfd import quadratic_kernels as kernels
from cfd.domain import Domain
from cfd.elements import build_elements, constant_matrices
from cfd.fluid import CarreauYasuda, Fluid
from cfd.reference_element import reference_element
from cfd.viscosity import ViscousStress
from hemoplan.patch import Patch, Role

WALL = Patch(name="wall", role=Role.WALL, tag=1, area=1.0, centre=(0, 0, 0), normal=(0, 0, 0))
OUTLETS = tuple(
    Patch(name=f"outlet{tag}", role=Role.OUTLET, tag=tag, area=1.0, centre=(0, 0, 0), normal=(0, 0, 0))
    for tag in (2, 3)
)


@pytest.fixture(scope="module", params=[2, 3])
def elements(request):
    """P2 and P1 on a distorted square or cube."""
    if request.param == 2:
        mesh = dmesh.create_unit_square(MPI.COMM_SELF, 2, 3)
    else:
        mesh = dmesh.create_unit_cube(MPI.COMM_SELF, 2, 2, 1)
    mesh.geometry.x[:, 0] += 0.1 * np.sin(3.0 * mesh.geometry.x[:, 1])
    d = request.param
    mesh.topology.create_connectivity(d - 1, d)
    mesh.topology.create_connectivity(d - 1, 0)
    facets = dmesh.exterior_facet_indices(mesh.topology)
    tags = dmesh.meshtags(mesh, d - 1, facets, np.ones(len(facets), dtype=np.int32))
    domain = Domain(mesh=mesh, facet_tags=tags, patches=(WALL,))
    return build_elements(domain, 2), build_elements(domain, 1)


def with_outlets(elements):
    """The same mesh with outlets that touch at an edge: facets on two sides of the square or cube."""
    mesh = elements.domain.mesh
    d = elements.dimension
    facets = dmesh.exterior_facet_indices(mesh.topology)
    middles = dmesh.compute_midpoints(mesh, d - 1, facets)
    values = np.ones(len(facets), dtype=np.int32)
    values[middles[:, 1] > 1.0 - 1e-9] = 2
    values[middles[:, d - 1] < 1e-9] = 3
    tags = dmesh.meshtags(mesh, d - 1, facets, values)
    return build_elements(Domain(mesh=mesh, facet_tags=tags, patches=(WALL, *OUTLETS)), elements.degree)


def random_field(space, seed):
    field = fem.Function(space)
    field.x.array[:] = np.random.default_rng(seed).normal(size=field.x.array.size)
    return field


def vector_space(elements):
    return fem.functionspace(elements.domain.mesh, ("Lagrange", elements.degree, (elements.dimension,)))


def nodal(field, elements):
    return field.x.array.reshape(elements.nodes, -1)


def dense(elements, values):
    shape = (elements.nodes, elements.nodes)
    return sp.csr_matrix(
        (values, elements.indices.astype(int), elements.indptr.astype(int)), shape=shape
    ).toarray()


def assembled(form):
    return fem.assemble_matrix(fem.form(form)).to_dense()


def vector(form):
    return fem.assemble_vector(fem.form(form)).array


def test_mass_and_stiffness(elements):
    quadratic, _ = elements
    u, v = ufl.TrialFunction(quadratic.space), ufl.TestFunction(quadratic.space)
    mass, stiffness = constant_matrices(quadratic)
    np.testing.assert_allclose(dense(quadratic, mass), assembled(u * v * ufl.dx), atol=1e-14)
    expected = assembled(ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx)
    np.testing.assert_allclose(dense(quadratic, stiffness), expected, atol=1e-12)


@pytest.mark.parametrize("skew", [0.0, 0.5])
def test_convection(elements, skew):
    """rho ((w - grad psi).grad u + skew div w u, v), in the matrix and as a load."""
    quadratic, linear = elements
    rho = 3.0
    w, psi = random_field(vector_space(quadratic), 1), random_field(linear.space, 2)
    values, rhs = np.zeros(quadratic.indices.size), np.zeros((quadratic.nodes, quadratic.dimension))
    table = kernels.convection_table(reference_element(2, quadratic.dimension, exact=5), skew)

    def convect(implicit):
        kernels.convect(
            quadratic.cells, linear.cells, quadratic.gradients, quadratic.volumes, quadratic.slots, table,
            rho, implicit, nodal(w, quadratic), psi.x.array, values, rhs,
        )  # fmt: skip

    convect(implicit=True)
    u, v = ufl.TrialFunction(quadratic.space), ufl.TestFunction(quadratic.space)
    form = rho * (ufl.dot(w - ufl.grad(psi), ufl.grad(u)) + skew * ufl.div(w) * u) * v * ufl.dx
    expected = assembled(form)
    np.testing.assert_allclose(dense(quadratic, values), expected, atol=1e-12)
    assert not rhs.any()
    values[:] = 0.0
    convect(implicit=False)
    assert not values.any()
    np.testing.assert_allclose(rhs, -expected @ nodal(w, quadratic), atol=1e-12)


def test_pressure_gradient_and_divergence(elements):
    quadratic, linear = elements
    d = quadratic.dimension
    u, p = random_field(vector_space(quadratic), 3), random_field(linear.space, 4)
    own, other = reference_element(2, d, exact=5), reference_element(1, d, exact=5)
    shares = own.weights @ own.shape
    pairing = (quadratic.cells, linear.cells, quadratic.gradients, quadratic.volumes)
    rhs = np.zeros((quadratic.nodes, d))
    kernels.subtract_pressure_gradient(*pairing, shares, p.x.array, rhs)
    v, q = ufl.TestFunction(u.function_space), ufl.TestFunction(linear.space)
    np.testing.assert_allclose(rhs.ravel(), -vector(ufl.inner(ufl.grad(p), v) * ufl.dx), atol=1e-13)
    weak, strong = np.zeros(linear.nodes), np.zeros(linear.nodes)
    kernels.add_weak_divergence(*pairing, shares, nodal(u, quadratic), weak)
    np.testing.assert_allclose(weak, vector(ufl.inner(u, ufl.grad(q)) * ufl.dx), atol=1e-13)
    table = np.einsum("q,qi,qka->ika", own.weights, other.shape, own.slope)
    kernels.add_divergence(*pairing, table, nodal(u, quadratic), strong)
    np.testing.assert_allclose(strong, vector(ufl.div(u) * q * ufl.dx), atol=1e-13)


@pytest.mark.parametrize("degree", [1, 2])
def test_viscous_stress_that_thins(elements, degree):
    """Matrix, load and power of 2 mu(g) e(u); exact for P1, whose shear rate is constant in a cell."""
    chosen = elements[2 - degree]
    law = CarreauYasuda(rest_viscosity=0.5, time=0.2, power=0.3, transition=1.4)
    stress = ViscousStress(chosen, Fluid(density=1.0, viscosity=0.01, thinning=law))
    w = random_field(vector_space(chosen), 5)
    values, rhs = np.zeros(chosen.indices.size), np.zeros((chosen.nodes, chosen.dimension))
    stress.add(nodal(w, chosen), values, rhs)
    strain = ufl.sym(ufl.grad(w))
    rate = ufl.sqrt(2.0 * ufl.inner(strain, strain))
    thinned = (1.0 + (law.time * rate) ** law.transition) ** ((law.power - 1.0) / law.transition)
    mu = 0.01 + (law.rest_viscosity - 0.01) * thinned
    dx = ufl.dx(metadata={"quadrature_degree": 4 if degree == 2 else 1})
    u, v = ufl.TrialFunction(chosen.space), ufl.TestFunction(chosen.space)
    expected = assembled(mu * ufl.inner(ufl.grad(u), ufl.grad(v)) * dx)
    np.testing.assert_allclose(dense(chosen, values), expected, atol=1e-12)
    test = ufl.TestFunction(w.function_space)
    turned = ufl.grad(w).T - ufl.div(w) * ufl.Identity(chosen.dimension)
    load = -vector(mu * ufl.inner(turned, ufl.grad(test)) * dx)
    np.testing.assert_allclose(rhs.ravel(), load, atol=1e-12)
    power = fem.assemble_scalar(fem.form(2.0 * mu * ufl.inner(strain, strain) * dx))
    assert stress.power(nodal(w, chosen)) == pytest.approx(power, rel=1e-12)


@pytest.mark.parametrize("degree", [1, 2])
def test_viscous_stress_that_thins_at_outlets(elements, degree):
    """What outlets add to the load: mu ((grad w)^T n - (div w) n).v, exact for P1."""
    chosen = elements[2 - degree]
    open_ended = with_outlets(chosen)
    law = CarreauYasuda(rest_viscosity=0.5, time=0.2, power=0.3, transition=1.4)
    fluid = Fluid(density=1.0, viscosity=0.01, thinning=law)
    w = random_field(vector_space(chosen), 6)
    loads = []
    for some in (chosen, open_ended):
        loads.append(np.zeros((some.nodes, some.dimension)))
        ViscousStress(some, fluid).add(nodal(w, some), np.zeros(some.indices.size), loads[-1])
    strain = ufl.sym(ufl.grad(w))
    rate = ufl.sqrt(2.0 * ufl.inner(strain, strain))
    mu = 0.01 + 0.49 * (1.0 + (law.time * rate) ** law.transition) ** ((law.power - 1.0) / law.transition)
    n, test = ufl.FacetNormal(chosen.domain.mesh), ufl.TestFunction(w.function_space)
    ds = ufl.Measure(
        "ds",
        domain=chosen.domain.mesh,
        subdomain_data=open_ended.domain.facet_tags,
        metadata={"quadrature_degree": 4 if degree == 2 else 1},
    )
    turned = ufl.dot(ufl.grad(w).T, n) - ufl.div(w) * n
    expected = vector(mu * ufl.inner(turned, test) * ds((2, 3)))
    np.testing.assert_allclose((loads[1] - loads[0]).ravel(), expected, atol=1e-12)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_explicit_stress_vanishes_where_the_viscosity_is_constant(elements, degree):
    """At all nodes but those of the walls, on outlets as inside, for any velocity: so long steps cannot feed it."""
    chosen = with_outlets(elements[2 - degree])
    constant = Fluid(density=1.0, viscosity=0.3, thinning=CarreauYasuda(rest_viscosity=0.3))
    w = random_field(vector_space(chosen), 7)
    load = np.zeros((chosen.nodes, chosen.dimension))
    ViscousStress(chosen, constant).add(nodal(w, chosen), np.zeros(chosen.indices.size), load)
    on_wall = np.zeros(chosen.nodes, dtype=bool)
    on_wall[chosen.patch_nodes(WALL)] = True
    assert np.abs(load[on_wall]).max() > 0.01
    np.testing.assert_allclose(load[~on_wall], 0.0, atol=1e-12)
