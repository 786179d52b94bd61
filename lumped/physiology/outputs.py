"""Every number that a beat is summarised by, by name, in SI and with the unit in which it is shown.

| name                                               | what it is                                                      |
|----------------------------------------------------|-----------------------------------------------------------------|
| heart_rate                                         |                                                                 |
| pressure.NODE.systolic, .diastolic, .mean          | largest, least and mean pressure of each compartment            |
| flow.CONNECTION                                    | mean flow from its first end to the second; shunts too          |
| volume.CHAMBER.end_diastolic, .end_systolic        | largest and least volume of each chamber                        |
| stroke_volume.CHAMBER, ejection_fraction.CHAMBER   | of the same                                                     |
| output.CHAMBER                                     | mean flow through the valves that lead from a ventricle         |
|                                                    | to a vessel                                                     |
| systemic_flow, pulmonary_flow, qp_over_qs          | to all tissues, to the lungs, and their ratio                   |
| qp_over_qs.fick                                    | the same from the contents of four samples of blood, means over |
|                                                    | time: lower in the pulmonary arteries where blood of the lungs  |
|                                                    | flows back into them                                            |
| resistance.systemic, resistance.pulmonary          | aorta to right atrium over systemic flow; pulmonary artery      |
|                                                    | to left atrium over pulmonary flow                              |
| coronary_perfusion_pressure                        | least aortic less mean right atrial pressure                    |
| saturation.NODE, po2.NODE, pco2.NODE, ph.NODE      | of the mean blood in each compartment                           |
| saturation.preductal, .postductal, .mixed_venous   | of the right arm, the lower body, and all that leaves tissues   |
| oxygen_delivery, oxygen_delivery.TISSUE, .cerebral | content times flow                                              |
| oxygen_consumption, oxygen_extraction, oxygen_debt | what tissues take, over delivery, and demand less consumption   |
| lactate_risk                                       | 1 where a tissue would extract more than `CRITICAL_EXTRACTION`  |
| alveolar.po2, alveolar.pco2                        |                                                                 |
| ventilation.*                                      | tidal and minute volume, mean airway and pleural pressure       |
| factor.REGULATION                                  | what each regulation multiplies its targets by                  |

A quantity whose landmark the anatomy lacks, or whose flow vanishes, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.units import to_unit
from lumped.blocks.compartments import CHAMBERS
from lumped.blocks.connection_laws import LEAFLET_VALVE, SIGMOID_VALVE, VALVE
from lumped.blocks.connections import CONNECTIONS
from lumped.engine.marching import History
from lumped.engine.measures import mean_over_beat
from lumped.gas.balance import OXYGEN
from lumped.gas.blood import pressures
from lumped.gas.delivery import CRITICAL_EXTRACTION
from lumped.gas.passage import passage_of
from lumped.gas.transport import GasBeat
from lumped.lungs.breath import Breath
from lumped.physiology.landmarks import landmark

_VALVES = frozenset({VALVE, SIGMOID_VALVE, LEAFLET_VALVE})
_LEAST_FLOW = 1e-12


@dataclass(frozen=True, slots=True)
class Output:
    """One number.

    Attributes:
        value: In SI.
        unit: In which it is shown.
    """

    value: float
    unit: str

    @property
    def shown(self) -> float:
        """In its unit."""
        return self.value if self.unit == "1" else to_unit(self.value, self.unit)


def outputs_of(
    history: History, gas: GasBeat | None, breath: Breath | None, factors: Mapping[str, float]
) -> dict[str, Output]:
    """All outputs of a beat.

    Args:
        history: One beat.
        gas: What it carries, if followed.
        breath: Of the ventilator, if any.
        factors: Of the regulations, by name.
    """
    table = {"heart_rate": Output(1.0 / history.model.period, "1/min")}
    means = mean_over_beat(history.pressures)
    for i, name in enumerate(history.model.nodes):
        curve = history.pressures[:, i]
        table[f"pressure.{name}.systolic"] = Output(float(curve.max()), "mmHg")
        table[f"pressure.{name}.diastolic"] = Output(float(curve.min()), "mmHg")
        table[f"pressure.{name}.mean"] = Output(float(means[i]), "mmHg")
    passage = passage_of(history) if gas is None else gas.passage
    flows = dict(zip(passage.edges, passage.moved.sum(axis=0) / passage.duration, strict=True))
    table |= {f"flow.{name}": Output(float(flow), "mL/min") for name, flow in flows.items()}
    table |= _chambers(history, flows)
    if gas is not None:
        table |= _flows_and_resistances(history, gas, means)
        table |= _oxygen(gas)
    table |= _coronary(history, means)
    if breath is not None:
        table["ventilation.tidal_volume"] = Output(breath.tidal_volume, "mL")
        table["ventilation.minute_volume"] = Output(breath.minute_ventilation, "mL/min")
        table["ventilation.mean_airway_pressure"] = Output(breath.mean_airway_pressure, "cmH2O")
        table["ventilation.mean_pleural_pressure"] = Output(breath.mean_pleural_pressure, "cmH2O")
        table["ventilation.mean_lung_volume"] = Output(breath.mean_lung_volume, "mL")
    return table | {f"factor.{name}": Output(factor, "1") for name, factor in factors.items()}


def _chambers(history: History, flows: Mapping[str, float]) -> dict[str, Output]:
    """Volumes of the heart's chambers, and what the ventricles eject."""
    table = {}
    circulation = history.model.circulation
    chambers = {each.name for each in circulation.compartments if each.kind in CHAMBERS}
    for name in chambers:
        volume = history.volume(name)
        largest, least = float(volume.max()), float(volume.min())
        table[f"volume.{name}.end_diastolic"] = Output(largest, "mL")
        table[f"volume.{name}.end_systolic"] = Output(least, "mL")
        table[f"stroke_volume.{name}"] = Output(largest - least, "mL")
        table[f"ejection_fraction.{name}"] = Output(1.0 - least / largest, "percent")
    for each in circulation.connections:
        leads_out = each.source in chambers and each.target not in chambers
        if leads_out and CONNECTIONS[each.kind].law in _VALVES:
            key = f"output.{each.source}"
            before = table[key].value if key in table else 0.0
            table[key] = Output(before + float(flows[each.name]), "mL/min")
    return table


