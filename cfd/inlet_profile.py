"""Velocity profile over an opening of any shape."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import spsolve

from cfd.elements import Elements
from cfd.reference_element import reference_element
from hemoplan.arrays import FloatArray, IntArray
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
        elements.degree, corners, flat.reshape(groups.shape), np.isin(names, fixed), layer, patch.name
    )
    position = np.searchsorted(names, numbers[local])
    return local, profile[position][:, None] * np.array(patch.normal)[: elements.dimension]


def _profile(
    degree: int,
    corners: FloatArray,
    groups: IntArray,
    fixed: NDArray[np.bool_],
    layer: float | None,
    name: str,
) -> FloatArray:
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
    if layer is not None:
        matrix = assemble(areas[:, None, None] * table.mass) + layer**2 * matrix
    shares = np.outer(areas, table.mass.sum(axis=1))
    load = np.bincount(groups.ravel(), weights=shares.ravel(), minlength=fixed.size)
    profile = np.zeros(fixed.size)
    profile[free] = spsolve(matrix[free][:, free].tocsc(), load[free])
    return np.asarray(profile / (load @ profile))
