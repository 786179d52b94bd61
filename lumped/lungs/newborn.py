"""Lungs, blood and metabolism of a newborn by weight, with sources, for term and for 28 weeks.

| quantity              | term                      | 28 weeks        | source                              |
|-----------------------|---------------------------|-----------------|-------------------------------------|
| compliance, total     | 0.372 kg + 1.067 mL/cmH2O | the same        | 78 newborns of 28–41 weeks          |
| chest wall compliance | 4.2 mL/cmH2O/kg           | 6.4 mL/cmH2O/kg | Gerhardt 1980                       |
| resistance            | 30 cmH2O s/L              | 60 cmH2O s/L    | of the order of Cook 1957; assumed  |
| FRC                   | 21 mL/kg                  | 23 mL/kg        | helium: 72 mL at 50 cm; Bhat 2003   |
| dead space            | 2.4 mL/kg                 | 3.7 mL/kg       | Dassios 2017                        |
| haemoglobin           | 180 g/L                   | 160 g/L         | Jopling 2009 for the trend          |
| fetal haemoglobin     | 80 %                      | 90 %            | within 70–90 % at birth             |
| oxygen consumption    | 6 mL/kg/min               | 5.0 mL/kg/min   | Hill & Robinson; Shortland 1992     |
| CO2 production        | 5.1 mL/kg/min             | 4.7 mL/kg/min   | quotient of 0.85; Shortland 1992    |
| rate                  | 40/min                    | 50/min          | assumed, for a normal PCO2          |
| tidal volume          | 5.5 mL/kg                 | 6 mL/kg         | assumed, for a normal PCO2          |
| endotracheal tube     | 3.5 mm                    | 2.5 mm          | usual sizes                         |

Gerhardt & Bancalari, Acta Paediatr. Scand. 69, 1980, DOI 10.1111/j.1651-2227.1980.tb07093.x; Cook et al., J. Clin.
Invest. 36, 1957, DOI 10.1172/JCI103441; Bhat et al., Pediatrics 112, 2003; Dassios et al., Pediatr. Pulmonol. 2017
(intubated infants); Jopling et al., Pediatrics 123, 2009, DOI 10.1542/peds.2008-2654; Shortland, Fleming & Walter,
Arch. Dis. Child. 67, 1992, DOI 10.1136/adc.67.10_spec_no.1207 (ventilated preterm infants). The lungs are healthy;
those that lack surfactant have a third of the compliance or less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hemoplan.units import ML_PER_MIN
from lumped.gas.blood import Blood
from lumped.gas.parameters import check_value
from lumped.lungs.breath import solve_breath
from lumped.lungs.mechanics import CMH2O, RespiratorySystem, one_compartment
from lumped.lungs.modes import SpontaneousBreathing
from lumped.lungs.tube import EndotrachealTube

_ML = 1e-6
_ML_PER_CMH2O = _ML / CMH2O
_CMH2O_S_PER_L = CMH2O * 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Newborn:
    """What breathing needs to know of a child.

    Attributes:
        weight: [kg].
        respiratory_system: Lungs and chest wall.
        breathing: The child's own breaths.
        blood: Properties of the blood.
        consumption: Oxygen consumption [m³/s STPD].
        production: CO2 production [m³/s STPD].
        tube: The tube that would be used.
    """

    weight: float
    respiratory_system: RespiratorySystem
    breathing: SpontaneousBreathing
    blood: Blood
    consumption: float
    production: float
    tube: EndotrachealTube


def term_newborn(weight: float = 3.5) -> Newborn:
    """A healthy term newborn of a weight [kg], 1.5 to 6; values in the module's docstring.

    Raises:
        CaseError: The weight is outside its limits.
    """
    check_value("term newborn", "weight", weight, "kg", 1.5, 6.0)
    return _newborn(
        weight,
        wall=4.2,
        resistance=30.0,
        frc=21.0,
        dead_space=2.4,
        blood=Blood(hemoglobin=180.0, fetal_fraction=0.8),
        consumption=6.0,
        production=5.1,
        rate=40.0,
        tidal_volume=5.5,
        tube=EndotrachealTube(inner_diameter=3.5e-3),
    )


def preterm_newborn(weight: float = 1.0) -> Newborn:
    """A preterm newborn of about 28 weeks with healthy lungs, of a weight [kg], 0.5 to 2.

    Raises:
        CaseError: The weight is outside its limits.
    """
    check_value("preterm newborn", "weight", weight, "kg", 0.5, 2.0)
    return _newborn(
        weight,
        wall=6.4,
        resistance=60.0,
        frc=23.0,
        dead_space=3.7,
        blood=Blood(hemoglobin=160.0, fetal_fraction=0.9),
        consumption=5.0,
        production=4.7,
        rate=50.0,
        tidal_volume=6.0,
        tube=EndotrachealTube(inner_diameter=2.5e-3),
    )


def _newborn(
    weight: float,
    *,
    wall: float,
    resistance: float,
    frc: float,
    dead_space: float,
    blood: Blood,
    consumption: float,
    production: float,
    rate: float,
    tidal_volume: float,
    tube: EndotrachealTube,
) -> Newborn:
    """Scale values per kilogram, in clinical units, and find the effort that moves the tidal volume."""
    system = one_compartment(
        compliance=(0.372 * weight + 1.067) * _ML_PER_CMH2O,
        resistance=resistance * _CMH2O_S_PER_L,
        chest_wall_compliance=wall * weight * _ML_PER_CMH2O,
        functional_residual_capacity=frc * weight * _ML,
        dead_space=dead_space * weight * _ML,
    )
    period = 60.0 / rate
    trial = SpontaneousBreathing(rate=1.0 / period, inspiratory_time=period / 3.0, muscle_pressure=CMH2O)
    # The system is linear, so that the tidal volume is proportional to the effort.
    effort = CMH2O * tidal_volume * weight * _ML / solve_breath(system, trial).tidal_volume
    return Newborn(
        weight=weight,
        respiratory_system=system,
        breathing=replace(trial, muscle_pressure=effort),
        blood=blood,
        consumption=consumption * weight * ML_PER_MIN,
        production=production * weight * ML_PER_MIN,
        tube=tube,
    )
