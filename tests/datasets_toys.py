"""Small microarray sets, their files, and files that would do harm, for tests of fetching."""

import gzip
import hashlib
import io
import struct
import tracemalloc
import zlib
from contextlib import contextmanager

import numpy as np
from scipy.io import savemat

from sksparse_mlp.datasets._readers import read_mat, read_series_matrix
from sksparse_mlp.datasets._registry import MicroarraySource

LABELS = np.array([3, 1, 1, 2, 3, 3, 2, 1, 1, 2])
VALUES = np.random.default_rng(0).normal(size=(10, 300)).astype(np.float32)
CLASSES = ["AML", "ALL", "CLL", "ALL", "AML"]
PROBES = ["1007_s_at", "1053_at", "117_at"]
EXPRESSION = np.random.default_rng(1).normal(8, 2, size=(5, 3)).round(3).astype(np.float32)

MAT, SERIES = "TOY_10.mat", "GSE1_series_matrix.txt.gz"
MEGABYTE = 1 << 20
# What a hostile server or file could make of it, and what is allowed in its place.
BOMB_BYTES, ALLOWED_BYTES = 64 * MEGABYTE, 8 * MEGABYTE


def toy_source(name, filename, **fields):
    shape = {"n_samples": 10, "n_features": 300, "n_classes": 3} | fields
    url = f"https://nowhere.invalid/{filename}"
    return MicroarraySource(**({"name": name, "url": url, "about": "A toy."} | shape))


TOY = toy_source("TOY_10", MAT, reader=read_mat, class_counts=(3, 3, 4))
TOY_GEO = toy_source(
    "GSE1",
    SERIES,
    reader=read_series_matrix,
    n_samples=5,
    n_features=3,
    label="leukemia class",
    missing_values=True,
)


# What the files contain


def mat_file(X=VALUES, Y=LABELS, **more):
    file = io.BytesIO()
    variables = {"X": X.astype(np.result_type(X, np.float64)), "Y": Y.reshape(-1, 1)} | more
    savemat(file, variables, do_compression=True)
    # SciPy's header says when the file was made.
    return mat_of() + file.getvalue()[128:]


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(name, shape, *parts, mx_class=6):
    """A variable of a MATLAB file, by default of numbers in double precision."""
    parts = [
        element(6, struct.pack("<II", mx_class, 0)),
        element(5, np.array(shape, "<i4").tobytes()),
        element(1, name),
        *parts,
    ]
    return element(14, b"".join(parts))


def compressed(data):
    packed = zlib.compress(data)
    return struct.pack("<II", 15, len(packed)) + packed


def mat_of(*elements):
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements)


X_ELEMENT = matrix(b"X", (10, 300), element(9, VALUES.astype("<f8").tobytes("F")))
Y_ELEMENT = matrix(b"Y", (10, 1), element(9, LABELS.astype("<f8").tobytes()))


def series_matrix_text(expression=EXPRESSION, classes=CLASSES, probes=PROBES, end=True):
    def line(name, cells, quote='"'):
        return "\t".join([name, *(f"{quote}{cell}{quote}" for cell in cells)]) + "\r\n"

    n_samples = len(expression)
    accessions = [f"GSM{i}" for i in range(n_samples)]
    kinds = ["sample type: bone marrow"] * n_samples
    labels = [f"leukemia class: {name}" for name in classes]
    if labels:
        # The second sample names its characteristics the other way round.
        kinds[1], labels[1] = labels[1], kinds[1]
    rows = zip(probes, expression.T, strict=True)
    return "".join(
        [
            line("!Series_title", ["A study"]),
            "\r\n",
            line("!Sample_geo_accession", accessions),
            line("!Sample_characteristics_ch1", kinds),
            line("!Sample_characteristics_ch1", labels),
            "!series_matrix_table_begin\r\n",
            line('"ID_REF"', accessions),
            *(line(f'"{probe}"', values, quote="") for probe, values in rows),
            "!series_matrix_table_end\r\n" if end else "",
        ]
    )


def series_matrix(**parts):
    return gzip.compress(series_matrix_text(**parts).encode(), mtime=0)


# What is on the disk and in memory


def folder_of(tmp_path):
    return tmp_path / "microarray"


def cached(tmp_path, suffix=""):
    return folder_of(tmp_path) / f"{MAT}{suffix}"


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def sha256_of(contents):
    return hashlib.sha256(contents).hexdigest()


@contextmanager
def little_memory():
    """Fail if what is inside allocates more than a small part of what a bomb could take."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < ALLOWED_BYTES
