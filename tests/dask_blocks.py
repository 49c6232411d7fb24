"""Estimators on a Dask cluster, small, and data for them in blocks."""

import pytest
from estimators import RECIPE

da = pytest.importorskip("dask.array", reason="dask is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")

from sksparse_mlp.dask import DaskTrulySparseMLPClassifier, DaskTrulySparseMLPRegressor  # noqa: E402

SETTINGS = {"threads_per_worker": 1, "dashboard_address": ":0"}
# One round for each pass over 96 samples in three blocks.
OWN = {"evolution": "set", "batch_size": 8, "local_steps": 4, "max_iter": 4}


def on_cluster(**changes):
    """A classifier that trains in few rounds."""
    return DaskTrulySparseMLPClassifier(**RECIPE | OWN | changes)


def regressor_on_cluster(**changes):
    """A regressor that does."""
    recipe = {name: value for name, value in RECIPE.items() if name != "temperature"}
    return DaskTrulySparseMLPRegressor(**recipe | OWN | changes)


def in_blocks(X, y, size=30):
    """Dask arrays of blocks of so many rows."""
    return da.from_array(X, chunks=(size, -1)), da.from_array(y, chunks=(size, *y.shape[1:]))
