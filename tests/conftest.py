"""What all tests share: hypothesis profiles, Ctrl-C, and the real gene-expression data.

``HYPOTHESIS_PROFILE=nightly`` tries many, random examples; the default, "ci", few and always the
same ones.
"""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# SciPy reads it when it is first imported; scikit-learn skips its checks of array types without.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# The first example of a test may wait for kernels to compile.
settings.register_profile(
    "ci",
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

MICROARRAY = Path(__file__).parents[2] / "shared" / "data" / "microarray"


@pytest.fixture
def usual_ctrl_c():
    """Python's own handler, also where the parent of this process has it ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def microarray_directory():
    """The folder of gene-expression sets (.npz with X and y); skips where there is none."""
    directory = Path(os.environ.get("SKSPARSE_MLP_MICROARRAY", MICROARRAY))
    if not any(directory.glob("*.npz")):
        pytest.skip(f"no gene-expression data in {directory}; set SKSPARSE_MLP_MICROARRAY")
    return directory


@pytest.fixture(scope="session")
def microarray(microarray_directory):
    """Load a gene-expression set by name: ``X, y = microarray("khan")``."""

    def load(name):
        with np.load(microarray_directory / f"{name}.npz") as data:
            return data["X"], data["y"]

    return load
