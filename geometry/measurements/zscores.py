"""z-scores of vessel diameters in children, from two published models of normal echocardiograms.

Detroit (Pettersen et al. 2008): with y in cm and the body surface area B in m² (Haycock),

    ln y = b0 + b1 B + b2 B² + b3 B³,    z = (ln x - ln y) / sqrt(MSE).

Paediatric Heart Network (Lopez et al. 2017): z = (x / B^alpha - mean) / SD, with alpha = 1/2 for all diameters here.

Both were made from echocardiograms of healthy children. A diameter from CT or MR is another measurement: gated or not,
in whatever phase, and the area-equivalent diameter of an oval is not the one that is seen in a long axis. Read the
scores side by side, with that in mind.

Not used, for want of coefficients that could be verified: Cantinotti et al., Kaldararova et al.; Dallaire & Dahdah 2011
is of coronary arteries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np

from hemoplan.errors import HemoplanError

CM = 1.0e-2
_NEWBORN = 0.15
"""Neither study enrolled preterm infants: a body surface area below that of a term newborn of 2 kg is refused [m²]."""
_ADULT = 2.0
"""Above, the Detroit model's cubic turns away from the other models (Lopez et al. 2021) [m²]."""
_OLDEST = 18.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZScore:
    """How many standard deviations a diameter lies from the normal mean.

    Attributes:
        model: Short name of the published model.
        structure: What the model calls the vessel.
        value: The score.
        mean: The normal diameter for the body surface area [m].
        low, high: Diameters with the scores -2 and +2 [m].
    """

    model: str
    structure: str
    value: float
    mean: float
    low: float
    high: float


class Regression(Protocol):
    """One vessel in a model of normal diameters."""

    @property
    def structure(self) -> str:
        """What the model calls the vessel."""
        ...

    def score(self, diameter: float, area: float) -> float:
        """z of a diameter [m] at a body surface area [m²]."""
        ...

    def diameter(self, score: float, area: float) -> float:
        """Diameter [m] of a score at a body surface area [m²]."""
        ...


@dataclass(frozen=True, slots=True)
class _Detroit:
    structure: str
    coefficients: tuple[float, float, float, float]
    variance: float

    def score(self, diameter: float, area: float) -> float:
        return float((np.log(diameter / CM) - self._mean(area)) / np.sqrt(self.variance))

    def diameter(self, score: float, area: float) -> float:
        return float(CM * np.exp(self._mean(area) + score * np.sqrt(self.variance)))

    def _mean(self, area: float) -> float:
        return float(np.polynomial.polynomial.polyval(area, np.array(self.coefficients)))


@dataclass(frozen=True, slots=True)
class _HeartNetwork:
    structure: str
    mean: float
    deviation: float

    def score(self, diameter: float, area: float) -> float:
        return float((diameter / CM / np.sqrt(area) - self.mean) / self.deviation)

    def diameter(self, score: float, area: float) -> float:
        return float(CM * np.sqrt(area) * (self.mean + score * self.deviation))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nomogram:
    """A published model of normal diameters.

    Attributes:
        name: Short name.
        source: Citation.
        stations: Its vessels, by the name of the station that each is measured at.
    """

    name: str
    source: str
    stations: Mapping[str, Regression]


DETROIT = Nomogram(
    name="Detroit 2008",
    source="Pettersen et al., J Am Soc Echocardiogr 2008;21:922-934, doi:10.1016/j.echo.2008.02.006",
    stations=MappingProxyType(
        {
            "sinus": _Detroit("sinuses of Valsalva", (-0.500, 2.537, -1.707, 0.420), 0.012),
            "sinotubular_junction": _Detroit("sinotubular junction", (-0.759, 2.643, -1.797, 0.442), 0.018),
            "proximal_arch": _Detroit("transverse aortic arch", (-0.790, 3.020, -2.484, 0.712), 0.023),
            "distal_arch": _Detroit("distal aortic arch", (-0.976, 2.469, -1.746, 0.445), 0.026),
            "isthmus": _Detroit("aortic isthmus", (-1.072, 2.539, -1.627, 0.368), 0.027),
            "diaphragm": _Detroit("aorta at the diaphragm", (-0.922, 2.100, -1.411, 0.371), 0.018),
            "main_pulmonary_artery": _Detroit("main pulmonary artery", (-0.707, 2.746, -1.807, 0.424), 0.024),
            "right_pulmonary_artery": _Detroit(
                "right pulmonary artery", (-1.360, 3.394, -2.508, 0.660), 0.027
            ),
            "left_pulmonary_artery": _Detroit("left pulmonary artery", (-1.348, 2.884, -1.954, 0.466), 0.028),
        }
    ),
)
HEART_NETWORK = Nomogram(
    name="PHN 2017",
    source="Lopez et al., Circ Cardiovasc Imaging 2017;10:e006979, doi:10.1161/CIRCIMAGING.117.006979",
    stations=MappingProxyType(
        {
            "sinus": _HeartNetwork("aortic root", 2.06, 0.18),
            "sinotubular_junction": _HeartNetwork("sinotubular junction", 1.69, 0.16),
            "mid_ascending": _HeartNetwork("ascending aorta", 1.79, 0.18),
            "proximal_arch": _HeartNetwork("proximal aortic arch", 1.53, 0.23),
            "distal_arch": _HeartNetwork("distal aortic arch", 1.36, 0.19),
            "isthmus": _HeartNetwork("aortic isthmus", 1.25, 0.18),
            "main_pulmonary_artery": _HeartNetwork("main pulmonary artery", 1.82, 0.24),
            "right_pulmonary_artery": _HeartNetwork("right pulmonary artery", 1.07, 0.18),
            "left_pulmonary_artery": _HeartNetwork("left pulmonary artery", 1.10, 0.18),
        }
    ),
)
NOMOGRAMS = (DETROIT, HEART_NETWORK)


