"""Velocity profile over an opening of any shape."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import spsolve

from cfd.elements import Elements
from cfd.reference_element import reference_element
from hemoplan.arrays import ComplexArray, FloatArray, IntArray
from hemoplan.errors import BoundaryError
from hemoplan.patch import Patch


def unit_outflow(
    elements: Elements, patch: Patch, *, layer: float | None = None
) -> tuple[IntArray, FloatArray]:
    """Velocity of a unit flow (1 m³/s) out of the domain through a patch. Collective.

    The profile s vanishes on the rim and solves on the patch

    - -laplace(s) = 1 without `layer`: fully developed steady flow, the parabola on a circle;
    - s - layer² laplace(s) = 1 with it: flat but for a boundary layer of that thickness, as in a great artery, where
      the thickness of the layer is sqrt(nu / omega) (Womersley, J. Physiol. 127 (1955)).

    It is scaled so that its discrete flux is exactly one.

    Returns:
        Local nodes of the patch (k,), and their velocity (k, d) [1/m²], along the outward normal.

    Raises:
        BoundaryError: The patch is so coarse that it has no node inside its rim.
    """
    nodes, profile = _solve_on(elements, patch, None if layer is None else layer**2)
    return nodes, profile.real * _normal(elements, patch)


def oscillating_outflow(elements: Elements, patch: Patch, *, layer: float) -> tuple[IntArray, ComplexArray]:
    """Velocity of a unit flow e^(i omega t) (1 m³/s) out of the domain through a patch, fully developed. Collective.

    A pressure gradient that oscillates drives along a long vessel of any cross-section the flow with the profile s,
    zero on the rim, of

        s + i layer² laplace(s) = 1,    layer = sqrt(nu / omega),

    which is Womersley's on a circle; scaled so that its discrete flux is exactly one.

    Returns:
        Local nodes of the patch (k,), and their complex velocity (k, d) [1/m²], along the outward normal.

    Raises:
        BoundaryError: The patch is so coarse that it has no node inside its rim.
    """
    nodes, profile = _solve_on(elements, patch, -1j * layer**2)
    return nodes, profile * _normal(elements, patch)


def _normal(elements: Elements, patch: Patch) -> FloatArray:
    return np.array(patch.normal)[np.newaxis, : elements.dimension]


def _solve_on(elements: Elements, patch: Patch, spread: complex | None) -> tuple[IntArray, ComplexArray]:
    """Local nodes (k,) and the profile there (k, 1), of unit flux, for s - spread laplace(s) = 1."""
    comm = elements.domain.comm
    facets = elements.patch_facets(patch)
    numbers = elements.space.dofmap.index_map.local_to_global(np.arange(elements.nodes, dtype=np.int32))
    local = elements.patch_nodes(patch)
    rim = np.intersect1d(local, elements.patch_nodes(*elements.domain.wall))
    groups = np.concatenate(comm.allgather(numbers[facets.nodes]))
    corners = np.concatenate(comm.allgather(elements.coordinates[facets.corners]))
    fixed = np.unique(np.concatenate(comm.allgather(numbers[rim])))
    names, flat = np.unique(groups, return_inverse=True)
    profile = _profile(
        elements.degree, corners, flat.reshape(groups.shape), np.isin(names, fixed), spread, patch.name
    )
    position = np.searchsorted(names, numbers[local])
    return local, profile[position][:, np.newaxis]


def _profile(
    degree: int,
    corners: FloatArray,
    groups: IntArray,
    fixed: NDArray[np.bool_],
    spread: complex | None,
    name: str,
) -> ComplexArray:
    """Solve for the profile on the flat mesh of the opening, and scale it to a unit integral."""
    free = np.flatnonzero(~fixed)
    if free.size == 0:
        raise BoundaryError(
            "the mesh of the opening has no node inside its rim",
            where=name,
            expected="at least four edges across the opening",
            remedy="choose a smaller mesh.size",
        )
    table = reference_element(degree, corners.shape[1] - 1, exact=2 * degree)
    edges = corners[:, 1:] - corners[:, :1]
    metric = np.einsum("fad,fbd->fab", edges, edges)
    areas = np.sqrt(np.linalg.det(metric)) / (corners.shape[1] - 1)
    m = groups.shape[1]
    rows, columns = np.repeat(groups, m, axis=1).ravel(), np.tile(groups, (1, m)).ravel()

    def assemble(entries: FloatArray) -> sp.csr_matrix:
        return sp.csr_matrix((entries.ravel(), (rows, columns)), shape=(fixed.size, fixed.size))

    slopes = np.einsum("q,qia,qjb->ijab", table.weights, table.slope, table.slope)
    matrix = assemble(np.einsum("f,fab,ijab->fij", areas, np.linalg.inv(metric), slopes))
    if spread is not None:
        matrix = assemble(areas[:, None, None] * table.mass) + spread * matrix
    shares = np.outer(areas, table.mass.sum(axis=1))
    load = np.bincount(groups.ravel(), weights=shares.ravel(), minlength=fixed.size)
    profile = np.zeros(fixed.size, dtype=np.complex128)
    profile[free] = spsolve(matrix[free][:, free].tocsc(), load[free])
    return np.asarray(profile / (load @ profile))
