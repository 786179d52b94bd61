"""Linear systems with velocity and pressure together: a direct solver whose factors are kept while they are good."""

from __future__ import annotations

from typing import Any

from petsc4py import PETSc

from hemoplan.errors import DivergenceError

FEW_ITERATIONS = 12
"""Krylov iterations above which a new factorisation is cheaper than going on with the old one."""


class KeptFactors:
    """GMRES, preconditioned with the LU factors (MUMPS) of this matrix or of an earlier one. Collective.

    Within Newton's method and from one time step to the next the matrix changes little, so that the factors of an
    earlier one solve the system in a few iterations, to the same tolerance and at a fraction of the price. They are
    made anew as soon as they no longer do.

    Args:
        compression: Relative size below which MUMPS drops low-rank parts of the factors (block low-rank, Amestoy et
            al., SIAM J. Sci. Comput. 37 (2015), DOI 10.1137/120903476); saves time and memory in large 3D problems. 0
            keeps exact factors.

    Attributes:
        factorisations, iterations: How many there were so far, for reports.
    """

    def __init__(self, *, compression: float = 0.0) -> None:
        self.factorisations = 0
        self.iterations = 0
        self._compression = compression
        self._ksp: Any = None

    def solve(self, matrix: Any, rhs: Any, solution: Any, *, tolerance: float) -> None:
        """Solve from a zero guess until the residual, preconditioned, has fallen by the tolerance. Collective.

        Raises:
            DivergenceError: The matrix is singular, memory does not suffice, or GMRES fails with fresh factors.
        """
        fresh = self._ksp is None
        if self._ksp is None:
            self._ksp = self._create(matrix)
        ksp = self._ksp
        ksp.setOperators(matrix)
        ksp.setTolerances(rtol=tolerance, atol=1e-300, max_it=FEW_ITERATIONS)
        if not fresh:
            ksp.getPC().setReusePreconditioner(True)
            if self._converges(rhs, solution):
                return
            ksp.getPC().setReusePreconditioner(False)
        self.factorisations += 1
        if not self._converges(rhs, solution):
            raise DivergenceError(
                "the linear system of velocity and pressure cannot be solved",
                value=f"PETSc reason {ksp.getConvergedReason()}",
                remedy="check that every part of the boundary has a condition and that memory suffices, or take a "
                "coarser mesh",
            )

    def _converges(self, rhs: Any, solution: Any) -> bool:
        ksp = self._ksp
        try:
            ksp.solve(rhs, solution)
        except PETSc.Error:
            return False
        self.iterations += int(ksp.getIterationNumber())
        return int(ksp.getConvergedReason()) > 0

    def _create(self, matrix: Any) -> Any:
        ksp = PETSc.KSP().create(matrix.getComm())
        ksp.setOperators(matrix)
        ksp.setType(PETSc.KSP.Type.GMRES)
        ksp.setGMRESRestart(FEW_ITERATIONS)
        pc = ksp.getPC()
        pc.setType(PETSc.PC.Type.LU)
        pc.setFactorSolverType(PETSc.Mat.SolverType.MUMPS)
        pc.setFactorSetUpSolverType()
        factor = pc.getFactorMatrix()
        factor.setMumpsIcntl(14, 60)  # per cent of room for pivoting beyond the estimate
        if self._compression > 0.0:
            factor.setMumpsIcntl(35, 2)
            factor.setMumpsCntl(7, self._compression)
        return ksp
