"""Saturations of a beat, for targets: the steady state of the gases that the blood carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lumped.engine.marching import History
from lumped.gas.transport import periodic_gas


@dataclass(frozen=True, slots=True)
class Saturations:
    """Works out the mean saturation of compartments.

    The beat is taken as it is: gas tensions act on no resistance here, and ventilation is as the circulation's gas
    says.

    Attributes:
        compartments: Whose blood is wanted.
    """

    compartments: tuple[str, ...]

    def __call__(self, history: History) -> Mapping[str, float]:
        """Saturation, 0 to 1, as "saturation of <compartment>".

        Raises:
            CaseError: The circulation has no gas exchange.
            DivergenceError: The gases have no steady state.
        """
        beat = periodic_gas(history)
        return {f"saturation of {name}": beat.sample(name).saturation for name in self.compartments}
