"""One flow simulation under MPI: `mpirun -n N python -m planning.solver.program FOLDER/solve.json`.

Reads a request and its files, continues from a checkpoint of the same request where there is one, and leaves
histories, fields and metrics in the request's folder. Everything that the user must know of a failure goes to
`error.json`.
"""

from __future__ import annotations

import hashlib
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType

import numpy as np
from mpi4py import MPI

from cfd.checkpoint import Checkpoint, read_checkpoint, read_velocity, write_checkpoint
from cfd.collective import on_root
from cfd.cycle_statistics import CycleStatistics
from cfd.domain import read_domain
from cfd.fields import FlowSeries, write_volume, write_wall
from cfd.flow_state import FlowState
from cfd.fluid import CarreauYasuda, Fluid
from cfd.mesh_order import state_order
from cfd.metrics import flow_metrics
from cfd.progress import ProgressLog
from cfd.residence import mean_age
from cfd.simulation import Moment, Simulation, prescribed_flows
from cfd.stepper import DEFAULTS, build_stepper
from geometry.openings.extension_cuts import cuts_of_mesh, hidden
from hemoplan.errors import CaseError, InterruptedRunError
from hemoplan.results import write_metrics, write_ports
from hemoplan.waveform import Waveform, read_waveform
from lumped.beat_map import read_beat_map
from lumped.boundary_file import Boundary, boundary_from_text, boundary_text, read_boundary
from lumped.engine.boundary import CirculationBoundary
from lumped.windkessel import WindkesselBank
from planning.run_folder import VariantFolder
from planning.solver.acceleration import Accelerator
from planning.solver.check import check_circuit, check_inflow, check_openings, check_speed
from planning.solver.circuit_record import CircuitRecorder
from planning.solver.ending import end_together
from planning.solver.request import SolveRequest, read_request

CHECKPOINT_SECONDS = 60.0
SAMPLES = 75
"""Times of the last cycle at which wall shear stress and energy budget are evaluated."""
CHECKPOINT_NAME = "state.npz"
BEATS_NAME = "beats.npz"