def _flows_and_resistances(history: History, gas: GasBeat, means: FloatArray) -> dict[str, Output]:
    """Systemic and pulmonary flow, their ratio by flow and by Fick, and the two resistances."""
    table = {}
    to_lungs, to_tissues = _net(gas, gas.sites.lungs), _net(gas, gas.sites.supply.sum(axis=0))
    systemic, pulmonary = float(to_tissues.sum()), float(to_lungs.sum())
    table["systemic_flow"] = Output(systemic, "mL/min")
    if gas.sites.gas.lungs:
        table["pulmonary_flow"] = Output(pulmonary, "mL/min")
    nodes = history.model.nodes
    ends = {
        "systemic": (landmark("aorta", nodes), landmark("right_atrium", nodes), systemic),
        "pulmonary": (landmark("pulmonary_artery", nodes), landmark("left_atrium", nodes), pulmonary),
    }
    for name, (upstream, downstream, flow) in ends.items():
        if upstream and downstream and flow > _LEAST_FLOW:
            drop = float(means[nodes.index(upstream)] - means[nodes.index(downstream)])
            table[f"resistance.{name}"] = Output(drop / flow, "WU")
    if systemic > _LEAST_FLOW and pulmonary > _LEAST_FLOW:
        table["qp_over_qs"] = Output(pulmonary / systemic, "1")
        gained = _sampled(gas, to_lungs, gas.sites.gas.lungs)
        lost = _sampled(gas, to_tissues, gas.sites.tissues)
        if gained is not None and lost is not None and gained > 0.0:
            table["qp_over_qs.fick"] = Output(-lost / systemic * pulmonary / gained, "1")
    return table


