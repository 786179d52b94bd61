"""Newborns for the tests of the calibration: an anatomy with a duct, a workup, children drawn from the prior."""

from dataclasses import dataclass, replace

import numpy as np

from lumped.bedside.calibrate import calibrate
from lumped.bedside.factors import multipliers
from lumped.bedside.forward import Forward
from lumped.bedside.population import population_factors
from lumped.bedside.targets import Bedside, Target, observable
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import Connection
from lumped.engine.build import build

ARTERIES, LUNGS = ("intrathoracic_arteries",), ("pulmonary_arteries",)
LEFT = ("left_ventricle",)


def newborn(*, duct=True):
    """The CC0 neonate, with a duct of 2 mm."""
    circulation = load_anatomy("cc0_neonate")
    if not duct:
        return circulation
    parameters = {"first_diameter": 2.0e-3, "second_diameter": 1.8e-3, "length": 6e-3}
    link = Connection(name="duct", kind="duct", source=ARTERIES[0], target=LUNGS[0], parameters=parameters)
    return replace(circulation, connections=(*circulation.connections, link))


def _asked(name, quantity, of=(), second=(), statistic=""):
    return Target(
        name=name, quantity=quantity, value=1.0, sigma=1.0, of=of, second=second, statistic=statistic
    )


WORKUP = (
    _asked("rate", "heart_rate"),
    *(_asked(f"aorta.{each}", "pressure", ARTERIES, (), each) for each in ("systolic", "diastolic", "mean")),
    *(_asked(f"lungs.{each}", "pressure", LUNGS, (), each) for each in ("systolic", "diastolic", "mean")),
    _asked("left output", "flow", ("aortic_valve",)),
    _asked("right output", "flow", ("pulmonary_valve",)),
    _asked("full", "end_diastolic_volume", LEFT),
    _asked("fraction", "ejection_fraction", LEFT),
    _asked("duct", "velocity", ("duct",), (), "forward"),
    _asked("right atrium", "pressure", ("right_atrium",), (), "mean"),
    _asked("left atrium", "pressure", ("left_atrium",), (), "mean"),
)
"""Echo, arterial line and catheter: what a thorough workup measures."""


def measured(asked, values, sigmas, *, name="child"):
    """What is known of a child, from values and standard deviations."""
    targets = tuple(
        replace(each, value=float(value), sigma=float(sigma))
        for each, value, sigma in zip(asked, values, sigmas, strict=True)
    )
    return Bedside(name=name, targets=targets)


def truth(circulation, asked, scores, *, factors=None, steps=100):
    """What the model itself says of a child with these scores."""
    model = build(circulation)
    forward = Forward(model, population_factors(model) if factors is None else factors, steps=steps)
    return forward.values([observable(each, circulation) for each in asked], forward.beat(scores))


def in_order(values):
    """Whether systolic, mean and diastolic pressures are in this order, as those of one instrument always are."""
    by_name = {each.name: value for each, value in zip(WORKUP, values, strict=True)}
    return all(
        by_name[f"{place}.diastolic"] < by_name[f"{place}.mean"] < by_name[f"{place}.systolic"]
        for place in ("aorta", "lungs")
    )


@dataclass
class Trial:
    """Synthetic children and their fits: (children, factors) arrays."""

    inside: np.ndarray
    errors: np.ndarray
    verdicts: np.ndarray
    plausibilities: np.ndarray


def trial(children, *, noise=0.05, seed=11, steps=100):
    """Draw children from the prior, measure them with noise, fit them."""
    circulation = newborn()
    factors = population_factors(build(circulation))
    rng = np.random.default_rng(seed)
    rows = []
    while len(rows) < children:
        scores = rng.standard_normal(len(factors))
        values = truth(circulation, WORKUP, scores, factors=factors, steps=steps)
        noisy = values * (1.0 + noise * rng.standard_normal(values.size))
        while not in_order(noisy):
            noisy = values * (1.0 + noise * rng.standard_normal(values.size))
        bedside = measured(WORKUP, noisy, noise * np.abs(values))
        found = calibrate(circulation, bedside, steps=steps)
        true = multipliers(factors, scores)
        rows.append(
            (
                [each.low <= f <= each.high for each, f in zip(found.factors, true, strict=True)],
                [each.multiplier / f - 1.0 for each, f in zip(found.factors, true, strict=True)],
                [each.verdict for each in found.factors],
                found.plausibility,
            )
        )
    inside, errors, verdicts, plausibilities = zip(*rows, strict=True)
    return Trial(np.array(inside), np.array(errors), np.array(verdicts), np.array(plausibilities))
