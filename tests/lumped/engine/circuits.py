"""Circulations for the tests of the engine: a newborn of ten compartments, a circuit of every kind of block."""

import json
from pathlib import Path

import numpy as np

from hemoplan.units import MMHG
from hemoplan.waveform import Waveform
from lumped.circulation.graph import (
    OUTSIDE,
    Activation,
    Circulation,
    Compartment,
    Connection,
    Coupling,
    Port,
    Surrounding,
)

ML = 1e-6
R = MMHG / ML
C = ML / MMHG
L = MMHG / ML


def vessel(name, compliance, unstressed=0.0, *, volume=0.0, around=""):
    """A linear vessel; mL/mmHg and mL."""
    parameters = {"compliance": compliance * C, "unstressed_volume": unstressed * ML}
    return Compartment(
        name=name, kind="vessel", parameters=parameters, volume=volume * ML, surroundings=around
    )


def chamber(name, diastolic, systolic, unstressed, activation, *, volume, around="", septum=""):
    """A chamber of time-varying elastance; mmHg/mL and mL."""
    return Compartment(
        name=name,
        kind="elastance_chamber",
        parameters={
            "diastolic_elastance": diastolic * R,
            "systolic_elastance": systolic * R,
            "unstressed_volume": unstressed * ML,
        },
        activation=activation,
        surroundings=around,
        septum=septum,
        volume=volume * ML,
    )


def resistor(name, source, target, resistance):
    """A resistor; mmHg s/mL."""
    return Connection(
        name=name,
        kind="resistor",
        source=source,
        target=target,
        parameters={"resistance": resistance * R},
    )


def valve(name, source, target, resistance, width=0.02):
    """A valve that opens over `width` mmHg."""
    return Connection(
        name=name,
        kind="valve",
        source=source,
        target=target,
        parameters={"resistance": resistance * R, "opening_pressure": width * MMHG},
    )


def inertial(name, source, target, resistance, inertance, quadratic=0.0):
    """A vessel with inertia; mmHg s/mL, mmHg s²/mL, mmHg s²/mL²."""
    return Connection(
        name=name,
        kind="inertial_vessel",
        source=source,
        target=target,
        parameters={
            "resistance": resistance * R,
            "inertance": inertance * L,
            "quadratic_loss": quadratic * MMHG / ML**2,
        },
    )


def neonate(folder: Path, *, duct: bool = False) -> Circulation:
    """The CC0 newborn of the peer cases, with the numbers as they stand there, without or with a patent duct."""
    content = json.loads((folder / "neonate_cc0" / "neonate_healthy_parameters.json").read_text())
    p, volumes = content["parameters"], content["initial_volumes_mL"]
    inside = ("ITHA", "ITHV", "PA", "PV")
    vessels = [
        vessel(
            name,
            p["C" + name],
            p["U" + name],
            volume=volumes[name],
            around="pleura" if name in inside else "",
        )
        for name in ("ITHA", "ETHA", "ETHV", "ITHV", "PA", "PV")
    ]
    elastances = {name: p["E" + name] for name in ("LA", "RA", "LV", "RV")}
    if duct:
        elastances["LV"] = [1.75, 106.0]
    chambers = [
        chamber(
            name,
            *elastances[name],
            p["U" + name],
            "atria" if name.endswith("A") else "ventricles",
            volume=volumes[name],
            around="pleura",
        )
        for name in ("LA", "RA", "LV", "RV")
    ]
    connections = [
        valve("mitral", "LA", "LV", p["RMV"]),
        valve("aortic", "LV", "ITHA", p["RAV"]),
        inertial("aorta", "ITHA", "ETHA", p["RETHA"], p["L"]),
        resistor("body", "ETHA", "ETHV", p["RSP"]),
        resistor("veins", "ETHV", "ITHV", p["RETHV"]),
        resistor("cava", "ITHV", "RA", p["RRA"]),
        valve("tricuspid", "RA", "RV", p["RTV"]),
        valve("pulmonary", "RV", "PA", p["RPV"]),
        resistor("lungs", "PA", "PV", p["RPP"]),
        resistor("pulmonary_veins", "PV", "LA", p["RLA"]),
    ]
    if duct:
        connections.append(inertial("duct", "ITHA", "PA", 0.5, p["LDA"]))
    return Circulation(
        name="CC0 newborn",
        period=60.0 / p["HR"],
        compartments=(*vessels, *chambers),
        connections=tuple(connections),
        activations=(
            Activation(
                name="atria", kind="sine_squared", parameters={"duration": 0.03, "duration_share": 0.09}
            ),
            Activation(
                name="ventricles",
                kind="sine_squared",
                parameters={"start": 0.04, "start_share": 0.09, "duration": 0.16, "duration_share": 0.2},
            ),
        ),
        surroundings=(Surrounding(name="pleura", pressure=p["Pth"] * MMHG),),
    )


