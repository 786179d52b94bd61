"""Linear solver of the pressure: a constant Poisson matrix with one algebraic multigrid hierarchy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from petsc4py import PETSc

from cfd.elements import Elements
from hemoplan.arrays import FloatArray
from hemoplan.errors import DivergenceError


class PressureSolver:
    """Solves the Poisson problem L p = b, p = 0 at the ports: conjugate gradients with one algebraic multigrid set-up.

    Args:
        elements: The P1 elements.
        stiffness: Values of the local stiffness matrix.
        fixed: Owned nodes with a prescribed pressure.
        tolerance: Relative residual.
        singular: Whether nothing fixes the pressure's constant, so that its mean is set to zero.
    """

    def __init__(
        self,
        elements: Elements,
        stiffness: FloatArray,
        fixed: NDArray[np.int64],
        *,
        tolerance: float,
        singular: bool = False,
    ) -> None:
        self._full = _assemble(elements, stiffness)
        first = elements.space.dofmap.index_map.local_range[0]
        self._fixed = fixed
        self._owned = elements.owned
        constrained = self._full.duplicate(copy=True)
        constrained.zeroRowsColumns((fixed + first).astype(PETSc.IntType), diag=1.0)
        if singular:
            constrained.setNullSpace(PETSc.NullSpace().create(constant=True, comm=elements.domain.comm))
        else:
            constrained.setOption(PETSc.Mat.Option.SPD, True)
        self._constants = constrained.getNullSpace() if singular else None
        self._solver = PETSc.KSP().create(elements.domain.comm)
        self._solver.setOptionsPrefix("pressure_")
        self._solver.setType(PETSc.KSP.Type.CG)
        self._solver.setNormType(PETSc.KSP.NormType.NORM_UNPRECONDITIONED)
        preconditioner = self._solver.getPC()
        preconditioner.setType(PETSc.PC.Type.HYPRE)
        preconditioner.setHYPREType("boomeramg")
        _multigrid_options(self._solver)
        self._solver.setTolerances(rtol=tolerance, atol=1e-50, max_it=200)
        self._solver.setInitialGuessNonzero(True)
        self._solver.setOperators(constrained)
        self._solver.setFromOptions()
        self._solver.setUp()
        self._b, self._x = constrained.createVecs()
        self.iterations = 0

    def solve(self, rhs: FloatArray, pressure: FloatArray) -> None:
        """Solve in place: pressure (n,) holds the start; its ghosts are not refreshed. Collective.

        Raises:
            DivergenceError: The solver does not converge.
        """
        self._b.array[:] = rhs[: self._owned]
        self._b.array[self._fixed] = 0.0
        self._x.array[:] = pressure[: self._owned]
        self._x.array[self._fixed] = 0.0
        if self._constants is not None:
            self._constants.remove(self._b)
            self._constants.remove(self._x)
        self._solver.solve(self._b, self._x)
        _check(self._solver)
        self.iterations = self._solver.getIterationNumber()
        pressure[: self._owned] = self._x.array

    def multiply(self, values: FloatArray) -> FloatArray:
        """(owned,) stiffness matrix times values (n,), without boundary conditions. Collective."""
        self._x.array[:] = values[: self._owned]
        result = self._b.duplicate()
        self._full.mult(self._x, result)
        return np.array(result.array)


def _assemble(elements: Elements, values: FloatArray) -> Any:
    """Distributed matrix of local values; the ranks' contributions to shared rows are added."""
    index_map = elements.space.dofmap.index_map
    numbers = index_map.local_to_global(np.arange(elements.nodes, dtype=np.int32)).astype(PETSc.IntType)
    sizes = (elements.owned, index_map.size_global)
    matrix = PETSc.Mat().createAIJ((sizes, sizes), comm=elements.domain.comm)
    matrix.setOption(PETSc.Mat.Option.NEW_NONZERO_ALLOCATION_ERR, False)
    matrix.setUp()
    rows = elements.indptr.astype(PETSc.IntType)
    matrix.setValuesIJV(rows, numbers[elements.indices], values, PETSc.InsertMode.ADD_VALUES, numbers)
    matrix.assemble()
    return matrix


def _multigrid_options(solver: Any) -> None:
    """Hypre's coarsening for 3D Laplacians: few, cheap levels, and one sweep forth and one back, which is symmetric."""
    options = PETSc.Options()
    prefix = solver.getOptionsPrefix()
    for name, value in {
        "pc_hypre_boomeramg_strong_threshold": 0.5,
        "pc_hypre_boomeramg_coarsen_type": "HMIS",
        "pc_hypre_boomeramg_interp_type": "ext+i",
        "pc_hypre_boomeramg_P_max": 4,
        "pc_hypre_boomeramg_agg_nl": 1,
        "pc_hypre_boomeramg_relax_type_down": "SOR/Jacobi",
        "pc_hypre_boomeramg_relax_type_up": "backward-SOR/Jacobi",
        "pc_hypre_boomeramg_relax_type_coarse": "Gaussian-elimination",
    }.items():
        if not options.hasName(prefix + name):
            options[prefix + name] = value


def _check(solver: Any) -> None:
    reason = solver.getConvergedReason()
    if reason < 0:
        raise DivergenceError(
            "the pressure solver does not converge",
            value=f"PETSc reason {reason}, residual {solver.getResidualNorm():.3g}",
            remedy="choose a smaller solver.time_step, and look at the mesh quality",
        )
