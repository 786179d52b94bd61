"""Circulations that the tests of this folder share."""

import numpy as np
import pytest

from hemoplan.waveform import Waveform
from lumped.circulation.file import load_anatomy
from lumped.circulation.graph import (
    Activation,
    Circulation,
    Compartment,
    Connection,
    Coupling,
    GasExchange,
    Port,
    Regulation,
    Surrounding,
)

E, R, C = 1.33e8, 1.33e8, 7.5e-9  # 1 mmHg/mL, 1 mmHg s/mL, 1 mL/mmHg


@pytest.fixture
def newborn() -> Circulation:
    """The newborn of the library: ten compartments in one loop."""
    return load_anatomy("cc0_neonate")


def _vessel(name: str, share: float, surroundings: str = "") -> Compartment:
    return Compartment(
        name=name,
        kind="vessel",
        parameters={"compliance": share * C, "unstressed_volume": 3.3e-6},
        surroundings=surroundings,
        volume=5e-6,
    )


def _chamber(name: str, activation: str, septum: str = "") -> Compartment:
    return Compartment(
        name=name,
        kind="elastance_chamber",
        parameters={"diastolic_elastance": 2.0 / 3.0 * E, "systolic_elastance": 30.1 * E},
        activation=activation,
        surroundings="pericardium",
        septum=septum,
        volume=4.1e-6,
    )


@pytest.fixture
def everything() -> Circulation:
    """A circulation that has one of everything that a file can hold, with numbers that no decimal writes."""
    period = 60.0 / 137.0
    breath = Waveform(np.array([0.0, 0.3, 0.7]) * period, np.array([-400.0, -533.1, -401.7]), period)
    infusion = Waveform(np.array([0.1, 0.9]) * period, np.array([1e-8, 3e-8 / 7.0]), period)
    return Circulation(
        name="everything",
        description='Two lines,\nand a "quotation".',
        period=period,
        weight=3.1,
        activations=(
            Activation(name="atria", kind="half_cosine", parameters={"contraction": 0.1, "relaxation": 0.1}),
            Activation(name="ventricles", kind="double_hill", parameters={"start_share": 0.2}),
        ),
        surroundings=(
            Surrounding(name="pleura", pressure=-400.0 / 3.0),
            Surrounding(name="chest", waveform=breath),
            Surrounding(name="airway", driven=True),
        ),
        couplings=(
            Coupling(
                name="pericardium",
                kind="pericardium",
                members=("left_ventricle", "right_ventricle"),
                parameters={"elastance": 0.2 * E, "unstressed_volume": 1.1e-5, "stiffening_volume": 7e-6},
                surroundings="pleura",
            ),
            Coupling(
                name="wall",
                kind="wall_pressure",
                members=("left_ventricle",),
                parameters={"share": 0.45},
                surroundings="pericardium",
            ),
            Coupling(
                name="septum",
                kind="septum",
                members=("left_ventricle", "right_ventricle"),
                parameters={"diastolic_elastance": 30.0 * E, "systolic_elastance": 50.0 * E},
                activation="ventricles",
            ),
        ),
        compartments=(
            _chamber("left_ventricle", "ventricles", "septum"),
            _chamber("right_ventricle", "ventricles", "septum"),
            Compartment(
                name="left_atrium",
                kind="filling_chamber",
                parameters={
                    "systolic_elastance": 7.0 * E,
                    "diastolic_elastance": 1.0 / 3.0 * E,
                    "stiffening_volume": 3e-6,
                },
                activation="atria",
                surroundings="chest",
                volume=3e-6,
            ),
            Compartment(
                name="right_atrium",
                kind="fibre_chamber",
                parameters={"unstressed_volume": 3e-6, "wall_volume": 2e-6, "active_stress": 4e4},
                activation="atria",
                surroundings="chest",
                volume=3e-6,
            ),
            _vessel("aorta", 0.1, "pleura"),
            _vessel("myocardium", 0.01, "wall"),
            Compartment(
                name="veins",
                kind="stiffening_vessel",
                parameters={
                    "elastance": 0.1 * E,
                    "unstressed_volume": 4e-5,
                    "stiffening_volume": 1e-5,
                },
                volume=1e-4 / 1.3,
            ),
            _vessel("lungs", 0.5, "airway"),
            Compartment(name="fork", kind="junction"),
            Compartment(name="table", kind="reservoir", parameters={"pressure": 1.0}),
            Compartment(
                name="pump_head",
                kind="reservoir",
                waveform=Waveform(np.array([0.0, 0.5]) * period, np.array([0.0, 2000.0]), period),
            ),
        ),
        connections=(
            _way("mitral_valve", "valve", "left_atrium", "left_ventricle", resistance=0.01 * R),
            _way("aortic_valve", "leaflet_valve", "left_ventricle", "aorta", diameter=6e-3),
            _way("coronaries", "resistor", "aorta", "myocardium", resistance=50.0 * R),
            _way("coronary_sinus", "resistor", "myocardium", "right_atrium", resistance=20.0 * R),
            _way("arch", "inertial_vessel", "aorta", "fork", resistance=0.1 * R, inertance=2e5),
            _way("body", "loss", "fork", "veins", resistance=7.0 * R, quadratic_loss=1e11 / 7.0),
            _way("caval_veins", "collapsible_vessel", "veins", "right_atrium", resistance=0.1 * R),
            _way(
                "tricuspid_valve",
                "sigmoid_valve",
                "right_atrium",
                "right_ventricle",
                resistance=0.01 * R,
                closed_resistance=500.0 * R,
            ),
            _way("pulmonary_valve", "valve", "right_ventricle", "lungs", resistance=0.02 * R),
            _way("lung_veins", "resistor", "lungs", "left_atrium", resistance=0.5 * R),
            _way(
                "duct", "duct", "lungs", "fork", first_diameter=4e-3, second_diameter=7e-3 / 3.0, length=9e-3
            ),
            _way("foramen", "flap", "right_atrium", "left_atrium", diameter=4.1e-3),
            _way("defect", "hole", "left_ventricle", "right_ventricle", diameter=2.3e-3),
            _way("tube", "conduit", "aorta", "lungs", diameter=3.5e-3, length=2e-2),
            _way("line", "inertial_conduit", "pump_head", "veins", diameter=2e-3, length=0.4),
            _way(
                "coarctation", "narrowing", "aorta", "veins", vessel_diameter=6e-3, diameter=1e-3, length=3e-3
            ),
            _way("drain", "resistor", "veins", "table", resistance=300.0 * R),
            Connection(name="infusion", kind="pump", source="outside", target="veins", waveform=infusion),
            _way("sampling", "pump", "veins", "outside", flow=1e-9),
        ),
        regulations=(
            Regulation(
                name="baroreflex",
                kind="baroreflex",
                senses="aorta",
                acts_on=("heart", "body"),
                parameters={"set_pressure": 50.0 * 133.0 / 3.0},
            ),
        ),
        ports=(Port(name="arch_outlet", node="fork"), Port(name="cannula", node="table", drive="pressure")),
        gas=GasExchange(
            haemoglobin=155.5,
            consumers={"veins": 0.7, "myocardium": 0.3},
            lungs=("lungs",),
            temperature=309.7,
        ),
    )


def _way(name: str, kind: str, source: str, target: str, **parameters: float) -> Connection:
    return Connection(
        name=name,
        kind=kind,
        source=source,
        target=target,
        parameters=parameters,
        surroundings="chest" if kind == "collapsible_vessel" else "",
    )
