"""The states of a circulation over the last beat of a simulation, kept on disk beside the checkpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import HemoplanError


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatRecord:
    """States of a circulation behind openings over one beat.

    Attributes:
        ports: p names of the openings.
        states: (s + 1, n + p) n unknowns of the circulation and the flows out of the 3D domain at the ports [SI], at
            equal steps from the start of the beat to its end.
    """

    ports: tuple[str, ...]
    states: FloatArray


class CircuitRecorder:
    """Remembers the states of as many steps as a beat has.

    Args:
        ports: Names of the ports, whose drives are the last entries of a state.
        steps: Steps of a beat.
    """

    def __init__(self, ports: tuple[str, ...], steps: int) -> None:
        self._ports, self._steps = ports, steps
        self._states: dict[int, FloatArray] = {}

    def add(self, step: int, state: FloatArray) -> None:
        """Remember the state at the end of a step, counted from 1; 0 is the start."""
        self._states[step] = state.copy()
        self._states.pop(step - self._steps - 1, None)

    def write(self, path: Path, *, fingerprint: str) -> None:
        """Write what is remembered, at once or not at all."""
        partial = path.with_suffix(".partial.npz")
        steps = sorted(self._states)
        np.savez(
            partial,
            ports=np.array(self._ports),
            steps=np.array(steps, dtype=np.int64),
            states=np.array([self._states[step] for step in steps]),
            fingerprint=np.array(fingerprint),
        )
        os.replace(partial, path)

    def resume(self, path: Path, *, step: int, fingerprint: str) -> None:
        """Take up what an earlier part of the same simulation has written, up to a step."""
        try:
            with np.load(path) as content:
                if str(content["fingerprint"]) != fingerprint:
                    return
                kept = zip(content["steps"], content["states"], strict=True)
                self._states = {int(at): state for at, state in kept if at <= step}
        except (OSError, ValueError, KeyError):
            return


def read_beat(path: Path, *, steps: int) -> BeatRecord:
    """The last beat of a simulation.

    Args:
        path: What `CircuitRecorder.write` wrote.
        steps: Steps of a beat.

    Raises:
        HemoplanError: The file is missing or damaged, or lacks a step.
    """
    try:
        with np.load(path) as content:
            ports = tuple(str(name) for name in content["ports"])
            numbers, states = content["steps"], np.asarray(content["states"], dtype=np.float64)
        last = int(numbers[-1])
        wanted = np.arange(last - steps, last + 1)
        if not np.array_equal(numbers[-steps - 1 :], wanted):
            raise ValueError(f"it holds {len(numbers)} of the {steps + 1} states of a beat")
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise HemoplanError(
            "cannot read the record of the circulation's last beat",
            where=str(path),
            value=error,
            remedy="run `hemoplan solve CASE --restart`",
        ) from error
    return BeatRecord(ports=ports, states=states[-steps - 1 :])
