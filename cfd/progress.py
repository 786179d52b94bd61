"""One JSON line per so many steps, for a progress display and for looking back."""

from __future__ import annotations

import json
import time
from pathlib import Path

from cfd.simulation import Moment
from hemoplan.arrays import FloatArray
from hemoplan.errors import ResourceError

INTERVAL_SECONDS = 1.0


class ProgressLog:
    """Appends lines to `progress.jsonl` on rank 0, at most one a second, and one at the end.

    Args:
        path: The file.
        ports: Names of the ports, the inlet first.
        rank: MPI rank.
    """

    def __init__(self, path: Path, ports: tuple[str, ...], rank: int) -> None:
        self._path = path
        self._ports = ports
        self._active = rank == 0
        self._start = time.monotonic()
        self._first_step: int | None = None
        self._last = -INTERVAL_SECONDS

    def __call__(self, moment: Moment) -> None:
        """Write a line if it is time."""
        if not self._active:
            return
        now = time.monotonic()
        if self._first_step is None:
            self._first_step = moment.step - 1
        steps = moment.cycles * moment.steps_per_cycle
        if now - self._last < INTERVAL_SECONDS and moment.step < steps:
            return
        self._last = now
        rate = (moment.step - self._first_step) / max(now - self._start, 1e-9)
        line = {
            "cycle": moment.cycle,
            "cycles": moment.cycles,
            "t": moment.state.time,
            "step": moment.step,
            "steps": steps,
            "cfl": moment.courant,
            "velocity_iterations": moment.report.velocity_iterations,
            "pressure_iterations": moment.report.pressure_iterations,
            "flows": self._by_port(moment.report.flows),
            "pressures": self._by_port(moment.report.pressures),
            "seconds_left": (steps - moment.step) / rate,
        }
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise ResourceError(
                "cannot write the progress", where=str(self._path), value=error.strerror
            ) from error

    def _by_port(self, values: FloatArray) -> dict[str, float]:
        return {port: float(value) for port, value in zip(self._ports, values, strict=True)}
