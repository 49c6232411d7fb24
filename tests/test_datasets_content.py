"""The content of microarray files: what is read of it, what is refused, what cannot harm."""

import gzip
import io
import struct

import numpy as np
import pytest
from datasets_toys import (
    BOMB_BYTES,
    CLASSES,
    EXPRESSION,
    LABELS,
    MAT,
    PROBES,
    SERIES,
    TOY_GEO,
    VALUES,
    X_ELEMENT,
    Y_ELEMENT,
    cached,
    compressed,
    element,
    folder_of,
    little_memory,
    mat_file,
    mat_of,
    matrix,
    names_in,
    series_matrix,
    series_matrix_text,
    sha256_of,
    toy_source,
)
from scipy.io import savemat

from sksparse_mlp.datasets._readers import Table, read_series_matrix
from sksparse_mlp.datasets._registry import SOURCES

pytest_plugins = ["datasets_fixtures"]


# What is read


def test_series_matrix_longer_than_a_block(tmp_path):
    expression = np.random.default_rng(2).normal(size=(5, 700)).astype(np.float32)
    path = tmp_path / "long.txt.gz"
    path.write_bytes(series_matrix(expression=expression, probes=range(700)))
    source = toy_source("LONG", "long.txt.gz", reader=None, n_features=700, label="leukemia class")
    table = read_series_matrix(path, source)
    np.testing.assert_array_equal(table.data, expression)
    assert table.feature_names.tolist() == [str(j) for j in range(700)]


@pytest.mark.parametrize("cell", ["", "null", "NA", '""', "nan"])
def test_missing_cells_are_nan(fetch, site, cell):
    text = series_matrix_text().replace(f"\t{EXPRESSION[2, 1]}", f"\t{cell}")
    site.files[SERIES] = gzip.compress(text.encode())
    dataset = fetch("GSE1")
    assert np.argwhere(np.isnan(dataset.data)).tolist() == [[2, 1]]
    assert "1 missing values" in dataset.DESCR


def test_other_variables_are_skipped(fetch, site):
    site.files[MAT] = mat_file(Z=LABELS)
    np.testing.assert_array_equal(fetch().data, VALUES)


def saved(**settings):
    file = io.BytesIO()
    savemat(file, {"X": VALUES, "Y": LABELS[:, np.newaxis]}, **settings)
    return file.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        saved(),
        mat_of(X_ELEMENT, Y_ELEMENT),
        mat_of(compressed(X_ELEMENT), compressed(Y_ELEMENT)),
        mat_of(compressed(X_ELEMENT), Y_ELEMENT),
    ],
    ids=["not compressed", "by hand", "by hand, compressed", "half compressed"],
)
def test_matlab_files_of_all_kinds(fetch, site, body):
    site.files[MAT] = body
    X, y = fetch(return_X_y=True)
    np.testing.assert_array_equal(X, VALUES)
    np.testing.assert_array_equal(y, LABELS - 1)


def test_matlab_file_of_the_other_byte_order(fetch, site):
    def swapped(name, shape, kind, values):
        parts = [(6, struct.pack(">II", 6, 0)), (5, np.array(shape, ">i4").tobytes()),
                 (1, name), (kind, values)]  # fmt: skip
        parts = [struct.pack(">II", k, len(d)) + d + bytes(-len(d) % 8) for k, d in parts]
        return struct.pack(">II", 14, sum(map(len, parts))) + b"".join(parts)

    X = swapped(b"X", (10, 300), 9, VALUES.astype(">f8").tobytes("F"))
    Y = swapped(b"Y", (10, 1), 9, LABELS.astype(">f8").tobytes())
    site.files[MAT] = mat_of().replace(b"\x00\x01IM", b"\x01\x00MI") + X + Y
    np.testing.assert_array_equal(fetch().data, VALUES)


# Class labels


def test_large_labels_keep_their_names(fetch, site):
    labels = np.array([2.0**53, 2.0**53 + 2, 1e300])[LABELS - 1]
    site.files[MAT] = mat_file(Y=labels)
    names = fetch().target_names.tolist()
    assert names == ["9007199254740992", "9007199254740994", str(int(1e300))]


@pytest.mark.parametrize("labels", [[1.2, 1.7, 2.0], [1.0, 2.0, np.nan], [1.0, 2.0, np.inf]])
def test_labels_that_are_not_integers_are_refused(fetch, site, labels):
    site.files[MAT] = mat_file(Y=np.array(labels)[LABELS - 1])
    with pytest.raises(OSError, match=r"the class label .* is not an integer"):
        fetch()


# What is refused


def series(**parts):
    return ("GSE1", SERIES, series_matrix(**parts))


def matlab(*arrays, **more):
    return ("TOY_10", MAT, mat_file(*arrays, **more))


def altered(old, new):
    text = series_matrix_text().replace(old, new, 1)
    return ("GSE1", SERIES, gzip.compress(text.encode()))


with_infinity = EXPRESSION.copy()
with_infinity[0, 0] = np.inf
with_nan = VALUES.copy()
with_nan[3, 4] = np.nan
with_complex = VALUES + 1j
SIX = EXPRESSION.repeat([2, 1, 1, 1, 1], axis=0)