class _Interruption:
    """Remembers SIGTERM (as a cluster sends) and SIGINT, so that the step ends before the run does."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

    def __call__(self) -> bool:
        return self.asked


class _Run:
    """The parts of one simulation and the callbacks that join them."""

    def __init__(
        self,
        request: SolveRequest,
        folder: VariantFolder,
        comm: MPI.Intracomm,
        interrupted: Callable[[], bool],
    ) -> None:
        self.request, self.folder, self.comm = request, folder, comm
        self.started = time.monotonic()
        packed, inflow = on_root(comm, lambda: _read_boundary(request, folder.path))
        self.circuit = _unpacked(packed, folder.path / request.circuit)
        self.fingerprint = on_root(comm, lambda: _fingerprint(request, folder.path, self.circuit))
        self.cuts = on_root(comm, lambda: cuts_of_mesh(folder.path / request.mesh))
        domain = read_domain(comm, folder.path / request.mesh, vessels=True)
        domain = check_openings(domain, self.circuit, inflow, request)
        self.circuit = self.circuit.reordered(tuple(patch.name for patch in domain.outlets))
        steps = math.ceil(request.period / request.time_step * (1.0 - 1e-9))
        dt = request.period / steps
        fluid = Fluid(
            density=request.density,
            viscosity=request.viscosity,
            thinning=CarreauYasuda() if request.thinning else None,
        )
        inflows = prescribed_flows(domain.inlets, inflow)
        names = [inlet.name for inlet in domain.inlets]
        self.stepper = build_stepper(
            domain,
            fluid,
            request.elements,
            replace(
                DEFAULTS[request.elements],
                convection=request.convection,
                stabilise=request.stabilise,
                static_ports=_static_ports(self.circuit),
                backflow=request.backflow,
                inlet_layer=fluid.oscillatory_layer(request.period) if request.profile == "plug" else None,
                pulsations=dict(zip(names, inflows, strict=True)) if request.profile == "womersley" else {},
            ),
        )
        check_speed(self.stepper.vertices, inflows, dt, divided=request.courant is not None)
        self.orders = state_order(self.stepper)
        times = dt * np.arange(1, steps + 1, dtype=np.float64)
        known = len(inflows) == len(domain.entrances)  # else the circuit decides when most blood enters
        self.peak_step = 1 + int(np.argmax(sum(each.sample(times) for each in inflows))) if known else None
        self.statistics = self._empty_statistics(steps)
        self.recorder = (
            CircuitRecorder(self.circuit.ports, steps)
            if isinstance(self.circuit, CirculationBoundary)
            else None
        )
        self.accelerator = self._accelerator()
        self.simulation = Simulation(
            self.stepper,
            self.circuit,
            inflow,
            dt=dt,
            cycles=request.cycles,
            period=request.period,
            courant=request.courant,
            callbacks=[self._collect, self._write_series, self._progress(), self._checkpoint_at_intervals],
            between=self._start_cycle,
            interrupted=lambda: self._stop,
        )
        self._interrupted, self._stop = interrupted, False
        self._series: FlowSeries | None = None
        self._output_every = max(1, round(request.output_interval / dt))
        self._last_checkpoint = time.monotonic()
        self.moment: Moment | None = None

    def march(self) -> None:
        """Run to the end, or to the interruption; a checkpoint is left in both cases. Collective."""
        state, step = self._start()
        try:
            self.simulation.run(state, first_step=step)
        except InterruptedRunError:
            self._finish()
            raise
        self._finish()  # not after any other error: only one rank may have it, and would wait here for the others

    def write_results(self) -> None:
        """Write histories, fields and metrics. Collective."""
        folder, statistics, request = self.folder, self.statistics, self.request
        write_volume(
            folder.peak_field,
            self.stepper.vertices,
            self.orders.vertices,
            {"velocity": statistics.nodal["peak_velocity"], "pressure": statistics.nodal["peak_pressure"]},
        )
        mean = {"velocity": statistics.mean("velocity"), "pressure": statistics.mean("pressure")}
        age = mean_age(self.stepper, mean["velocity"])
        if age is not None:
            mean["age"] = age
        write_volume(
            folder.mean_field,
            self.stepper.vertices,
            self.orders.vertices,
            mean,
        )
        write_wall(folder.wall_field, self.stepper.vertices, self.orders.vertices, statistics)
        metrics = flow_metrics(
            self.simulation,
            statistics,
            self.orders.vertices,
            age=age,
            beyond=hidden(self.stepper.vertices.coordinates, self.cuts),
            variant=request.variant,
            proximal=request.proximal,
            distal=request.distal,
            periodic_tolerance=request.periodic_tolerance,
            wall_seconds=time.monotonic() - self.started,
            quality_min=_quality_min(folder.path / request.mesh),
        )
        if self.comm.rank == 0:
            write_ports(folder.ports, self.simulation.history())
            write_metrics(folder.metrics, metrics)

    def _start(self) -> tuple[FlowState, int]:
        checkpoint = read_checkpoint(
            self.folder.checkpoint / CHECKPOINT_NAME,
            self.orders,
            fingerprint=self.fingerprint,
            statistics=self.statistics,
            tell=_tell,
        )
        if checkpoint is not None:
            return self._resume(checkpoint)
        state = self.stepper.initial_state(self.circuit)
        if self.request.warm_start is not None:
            velocity = read_velocity(self.folder.path / self.request.warm_start, self.orders.velocity)
            state = replace(state, velocity=velocity, previous_velocity=velocity)
        return state, 0

    def _resume(self, checkpoint: Checkpoint) -> tuple[FlowState, int]:
        if checkpoint.step > self.request.cycles * self.simulation.steps_per_cycle:
            raise CaseError(
                "the checkpoint lies behind the end of the simulation",
                where=str(self.folder.checkpoint),
                value=f"{checkpoint.step / self.simulation.steps_per_cycle:g} cycles",
                expected=f"at most {self.request.cycles} cycles",
                remedy="ask for more cycles, or remove the folder",
            )
        self.simulation.record = checkpoint.record
        if self.recorder is not None:
            beat = self.folder.circuit_beat
            self.recorder.resume(beat, step=checkpoint.step, fingerprint=self.fingerprint)
        if self.accelerator is not None:
            self.accelerator.resume(checkpoint.step, self.simulation.steps_per_cycle)
        if checkpoint.statistics_cycle != self.request.cycles:
            self.statistics = self._empty_statistics(self.simulation.steps_per_cycle)
        return checkpoint.state, checkpoint.step

    def _accelerator(self) -> Accelerator | None:
        """What corrects the circuit's state between beats, if that is asked for."""
        name, folder = self.request.beat_map, self.folder
        if name is None:
            return None
        return Accelerator(
            on_root(self.comm, lambda: read_beat_map(folder.path / name)),
            self.circuit,
            folder.checkpoint / BEATS_NAME,
            fingerprint=self.fingerprint,
            comm=self.comm,
        )

    def _empty_statistics(self, steps: int) -> CycleStatistics:
        every = max(1, steps // SAMPLES)
        return CycleStatistics(self.stepper, peak_step=self.peak_step, sample_every=every)

    def _start_cycle(self, state: FlowState, cycle: int) -> FlowState:
        """The state from which a cycle starts, after so many, corrected and recorded. Collective."""
        if self.accelerator is not None:
            state = self.accelerator(state, cycle)
        if self.recorder is not None:
            self.recorder.add(cycle * self.simulation.steps_per_cycle, state.circuit)
        return state

    def _collect(self, moment: Moment) -> None:
        self.moment = moment
        if self.recorder is not None:
            self.recorder.add(moment.step, moment.state.circuit)
        if moment.cycle == moment.cycles:
            self.statistics.add(moment.state, moment.report)

    def _write_series(self, moment: Moment) -> None:
        if moment.cycle < moment.cycles or moment.step_of_cycle % self._output_every:
            return
        if self._series is None:
            path = self.folder.flow_series
            if (
                moment.step_of_cycle > self._output_every
            ):  # resumed within the cycle: keep what was written before
                path = path.with_stem(f"{path.stem}_from_{1e3 * moment.state.time:.0f}ms")
            self._series = FlowSeries(path, self.stepper)
        self._series.write(moment.state)

    def _progress(self) -> ProgressLog:
        return ProgressLog(self.folder.progress, self.stepper.ports, self.comm.rank)

    def _checkpoint_at_intervals(self, moment: Moment) -> None:
        # A cluster may signal one rank only, and clocks differ: what any rank wants, all do.
        due = time.monotonic() - self._last_checkpoint > CHECKPOINT_SECONDS
        stopping, wanted = self.comm.allreduce(
            np.array([self._interrupted(), due], dtype=np.int64), op=MPI.SUM
        )
        self._stop = bool(stopping)
        if wanted:
            self._write_checkpoint()

    def _finish(self) -> None:
        if self._series is not None:
            self._series.close()
        self._write_checkpoint()

    def _write_checkpoint(self) -> None:
        if self.moment is None:
            return
        write_checkpoint(
            self.folder.checkpoint / CHECKPOINT_NAME,
            self.orders,
            self.moment.state,
            step=self.moment.step,
            record=self.simulation.record,
            statistics=self.statistics,
            statistics_cycle=self.moment.cycles if self.moment.cycle == self.moment.cycles else 0,
            fingerprint=self.fingerprint,
        )
        if self.recorder is not None and self.comm.rank == 0:
            self.recorder.write(self.folder.circuit_beat, fingerprint=self.fingerprint)
        self._last_checkpoint = time.monotonic()


def solve(path: Path, comm: MPI.Intracomm) -> None:
    """Run one request. Collective.

    Raises:
        HemoplanError: Anything that the user must know.
    """
    interrupted = _Interruption()
    request = on_root(comm, lambda: read_request(path))
    run = _Run(request, VariantFolder(path.parent), comm, interrupted)
    run.march()
    run.write_results()


def _read_boundary(
    request: SolveRequest, folder: Path
) -> tuple[WindkesselBank | str, Waveform | Mapping[str, Waveform]]:
    """The circuit behind the openings, a circulation as text, and the prescribed flows, checked."""
    flows = {file: read_waveform(folder / file, request.period) for file in request.inflow_files}
    for file, waveform in flows.items():
        check_inflow(waveform, folder / file)
    if isinstance(request.inflow, str):
        inflow: Waveform | Mapping[str, Waveform] = flows[request.inflow]
    else:
        inflow = {inlet: flows[file] for inlet, file in (request.inflow or {}).items()}
    prescribed = (inflow,) if isinstance(inflow, Waveform) else tuple(inflow.values())
    circuit = read_boundary(folder / request.circuit)
    mean_flow = sum(each.mean() for each in prescribed)
    check_circuit(circuit, mean_flow, request.period, folder / request.circuit)
    return boundary_text(circuit) if isinstance(circuit, CirculationBoundary) else circuit, inflow


def _unpacked(packed: WindkesselBank | str, path: Path) -> Boundary:
    """The circuit that the first rank has read: a circulation's laws are code, and only its text travels."""
    return boundary_from_text(packed, path) if isinstance(packed, str) else packed


def _static_ports(circuit: Boundary) -> tuple[str, ...]:
    """Ports at which the circuit's pressure is the static one whatever the direction."""
    return circuit.static_ports if isinstance(circuit, CirculationBoundary) else ()


def _fingerprint(request: SolveRequest, folder: Path, circuit: Boundary) -> str:
    """Hash of all that a checkpoint depends on; the number of cycles is left out, so that a run can be prolonged."""
    digest = hashlib.sha256(repr(replace(request, cycles=0)).encode())
    for name in (f"{request.mesh}/mesh.h5", f"{request.mesh}/facets.h5", f"{request.mesh}/patches.json"):
        digest.update((folder / name).read_bytes() if (folder / name).is_file() else b"")
    digest.update(
        (boundary_text(circuit) if isinstance(circuit, CirculationBoundary) else repr(circuit)).encode()
    )
    for name in request.inflow_files:
        digest.update((folder / name).read_bytes())
    if request.beat_map is not None and (folder / request.beat_map).is_file():
        digest.update((folder / request.beat_map).read_bytes())
    return digest.hexdigest()


def _quality_min(mesh: Path) -> float:
    """Smallest radius ratio that the mesher noted, NaN where it noted none."""
    try:
        return float(json.loads((mesh / "quality.json").read_text(encoding="utf-8"))["radius_ratio_min"])
    except (OSError, ValueError, KeyError):
        return math.nan


def _tell(message: str) -> None:
    """To the log of the simulation."""
    print(message, file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Run the request that the one argument names; the exit code is that of the error. Collective."""
    comm = MPI.COMM_WORLD
    alarm = comm.Dup()
    path = Path(arguments[0])
    note = path.parent / "error.json"
    try:
        on_root(comm, lambda: note.unlink(missing_ok=True))
        solve(path, comm)
    except Exception as error:
        return end_together(alarm, note, error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
