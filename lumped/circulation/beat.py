"""The beat of a circulation: another heart rate."""

from __future__ import annotations

from dataclasses import replace

from hemoplan.waveform import Waveform
from lumped.circulation.graph import Circulation


def with_period(circulation: Circulation, period: float) -> Circulation:
    """The same circulation with another length of the beat [s].

    What is given over the beat is stretched with it. Of an activation, the shares of the period are stretched and the
    absolute times are not, as its parameters say.
    """

    def stretched(waveform: Waveform | None) -> Waveform | None:
        if waveform is None:
            return None
        return Waveform(waveform.times * (period / waveform.period), waveform.values, period)

    return replace(
        circulation,
        period=period,
        surroundings=tuple(
            replace(each, waveform=stretched(each.waveform)) for each in circulation.surroundings
        ),
        compartments=tuple(
            replace(each, waveform=stretched(each.waveform)) for each in circulation.compartments
        ),
        connections=tuple(
            replace(each, waveform=stretched(each.waveform)) for each in circulation.connections
        ),
    )