@pytest.mark.parametrize(
    ("name", "filename", "body", "reason"),
    [
        ("TOY_10", MAT, b"<html>Please log in</html>", ""),
        ("TOY_10", MAT, b"", ""),
        ("TOY_10", MAT, mat_file()[:5000], ""),
        ("TOY_10", MAT, saved(format="4"), "no MATLAB file of version 5"),
        ("TOY_10", MAT, mat_of(X_ELEMENT), "there is no variable Y in it"),
        ("GSE1", SERIES, b"<html>Please log in</html>", "gzip"),
        ("GSE1", SERIES, series_matrix()[:-20], "ended before"),
        (*matlab(Y=LABELS, X=VALUES[:, :-1]), r"shape \(10, 299\)"),
        (*matlab(VALUES, LABELS[:-1]), r"target of shape \(9,\)"),
        (*matlab(VALUES, np.minimum(LABELS, 2)), "2 classes instead of 3"),
        (*matlab(VALUES, np.arange(10)), "10 classes instead of 3"),
        (*matlab(VALUES, np.repeat([1, 2, 3], [1, 1, 8])), r"\[1, 1, 8\] samples instead"),
        (*matlab(with_nan), "not finite"),
        (*matlab(with_complex), "X is no matrix of real numbers"),
        (*matlab(labels=LABELS, Y=np.zeros(0), X=VALUES), "target of shape"),
        (*matlab(Y=LABELS, X=VALUES.repeat(2, axis=1)), "more than 3000 values"),
        (*series(expression=with_infinity), "not finite"),
        (*series(end=False), "the table never ends"),
        (*series(classes=CLASSES[:-1]), "5 samples but labels for 4"),
        (*series(classes=[]), "5 samples but labels for 0"),
        (*series(expression=SIX, classes=["ALL", *CLASSES]), "more than 5 samples"),
        (*series(expression=EXPRESSION[:, :2], probes=PROBES[:2]), r"shape \(5, 2\)"),
        (*series(expression=EXPRESSION.repeat(2, 1), probes=PROBES * 2), "more than 3 features"),
        (*altered("!series_matrix_table_begin", "!no_table"), "the header never ends"),
        (*altered(f"\t{EXPRESSION[0, 0]}", ""), "a line has 4 values for 5 samples"),
        (*altered(f"\t{EXPRESSION[0, 0]}", "\thigh"), "high"),
    ],
)
def test_wrong_content_is_refused_and_put_aside(
    fetch, site, tmp_path, name, filename, body, reason
):
    good, site.files[filename] = site.files[filename], body
    with pytest.raises(
        OSError, match=rf"(?s){name} is damaged or not the expected one: .*{reason}"
    ):
        fetch(name)
    assert names_in(folder_of(tmp_path)) == [f"{filename}.{sha256_of(body)[:16]}.rejected"]
    site.files[filename] = good
    assert fetch(name).data.shape == (SOURCES[name].n_samples, SOURCES[name].n_features)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ([0, 0, 1, 1, 1], "a class without samples"),
        ([0, 1, 2, 2, 3], r"a class is not in \[0, 2\]"),
        ([0, 1, 2, 2, -1], r"a class is not in \[0, 2\]"),
        ([0, 1, 2, 2, 1 << 24], r"a class is not in \[0, 2\]"),
    ],
)
def test_class_numbers_are_verified(target, reason):
    names = np.array(["ALL", "AML", "CLL"])
    table = Table(EXPRESSION, np.array(target, dtype=np.int64), names, np.array(PROBES))
    with little_memory(), pytest.raises(ValueError, match=reason):
        TOY_GEO.verify(table)


