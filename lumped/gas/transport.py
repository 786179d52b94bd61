"""Oxygen and carbon dioxide in a circulation: what each compartment holds, beat after beat or in the steady state.

Blood carries both gases as `carriage` says. Over a beat that is linear in the amounts at its start and in a few numbers
that are constant within it: alveolar gas, with which blood that flows into a lung comes into equilibrium but for the
shunt, and what the tissues take, which is limited by the oxygen that flows to them. `balance` finds these.

`next_gas_beat` goes on from a state. `periodic_gas` finds the state that a periodic beat brings back, from the
derivative of the same map: it is what many beats lead to.

Amounts are in m³ STPD, flows of gas in m³/s STPD, contents in m³/m³.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError, DivergenceError
from hemoplan.units import MMHG
from lumped.engine.marching import History
from lumped.gas.balance import OXYGEN, Balance, Beat, solve_balances
from lumped.gas.blood import contents, pressures
from lumped.gas.carriage import TISSUES, carry
from lumped.gas.passage import Passage, passage_of
from lumped.gas.sites import Sites, sites_of

LUNG_VOLUME = 2.1e-5
"""Gas in a newborn's lungs [m³/kg], 21 mL/kg; source in `lumped.lungs.newborn`."""
MIXED_BLOOD = (60.0 * MMHG, 42.0 * MMHG)
"""PO2 and PCO2 [Pa] of blood of which nothing is known: at the start, and where it comes from outside."""
START_ALVEOLAR = (100.0 * MMHG, 40.0 * MMHG)
"""Alveolar PO2 and PCO2 [Pa] to start from."""

_SINGULAR = 1e13


@dataclass(frozen=True, slots=True, kw_only=True)
class GasState:
    """Gas in a circulation at the start or the end of a beat.

    Attributes:
        nodes: (n,) names of compartments and junctions.
        volumes: (n,) blood [m³].
        amounts: (n, 2) O2 and CO2 [m³ STPD].
        alveolar: (2,) PO2 and PCO2 of alveolar gas [Pa].
    """

    nodes: tuple[str, ...]
    volumes: FloatArray
    amounts: FloatArray
    alveolar: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodSample:
    """Blood as a syringe would find it.

    Attributes:
        oxygen, carbon_dioxide: Contents [m³/m³ STPD].
        po2, pco2: [Pa].
        ph: At the temperature of the blood.
        saturation: Of haemoglobin with oxygen, 0 to 1.
    """

    oxygen: float
    carbon_dioxide: float
    po2: float
    pco2: float
    ph: float
    saturation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GasBeat:
    """Both gases over a beat. Arrays whose last axis is 2 hold O2, then CO2.

    Attributes:
        sites: Where gas is exchanged.
        passage: Of the blood.
        start, end: State before and after.
        contents: (s + 1, n, 2) at each step [m³/m³].
        means: (n, 2) time means of the contents [m³/m³].
        ahead, back: (e, 2) carried by each connection to its target, and back, as it leaves [m³/s].
        alveolar: (2,) PO2 and PCO2 [Pa].
        uptake: (2,) of blood from alveolar gas [m³/s]; CO2 is given off and negative.
        transfer: (2,) of blood from placentas [m³/s].
        delivery, consumption: (t,) oxygen that flows to each tissue of the sites, and what it takes [m³/s].
        iterations: Of Newton's method.
    """

    sites: Sites
    passage: Passage
    start: GasState
    end: GasState
    contents: FloatArray
    means: FloatArray
    ahead: FloatArray
    back: FloatArray
    alveolar: FloatArray
    uptake: FloatArray
    transfer: FloatArray
    delivery: FloatArray
    consumption: FloatArray
    iterations: int

    def sample(self, node: str) -> BloodSample:
        """Mean blood of a compartment or junction."""
        oxygen, carbon_dioxide = (float(x) for x in self.means[self.passage.nodes.index(node)])
        po2, pco2, ph, saturation = pressures(oxygen, carbon_dioxide, self.sites.blood)
        return BloodSample(
            oxygen=oxygen, carbon_dioxide=carbon_dioxide, po2=po2, pco2=pco2, ph=ph, saturation=saturation
        )

    def carried(self, edge: str) -> FloatArray:
        """(2,) gas that a connection carries to its target, less what it carries back [m³/s]."""
        e = self.passage.edges.index(edge)
        return np.asarray(self.ahead[e] - self.back[e])

    @property
    def lacking(self) -> float:
        """Oxygen that the tissues lack, demand less consumption [m³/s]."""
        return float(np.sum(self.sites.demand - self.consumption))


