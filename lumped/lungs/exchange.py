"""Gas exchange: from ventilation and blood flow to alveolar and arterial gas.

Mass balance of the alveoli, with flows of gas at body temperature and uptakes STPD (k = P0 T / T0 turns m³ STPD into
pascal times m³ at 37 °C; it is the 863 mmHg of the textbooks), VI and VE the inspired and expired alveolar ventilation:

    V dPO2/dt  = VI PIO2 - VE PO2 - k VO2
    V dPCO2/dt =         - VE PCO2 + k VCO2
    VI = VE + k (VO2 - VCO2) / (PB - PH2O)                                     (nitrogen is not exchanged)

The steady state is the alveolar gas equation PAO2 = PIO2 - PACO2 (F + (1 - F) / R) with R = VCO2 / VO2 (Fenn, Rahn &
Otis, Am. J. Physiol. 146, 1946). Blood that passes the lungs without exchange is mixed in as a shunt (Riley & Cournand,
J. Appl. Physiol. 1, 1949); a whole lung may also be made of units with different ventilation per blood flow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hemoplan.arrays import FloatArray
from hemoplan.errors import CaseError, DivergenceError
from hemoplan.units import MMHG
from lumped.compiled import compiled
from lumped.gas.blood import Blood, BloodGas, blood_gas, blood_gas_of_contents, contents, pressures
from lumped.gas.oxygen import BODY_TEMPERATURE
from lumped.gas.oxygen import SOLUBILITY as OXYGEN_SOLUBILITY
from lumped.gas.parameters import check_value
from lumped.lungs.modes import ROOM_AIR

ATMOSPHERE = 101325.0
"""Barometric pressure at sea level [Pa]."""
WATER_VAPOUR = 47.0 * MMHG
"""Saturated water vapour at 37 °C [Pa]."""
BODY_GAS = ATMOSPHERE * BODY_TEMPERATURE / 273.15
"""k: pascal times m³ at 37 °C of one m³ STPD [Pa]; 863 mmHg."""

_ITERATIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AlveolarGas:
    """Partial pressures of alveolar gas [Pa]."""

    po2: float
    pco2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LungGas:
    """Gas on the way through lungs with a shunt, in the steady state.

    Attributes:
        alveolar: Of the ventilated part.
        end_capillary: Blood that has come into equilibrium with it.
        arterial: Mixed with the shunted blood.
        venous: What the body sends back.
    """

    alveolar: AlveolarGas
    end_capillary: BloodGas
    arterial: BloodGas
    venous: BloodGas


def inspired_po2(fio2: float, barometric: float = ATMOSPHERE) -> float:
    """PO2 of inspired gas, warmed and saturated with water: F (PB - PH2O) [Pa].

    Raises:
        CaseError: The fraction is outside 0.05 to 1, or the pressure outside 200 to 900 mmHg.
    """
    check_value("inspired gas", "FiO2", fio2, "1", 0.05, 1.0)
    check_value("inspired gas", "barometric pressure", barometric, "mmHg", 200.0, 900.0)
    return fio2 * (barometric - WATER_VAPOUR)


def alveolar_po2(
    pco2: float, *, fio2: float = ROOM_AIR, respiratory_quotient: float = 0.8, barometric: float = ATMOSPHERE
) -> float:
    """The alveolar gas equation: PAO2 [Pa] from PACO2 [Pa].

    Raises:
        CaseError: A value is outside its limits.
    """
    check_value("alveolar gas", "PCO2", pco2, "mmHg", 0.0, 200.0)
    check_value("alveolar gas", "respiratory quotient", respiratory_quotient, "1", 0.3, 2.0)
    return inspired_po2(fio2, barometric) - pco2 * (fio2 + (1.0 - fio2) / respiratory_quotient)


def alveolar_gas(
    ventilation: float,
    *,
    consumption: float,
    production: float,
    fio2: float = ROOM_AIR,
    barometric: float = ATMOSPHERE,
) -> AlveolarGas:
    """Steady alveolar gas from ventilation and metabolism.

    Args:
        ventilation: VE, expired alveolar ventilation at body temperature [m³/s].
        consumption: VO2 [m³/s STPD].
        production: VCO2 [m³/s STPD].
        fio2: Inspired oxygen fraction.
        barometric: [Pa].

    Raises:
        CaseError: There is no ventilation, a value is not finite, or it cannot bring the oxygen that is consumed.
    """
    if not (math.isfinite(ventilation) and ventilation > 0.0):
        raise CaseError(
            "there is no alveolar ventilation",
            where="alveolar gas",
            value=ventilation,
            expected="a positive number",
            remedy="raise the tidal volume above the dead space",
        )
    for name, value in (("consumption", consumption), ("production", production)):
        if not (math.isfinite(value) and value >= 0.0):
            raise CaseError(
                f"{name} is negative or no number", where="alveolar gas", value=value, expected="zero or more"
            )
    inspired, dry = inspired_po2(fio2, barometric), barometric - WATER_VAPOUR
    drawn = ventilation + BODY_GAS * (consumption - production) / dry
    po2 = (drawn * inspired - BODY_GAS * consumption) / ventilation
    pco2 = BODY_GAS * production / ventilation
    if po2 <= 0.0 or pco2 >= dry:
        raise CaseError(
            "ventilation does not bring the oxygen that is consumed",
            where="alveolar gas",
            value=f"{ventilation:.3g} m³/s at FiO2 {fio2:.3g}",
            expected="an alveolar PO2 above zero",
            remedy="raise ventilation or FiO2, or check the oxygen consumption",
        )
    return AlveolarGas(po2=po2, pco2=pco2)


@compiled
def alveolar_rates(
    po2: float,
    pco2: float,
    uptake: float,
    output: float,
    ventilation: float,
    volume: float,
    inspired: float,
    dry_pressure: float = ATMOSPHERE - WATER_VAPOUR,
) -> tuple[float, float]:
    """dPO2/dt and dPCO2/dt of alveolar gas [Pa/s]; linear in the pressures and in both exchanges.

    Args:
        po2: Alveolar PO2 [Pa].
        pco2: Alveolar PCO2 [Pa].
        uptake: Oxygen taken up by blood [m³/s STPD].
        output: CO2 given off by blood [m³/s STPD].
        ventilation: VE, expired alveolar ventilation [m³/s].
        volume: V, mean gas volume [m³].
        inspired: PIO2 [Pa].
        dry_pressure: PB - PH2O [Pa].
    """
    drawn = ventilation + BODY_GAS * (uptake - output) / dry_pressure
    return (
        (drawn * inspired - ventilation * po2 - BODY_GAS * uptake) / volume,
        (BODY_GAS * output - ventilation * pco2) / volume,
    )


@compiled
def equilibration(diffusing_capacity: float, blood_flow: float, slope: float) -> float:
    """Share of the alveolar–venous difference that blood closes on its way: 1 - exp(-D / (beta Q)).

    Args:
        diffusing_capacity: D [m³/s STPD/Pa].
        blood_flow: Q [m³/s].
        slope: beta, mean slope of the content between venous and alveolar pressure [1/Pa].

    Source: Piiper & Scheid, Respir. Physiol. 46, 1981.
    """
    return -math.expm1(-diffusing_capacity / (slope * blood_flow))


@compiled
def capillary_exchange(
    po2: float,
    pco2: float,
    venous_oxygen: float,
    venous_carbon_dioxide: float,
    blood_flow: float,
    blood: FloatArray,
    shunt: float = 0.0,
    diffusing_capacity: float = math.inf,
) -> tuple[float, float]:
    """Oxygen that blood takes up from alveolar gas and CO2 that it gives off [m³/s STPD].

    Blood that is not shunted comes into equilibrium with the gas, for oxygen as far as diffusion allows: the slope in
    `equilibration` is that of the chord between venous and alveolar blood. CO2 diffuses twenty times faster and is
    always in equilibrium.

    Args:
        po2: Alveolar PO2 [Pa].
        pco2: Alveolar PCO2 [Pa].
        venous_oxygen: Content of the blood that arrives [m³/m³ STPD].
        venous_carbon_dioxide: Content of the blood that arrives [m³/m³ STPD].
        blood_flow: [m³/s]; there is no exchange at zero and below.
        blood: Row of `Blood`, (6,).
        shunt: Share of the flow that meets no gas.
        diffusing_capacity: Of the lungs for oxygen [m³/s STPD/Pa].
    """
    exposed = (1.0 - shunt) * max(blood_flow, 0.0)
    oxygen, carbon_dioxide, _, _, _ = contents(po2, pco2, blood)
    uptake = exposed * (oxygen - venous_oxygen)
    if exposed > 0.0 and diffusing_capacity < math.inf:
        gradient = po2 - pressures(venous_oxygen, venous_carbon_dioxide, blood)[0]
        if abs(gradient) > 1e-9 * po2:
            slope = max((oxygen - venous_oxygen) / gradient, OXYGEN_SOLUBILITY)
            uptake *= equilibration(diffusing_capacity, exposed, slope)
    return uptake, exposed * (venous_carbon_dioxide - carbon_dioxide)


def shunt_fraction(end_capillary: float, arterial: float, venous: float) -> float:
    """Venous admixture (Cc - Ca) / (Cc - Cv) from oxygen contents.

    Raises:
        CaseError: The contents are not in falling order.
    """
    if not end_capillary >= arterial >= venous or not end_capillary > venous:
        raise CaseError(
            "oxygen contents must fall from end-capillary to arterial to venous blood",
            where="shunt fraction",
            value=f"{end_capillary:.4g}, {arterial:.4g}, {venous:.4g}",
            expected="falling values",
        )
    return (end_capillary - arterial) / (end_capillary - venous)


def lung_gas(
    ventilation: float,
    blood_flow: float,
    blood: Blood,
    *,
    consumption: float,
    production: float,
    shunt: float = 0.0,
    fio2: float = ROOM_AIR,
    barometric: float = ATMOSPHERE,
) -> LungGas:
    """Steady gas of lungs that are one ventilated part and a shunt, in a body where the whole flow is in series.

        Ca = Cv + VO2 / Q,    Ca = (1 - s) Cc + s Cv,    and the same for CO2

    Args:
        ventilation: Expired alveolar ventilation at body temperature [m³/s].
        blood_flow: Q through lungs and body [m³/s].
        blood: Properties of the blood.
        consumption: VO2 [m³/s STPD].
        production: VCO2 [m³/s STPD].
        shunt: Share of the flow that is not exposed to gas, 0 to 0.95.
        fio2: Inspired oxygen fraction.
        barometric: [Pa].

    Raises:
        CaseError: A value is outside its limits, or the flow cannot carry the oxygen consumed.
    """
    check_value("lungs", "shunt", shunt, "1", 0.0, 0.95)
    check_value("lungs", "blood flow", blood_flow, "mL/min", 1.0, 3e4)
    alveolar = alveolar_gas(
        ventilation, consumption=consumption, production=production, fio2=fio2, barometric=barometric
    )
    capillary = blood_gas(alveolar.po2, alveolar.pco2, blood)
    exposed = (1.0 - shunt) * blood_flow
    venous_oxygen = capillary.oxygen_content - consumption / exposed
    if venous_oxygen <= 0.0:
        raise CaseError(
            "the blood flow does not carry the oxygen that is consumed",
            where="lungs",
            value=f"{blood_flow / 1e-6 * 60.0:.4g} mL/min with a shunt of {shunt:.3g}",
            expected=f"more than {consumption / capillary.oxygen_content / (1.0 - shunt) / 1e-6 * 60.0:.4g} mL/min",
        )
    venous_carbon_dioxide = capillary.carbon_dioxide_content + production / exposed
    return LungGas(
        alveolar=alveolar,
        end_capillary=capillary,
        arterial=blood_gas_of_contents(
            venous_oxygen + consumption / blood_flow, venous_carbon_dioxide - production / blood_flow, blood
        ),
        venous=blood_gas_of_contents(venous_oxygen, venous_carbon_dioxide, blood),
    )


@compiled
def unit_pressures(
    ratio: float,
    venous_oxygen: float,
    venous_carbon_dioxide: float,
    blood: FloatArray,
    inspired: float,
    dry_pressure: float = ATMOSPHERE - WATER_VAPOUR,
) -> tuple[float, float, bool]:
    """Alveolar PO2 and PCO2 [Pa] of a lung unit, and whether the iteration converged.

    The unit's blood leaves in equilibrium with its gas, and both balances hold, per unit of blood flow:

        k (CO2(P) - CvO2) = VI PIO2 - VE PO2,    k (CvCO2 - CCO2(P)) = VE PCO2

    Args:
        ratio: VI over blood flow, inspired alveolar ventilation at body temperature, >= 0.
        venous_oxygen: [m³/m³ STPD].
        venous_carbon_dioxide: [m³/m³ STPD].
        blood: Row of `Blood`, (6,).
        inspired: PIO2 [Pa].
        dry_pressure: PB - PH2O [Pa].
    """
    venous_po2, venous_pco2, _, _ = pressures(venous_oxygen, venous_carbon_dioxide, blood)
    # Between mixed venous blood and inspired gas, and nearer to the latter the more is ventilated.
    blend = ratio / (ratio + 1.0)
    x = np.array([venous_po2 + blend * (inspired - venous_po2), venous_pco2 * (1.0 - 0.5 * blend)])
    low = np.array([0.5 * min(venous_po2, inspired), 0.0])
    high = np.array([max(venous_po2, inspired), 2.0 * venous_pco2])
    scale = BODY_GAS * 0.1 + ratio * dry_pressure
    for _ in range(_ITERATIONS):
        oxygen, carbon_dioxide, _, _, J = contents(x[0], x[1], blood)
        uptake, output = (
            BODY_GAS * (oxygen - venous_oxygen),
            BODY_GAS * (venous_carbon_dioxide - carbon_dioxide),
        )
        expired = ratio - (uptake - output) / dry_pressure
        f = uptake - ratio * inspired + expired * x[0]
        g = output - expired * x[1]
        e_o, e_c = -BODY_GAS * (J[0] + J[2]) / dry_pressure, -BODY_GAS * (J[1] + J[3]) / dry_pressure
        a = BODY_GAS * J[0] + expired + e_o * x[0]
        b = BODY_GAS * J[1] + e_c * x[0]
        c = -BODY_GAS * J[2] - e_o * x[1]
        d = -BODY_GAS * J[3] - expired - e_c * x[1]
        determinant = a * d - b * c
        step_o, step_c = (d * f - b * g) / determinant, (a * g - c * f) / determinant
        new_o = min(max(x[0] - step_o, low[0] + 0.2 * (x[0] - low[0])), high[0] - 0.2 * (high[0] - x[0]))
        new_c = min(max(x[1] - step_c, low[1] + 0.2 * (x[1] - low[1])), high[1] - 0.2 * (high[1] - x[1]))
        moved = abs(new_o - x[0]) / high[0] + abs(new_c - x[1]) / high[1]
        x[0], x[1] = new_o, new_c
        if moved <= 1e-13:
            break
    return x[0], x[1], abs(f) + abs(g) <= 1e-8 * scale


def unit_gas(
    ratio: float, venous: BloodGas, blood: Blood, *, fio2: float = ROOM_AIR, barometric: float = ATMOSPHERE
) -> AlveolarGas:
    """Alveolar gas of a lung unit from its ventilation–perfusion ratio and the blood that it receives.

    Args:
        ratio: Inspired alveolar ventilation at body temperature over blood flow, 1e-4 to 1000.
        venous: Mixed venous blood.
        blood: Properties of the blood.
        fio2: Inspired oxygen fraction.
        barometric: [Pa].

    Raises:
        CaseError: A value is outside its limits, or the unit would absorb all that it inspires (Dantzker, Wagner &
            West, J. Appl. Physiol. 38, 1975).
        DivergenceError: The balances could not be solved.
    """
    check_value("lung unit", "ventilation–perfusion ratio", ratio, "1", 1e-4, 1e3)
    inspired = inspired_po2(fio2, barometric)
    po2, pco2, solved = unit_pressures(
        ratio,
        venous.oxygen_content,
        venous.carbon_dioxide_content,
        blood.row(),
        inspired,
        barometric - WATER_VAPOUR,
    )
    if not solved:
        raise DivergenceError(
            "the gas balance of a lung unit could not be solved",
            where="lung unit",
            value=f"VA/Q {ratio:.3g}, FiO2 {fio2:.3g}",
            expected="a PO2 between venous blood and inspired gas",
        )
    oxygen, carbon_dioxide, _, _, _ = contents(po2, pco2, blood.row())
    absorbed = oxygen - venous.oxygen_content + carbon_dioxide - venous.carbon_dioxide_content
    if ratio < BODY_GAS * absorbed / (barometric - WATER_VAPOUR):
        raise CaseError(
            "blood absorbs more gas than the lung unit inspires, so that the unit collapses",
            where="lung unit",
            value=f"VA/Q {ratio:.3g} at FiO2 {fio2:.3g}",
            expected=f"a ratio of at least {BODY_GAS * absorbed / (barometric - WATER_VAPOUR):.2g}",
            remedy="treat the unit as a shunt (absorption atelectasis)",
        )
    return AlveolarGas(po2=po2, pco2=pco2)
