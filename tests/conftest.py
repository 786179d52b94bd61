"""What the tests of all rooms share."""

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans and reference meshes, ``HEMOPLAN_DATA`` or ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("HEMOPLAN_DATA") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; HEMOPLAN_DATA names another folder")
    return folder