def _net(gas: GasBeat, sites: FloatArray) -> FloatArray:
    """(2 e,) mean flow of blood to sites along each connection, ahead and back, less what returns through it."""
    moved = gas.passage.moved.sum(axis=0) / gas.passage.duration
    ahead, back = np.split(np.maximum(sites, 0.0), 2)
    return np.concatenate([ahead * moved, -back * moved])


def _sampled(gas: GasBeat, flow: FloatArray, sites: tuple[str, ...]) -> float | None:
    """What blood gains in some sites, as samples before and in them would tell: flow times difference of contents."""
    passage = gas.passage
    origins = np.concatenate([passage.source, passage.target])
    ends = np.concatenate([passage.target, passage.source])
    used = np.flatnonzero(flow > 0.0)
    if any(origins[k] < 0 or passage.nodes[ends[k]] not in sites for k in used):
        return None
    oxygen = gas.means[:, OXYGEN]
    return float(flow[used] @ (oxygen[ends[used]] - oxygen[origins[used]]))


def _oxygen(gas: GasBeat) -> dict[str, Output]:
    """Blood gases of every compartment, and what delivery makes of them."""
    table = {}
    nodes = gas.passage.nodes
    for name in nodes:
        sample = gas.sample(name)
        table[f"saturation.{name}"] = Output(sample.saturation, "percent")
        table[f"po2.{name}"] = Output(sample.po2, "mmHg")
        table[f"pco2.{name}"] = Output(sample.pco2, "mmHg")
        table[f"ph.{name}"] = Output(sample.ph, "1")
    for role in ("preductal", "postductal"):
        name_of_role = landmark(role, nodes)
        if name_of_role:
            table[f"saturation.{role}"] = table[f"saturation.{name_of_role}"]
    delivery, consumption = float(gas.delivery.sum()), float(gas.consumption.sum())
    table["oxygen_delivery"] = Output(delivery, "mL/min")
    for name, value in zip(gas.sites.tissues, gas.delivery, strict=True):
        table[f"oxygen_delivery.{name}"] = Output(float(value), "mL/min")
    brain = landmark("brain", gas.sites.tissues)
    if brain:
        table["oxygen_delivery.cerebral"] = table[f"oxygen_delivery.{brain}"]
    table["oxygen_consumption"] = Output(consumption, "mL/min")
    table["oxygen_debt"] = Output(gas.lacking, "mL/min")
    at_risk = bool(np.any(gas.sites.demand > CRITICAL_EXTRACTION * gas.delivery))
    table["lactate_risk"] = Output(float(at_risk), "1")
    if delivery > 0.0:
        table["oxygen_extraction"] = Output(consumption / delivery, "percent")
        flow = _net(gas, gas.sites.supply.sum(axis=0))
        carried = gas.sites.supply.sum(axis=0) @ np.concatenate([gas.ahead, gas.back])
        taken = np.array([consumption, -gas.sites.gas.respiratory_quotient * consumption])
        oxygen, carbon_dioxide = (carried - taken) / flow.sum()
        venous = pressures(float(oxygen), float(carbon_dioxide), gas.sites.blood)
        table["saturation.mixed_venous"] = Output(venous[3], "percent")
    table["alveolar.po2"] = Output(float(gas.alveolar[0]), "mmHg")
    table["alveolar.pco2"] = Output(float(gas.alveolar[1]), "mmHg")
    return table


def _coronary(history: History, means: FloatArray) -> dict[str, Output]:
    nodes = history.model.nodes
    aorta, atrium = landmark("aorta", nodes), landmark("right_atrium", nodes)
    if aorta is None or atrium is None:
        return {}
    least = float(history.pressure(aorta).min())
    return {"coronary_perfusion_pressure": Output(least - float(means[nodes.index(atrium)]), "mmHg")}