def smooth_loop() -> Circulation:
    """A closed loop whose solution is smooth: a chamber with a Fourier activation, a junction, no valve."""
    return Circulation(
        name="smooth loop",
        period=0.5,
        compartments=(
            chamber("pump", 1.0, 6.0, 1.0, "wave", volume=6.0),
            vessel("artery", 0.2, 2.0, volume=10.0),
            vessel("vein", 2.0, 20.0, volume=30.0),
            Compartment(name="fork", kind="junction"),
        ),
        connections=(
            inertial("outflow", "pump", "artery", 0.3, 0.01, quadratic=0.01),
            resistor("stem", "artery", "fork", 0.5),
            resistor("left", "fork", "vein", 3.0),
            Connection(
                name="right",
                kind="loss",
                source="fork",
                target="vein",
                parameters={"resistance": 1.0 * R, "quadratic_loss": 0.2 * MMHG / ML**2},
            ),
            resistor("inflow", "vein", "pump", 0.2),
        ),
        activations=(
            Activation(
                name="wave", kind="fourier", parameters={"mean": 0.5, "cosine_1": -0.5, "sine_2": 0.1}
            ),
        ),
    )


def everything() -> Circulation:
    """A circulation with every kind of block, its numbers chosen to have them all at work."""
    around = "pericardium"
    return Circulation(
        name="everything",
        period=0.45,
        compartments=(
            chamber("LA", 0.8, 1.6, 1.0, "atria", volume=5.0, around=around),
            chamber("RA", 0.5, 1.0, 1.0, "atria", volume=5.0, around=around),
            Compartment(
                name="LV",
                kind="filling_chamber",
                parameters={
                    "systolic_elastance": 25.0 * R,
                    "diastolic_elastance": 0.6 * R,
                    "unstressed_volume": 0.6 * ML,
                    "stiffening_volume": 6.0 * ML,
                },
                activation="left",
                surroundings=around,
                septum="septum",
                volume=8.0 * ML,
            ),
            Compartment(
                name="RV",
                kind="fibre_chamber",
                parameters={
                    "unstressed_volume": 6.0 * ML,
                    "wall_volume": 5.0 * ML,
                    "active_stress": 30e3,
                    "slack_stretch": 0.7,
                    "passive_stress": 0.5e3,
                    "passive_exponent": 9.0,
                },
                activation="right",
                surroundings=around,
                septum="septum",
                volume=9.0 * ML,
            ),
            vessel("AO", 0.08, 6.0, volume=10.0, around="pleura"),
            Compartment(
                name="PA",
                kind="stiffening_vessel",
                parameters={
                    "elastance": 8.0 * R,
                    "unstressed_volume": 4.0 * ML,
                    "stiffening_volume": 6.0 * ML,
                },
                surroundings="pleura",
                volume=6.0 * ML,
            ),
            vessel("PV", 1.0, 15.0, volume=22.0, around="pleura"),
            vessel("SV", 6.0, 120.0, volume=150.0),
            vessel("COR", 0.004, 0.3, volume=0.4, around="wall"),
            Compartment(name="fork", kind="junction"),
            Compartment(name="bag", kind="reservoir", parameters={"pressure": 5.0 * MMHG}),
            Compartment(
                name="placenta",
                kind="reservoir",
                waveform=Waveform(np.array([0.0, 0.2]), np.array([20.0, 30.0]) * MMHG, 0.45),
            ),
        ),
        connections=(
            Connection(
                name="mitral",
                kind="leaflet_valve",
                source="LA",
                target="LV",
                parameters={"diameter": 9e-3, "length": 8e-3, "opening_rate": 0.2, "closing_rate": 0.2},
            ),
            valve("aortic", "LV", "AO", 0.02),
            Connection(
                name="tricuspid",
                kind="valve",
                source="RA",
                target="RV",
                parameters={"resistance": 0.02 * R, "leak_diameter": 1.5e-3},
            ),
            Connection(
                name="pulmonary",
                kind="sigmoid_valve",
                source="RV",
                target="PA",
                parameters={"resistance": 0.03 * R, "closed_resistance": 300.0 * R, "steepness": 3.0 / MMHG},
            ),
            Connection(
                name="lungs",
                kind="collapsible_vessel",
                source="PA",
                target="PV",
                parameters={"resistance": 0.9 * R, "opening_pressure": 2.0 * MMHG},
                surroundings="alveoli",
            ),
            resistor("pulmonary_veins", "PV", "LA", 0.02),
            Connection(
                name="duct",
                kind="duct",
                source="AO",
                target="PA",
                parameters={"first_diameter": 3e-3, "second_diameter": 1.5e-3, "length": 8e-3},
            ),
            Connection(
                name="foramen",
                kind="flap",
                source="RA",
                target="LA",
                parameters={"diameter": 3e-3, "leak_diameter": 0.5e-3},
            ),
            Connection(name="vsd", kind="hole", source="LV", target="RV", parameters={"diameter": 1e-3}),
            Connection(
                name="arch",
                kind="inertial_narrowing",
                source="AO",
                target="fork",
                parameters={"vessel_diameter": 6e-3, "diameter": 4e-3, "length": 5e-3},
            ),
            resistor("body", "fork", "SV", 4.0),
            Connection(
                name="shunt",
                kind="conduit",
                source="fork",
                target="PA",
                parameters={"diameter": 2e-3, "length": 20e-3},
            ),
            Connection(
                name="side",
                kind="inertial_conduit",
                source="AO",
                target="SV",
                parameters={"diameter": 1.5e-3, "length": 30e-3},
            ),
            Connection(
                name="band",
                kind="narrowing",
                source="fork",
                target="placenta",
                parameters={"vessel_diameter": 4e-3, "diameter": 1e-3, "length": 3e-3},
            ),
            resistor("AO_COR", "AO", "COR", 60.0),
            resistor("COR_RA", "COR", "RA", 20.0),
            resistor("cava", "SV", "RA", 0.03),
            resistor("drip", "bag", "SV", 50.0),
            Connection(name="ecmo", kind="pump", source="SV", target="AO", parameters={"flow": 1e-6}),
            Connection(
                name="bleeding",
                kind="pump",
                source="SV",
                target=OUTSIDE,
                waveform=Waveform(np.array([0.0, 0.2]), np.array([0.0, 1e-7]), 0.45),
            ),
        ),
        activations=(
            Activation(
                name="atria", kind="sine_squared", parameters={"duration": 0.03, "duration_share": 0.09}
            ),
            Activation(
                name="left",
                kind="half_cosine",
                parameters={"start": 0.07, "contraction": 0.14, "relaxation": 0.08},
            ),
            Activation(
                name="right",
                kind="double_hill",
                parameters={"start": 0.06, "rise_share": 0.25, "rise_power": 4.0, "fall_share": 0.4},
            ),
        ),
        couplings=(
            Coupling(
                name="pericardium",
                kind="pericardium",
                members=("LA", "RA", "LV", "RV"),
                parameters={
                    "elastance": 0.01 * R,
                    "unstressed_volume": 25.0 * ML,
                    "stiffening_volume": 10.0 * ML,
                },
                surroundings="pleura",
            ),
            Coupling(
                name="septum",
                kind="septum",
                members=("LV", "RV"),
                parameters={"diastolic_elastance": 20.0 * R, "systolic_elastance": 150.0 * R},
                activation="left",
            ),
            Coupling(name="wall", kind="wall_pressure", members=("LV",), surroundings="pericardium"),
        ),
        surroundings=(
            Surrounding(name="pleura", pressure=-2.0 * MMHG),
            Surrounding(
                name="alveoli",
                waveform=Waveform(np.array([0.0, 0.225]), np.array([6.0, 9.0]) * MMHG, 0.45),
            ),
        ),
    )


def windkessel_behind_a_port() -> Circulation:
    """Rp, C and Rd behind a flow port, 4.5 mmHg at the far end."""
    return Circulation(
        name="windkessel",
        period=0.5,
        compartments=(
            Compartment(name="opening", kind="junction"),
            vessel("capacitor", 0.1),
            Compartment(name="veins", kind="reservoir", parameters={"pressure": 4.5 * MMHG}),
        ),
        connections=(
            resistor("proximal", "opening", "capacitor", 0.5),
            resistor("distal", "capacitor", "veins", 5.0),
        ),
        ports=(Port(name="descending_aorta", node="opening"),),
    )
