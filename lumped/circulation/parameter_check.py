"""Whether the numbers of a circulation make sense, each by itself and those of a block together."""

from __future__ import annotations

import math
from collections.abc import Iterator

from hemoplan.spelling import hint
from hemoplan.units import to_unit
from hemoplan.waveform import Waveform
from lumped.blocks.record import Kind, Parameter
from lumped.circulation.graph import Circulation, Compartment, GasExchange
from lumped.circulation.kinds import CATALOGUES, GIVEN_BY_WAVEFORM, Block
from lumped.circulation.own_parameters import BLOOD, GAS, PERIOD, PRESSURE, VOLUME, WEIGHT
from lumped.circulation.problems import Problem


def parameter_problems(circulation: Circulation) -> list[Problem]:
    """One problem for each number that is missing, unknown, not finite, or out of its range."""
    found = list(_general_problems(circulation))
    for group, catalogue in CATALOGUES.items():
        for block in getattr(circulation, group):
            if block.kind in catalogue:
                found += block_problems(group, block)
            else:
                found.append(
                    Problem(
                        (group, block.name, "kind"),
                        f"unknown kind '{block.kind}'; {hint(block.kind, catalogue)}",
                    )
                )
    return found


def _general_problems(circulation: Circulation) -> Iterator[Problem]:
    yield from _range_problem(("period",), PERIOD, circulation.period)
    yield from _range_problem(("weight",), WEIGHT, circulation.weight)
    for each in BLOOD:
        yield from _range_problem(("blood", each.name), each, getattr(circulation.blood, each.name))
    for surrounding in circulation.surroundings:
        place = ("surroundings", surrounding.name)
        yield from _range_problem((*place, "pressure"), PRESSURE, surrounding.pressure)
        yield from _waveform_problems(place, surrounding.waveform, circulation.period)
        if surrounding.waveform is not None and surrounding.driven:
            yield Problem(place, "both driven from outside and given by a waveform; leave out one of them")
    for compartment in circulation.compartments:
        place = ("compartments", compartment.name)
        yield from _volume_problems((*place, "volume"), compartment)
        yield from _waveform_problems(place, compartment.waveform, circulation.period)
    for connection in circulation.connections:
        yield from _waveform_problems(
            ("connections", connection.name), connection.waveform, circulation.period
        )
    if circulation.gas is not None:
        yield from _gas_problems(circulation.gas)


def _volume_problems(place: tuple[str, ...], compartment: Compartment) -> Iterator[Problem]:
    yield from _range_problem(place, VOLUME, compartment.volume)
    if compartment.volume != 0.0 and compartment.kind in ("junction", "reservoir"):
        yield Problem(place, f"a {compartment.kind} holds no blood; leave out 'volume'")
    if compartment.kind == "fibre_chamber" and not compartment.volume > 0.0:
        yield Problem(place, "a chamber of fibres cannot be empty; expected a volume above 0 mL")


def _gas_problems(gas: GasExchange) -> Iterator[Problem]:
    for each in GAS:
        yield from _range_problem(("gas", each.name), each, getattr(gas, each.name))
    shares = list(gas.consumers.values())
    if not all(math.isfinite(share) and share >= 0.0 for share in shares):
        yield Problem(
            ("gas", "consumers"), "expected shares of the oxygen consumption, none of them negative"
        )
    elif shares and not math.isclose(math.fsum(shares), 1.0, rel_tol=1e-6):
        yield Problem(
            ("gas", "consumers"),
            f"the shares do not add up to one; expected 1 (value: {math.fsum(shares):.6g})",
        )


def block_problems(group: str, block: Block) -> list[Problem]:
    """What is wrong with the parameters of one block of a known kind."""
    kind = CATALOGUES[group][block.kind]
    place = (group, block.name)
    known = {each.name: each for each in kind.parameters}
    found = [
        Problem((*place, name), f"unknown parameter '{name}' of a {kind.name}; {hint(name, known)}")
        for name in block.parameters
        if name not in known
    ]
    waveform = getattr(block, "waveform", None)
    instead = GIVEN_BY_WAVEFORM.get(kind.name, "")
    if waveform is not None and not instead:
        found.append(Problem((*place, "waveform"), f"a {kind.name} has none; expected a reservoir or a pump"))
    if waveform is not None and instead in block.parameters:
        found.append(Problem((*place, instead), f"both '{instead}' and 'waveform'; leave out one of them"))
    for each in kind.parameters:
        if each.name in block.parameters:
            found += _range_problem((*place, each.name), each, block.parameters[each.name])
        elif each.default is None and not (waveform is not None and each.name == instead):
            found.append(
                Problem((*place, each.name), f"missing '{each.name}'; {_expected(each)}, {each.meaning}")
            )
    return found or _joint_problem(place, kind, block)


def _joint_problem(place: tuple[str, ...], kind: Kind, block: Block) -> list[Problem]:
    """What parameters that make sense one by one contradict, if they do."""
    if getattr(block, "waveform", None) is not None:
        return []
    message = kind.check(kind.complete(block.parameters))
    return [Problem(place, message)] if message else []


def _range_problem(place: tuple[str, ...], parameter: Parameter, value: object) -> list[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return [Problem(place, f"not a finite number; {_expected(parameter)} (value: {value})")]
    shown = value if parameter.unit == "1" else to_unit(value, parameter.unit)
    slack = 1e-12 * max(abs(parameter.low), abs(parameter.high), abs(shown))
    if parameter.low - slack <= shown <= parameter.high + slack:
        return []
    return [
        Problem(place, f"out of range; {_expected(parameter)} (value: {in_words(shown, parameter.unit)})")
    ]


def _waveform_problems(place: tuple[str, ...], waveform: Waveform | None, period: float) -> list[Problem]:
    if waveform is None or math.isclose(waveform.period, period, rel_tol=1e-9):
        return []
    text = f"its period is not that of the beat; expected {period:.6g} s (value: {waveform.period:.6g} s)"
    return [Problem((*place, "waveform"), text)]


def _expected(parameter: Parameter) -> str:
    return f"expected {parameter.low:g} to {in_words(parameter.high, parameter.unit)}"


def in_words(value: float, unit: str) -> str:
    """A number with its unit, as messages show it."""
    return f"{value:.6g}" if unit == "1" else f"{value:.6g} {unit.removeprefix('1')}"
