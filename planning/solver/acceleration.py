"""Between the beats of a 3D simulation: the circuit's state is moved towards the beat that repeats itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from mpi4py import MPI

from cfd.checkpoint_file import read_newest, write_arrays
from cfd.collective import on_root
from cfd.flow_state import FlowState
from hemoplan.arrays import FloatArray
from lumped.acceleration import Beat, next_start
from lumped.beat_map import BeatMap
from lumped.boundary_file import Boundary


class Accelerator:
    """Where each beat starts: a `cfd.simulation.BetweenCycles` that remembers the beats before. Collective.

    It works on rank 0, and writes what it remembers before a beat's first step, so that no checkpoint of the flow is
    newer. What a stopped run had begun and not kept is forgotten when it resumes.

    Args:
        beat_map: What is left of a departure after a beat, from the stand-in of the 3D domain.
        circuit: The circuit, with its ports in the order of the mesh.
        path: Where it remembers the beats.
        fingerprint: Of the simulation.
        comm: Communicator.

    Raises:
        BoundaryError: The map is that of another circuit.
    """

    def __init__(
        self, beat_map: BeatMap, circuit: Boundary, path: Path, *, fingerprint: str, comm: MPI.Intracomm
    ) -> None:
        self._map, self._places = beat_map, beat_map.places(circuit)
        self._path, self._fingerprint, self._comm = path, fingerprint, comm
        self._first = 0
        self._starts: list[FloatArray] = []
        self._ends: list[FloatArray] = []

    def __call__(self, state: FlowState, cycle: int) -> FlowState:
        """The state from which the beat after `cycle` beats starts. Collective.

        Raises:
            ResourceError: What is to be remembered cannot be written.
        """
        start = on_root(self._comm, lambda: self._begin(state.circuit[self._places], cycle))
        circuit = state.circuit.copy()
        circuit[self._places] = start
        return replace(state, circuit=circuit)

    def resume(self, step: int, steps_per_cycle: int) -> None:
        """Remember the beats that a checkpoint after so many steps has behind it. Collective."""
        on_root(self._comm, lambda: self._recall(-(-step // steps_per_cycle)))

    def _begin(self, here: FloatArray, cycle: int) -> FloatArray:
        """Where the beat starts, on rank 0."""
        start = here
        if self._starts and cycle == self._first + len(self._starts):
            self._ends.append(here)
            start = next_start(self._map, self._beats())
        else:
            self._first, self._starts, self._ends = cycle, [], []
        self._starts.append(start)
        write_arrays(
            self._path,
            {
                "fingerprint": np.array(self._fingerprint),
                "first": np.array(self._first),
                "starts": np.array(self._starts),
                "ends": np.array(self._ends).reshape(len(self._ends), here.size),
            },
        )
        return start

    def _beats(self) -> list[Beat]:
        return [Beat(start=start, end=end) for start, end in zip(self._starts, self._ends, strict=True)]

    def _recall(self, begun: int) -> None:
        """Read what was remembered when so many beats had begun, on rank 0; nothing, where that is not there."""
        arrays = read_newest(
            self._path,
            refusal=lambda arrays: (
                None if str(arrays.get("fingerprint")) == self._fingerprint else "of another run"
            ),
            tell=lambda _: None,
        )
        if arrays is None:
            return
        count = begun - int(arrays["first"])
        if 0 < count <= len(arrays["starts"]):
            self._first = int(arrays["first"])
            self._starts = list(arrays["starts"][:count])
            self._ends = list(arrays["ends"][: count - 1])