def test_lack_of_memory_does_not_reject_the_file(fetch, tmp_path, monkeypatch):
    def no_memory(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("sksparse_mlp.datasets._readers.read_matrices", no_memory)
    with pytest.raises(MemoryError):
        fetch()
    assert cached(tmp_path).is_file()


# Small files that would need much memory


def refused(fetch, name, reason):
    with little_memory(), pytest.raises(OSError, match=f"damaged or not the expected.*{reason}"):
        fetch(name)


HEAD, _, ROWS = series_matrix_text().partition('"1007_s_at"')
LINE = b"!Series_summary\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(bytes(BOMB_BYTES)), "a line has more than 40960 characters"),
        (gzip.compress(bytes(1 << 20)) * 64, "a line has more than 40960 characters"),
        (gzip.compress(LINE * (BOMB_BYTES // len(LINE))), "more than 328160 characters"),
        (gzip.compress(HEAD.encode() + bytes(BOMB_BYTES)), "a line has more than 40960"),
        (gzip.compress(HEAD.encode() + b"\n" * BOMB_BYTES), "a line has 1 values"),
        (gzip.compress(HEAD.encode() + b"p" * 30000 + ROWS.encode()), "a name has 30000"),
    ],
    ids=["line", "members", "header", "row", "empty rows", "name"],
)
def test_series_matrix_that_is_a_bomb(fetch, site, body, reason):
    site.files[SERIES] = body
    refused(fetch, "GSE1", reason)


def test_long_class_name_is_refused(fetch, site):
    site.files[SERIES] = series_matrix(classes=["A" * 7000, *CLASSES[1:]])
    refused(fetch, "GSE1", "a name has 7000 characters, more than 200")


def zeros(name, n_bytes=BOMB_BYTES, mx_class=6):
    return matrix(name, (10, n_bytes // 80), element(9, bytes(n_bytes)), mx_class=mx_class)


MAT_BOMBS = {
    "wanted": lambda: [compressed(zeros(b"X"))],
    "other": lambda: [compressed(zeros(b"Z")), X_ELEMENT, Y_ELEMENT],
    "name": lambda: [compressed(matrix(bytes(BOMB_BYTES), (1, 1)))],
    "many": lambda: [compressed(zeros(b"Z", BOMB_BYTES // 256))] * 256,
}


@pytest.mark.parametrize("bomb", MAT_BOMBS)
def test_matlab_file_that_is_a_bomb(fetch, site, bomb):
    site.files[MAT] = mat_of(*MAT_BOMBS[bomb]())
    refused(fetch, "TOY_10", "an element has more than .* bytes when unpacked")


@pytest.mark.parametrize("beside", [b"", Y_ELEMENT], ids=["alone", "beside another"])
def test_matlab_file_that_is_compressed_twice(fetch, site, beside):
    site.files[MAT] = mat_of(compressed(beside + compressed(zeros(b"X"))))
    refused(fetch, "TOY_10", "(of type 15 instead of a matrix|too many values to unpack)")


def test_compressed_matlab_variable_without_its_end(fetch, site):
    packed = compressed(X_ELEMENT)[8:-1]
    site.files[MAT] = mat_of(struct.pack("<II", 15, len(packed)) + packed, Y_ELEMENT)
    refused(fetch, "TOY_10", "a compressed element is incomplete")


def lying(variable, claim=1 << 31):
    """A variable whose last part claims to be larger than it is."""
    at = variable.rindex(struct.pack("<I", 9)) + 4
    return variable[:at] + struct.pack("<I", claim) + variable[at + 4 :]


@pytest.mark.parametrize(
    "variable",
    [
        struct.pack("<II", 14, 1 << 31),
        struct.pack("<II", 15, 1 << 31),
        lying(Y_ELEMENT),
        compressed(lying(Y_ELEMENT)),
        compressed(struct.pack("<II", 14, 1 << 31) + Y_ELEMENT[8:]),
    ],
    ids=["variable", "compressed variable", "part", "compressed part", "inside"],
)
def test_matlab_file_that_claims_more_than_it_has(fetch, site, variable):
    site.files[MAT] = mat_of(variable, X_ELEMENT, Y_ELEMENT)
    refused(fetch, "TOY_10", f"an element of {1 << 31} bytes goes beyond the end")


def of_type(mx_class, *parts):
    return matrix(b"X", (1 << 15, 1 << 15), *parts, mx_class=mx_class)


def test_matlab_file_that_claims_a_large_shape(fetch, site):
    site.files[MAT] = mat_of(of_type(6, element(9, bytes(80))), Y_ELEMENT)
    refused(fetch, "TOY_10", "cannot reshape")


CELL, CHAR, SPARSE = 1, 4, 5
NO_NUMBER = 10


@pytest.mark.parametrize(
    "variable",
    [
        of_type(CELL, element(9, bytes(80))),
        of_type(CHAR, element(16, b"text")),
        of_type(SPARSE, element(5, bytes(8)), element(5, bytes(8)), element(9, bytes(8))),
        of_type(6, element(NO_NUMBER, bytes(80))),
    ],
    ids=["cell", "char", "sparse", "unknown type"],
)
def test_matlab_variable_that_is_no_array_of_numbers(fetch, site, variable):
    site.files[MAT] = mat_of(variable, Y_ELEMENT, X_ELEMENT)
    refused(fetch, "TOY_10", "X is no matrix of real numbers")


def test_matlab_variable_without_numbers(fetch, site):
    site.files[MAT] = mat_of(of_type(6), Y_ELEMENT)
    refused(fetch, "TOY_10", "there is no variable X in it")


def test_matlab_variable_of_countless_parts(fetch, site):
    site.files[MAT] = mat_of(compressed(element(14, bytes(600_000))), X_ELEMENT, Y_ELEMENT)
    with little_memory():
        np.testing.assert_array_equal(fetch().data, VALUES)


def test_numbers_that_need_more_room_in_memory_than_in_the_file(fetch, site):
    n_values = 600_000
    X = matrix(b"X", (10, n_values // 10), element(2, bytes(n_values)))
    site.files[MAT] = mat_of(compressed(X), Y_ELEMENT)
    refused(fetch, "TOY_10", "has more than 3000 values")


def test_large_file_that_was_there_is_not_read(fetch, site, tmp_path):
    folder_of(tmp_path).mkdir()
    cached(tmp_path).write_bytes(bytes(BOMB_BYTES))
    refused(fetch, "TOY_10", "it has more than 703360 bytes")