def body_surface_area(weight: float, height: float) -> float:
    """Body surface area 0.024265 W^0.5378 H^0.3964 [m²], with W in kg and H in cm.

    Haycock, Schwartz & Wisotsky, J Pediatr 1978;93:62-66, doi:10.1016/s0022-3476(78)80601-5: validated in infants.

    Args:
        weight: Body weight [kg].
        height: Body length [m].

    Raises:
        HemoplanError: A weight or a length that no child has.
    """
    for what, value, unit, low, high in (
        ("weight", weight, "kg", 0.3, 200.0),
        ("length", 100.0 * height, "cm", 20.0, 220.0),
    ):
        if not low <= value <= high:
            raise HemoplanError(
                f"a body {what} that no child has",
                where="body surface area",
                value=f"{value:.4g} {unit}",
                expected=f"{low:g} to {high:g} {unit}",
            )
    return float(0.024265 * weight**0.5378 * (100.0 * height) ** 0.3964)


def body_surface_area_by_weight(weight: float) -> float:
    """Body surface area 0.1037 W^0.6724 [m²] of a child below 10 kg whose length is not known, with W in kg.

    Livingston & Lee, Am J Physiol Endocrinol Metab 2001;281:E586-E591. In newborns about 7 % above Haycock's, so 3 %
    in a normal diameter.

    Raises:
        HemoplanError: The weight is not below 10 kg.
    """
    if not 0.3 <= weight < 10.0:
        raise HemoplanError(
            "the body surface area cannot be told from this weight alone",
            where="body surface area",
            value=f"{weight:.4g} kg",
            expected="0.3 kg to 10 kg",
            remedy="give the body length too",
        )
    return float(0.1037 * weight**0.6724)


def z_scores(
    station: str, diameter: float, *, surface_area: float, age: float | None = None
) -> tuple[ZScore, ...]:
    """Scores of a diameter in every model that has the station.

    Args:
        station: Name of the station.
        diameter: Diameter [m].
        surface_area: Body surface area [m²].
        age: Age [years], where it is known.

    Returns:
        The scores; none where no model knows the station.

    Raises:
        HemoplanError: The child is outside of what the models were made from, or the diameter is not positive.
    """
    if not _NEWBORN <= surface_area <= _ADULT:
        raise HemoplanError(
            "no z-score for this body surface area",
            where=f"z-score of {station}",
            value=f"{surface_area:.3g} m²",
            expected=f"{_NEWBORN:g} to {_ADULT:g} m²: the models were made from term newborns to adolescents",
        )
    if age is not None and not 0.0 <= age <= _OLDEST:
        raise HemoplanError(
            "no z-score for this age",
            where=f"z-score of {station}",
            value=f"{age:.3g} years",
            expected=f"0 to {_OLDEST:g} years",
        )
    if not diameter > 0.0:
        raise HemoplanError(
            "a diameter that is not positive has no z-score",
            where=f"z-score of {station}",
            value=f"{1e3 * diameter:.3g} mm",
        )
    found = []
    for nomogram in NOMOGRAMS:
        regression = nomogram.stations.get(station)
        if regression is not None:
            found.append(
                ZScore(
                    model=nomogram.name,
                    structure=regression.structure,
                    value=regression.score(diameter, surface_area),
                    mean=regression.diameter(0.0, surface_area),
                    low=regression.diameter(-2.0, surface_area),
                    high=regression.diameter(2.0, surface_area),
                )
            )
    return tuple(found)
