"""Writing fields: VTU snapshots for the report and the viewer, and a VTX series for ParaView."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import meshio
import numpy as np
from dolfinx import fem
from dolfinx.io import VTXMeshPolicy, VTXWriter
from numpy.typing import NDArray

from cfd.collective import raise_everywhere
from cfd.cycle_statistics import PHASES, CycleStatistics
from cfd.elements import Elements
from cfd.flow_state import FlowState
from cfd.fractional_step import FractionalStep
from cfd.mesh_order import MeshOrder
from cfd.vortices import vortex_fields
from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError, ResourceError


def write_volume(path: Path, elements: Elements, order: MeshOrder, arrays: Mapping[str, FloatArray]) -> None:
    """Write node arrays on the tetrahedra as VTU, coordinates in metres. Collective.

    With a `velocity` [m/s] go what shows its vortices (see `cfd.vortices`): `vorticity` (n, 3) [1/s], `q_criterion`
    [1/s²], `helicity` [m/s²] and `normalised_helicity`.

    Raises:
        ResourceError: The file cannot be written.
    """
    points = order.gather(elements.coordinates)
    cells = order.gather_cells(elements.cells)
    derived = vortex_fields(elements, arrays["velocity"]) if "velocity" in arrays else {}
    data = {name: order.gather(values) for name, values in [*arrays.items(), *derived.items()]}
    error = None
    if points is not None and cells is not None:
        error = _save(path, points, "tetra", cells, data)
    raise_everywhere(order.comm, error)


def write_wall(path: Path, elements: Elements, order: MeshOrder, statistics: CycleStatistics) -> None:
    """Write the wall shear stress metrics on the wall's triangles as VTU. Collective.

    Point arrays (`hemoplan.results.FlowMetrics` has the definitions): `tawss` [Pa], `osi`, `rrt` [1/Pa], `transwss`
    [Pa]; the vectors (n, 3) [Pa] `wss_mean`, `wss_peak` at the time of the largest inflow, and `wss_phase_0`, … at
    evenly spaced times of the cycle, of which the first is its beginning.

    Raises:
        ResourceError: The file cannot be written.
    """
    indices = statistics.wall_indices()
    arrays = {
        "tawss": indices.tawss,
        "osi": indices.osi,
        "rrt": indices.rrt,
        "transwss": indices.transwss,
        "wss_mean": statistics.mean("wss"),
        "wss_peak": statistics.nodal["peak_wss"],
    }
    arrays |= {f"wss_phase_{phase}": statistics.shear_at_phase(phase / PHASES) for phase in range(PHASES)}
    data = {name: order.gather(values) for name, values in arrays.items()}
    points = order.gather(elements.coordinates)
    triangles = order.gather_cells(statistics.wall_shear.facets.nodes)
    error = None
    if points is not None and triangles is not None:
        used, renumbered = np.unique(triangles, return_inverse=True)
        wall = {name: values[used] for name, values in data.items() if values is not None}
        error = _save(path, points[used], "triangle", renumbered.reshape(-1, 3), wall)
    raise_everywhere(order.comm, error)


def _save(
    path: Path, points: FloatArray, kind: str, cells: NDArray[np.int64], data: Mapping[str, FloatArray | None]
) -> HemoplanError | None:
    temporary = path.with_suffix(".partial.vtu")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        meshio.write(temporary, meshio.Mesh(points, {kind: cells}, point_data=dict(data)), binary=True)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        return ResourceError(
            "cannot write the fields", where=str(path), value=error.strerror, remedy="free some disk space"
        )
    return None


class FlowSeries:
    """Velocity and pressure over time in one VTX folder, which ParaView opens. Collective.

    Args:
        path: Folder ending in `.bp`.
        stepper: The stepper whose states are written, at the mesh vertices.
    """

    def __init__(self, path: Path, stepper: FractionalStep) -> None:
        self._stepper = stepper
        mesh = stepper.vertices.domain.mesh
        self._velocity = fem.Function(fem.functionspace(mesh, ("Lagrange", 1, (3,))), name="velocity")
        self._pressure = fem.Function(stepper.vertices.space, name="pressure")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = VTXWriter(
            mesh.comm,
            path,
            [self._velocity, self._pressure],
            engine="BP4",
            mesh_policy=VTXMeshPolicy.reuse,
        )

    def write(self, state: FlowState) -> None:
        """Add the state at its time."""
        self._velocity.x.array[:] = self._stepper.at_vertices(state.velocity).ravel()
        self._pressure.x.array[:] = state.pressure
        self._writer.write(state.time)

    def close(self) -> None:
        """Finish the files."""
        self._writer.close()
