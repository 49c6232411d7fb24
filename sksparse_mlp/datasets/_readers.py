"""From a downloaded file to a table: one reader for each file format.

A reader takes the path of the file and the registry's entry for it. It raises ValueError where the
file can be read but is not what it should be; a damaged file may raise anything.
"""

import gzip
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.io import loadmat

_TABLE_BEGIN = "!series_matrix_table_begin"
_TABLE_END = "!series_matrix_table_end"
_CHARACTERISTICS = "!Sample_characteristics_ch1"
_MISSING_CELLS = frozenset({"", "null", "NA", "N/A", "NaN"})
# Enough rows for the transposed copy to fill whole cache lines of the result.
_ROWS_PER_BLOCK = 256


@dataclass(frozen=True)
class Table:
    """Samples in rows: float32 data, a class number for each sample, and the names of both."""

    data: np.ndarray
    target: np.ndarray
    target_names: np.ndarray
    feature_names: np.ndarray


def read_mat(path, source):
    """Read X and Y of a MATLAB file."""
    content = loadmat(path, variable_names=["X", "Y"])
    for key in ("X", "Y"):
        if key not in content:
            raise ValueError(f"there is no variable {key} in it")
    data = np.ascontiguousarray(content["X"], dtype=np.float32)
    labels, target = np.unique(content["Y"].ravel(), return_inverse=True)
    return Table(
        data=data,
        target=target.astype(np.int64),
        target_names=labels.astype(np.int64).astype(str),
        feature_names=np.array([f"feature_{j}" for j in range(data.shape[1])]),
    )


def read_series_matrix(path, source):
    """Read a gzipped series matrix of GEO, where a line holds one probe for all samples."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        labels = _read_labels(lines, source.label)
        n_samples = len(next(lines).split("\t")) - 1
        if len(labels) != n_samples:
            raise ValueError(f"it has {n_samples} samples but labels for {len(labels)}")
        data, feature_names = _read_probes(lines, n_samples, source.n_features)
    target_names, target = np.unique(labels, return_inverse=True)
    return Table(
        data=data,
        target=target.astype(np.int64),
        target_names=target_names,
        feature_names=np.array(feature_names),
    )


def _read_labels(lines, key):
    """Consume the header; return the value of one characteristic for each sample."""
    prefix, labels = f"{key}: ", {}
    for line in lines:
        name, *cells = line.rstrip("\r\n").split("\t")
        if name == _TABLE_BEGIN:
            return [labels[i] for i in sorted(labels)]
        if name == _CHARACTERISTICS:
            # A sample may name its characteristics in an order of its own.
            values = (cell.strip('"') for cell in cells)
            labels |= {
                i: value.removeprefix(prefix)
                for i, value in enumerate(values)
                if value.startswith(prefix)
            }
    raise ValueError("the header never ends")


def _read_probes(lines, n_samples, n_features):
    """Fill the matrix a block of lines at a time, so that it is the only large array."""
    data = np.empty((n_samples, n_features), dtype=np.float32)
    names = []
    while block := list(islice(lines, _ROWS_PER_BLOCK)):
        rows = []
        for line in block:
            name, _, cells = line.rstrip("\r\n").partition("\t")
            if name == _TABLE_END:
                break
            names.append(name.strip('"'))
            rows.append(_parse_row(cells, n_samples))
        if len(names) > n_features:
            raise ValueError(f"it has more than {n_features} features")
        if rows:
            data[:, len(names) - len(rows) : len(names)] = np.stack(rows, axis=1)
        if len(rows) < len(block):
            return data[:, : len(names)], names
    raise ValueError("the table never ends")


def _parse_row(cells, n_samples):
    values = cells.split("\t")
    if len(values) != n_samples:
        raise ValueError(f"a line has {len(values)} values for {n_samples} samples")
    try:
        return np.array(values, dtype=np.float32)
    except ValueError:
        known = ["nan" if value.strip('"') in _MISSING_CELLS else value for value in values]
        return np.array(known, dtype=np.float32)
