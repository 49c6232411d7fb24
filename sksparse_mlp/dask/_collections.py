"""Dask's collections as lists of blocks, and predictions for blocks as collections."""

import numpy as np


def is_collection(X):
    """Whether this is a Dask collection, or a list of delayed blocks or futures."""
    from dask import is_dask_collection

    return is_dask_collection(X) or (isinstance(X, (list, tuple)) and _are_blocks(X))


def _are_blocks(parts):
    from dask.delayed import Delayed
    from distributed import Future

    return len(parts) > 0 and all(isinstance(part, (Delayed, Future)) for part in parts)


def partitioned(X, y, sample_weight):
    """The blocks of X, y and the weights that belong together.

    Parameters
    ----------
    X : dask array, dask frame, or list of delayed blocks
    y : the same, or an array if the lengths of the blocks of X are known
    sample_weight : the same, or None

    Returns
    -------
    list of (block of X, block of y, block of weights or None)
    """
    if not is_collection(X):
        raise ValueError(
            "X must be a dask array, a dask frame or a list of delayed blocks; got "
            f"{type(X).__name__}. For ordinary arrays there are the ordinary estimators."
        )
    blocks, lengths = blocks_of(X)
    labels = _aligned(y, blocks, lengths, "y")
    if sample_weight is None:
        weights = [None] * len(blocks)
    else:
        weights = _aligned(sample_weight, blocks, lengths, "sample_weight")
    return list(zip(blocks, labels, weights, strict=True))


def blocks_of(X):
    """Delayed blocks of rows, and the number of rows of each, NaN where it is not known."""
    from dask import delayed

    if isinstance(X, (list, tuple)):
        return [delayed(block) for block in X], [np.nan] * len(X)
    if hasattr(X, "chunks"):
        if X.ndim == 2 and X.numblocks[1] > 1:
            X = X.rechunk({1: -1})
        return list(X.to_delayed().ravel()), list(X.chunks[0])
    return list(X.to_delayed()), [np.nan] * X.npartitions


def _aligned(values, blocks, lengths, name):
    """Blocks of values, one for each block of X."""
    from dask import delayed

    if not is_collection(values):
        values = np.asarray(values)
        if np.isnan(lengths).any():
            raise ValueError(
                f"{name} must be divided as X is, whose blocks have unknown lengths: give a dask "
                f"collection or a list of delayed blocks; got {type(values).__name__}."
            )
        if len(values) != sum(lengths):
            raise ValueError(f"{name} has {len(values)} entries, and X has {sum(lengths)} rows.")
        return [delayed(part) for part in np.split(values, np.cumsum(lengths)[:-1])]
    if hasattr(values, "chunks") and not np.isnan([*lengths, *values.chunks[0]]).any():
        if sum(values.chunks[0]) != sum(lengths):
            raise ValueError(
                f"{name} has {sum(values.chunks[0])} entries, and X has {sum(lengths)} rows."
            )
        values = values.rechunk({0: tuple(lengths)})
    parts, _ = blocks_of(values)
    if len(parts) != len(blocks):
        raise ValueError(f"{name} has {len(parts)} blocks, and X has {len(blocks)}.")
    return parts


# ---------------------------------------------------------------- predicting


def predicted(model, method, X, shape, dtype):
    """What a method of a model says of each block, as a lazy dask array.

    Parameters
    ----------
    model : estimator
        It travels to the workers with the graph.
    method : str
    X : dask array, dask frame, or list of delayed blocks
    shape : tuple of int
        Of the answer for one sample.
    dtype : dtype
    """
    import dask.array as da
    from dask import delayed

    model = delayed(model, pure=True)
    blocks, lengths = blocks_of(X)
    call = delayed(_call)
    parts = [
        da.from_delayed(call(model, method, block, shape, dtype), (n, *shape), dtype=dtype)
        for block, n in zip(blocks, lengths, strict=True)
    ]
    return da.concatenate(parts, allow_unknown_chunksizes=True)


def _call(model, method, block, shape, dtype):
    """The answer for a block, which may have no row."""
    return getattr(model, method)(block) if block.shape[0] else np.empty((0, *shape), dtype)
