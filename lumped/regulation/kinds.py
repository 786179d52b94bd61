"""Kinds of regulation, with the unit, range and source of their parameters.

Gains are relative changes at the set point per pressure; a factor lies between its least and greatest value.
"""

from __future__ import annotations

from lumped.blocks.record import Kind, Parameter, Values, catalogue, in_order

BAROREFLEX = 0
AUTOREGULATION = 1
PULMONARY_TONE = 2

EFFECTS = ("period", "resistance", "volume", "contractility")
"""What the baroreflex acts on: heart period, resistance, unstressed volume of veins, systolic elastance."""

_URSINO = "Ursino, Am. J. Physiol. 275, 1998, DOI 10.1152/ajpheart.1998.275.5.H1733"


def _effect(
    name: str, gain: float, least: float, greatest: float, lag: float, what: str
) -> tuple[Parameter, ...]:
    """Gain, limits and time constant of one effect of the baroreflex."""
    return (
        Parameter(f"{name}_gain", "1/mmHg", 0.0, 0.2, f"relative change of {what} per pressure", gain),
        Parameter(f"{name}_least", "1", 0.1, 0.999, f"least factor on {what}", least),
        Parameter(f"{name}_greatest", "1", 1.001, 5.0, f"greatest factor on {what}", greatest),
        Parameter(f"{name}_lag", "s", 0.0, 600.0, f"time constant of {what}", lag),
    )


def _ordered(values: Values) -> str:
    if not values["lower_limit"] < values["normal_pressure"] < values["upper_limit"]:
        return "the normal pressure is not between the two limits"
    return ""


REGULATIONS = catalogue(
    Kind(
        name="baroreflex",
        law=BAROREFLEX,
        meaning="a fall of mean pressure shortens the heart period, raises resistance and contractility, and empties "
        "veins; each factor is a logistic of the pressure, see `curves.logistic_factor`",
        # 10.2 ms/mmHg of a heart period of 460 ms at term, 4.1 at 29 to 32 weeks; twice the resistance of the calf
        # when 15 % of the blood is lost. Gains of volume and contractility, and all limits but that of resistance,
        # are assumed in proportion to Ursino's adult.
        source="heart: Drouin et al., Arch. Dis. Child. 76, 1997, DOI 10.1136/fn.76.2.F108; resistance: Quantitative "
        f"studies of the human neonatal circulation, Acta Paediatr. Scand. (newborns after a bleed); lags: {_URSINO}",
        parameters=(
            Parameter("set_pressure", "mmHg", 5.0, 200.0, "mean pressure at which it rests"),
            *_effect("period", 0.022, 0.7, 1.5, 2.0, "the heart period"),
            *_effect("resistance", 0.02, 0.6, 2.0, 6.0, "resistance"),
            *_effect("volume", 0.003, 0.85, 1.1, 20.0, "the unstressed volume"),
            *_effect("contractility", 0.005, 0.85, 1.2, 8.0, "the systolic elastance"),
        ),
        pack=in_order(),
    ),
    Kind(
        name="cerebral_autoregulation",
        law=AUTOREGULATION,
        meaning="resistance follows the pressure, so that the flow is constant between two limits",
        # Lamb: plateau of 45 to 80 mmHg at a resting pressure of 52, which lies 0.86 and 1.5 times that.
        source="lower limit near 30 mmHg in preterm infants: Munro, Walker & Barfield, Pediatrics 114, 2004; width of "
        "the plateau: Papile, Rudolph & Heymann, Pediatr. Res. 19, 1985, DOI 10.1203/00006450-198502000-00001",
        parameters=(
            Parameter(
                "normal_pressure", "mmHg", 5.0, 200.0, "driving pressure at which the resistance is as given"
            ),
            Parameter(
                "lower_limit", "mmHg", 2.0, 150.0, "pressure below which vessels are as wide as they can be"
            ),
            Parameter(
                "upper_limit", "mmHg", 5.0, 300.0, "pressure above which they are as narrow as they can be"
            ),
            Parameter("strength", "1", 0.0, 1.0, "1 for a constant flow, 0 for none", 0.9),
            Parameter("rounding", "mmHg", 0.01, 20.0, "pressure over which the limits are smooth", 1.5),
            Parameter("lag", "s", 0.0, 600.0, "time constant", 5.0),
        ),
        pack=in_order(),
        check=_ordered,
    ),
    Kind(
        name="pulmonary_tone",
        law=PULMONARY_TONE,
        meaning="pulmonary resistance by lung volume, alveolar and mixed venous PO2, and pH of the blood in the lungs, "
        "as in `lumped.lungs.vascular_resistance`",
        source="Marshall et al., Respir. Physiol. 96, 1994, DOI 10.1016/0034-5687(94)90129-5; half of the response to "
        "hypoxia within a minute: assumed from it",
        parameters=(
            Parameter("oxygen_strength", "1", 0.0, 3.0, "power of the factor of oxygen and pH", 1.0),
            Parameter("volume_strength", "1", 0.0, 3.0, "power of the factor of lung volume", 1.0),
            Parameter("lag", "s", 0.0, 3600.0, "time constant", 60.0),
        ),
        pack=in_order(),
    ),
)