def uniform_state(history: History) -> GasState:
    """The same mixed blood everywhere, to start from."""
    passage, sites = _sites(history)
    amounts = np.outer(passage.volumes[0], _contents(MIXED_BLOOD, sites))
    return GasState(
        nodes=passage.nodes, volumes=passage.volumes[0], amounts=amounts, alveolar=np.array(START_ALVEOLAR)
    )


def next_gas_beat(
    history: History,
    start: GasState,
    *,
    lung_volume: float | None = None,
    entering: tuple[float, float] = MIXED_BLOOD,
) -> GasBeat:
    """One beat of both gases from a state.

    Args:
        history: The beat, of a circulation with `gas`.
        start: State at its start; blood that surgery has moved since takes its gas along, see `settled`.
        lung_volume: Gas in the lungs [m³]; 21 mL/kg if not given.
        entering: PO2 and PCO2 of blood that comes from a reservoir or from outside [Pa].

    Raises:
        CaseError: The circulation has no gas exchange, or it makes no sense.
        DivergenceError: The balances have no solution.
    """
    passage, sites = _sites(history)
    state = settled(start, passage)
    f = TISSUES + len(sites.tissues)
    columns = np.hstack([state.amounts, np.zeros((len(passage.nodes), f))])
    parts = carry(sites.graph, passage, columns, np.hstack([np.zeros((f, 2)), np.eye(f)]))
    carried = np.concatenate([parts.ahead, parts.back])
    beat = Beat(
        duration=passage.duration,
        base=carried[:, :2],
        slope=carried[:, 2:],
        entering=_contents(entering, sites),
        alveolar=state.alveolar,
        lung_volume=LUNG_VOLUME * history.model.circulation.weight if lung_volume is None else lung_volume,
    )
    return _gas_beat(sites, passage, state, solve_balances(sites, beat, _where(history)))


def march_gas(
    histories: Iterable[History],
    start: GasState,
    *,
    lung_volume: float | None = None,
    entering: tuple[float, float] = MIXED_BLOOD,
) -> list[GasBeat]:
    """Both gases over beats that follow each other; arguments and errors as in `next_gas_beat`."""
    beats: list[GasBeat] = []
    for history in histories:
        beat = next_gas_beat(history, start, lung_volume=lung_volume, entering=entering)
        beats.append(beat)
        start = beat.end
    return beats


def split_beats(history: History) -> list[History]:
    """The beats of a history that begins with a beat, one by one."""
    model = history.model
    steps = round(model.period / float(history.times[1] - history.times[0]))
    count = (history.times.size - 1) // steps
    rows = [slice(k * steps, (k + 1) * steps + 1) for k in range(count)]
    return [
        History(
            model=model,
            times=history.times[each] - history.times[each.start],
            unknowns=history.unknowns[each],
            pressures=history.pressures[each],
            flows=history.flows[each],
        )
        for each in rows
    ]


def periodic_gas(
    history: History,
    *,
    guess: tuple[float, float] = START_ALVEOLAR,
    entering: tuple[float, float] = MIXED_BLOOD,
) -> GasBeat:
    """The gases that a periodic beat brings back to what they were.

    Args:
        history: The periodic beat, of a circulation with `gas`.
        guess: Alveolar PO2 and PCO2 to search from [Pa].
        entering: PO2 and PCO2 of blood that comes from a reservoir or from outside [Pa].

    Raises:
        CaseError: The circulation has no gas exchange, or it makes no sense.
        DivergenceError: There is no steady state: some blood never meets gas, or the balances have no solution.
    """
    passage, sites = _sites(history)
    if sites.gas.lungs and not sites.gas.placentas and not sites.gas.alveolar_ventilation > 0.0:
        raise CaseError(
            "alveoli that are not ventilated have no steady state",
            where=f"{_where(history)}: gas.alveolar_ventilation",
            value=sites.gas.alveolar_ventilation,
            expected="a number above zero",
            remedy="raise the tidal volume above the dead space",
        )
    n, f = len(passage.nodes), TISSUES + len(sites.tissues)
    forcings = np.hstack([np.zeros((f, n)), np.eye(f)])
    parts = carry(sites.graph, passage, np.eye(n, n + f), forcings)
    carried = np.concatenate([parts.ahead, parts.back])
    # Amounts that come back to themselves, for one of each forcing.
    matrix = np.eye(n) - parts.amounts[:, :n]
    if np.linalg.cond(matrix) > _SINGULAR:
        raise DivergenceError(
            "the gas of some blood has no steady state",
            where=_where(history),
            expected="a way from every compartment to a lung or a placenta with a flow and a shunt below 1",
        )
    amounts = np.linalg.solve(matrix, parts.amounts[:, n:])
    beat = Beat(
        duration=passage.duration,
        base=np.zeros((carried.shape[0], 2)),
        slope=carried[:, :n] @ amounts + carried[:, n:],
        entering=_contents(entering, sites),
        alveolar=np.array(guess),
        lung_volume=0.0,
    )
    balance = solve_balances(sites, beat, _where(history))
    start = GasState(
        nodes=passage.nodes,
        volumes=passage.volumes[0],
        amounts=amounts @ balance.forcings,
        alveolar=balance.alveolar,
    )
    return _gas_beat(sites, passage, start, balance)


