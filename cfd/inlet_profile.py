"""Velocity profile over an inlet of any shape."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import spsolve

from cfd.linear_elements import LinearElements
from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import BoundaryError
from hemoplan.patch import Patch


def inlet_velocity(elements: LinearElements, inlet: Patch) -> tuple[IntArray, FloatArray]:
    """Velocity of a unit inflow (1 m³/s into the domain) through the inlet. Collective.

    The profile is that of fully developed laminar flow through a duct of the inlet's cross-section:
    -laplace(s) = 1 on the patch, s = 0 on its rim. On a circle it is the parabola. It is scaled so that its
    discrete flux is exactly one.

    Returns:
        Local inlet nodes (k,), and their velocity (k, 3) [1/m²], along the inward normal.

    Raises:
        BoundaryError: The inlet is so coarse that it has no node inside its rim.
    """
    comm = elements.domain.comm
    facets = elements.patch_facets(inlet)
    numbers = elements.space.dofmap.index_map.local_to_global(np.arange(elements.nodes, dtype=np.int32))
    rim = np.intersect1d(elements.patch_nodes(inlet), elements.patch_nodes(*elements.domain.wall))
    triangles = np.concatenate(comm.allgather(numbers[facets.nodes].reshape(-1, 3)))
    corners = np.concatenate(comm.allgather(elements.coordinates[facets.nodes].reshape(-1, 3, 3)))
    fixed = np.unique(np.concatenate(comm.allgather(numbers[rim])))
    names, flat = np.unique(triangles, return_inverse=True)
    profile = _poisson(corners, flat.reshape(-1, 3), np.isin(names, fixed), inlet.name)

    normal = np.array(inlet.normal)
    local = elements.patch_nodes(inlet)
    position = np.searchsorted(names, numbers[local])
    return local, -profile[position][:, None] * normal


def _poisson(corners: FloatArray, triangles: IntArray, fixed: NDArray[np.bool_], name: str) -> FloatArray:
    """Solve -laplace(s) = 1, s = 0 at fixed nodes, on a flat triangulation, and scale s to a unit integral."""
    free = np.flatnonzero(~fixed)
    if free.size == 0:
        raise BoundaryError(
            "the mesh of the inlet has no node inside its rim",
            where=name,
            expected="at least four edges across the inlet",
            remedy="choose a smaller mesh.size",
        )
    edges = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]
    vectors = 0.5 * np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(vectors, axis=1)
    entries = np.einsum("fid,fjd->fij", edges, edges) / (4.0 * areas)[:, None, None]
    rows, columns = np.repeat(triangles, 3, axis=1).ravel(), np.tile(triangles, (1, 3)).ravel()
    stiffness = sp.csr_matrix((entries.ravel(), (rows, columns)), shape=(fixed.size, fixed.size))
    load = np.bincount(triangles.ravel(), weights=np.repeat(areas / 3.0, 3), minlength=fixed.size)
    profile = np.zeros(fixed.size)
    profile[free] = spsolve(stiffness[free][:, free].tocsc(), load[free])
    mean_vector = vectors.sum(axis=0)
    along = vectors @ (mean_vector / np.linalg.norm(mean_vector))
    flux = float((np.abs(along) * profile[triangles].mean(axis=1)).sum())
    return np.asarray(profile / flux)
