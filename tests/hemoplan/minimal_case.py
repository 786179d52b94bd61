"""The smallest case file that is valid, for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

MINIMAL = """
name = "test_arch"
question = "Stent or not?"

[patient]
weight = "3.4 kg"
heart_rate = "140/min"
cuff = { systolic = "70 mmHg", diastolic = "46 mmHg", mean = "54 mmHg", site = "arm" }

[image]
anatomy = "anatomy.toml"

[segmentation]
seed = ["0 mm", "0 mm", "0 mm"]

[[openings]]
name = "aorta"
role = "inlet"
near = ["0 mm", "0 mm", "-20 mm"]

[[openings]]
name = "arm"
role = "outlet"
near = ["0 mm", "0 mm", "20 mm"]

[[openings]]
name = "body"
role = "outlet"
near = ["10 mm", "0 mm", "-20 mm"]

[inflow]
flow_per_weight = "250 mL/min/kg"

[outlets.arm]
flow_fraction = 0.3

[outlets.body]
flow_fraction = 0.7

[comparison]
proximal = "aorta"
distal = "body"

[[variants]]
name = "baseline"
kind = "baseline"

[[variants]]
name = "wide"
kind = "stent"
near = ["5 mm", "0 mm", "0 mm"]
diameter = "5.5 mm"
length = "12 mm"

[profiles.fine]
mesh = { size = "0.5 mm" }
solver = { time_step = "0.25 ms" }
"""


def write_case(folder: Path, *changes: tuple[str, str]) -> Path:
    """Write the minimal case with texts replaced, each of which must occur exactly once."""
    text = MINIMAL
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    path = folder / "case.toml"
    path.write_text(text, encoding="utf-8")
    return path