def settled(state: GasState, passage: Passage) -> GasState:
    """The state in compartments that hold other volumes than before, as after surgery.

    A compartment that has less blood than before keeps its content, and gives the rest to a pool; one that has more,
    or is new, gets it from the pool. No gas is made or lost as long as no blood is.
    """
    before = dict(zip(state.nodes, zip(state.volumes, state.amounts, strict=True), strict=True))
    volumes = passage.volumes[0]
    amounts = np.zeros((volumes.size, 2))
    pool, pooled = np.zeros(2), 0.0
    wanted = np.zeros(volumes.size)
    for i, name in enumerate(passage.nodes):
        volume, amount = before.pop(name, (0.0, np.zeros(2)))
        kept = min(volumes[i] / volume, 1.0) if volume > 0.0 else 0.0
        amounts[i] = kept * amount
        pool += (1.0 - kept) * amount
        pooled += (1.0 - kept) * volume
        wanted[i] = max(volumes[i] - volume, 0.0)
    for volume, amount in before.values():
        pool, pooled = pool + amount, pooled + volume
    if pooled == 0.0:
        pool, pooled = amounts.sum(axis=0), float(volumes.sum() - wanted.sum())
    amounts += np.outer(wanted, pool / pooled)
    return GasState(nodes=passage.nodes, volumes=volumes, amounts=amounts, alveolar=state.alveolar)


def _gas_beat(sites: Sites, passage: Passage, start: GasState, balance: Balance) -> GasBeat:
    """The beat with the forcings that balance it."""
    done = carry(sites.graph, passage, start.amounts, balance.forcings, trace=True)
    T = passage.duration
    carried = np.concatenate([done.ahead, done.back])
    gas, y = sites.gas, balance.forcings
    passed = np.concatenate([np.maximum(passage.moved, 0.0), np.maximum(-passage.moved, 0.0)], axis=1)
    transfer = sites.placentas @ (passed.sum(axis=0)[:, np.newaxis] * y[1] - carried)
    uptake = sites.exposed * y[0] - (1.0 - gas.shunt_share) * (sites.lungs @ carried)
    end = GasState(
        nodes=passage.nodes, volumes=passage.volumes[-1], amounts=done.amounts, alveolar=balance.alveolar
    )
    return GasBeat(
        sites=sites,
        passage=passage,
        start=start,
        end=end,
        contents=done.trace,
        means=done.means,
        ahead=np.asarray(done.ahead / T),
        back=np.asarray(done.back / T),
        alveolar=balance.alveolar,
        uptake=uptake / T,
        transfer=transfer / T,
        delivery=sites.supply @ carried[:, OXYGEN] / T,
        consumption=balance.consumption,
        iterations=balance.iterations,
    )


def _contents(partial: tuple[float, float], sites: Sites) -> FloatArray:
    """(2,) contents of blood with the given PO2 and PCO2 [Pa]."""
    oxygen, carbon_dioxide, *_ = contents(*partial, sites.blood)
    return np.array([oxygen, carbon_dioxide])


def _sites(history: History) -> tuple[Passage, Sites]:
    """The passage of blood in a history, and where it exchanges gas.

    Raises:
        CaseError: The circulation does not say, or a compartment runs empty, so that its blood has no content.
    """
    circulation, passage = history.model.circulation, passage_of(history)
    if circulation.gas is None:
        raise CaseError(
            "nothing is known of the oxygen of this circulation",
            where=_where(history),
            expected="a [gas] table with haemoglobin, oxygen_consumption, consumers and lungs",
        )
    least = passage.volumes.min(axis=0)
    holds = np.any(passage.volumes != 0.0, axis=0)
    for name, volume, holds_blood in zip(passage.nodes, least, holds, strict=True):
        if holds_blood and volume <= 0.0:
            raise CaseError(
                "a compartment runs empty, so that the gas in its blood cannot be followed",
                where=f"{_where(history)}: {name}",
                value=f"{1e6 * volume:.3g} mL",
                expected="a volume above zero at all times",
                remedy="give it an unstressed volume",
            )
    return passage, sites_of(passage, circulation.gas, _where(history))


def _where(history: History) -> str:
    return history.model.circulation.origin or history.model.circulation.name
