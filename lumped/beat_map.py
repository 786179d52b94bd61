"""What is left at the end of a beat of a departure at its start: the derivative of the map over a beat.

With x what a circuit remembers from beat to beat, and Phi the map of x over a beat of circuit and 3D domain together,

    Phi(x + e) = Phi(x) + M e.

A 3D domain does not give M. Its 0D stand-in does, exactly for a circulation (from tangents) and by differences for
Windkessels; what is wrong with it, the 3D beats themselves correct (`lumped.acceleration`). Besides the circuit's
volumes or pressures, x holds the flows through the ports, which tell what the 3D domain remembers.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hemoplan.arrays import FloatArray, IntArray
from hemoplan.errors import BoundaryError, HemoplanError
from hemoplan.waveform import Waveform
from lumped.boundary_file import Boundary
from lumped.engine.marching import Runner
from lumped.engine.periodic import states_of
from lumped.engine.tangent import tangents_of
from lumped.simulation import simulate
from lumped.stand_in import StandInBeat, ways_to_ports
from lumped.surrogate import Surrogate
from lumped.windkessel import WindkesselBank

PRESSURE_SCALE = 1e3
"""Size of a pressure [Pa]."""
DIFFERENCE = 1e-2
"""Step of the difference quotients, as a share of a quantity's size: ten pascals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatMap:
    """M of m quantities that a circuit's state holds.

    Attributes:
        names: (m,) of the quantities, as `state_names` has them.
        matrix: (m, m) M.
        scales: (m,) sizes of the quantities, in which departures are compared.
        slow: (m,) whether a correction may move it: a volume or a pressure, not a flow, which follows by itself.
        positive: Whether what may be moved stays positive, as volumes do.
        invariants: (i, m) weights of the sums that no beat changes, such as the blood of a closed part.
    """

    names: tuple[str, ...]
    matrix: FloatArray
    scales: FloatArray
    slow: tuple[bool, ...]
    positive: bool
    invariants: FloatArray

    def places(self, circuit: Boundary) -> IntArray:
        """(m,) where the quantities are in the state of a circuit.

        Raises:
            BoundaryError: The circuit is another one.
        """
        known = {name: index for index, name in enumerate(state_names(circuit))}
        strange = [name for name in self.names if name not in known]
        if strange:
            raise BoundaryError(
                "the map over a beat is that of another circuit",
                where="beat map",
                value=strange[0],
                expected="quantities of this circuit, such as " + ", ".join(list(known)[:3]),
                remedy="make it anew from the circuit and its stand-in",
            )
        return np.array([known[name] for name in self.names], dtype=np.int64)

    @property
    def slowest(self) -> float:
        """Largest modulus of M's eigenvalues but for those of the invariants: what plain beats leave of a departure."""
        moduli = np.sort(np.abs(np.linalg.eigvals(self.matrix)))[::-1]
        return float(moduli[len(self.invariants)])


def state_names(circuit: Boundary) -> tuple[str, ...]:
    """Names of the entries of a circuit's state, in its order."""
    if isinstance(circuit, WindkesselBank):
        capacitors = tuple(f"pressure behind {port}" for port in circuit.ports)
        return (*capacitors, *(f"flow at {port}" for port in circuit.ports))
    unknowns = tuple(f"{each.quantity} of {each.block}" for each in circuit.model.unknowns)
    drives = zip(circuit.ports, circuit.drives, strict=True)
    return (*unknowns, *(f"{drive} at {port}" for port, drive in drives))


def windkessel_beat_map(
    surrogate: Surrogate, bank: WindkesselBank, inflow: Waveform, *, steps: int = 400
) -> BeatMap:
    """The map of Windkessels behind a star, by differences around the bank's start.

    Args:
        surrogate: Stand-in of the 3D domain.
        bank: The Windkessels, best at their periodic state.
        inflow: Flow into the domain [m³/s].
        steps: Time steps of the beat.

    Raises:
        BoundaryError, CalibrationError: As `lumped.simulation.simulate`.
    """
    bank = bank.reordered(surrogate.outlets)
    n = len(bank.ports)
    start = bank.initial_state()
    scales = np.repeat([PRESSURE_SCALE, float(np.abs(inflow.values).max())], n)

    def end(state: FloatArray) -> FloatArray:
        return simulate(surrogate, bank.starting_from(state), inflow, cycles=1, steps=steps).state

    matrix = np.empty((2 * n, 2 * n))
    for k, scale in enumerate(scales):
        step = np.zeros(2 * n)
        step[k] = DIFFERENCE * scale
        matrix[:, k] = (end(start + step) - end(start - step)) / (2.0 * step[k])
    return BeatMap(
        names=state_names(bank),
        matrix=matrix,
        scales=scales,
        slow=(True,) * n + (False,) * n,
        positive=False,
        invariants=np.zeros((0, 2 * n)),
    )


def circulation_beat_map(beat: StandInBeat) -> BeatMap:
    """The map of a circulation with stars in the place of the 3D domain, from the tangents of its periodic beat.

    The flow at a port that is driven by pressure is not in the circuit's state, and is left out.

    Raises:
        BoundaryError: A step has no solution.
    """
    history = beat.history
    model = history.model
    states = states_of(model)
    tangents = tangents_of(model.network, model.parameters.size, start=states.size)
    tangents.y[states, np.arange(states.size)] = 1.0
    driven = np.zeros((history.times.size, len(model.inputs)))
    Runner.of(model).run(history.unknowns[0], driven, tangents=tangents)
    known = state_names(beat.boundary)
    ports = {way: (port, sign) for port, (way, sign) in ways_to_ports(beat.stand_ins).items()}
    names, signs = [], []
    for index in states:
        unknown = model.unknowns[index]
        port, sign = ports.get(unknown.block, ("", 1.0))
        names.append(f"flow at {port}" if port else f"{unknown.quantity} of {unknown.block}")
        signs.append(sign)
    kept = np.array([name in known for name in names])
    turn = np.array(signs)[kept]
    matrix = tangents.y[states][np.ix_(kept, kept)]
    return BeatMap(
        names=tuple(name for name, keep in zip(names, kept, strict=True) if keep),
        matrix=turn[:, None] * matrix * turn,
        scales=model.network.unknowns["scale"][states[kept]].copy(),
        slow=tuple(model.unknowns[index].quantity == "volume" for index in states[kept]),
        positive=True,
        invariants=model.invariants[:, states[kept]],
    )


def write_beat_map(path: Path, beat_map: BeatMap) -> None:
    """Write a map as JSON (SI units)."""
    content = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in asdict(beat_map).items()
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_beat_map(path: Path) -> BeatMap:
    """Read what `write_beat_map` wrote.

    Raises:
        HemoplanError: The file is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        m = len(content["names"])
        arrays = {
            "matrix": np.array(content["matrix"], dtype=np.float64).reshape(m, m),
            "scales": np.array(content["scales"], dtype=np.float64).reshape(m),
            "invariants": np.array(content["invariants"], dtype=np.float64).reshape(-1, m),
        }
        lists = {key: tuple(content[key]) for key in ("names", "slow")}
        beat_map = BeatMap(**(content | arrays | lists))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HemoplanError(
            "cannot read the map over a beat",
            where=str(path),
            value=str(error),
            remedy="write it anew with lumped.beat_map.write_beat_map, or simulate without it",
        ) from error
    if not all(np.isfinite(values).all() for values in arrays.values()) or len(beat_map.slow) != m:
        raise HemoplanError("the map over a beat holds values that are not numbers", where=str(path))
    return beat_map
