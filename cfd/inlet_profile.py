"""Velocity profile over an opening of any shape."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import spsolve

from cfd.elements import Elements
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
        Local nodes of the patch (k,), and their velocity (k, 3) [1/m²], along the outward normal.

    Raises:
        BoundaryError: The patch is so coarse that it has no node inside its rim.
    """
    comm = elements.domain.comm
    facets = elements.patch_facets(patch)
    numbers = elements.space.dofmap.index_map.local_to_global(np.arange(elements.nodes, dtype=np.int32))
    local = elements.patch_nodes(patch)
    rim = np.intersect1d(local, elements.patch_nodes(*elements.domain.wall))
    triangles = np.concatenate(comm.allgather(numbers[facets.nodes].reshape(-1, 3)))
    corners = np.concatenate(comm.allgather(elements.coordinates[facets.nodes].reshape(-1, 3, 3)))
    fixed = np.unique(np.concatenate(comm.allgather(numbers[rim])))
    names, flat = np.unique(triangles, return_inverse=True)
    profile = _profile(corners, flat.reshape(-1, 3), np.isin(names, fixed), layer, patch.name)
    position = np.searchsorted(names, numbers[local])
    return local, profile[position][:, None] * np.array(patch.normal)


def _profile(
    corners: FloatArray, triangles: IntArray, fixed: NDArray[np.bool_], layer: float | None, name: str
) -> FloatArray:
    """Solve for the profile on a flat triangulation, and scale it to a unit integral."""
    free = np.flatnonzero(~fixed)
    if free.size == 0:
        raise BoundaryError(
            "the mesh of the opening has no node inside its rim",
            where=name,
            expected="at least four edges across the opening",
            remedy="choose a smaller mesh.size",
        )
    edges = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]
    vectors = 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(vectors, axis=1)
    rows, columns = np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, (1, 3)).ravel()

    def assemble(entries: FloatArray) -> sp.csr_matrix:
        return sp.csr_matrix((entries.ravel(), (rows, columns)), shape=(fixed.size, fixed.size))

    matrix = assemble(np.einsum("fid,fjd->fij", edges, edges) / (4.0 * areas)[:, None, None])
    if layer is not None:
        mass = areas[:, None, None] / 12.0 * (np.ones((3, 3)) + np.eye(3))
        matrix = assemble(mass) + layer**2 * matrix
    load = np.bincount(triangles.ravel(), weights=np.repeat(areas / 3.0, 3), minlength=fixed.size)
    profile = np.zeros(fixed.size)
    profile[free] = spsolve(matrix[free][:, free].tocsc(), load[free])
    flux = float((areas * profile[triangles].mean(axis=1)).sum())
    return np.asarray(profile / flux)
