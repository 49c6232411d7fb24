"""From a downloaded file to a table: one reader for each file format.

A reader takes the path of the file and the registry's entry for it. It raises ValueError where the
file can be read but is not what it should be, or larger than that; a damaged file may raise
anything.
"""

import gzip
from dataclasses import dataclass

import numpy as np

from ._mat import read_matrices

TABLE_BEGIN = "!series_matrix_table_begin"
TABLE_END = "!series_matrix_table_end"
CHARACTERISTICS = "!Sample_characteristics_ch1"
MISSING_CELLS = frozenset({"", "null", "NA", "N/A", "NaN"})
# Characters in a line for each sample, on average: a header's cell may hold a long text.
LONGEST_CELL = 1 << 13
# Arrays of text give each name as much room as the longest one.
LONGEST_NAME = 200
# Enough rows for the transposed copy to fill whole cache lines of the result.
ROWS_PER_BLOCK = 256


@dataclass(frozen=True)
class Table:
    """Samples in rows: float32 data, a class number for each sample, and the names of both."""

    data: np.ndarray
    target: np.ndarray
    target_names: np.ndarray
    feature_names: np.ndarray


def read_mat(path, source):
    """Read X and Y of a MATLAB file."""
    largest = {"X": source.n_samples * source.n_features, "Y": source.n_samples}
    found = read_matrices(path.read_bytes(), largest, source.max_unpacked_bytes)
    for name, n_values in largest.items():
        if name not in found:
            raise ValueError(f"there is no variable {name} in it")
        if found[name].size > n_values:
            raise ValueError(f"{name} of shape {found[name].shape} has more than {n_values} values")
    data = np.array(found["X"], dtype=np.float32, order="C")
    labels, target = np.unique(found["Y"].ravel(), return_inverse=True)
    return Table(
        data=data,
        target=target.astype(np.int64),
        target_names=np.array(_names_of_numbers(labels), dtype=str),
        feature_names=np.array([f"feature_{j}" for j in range(data.shape[1])]),
    )


def _names_of_numbers(labels):
    """Name classes that have numbers; rounding could make two of them one."""
    for label in labels.tolist():
        if not float(label).is_integer():
            raise ValueError(f"the class label {label} is not an integer")
    return [str(int(label)) for label in labels.tolist()]


def read_series_matrix(path, source):
    """Read a gzipped series matrix of GEO, where a line holds one probe for all samples."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = _limited_lines(
            file, longest=LONGEST_CELL * source.n_samples, limit=source.max_unpacked_bytes
        )
        labels = _read_labels(lines, source.label)
        n_samples = next(lines, "").count("\t")
        if len(labels) != n_samples:
            raise ValueError(f"it has {n_samples} samples but labels for {len(labels)}")
        if n_samples > source.n_samples:
            raise ValueError(f"it has more than {source.n_samples} samples")
        data, feature_names = _read_probes(lines, n_samples, source.n_features)
    target_names, target = np.unique(labels, return_inverse=True)
    return Table(
        data=data,
        target=target.astype(np.int64),
        target_names=target_names,
        feature_names=np.array(feature_names),
    )


def _limited_lines(file, *, longest, limit):
    """Yield the lines of a text, which may have ``limit`` characters, ``longest`` in a line."""
    n_left = limit
    while line := file.readline(longest + 1):
        n_left -= len(line)
        if len(line) > longest:
            raise ValueError(f"a line has more than {longest} characters")
        if n_left < 0:
            raise ValueError(f"it has more than {limit} characters when unpacked")
        yield line


def _read_labels(lines, key):
    """Consume the header; return the value of one characteristic for each sample."""
    prefix, labels = f"{key}: ", {}
    for line in lines:
        name, _, cells = line.rstrip("\r\n").partition("\t")
        if name == TABLE_BEGIN:
            return [labels[i] for i in sorted(labels)]
        if name == CHARACTERISTICS:
            # A sample may name its characteristics in an order of its own.
            values = (cell.strip('"') for cell in cells.split("\t"))
            labels |= {
                i: _checked_name(value.removeprefix(prefix))
                for i, value in enumerate(values)
                if value.startswith(prefix)
            }
    raise ValueError("the header never ends")


def _read_probes(lines, n_samples, n_features):
    """Fill the matrix a block of lines at a time, so that it is the only large array."""
    data = np.empty((n_samples, n_features), dtype=np.float32)
    names, rows = [], []
    for line in lines:
        name, _, cells = line.rstrip("\r\n").partition("\t")
        if name != TABLE_END:
            names.append(_checked_name(name.strip('"')))
            rows.append(_parse_row(cells, n_samples))
        if len(names) > n_features:
            raise ValueError(f"it has more than {n_features} features")
        if rows and (name == TABLE_END or len(rows) == ROWS_PER_BLOCK):
            data[:, len(names) - len(rows) : len(names)] = np.stack(rows, axis=1)
            rows.clear()
        if name == TABLE_END:
            return data[:, : len(names)], names
    raise ValueError("the table never ends")


def _checked_name(name):
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a name has {len(name)} characters, more than {LONGEST_NAME}")
    return name


def _parse_row(cells, n_samples):
    n_values = cells.count("\t") + 1
    if n_values != n_samples:
        raise ValueError(f"a line has {n_values} values for {n_samples} samples")
    values = cells.split("\t")
    try:
        return np.array(values, dtype=np.float32)
    except ValueError:
        known = ["nan" if value.strip('"') in MISSING_CELLS else value for value in values]
        return np.array(known, dtype=np.float32)
