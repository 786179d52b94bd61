"""How long the fluid has been in the domain: the mean age, from the mean flow of a cycle."""

from __future__ import annotations

from typing import Any

import numpy as np
import ufl
from dolfinx import fem
from dolfinx.fem import petsc
from petsc4py import PETSc

from cfd.elements import Elements
from cfd.fractional_step import FractionalStep
from cfd.halo import Halo
from hemoplan.arrays import FloatArray

MAX_ITERATIONS = 2000
TOLERANCE = 1e-9


def mean_age(
    stepper: FractionalStep, velocity: FloatArray, *, diffusivity: float | None = None
) -> FloatArray | None:
    """(n,) mean time since the fluid at a mesh vertex came in [s]. Collective.

    The mean age a of what passes a point solves (Danckwerts 1953)

        u.grad a - div(D grad a) = 1,   a = 0 at inlets with a given flow, D da/dn = 0 on walls and other openings,

    and what comes in through the others has age zero too. P1 elements, streamline-upwind stabilised.

    It is an estimate for the mean flow of the cycle: what a pulse mixes, it does not know, and a recirculation that
    exists in a part of the cycle alone appears with its mean velocity. In boundary layers and in closed vortices the
    age depends on D, since nothing but diffusion reaches them; the flux-weighted mean over the outlets does not, it is
    volume over flow.

    Args:
        stepper: The stepper of the flow.
        velocity: (n, 3) mean velocity at the mesh vertices [m/s].
        diffusivity: D [m²/s]; the kinematic viscosity if None: small enough that the stream decides, large enough
            that the age in the boundary layers stays bounded. It stands for no measured diffusion.

    Returns:
        The age; None where there is no opening, or the linear solver does not converge.

    Sources: Danckwerts, Chem. Eng. Sci. 2 (1953), DOI 10.1016/0009-2509(53)80001-1; Brooks & Hughes, Comput. Methods
    Appl. Mech. Engrg. 32 (1982), DOI 10.1016/0045-7825(82)90071-8 (stabilisation).
    """
    vertices, fluid = stepper.vertices, stepper.fluid
    domain, space = vertices.domain, vertices.space
    chosen = fluid.viscosity / fluid.density if diffusivity is None else diffusivity
    if not domain.openings:
        return None
    mesh = domain.mesh
    u = fem.Function(fem.functionspace(mesh, ("Lagrange", 1, (3,))))
    u.x.array[:] = velocity.ravel()
    a, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    to_reference = ufl.JacobianInverse(mesh)
    rate = 2.0 * ufl.sqrt(ufl.inner(to_reference * u, to_reference * u))
    diffusion = fem.Constant(mesh, PETSc.ScalarType(chosen))
    tau = 1.0 / (rate + 4.0 * diffusion * ufl.inner(to_reference, to_reference))
    test = v + tau * ufl.dot(u, ufl.grad(v))
    normal = ufl.FacetNormal(mesh)
    outlets = ufl.Measure("ds", domain=mesh, subdomain_data=domain.facet_tags)(
        tuple(patch.tag for patch in domain.outlets)
    )
    entering = 0.5 * (abs(ufl.dot(u, normal)) - ufl.dot(u, normal))
    left = fem.form(
        ufl.dot(u, ufl.grad(a)) * test * ufl.dx
        + diffusion * ufl.dot(ufl.grad(a), ufl.grad(v)) * ufl.dx
        + entering * a * v * outlets
    )
    right = fem.form(test * ufl.dx)
    inlet = vertices.patch_nodes(*domain.inlets).astype(np.int32)
    condition = fem.dirichletbc(PETSc.ScalarType(0.0), inlet, space)
    matrix = petsc.assemble_matrix(left, bcs=[condition])
    matrix.assemble()
    load = petsc.assemble_vector(right)
    load.ghostUpdate(addv=PETSc.InsertMode.ADD, mode=PETSc.ScatterMode.REVERSE)
    owned = inlet[inlet < vertices.owned]
    load.array[owned] = 0.0
    return _solve(matrix, load, vertices)


def _solve(matrix: Any, load: Any, vertices: Elements) -> FloatArray | None:
    """GMRES with incomplete factors of each rank's part."""
    solver = PETSc.KSP().create(vertices.domain.comm)
    solver.setOptionsPrefix("age_")
    solver.setType(PETSc.KSP.Type.GMRES)
    solver.setGMRESRestart(100)
    preconditioner = solver.getPC()
    preconditioner.setType(PETSc.PC.Type.ASM)
    solver.setTolerances(rtol=TOLERANCE, atol=1e-50, max_it=MAX_ITERATIONS)
    solver.setOperators(matrix)
    solver.setFromOptions()
    solution = matrix.createVecRight()
    solver.solve(load, solution)
    if solver.getConvergedReason() <= 0:
        return None
    age = np.zeros(vertices.nodes)
    age[: vertices.owned] = solution.array
    Halo(vertices, 1).refresh_ghosts(age)
    return age
