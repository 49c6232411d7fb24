"""The kernels are right on processors with fewer instructions than this one has."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from estimators import small

X86 = platform.machine().lower() in ("x86_64", "amd64")
PROCESSORS = {
    "generic": {"NUMBA_CPU_NAME": "generic"},
    "avx2": {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"},
}
PRINT_OUTPUTS = """
import sys
from test_portability import outputs
sys.stdout.write(" ".join(map(repr, outputs().ravel().tolist())))
"""


def outputs():
    """What a network gives after a few epochs with everything switched on that draws numbers."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 30)), rng.integers(3, size=60)
    model = small(
        hidden_layer_sizes=(40, 20), activation="srelu", solver="adam", dropout=0.2,
        input_noise=0.1, batch_size=20, max_iter=3,
    )  # fmt: skip
    return model.fit(X, y).decision_function(X)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("processor", ["avx2", pytest.param("generic", marks=pytest.mark.slow)])
def test_other_processors_give_the_same_outputs_up_to_rounding(processor):
    if processor == "avx2" and not X86:
        pytest.skip("AVX2 is of x86 processors")
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRINT_OUTPUTS],
        env=os.environ | PROCESSORS[processor],
        cwd=os.path.dirname(os.path.abspath(__file__)),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    printed = np.array(finished.stdout.split(), dtype=np.float64)
    np.testing.assert_allclose(printed, outputs().ravel(), rtol=1e-3, atol=1e-4)
