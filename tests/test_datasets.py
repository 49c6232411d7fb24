"""Loading and making microarray data; the only server is one on 127.0.0.1."""

import doctest
import gzip
import hashlib
import io
import re
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat
from scipy.stats import kurtosis
from sklearn.utils import Bunch

from sksparse_mlp.datasets import _synthetic, fetch_microarray, make_microarray
from sksparse_mlp.datasets._download import _progress_line
from sksparse_mlp.datasets._readers import read_mat, read_series_matrix
from sksparse_mlp.datasets._registry import SOURCES, MicroarraySource

LABELS = np.array([3, 1, 1, 2, 3, 3, 2, 1, 1, 2])
VALUES = np.random.default_rng(0).normal(size=(10, 300)).astype(np.float32)
CLASSES = ["AML", "ALL", "CLL", "ALL", "AML"]
PROBES = ["1007_s_at", "1053_at", "117_at"]
EXPRESSION = np.random.default_rng(1).normal(8, 2, size=(5, 3)).round(3).astype(np.float32)

Request = namedtuple("Request", "path range encoding")


class Site:
    """Files on a server and, for each of the next requests, how it misbehaves."""

    def __init__(self):
        self.files = {}
        self.faults = []
        self.requests = []
        self.has_etag = True
        self.has_length = True
        self.supports_range = True
        self.range_error = 0
        self.content_encoding = None
        self.closing = threading.Event()

    def respond(self, handler):
        body = self.files.get(handler.path.lstrip("/"))
        fault = self.faults.pop(0) if self.faults else None
        asked = (handler.headers.get(name) for name in ("Range", "Accept-Encoding"))
        self.requests.append(Request(handler.path, *asked))
        if body is None or isinstance(fault, int):
            handler.send_error(fault or 404)
            return
        start = self.start_of(handler) if self.supports_range else 0
        if start > len(body):
            handler.send_error(416)
            return
        self.send_head(handler, body, start)
        kind, n_bytes = fault or ("whole", len(body))
        handler.wfile.write(body[start : start + n_bytes])
        if kind == "stall":
            handler.wfile.flush()
            self.closing.wait(10)

    def start_of(self, handler):
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        return int(asked[1]) - self.range_error if asked else 0

    def send_head(self, handler, body, start):
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if self.has_length:
            handler.send_header("Content-Length", str(len(body) - start))
        if self.has_etag:
            handler.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
        if self.content_encoding:
            handler.send_header("Content-Encoding", self.content_encoding)
        handler.end_headers()


@pytest.fixture
def site():
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.respond(self)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    site.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fetch(site, tmp_path, monkeypatch):
    """Fetch one of two small sets from the local site."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for source in (TOY, TOY_GEO):
        monkeypatch.setitem(SOURCES, source.name, source)
    site.files["TOY_10.mat"] = mat_file()
    site.files["GSE1_series_matrix.txt.gz"] = series_matrix()

    def fetch(name="TOY_10", **parameters):
        defaults = {"data_home": tmp_path, "base_url": site.url, "delay": 0.0, "timeout": 5.0}
        return fetch_microarray(name, **(defaults | parameters))

    return fetch


def toy_source(name, filename, **fields):
    shape = {"n_samples": 10, "n_features": 300, "n_classes": 3} | fields
    url = f"https://nowhere.invalid/{filename}"
    return MicroarraySource(**({"name": name, "url": url, "about": "A toy."} | shape))


TOY = toy_source("TOY_10", "TOY_10.mat", reader=read_mat, class_counts=(3, 3, 4))
TOY_GEO = toy_source(
    "GSE1",
    "GSE1_series_matrix.txt.gz",
    reader=read_series_matrix,
    n_samples=5,
    n_features=3,
    label="leukemia class",
    missing_values=True,
)


def mat_file(X=VALUES, Y=LABELS, **more):
    file = io.BytesIO()
    variables = {"X": X.astype(np.float64), "Y": Y.reshape(-1, 1)} | more
    savemat(file, {k: v for k, v in variables.items() if v is not None}, do_compression=True)
    return file.getvalue()


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


def cached(tmp_path, suffix=""):
    return tmp_path / "microarray" / f"TOY_10.mat{suffix}"


def kept_parts(tmp_path):
    return list((tmp_path / "microarray").glob("*.part"))


# What a call returns


def test_matlab_file_becomes_a_bunch(fetch, site, tmp_path):
    dataset = fetch()
    assert isinstance(dataset, Bunch)
    assert dataset.data.dtype == np.float32 and dataset.data.flags.c_contiguous
    np.testing.assert_array_equal(dataset.data, VALUES)
    assert dataset.target.dtype == np.int64
    np.testing.assert_array_equal(dataset.target, LABELS - 1)
    assert dataset.target_names.tolist() == ["1", "2", "3"]
    assert dataset.feature_names[:2] == ["feature_0", "feature_1"]
    assert dataset.frame is None
    assert dataset.filename == str(cached(tmp_path))
    assert dataset.url == f"{site.url}/TOY_10.mat"
    assert dataset.sha256 == hashlib.sha256(site.files["TOY_10.mat"]).hexdigest()
    assert "A toy." in dataset.DESCR and "10 samples, 300 features" in dataset.DESCR


def test_series_matrix_becomes_a_bunch(fetch):
    dataset = fetch("GSE1")
    np.testing.assert_array_equal(dataset.data, EXPRESSION)
    assert dataset.data.dtype == np.float32 and dataset.data.flags.c_contiguous
    assert dataset.target_names.tolist() == ["ALL", "AML", "CLL"]
    assert dataset.target_names[dataset.target].tolist() == CLASSES
    assert dataset.feature_names == PROBES
    assert "0 missing values" in dataset.DESCR


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
    site.files["GSE1_series_matrix.txt.gz"] = gzip.compress(text.encode())
    dataset = fetch("GSE1")
    assert np.argwhere(np.isnan(dataset.data)).tolist() == [[2, 1]]
    assert "1 missing values" in dataset.DESCR


def test_return_X_y(fetch):
    X, y = fetch(return_X_y=True)
    np.testing.assert_array_equal(X, VALUES)
    np.testing.assert_array_equal(y, LABELS - 1)


def test_as_frame(fetch):
    dataset = fetch("GSE1", as_frame=True)
    assert dataset.data.columns.tolist() == PROBES
    assert (dataset.data.dtypes == np.float32).all()
    assert dataset.target.name == "target"
    pd.testing.assert_frame_equal(dataset.frame[PROBES], dataset.data)
    pd.testing.assert_series_equal(dataset.frame["target"], dataset.target)
    X, y = fetch("GSE1", as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, dataset.data)
    pd.testing.assert_series_equal(y, dataset.target)


@pytest.mark.parametrize("name", ["toy_10", "TOY-10", "Toy-10"])
def test_name_in_other_spellings(fetch, name):
    assert fetch(name).data.shape == (10, 300)


def test_a_set_of_the_registry(fetch, site):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 4434)), np.repeat([1, 2, 3, 4], [14, 7, 14, 15])
    site.files["GLIOMA.mat"] = mat_file(X, y)
    X_read, y_read = fetch("GLIOMA", return_X_y=True)
    np.testing.assert_array_equal(X_read, X.astype(np.float32))
    np.testing.assert_array_equal(y_read, y - 1)


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_registry_is_consistent_and_documented(source):
    assert source.url.startswith("https://") and source.url.endswith(source.filename)
    if source.class_counts is not None:
        assert sum(source.class_counts) == source.n_samples
        assert len(source.class_counts) == source.n_classes
    row = rf"{source.name} +{source.n_samples} +{source.n_features} +{source.n_classes} "
    assert re.search(row, fetch_microarray.__doc__)


# The cache


def test_second_call_needs_no_server(fetch, site, monkeypatch):
    first = fetch()
    monkeypatch.setitem(sys.modules, "pooch", None)
    again = fetch(download_if_missing=False)
    assert len(site.requests) == 1
    np.testing.assert_array_equal(first.data, again.data)
    assert first.DESCR == again.DESCR


def test_parsed_table_is_kept(fetch, monkeypatch):
    first = fetch("GSE1")
    monkeypatch.setattr("sksparse_mlp.datasets._readers.gzip", None)
    again = fetch("GSE1")
    np.testing.assert_array_equal(first.data, again.data)
    assert again.feature_names == first.feature_names
    assert again.target_names.tolist() == first.target_names.tolist()


def test_damaged_copy_of_the_parsed_table_is_made_anew(fetch, tmp_path):
    expected = fetch().data
    (copy,) = tmp_path.glob("**/*.npz")
    whole = copy.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2]):
        copy.write_bytes(damaged)
        np.testing.assert_array_equal(fetch().data, expected)
        assert len(copy.read_bytes()) == len(whole)


def test_full_disk_only_prevents_keeping_the_parsed_table(fetch, tmp_path, monkeypatch):
    def no_space(*args, **arrays):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", no_space)
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert sorted(file.name for file in (tmp_path / "microarray").iterdir()) == [
        "TOY_10.mat",
        "TOY_10.mat.sha256",
    ]


def test_default_folder_is_that_of_scikit_learn(fetch, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "elsewhere"))
    dataset = fetch(data_home=None)
    assert dataset.filename == str(tmp_path / "elsewhere" / "microarray" / "TOY_10.mat")


def test_mirror_from_the_environment(fetch, site, monkeypatch):
    monkeypatch.setenv("SKSPARSE_MLP_DATA_URL", f"{site.url}/")
    assert fetch(base_url=None).url == f"{site.url}/TOY_10.mat"


def test_missing_file_without_download(fetch, site):
    with pytest.raises(OSError, match=r"TOY_10.mat is missing and `download_if_missing` is False"):
        fetch(download_if_missing=False)
    assert not site.requests


def test_damaged_file_is_downloaded_again(fetch, site, tmp_path):
    fetch()
    cached(tmp_path).write_bytes(b"damaged")
    with pytest.raises(OSError, match=r"TOY_10\.mat is damaged"):
        fetch(download_if_missing=False)
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert len(site.requests) == 2


def test_first_download_is_trusted_and_no_other(fetch, site, tmp_path):
    fetch()
    digest, name = cached(tmp_path, ".sha256").read_text().split()
    assert (digest, name) == (hashlib.sha256(mat_file()).hexdigest(), "TOY_10.mat")
    site.files["TOY_10.mat"] = mat_file(VALUES + 1)
    cached(tmp_path).unlink()
    with pytest.raises(OSError, match=r"another SHA-256 .* delete .*TOY_10\.mat\.sha256"):
        fetch()
    assert not cached(tmp_path).exists() and not kept_parts(tmp_path)
    cached(tmp_path, ".sha256").unlink()
    np.testing.assert_array_equal(fetch().data, VALUES + 1)


def test_empty_record_is_written_again(fetch, tmp_path):
    dataset = fetch()
    cached(tmp_path, ".sha256").write_text("")
    fetch(download_if_missing=False)
    assert cached(tmp_path, ".sha256").read_text() == f"{dataset.sha256}  TOY_10.mat\n"


def test_checksum_of_the_registry(fetch, site, tmp_path, monkeypatch):
    digest = hashlib.sha256(mat_file()).hexdigest()
    source = toy_source("TOY_10", "TOY_10.mat", reader=read_mat, sha256=digest)
    monkeypatch.setitem(SOURCES, "TOY_10", source)
    site.files["TOY_10.mat"] = mat_file(VALUES + 1)
    with pytest.raises(OSError, match=f"another SHA-256 checksum than expected .{digest}"):
        fetch()
    assert not any((tmp_path / "microarray").iterdir())
    site.files["TOY_10.mat"] = mat_file()
    np.testing.assert_array_equal(fetch().data, VALUES)


# Bad connections


def test_not_found_is_final(fetch, site):
    del site.files["TOY_10.mat"]
    with pytest.raises(OSError, match=r"TOY_10\.mat: the server answered 404.*base_url"):
        fetch()
    assert len(site.requests) == 1


def test_server_error_is_retried(fetch, site):
    site.faults = [503, 500]
    np.testing.assert_array_equal(fetch(n_retries=2).data, VALUES)
    assert len(site.requests) == 3


def test_retries_end(fetch, site):
    site.faults = [503, 503, 503]
    with pytest.raises(OSError, match=r"in 2 attempt\(s\): the server answered 503"):
        fetch(n_retries=1)
    assert len(site.requests) == 2


def test_retries_wait(fetch, site, monkeypatch):
    waits = []
    monkeypatch.setattr("sksparse_mlp.datasets._download.time.sleep", waits.append)
    site.faults = [503, 503]
    fetch(delay=7.0)
    assert waits == [7.0, 7.0]


def test_server_that_dies_in_the_middle_is_asked_for_the_rest(fetch, site, tmp_path):
    site.faults = [("cut", 1000), ("cut", 2000)]
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert [request.range for request in site.requests] == [None, "bytes=1000-", "bytes=3000-"]
    assert cached(tmp_path).read_bytes() == site.files["TOY_10.mat"]
    assert not kept_parts(tmp_path)


def test_later_call_continues_the_download(fetch, site, tmp_path):
    site.faults = [("cut", 1000)]
    n_bytes = len(site.files["TOY_10.mat"])
    with pytest.raises(OSError, match=rf"truncated, .* 1000 of {n_bytes} bytes. Call again"):
        fetch(n_retries=0)
    assert [part.stat().st_size for part in kept_parts(tmp_path)] == [1000]
    np.testing.assert_array_equal(fetch(n_retries=0).data, VALUES)
    assert site.requests[1].range == "bytes=1000-"
    assert not kept_parts(tmp_path)


def test_interrupt_keeps_what_has_arrived(fetch, site, tmp_path, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("sksparse_mlp.datasets._download.time.sleep", interrupt)
    site.faults = [("cut", 1000)]
    with pytest.raises(KeyboardInterrupt):
        fetch()
    assert [part.stat().st_size for part in kept_parts(tmp_path)] == [1000]


@pytest.mark.parametrize("n_more", [0, 20000])
def test_part_of_another_version_is_dropped(fetch, site, tmp_path, n_more):
    site.faults = [("cut", 1000 + n_more)]
    site.files["TOY_10.mat"] += bytes(n_more)
    with pytest.raises(OSError):
        fetch(n_retries=0)
    site.files["TOY_10.mat"] = mat_file(VALUES + 1)
    np.testing.assert_array_equal(fetch(n_retries=0).data, VALUES + 1)
    assert [request.range is None for request in site.requests] == [True, False, True]


def test_server_without_ranges(fetch, site):
    site.supports_range = False
    site.faults = [("cut", 1000)]
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert len(site.requests) == 2


def test_server_without_versions_is_not_trusted_to_continue(fetch, site):
    site.has_etag = False
    site.faults = [("cut", 1000)]
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert [request.range for request in site.requests] == [None, None]


def test_server_that_continues_elsewhere(fetch, site):
    site.range_error = 10
    site.faults = [("cut", 1000)]
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert [request.range for request in site.requests] == [None, "bytes=1000-", None]


def test_bytes_are_kept_as_they_are_sent(fetch, site):
    site.content_encoding = "x-gzip"
    np.testing.assert_array_equal(fetch("GSE1").data, EXPRESSION)
    assert site.requests[0].encoding == "identity"


def test_slow_server(fetch, site, monkeypatch):
    monkeypatch.setattr("sksparse_mlp.datasets._download._CHUNK_BYTES", 500)
    site.faults = [("stall", 1000)]
    with pytest.raises(OSError, match=r"sent nothing for timeout=0\.2 seconds"):
        fetch(n_retries=0, timeout=0.2)
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert site.requests[1].range == "bytes=1000-"


def test_no_server(fetch, tmp_path):
    with pytest.raises(OSError, match=r"could not download http://127\.0\.0\.1:9/TOY_10\.mat"):
        fetch(base_url="http://127.0.0.1:9", n_retries=1)
    assert not any((tmp_path / "microarray").iterdir())


def test_address_without_a_host(fetch):
    with pytest.raises(OSError, match=r"could not download .* No host supplied"):
        fetch(base_url="http://")


def test_no_space(fetch, site, tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    with pytest.raises(OSError, match=r"no space .* 0\.0 MB are free; choose another data_home"):
        fetch()
    assert len(site.requests) == 1


# Wrong content


def series(**parts):
    return ("GSE1", "GSE1_series_matrix.txt.gz", series_matrix(**parts))


def matlab(*arrays, **more):
    return ("TOY_10", "TOY_10.mat", mat_file(*arrays, **more))


def altered(old, new):
    text = series_matrix_text().replace(old, new, 1)
    return ("GSE1", "GSE1_series_matrix.txt.gz", gzip.compress(text.encode()))


with_infinity = EXPRESSION.copy()
with_infinity[0, 0] = np.inf
with_nan = VALUES.copy()
with_nan[3, 4] = np.nan


@pytest.mark.parametrize(
    ("name", "filename", "body", "reason"),
    [
        ("TOY_10", "TOY_10.mat", b"<html>Please log in</html>", ""),
        ("TOY_10", "TOY_10.mat", b"", ""),
        ("TOY_10", "TOY_10.mat", mat_file()[:5000], ""),
        ("GSE1", "GSE1_series_matrix.txt.gz", b"<html>Please log in</html>", "gzip"),
        ("GSE1", "GSE1_series_matrix.txt.gz", series_matrix()[:-20], "ended before"),
        (*matlab(Y=LABELS, X=VALUES[:, :-1]), r"shape \(10, 299\)"),
        (*matlab(VALUES, LABELS[:-1]), r"target of shape \(9,\)"),
        (*matlab(VALUES, np.minimum(LABELS, 2)), "2 classes instead of 3"),
        (*matlab(VALUES, np.repeat([1, 2, 3], [1, 1, 8])), r"\[1, 1, 8\] samples instead"),
        (*matlab(with_nan), "not finite"),
        (*matlab(labels=LABELS, Y=np.zeros(0), X=VALUES), "target of shape"),
        (*series(expression=with_infinity), "not finite"),
        (*series(end=False), "the table never ends"),
        (*series(classes=CLASSES[:-1]), "5 samples but labels for 4"),
        (*series(classes=[]), "5 samples but labels for 0"),
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
    remaining = [file.name for file in (tmp_path / "microarray").iterdir()]
    assert remaining == [f"{filename}.rejected"]
    site.files[filename] = good
    assert fetch(name).data.shape == (SOURCES[name].n_samples, SOURCES[name].n_features)


def test_variable_that_is_not_there(fetch, site):
    site.files["TOY_10.mat"] = mat_file(X=VALUES, Y=LABELS, Z=LABELS)
    assert fetch().data.shape == (10, 300)
    file = io.BytesIO()
    savemat(file, {"X": VALUES})
    site.files["OTHER_10.mat"] = file.getvalue()
    SOURCES["OTHER_10"] = toy_source("OTHER_10", "OTHER_10.mat", reader=read_mat)
    try:
        with pytest.raises(OSError, match="there is no variable Y in it"):
            fetch("OTHER_10")
    finally:
        del SOURCES["OTHER_10"]


def test_lack_of_memory_does_not_reject_the_file(fetch, tmp_path, monkeypatch):
    def no_memory(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("sksparse_mlp.datasets._readers.loadmat", no_memory)
    with pytest.raises(MemoryError):
        fetch()
    assert cached(tmp_path).is_file()


# Parameters, dependencies, progress


@pytest.mark.parametrize(
    ("parameter", "value", "allowed"),
    [
        ("name", "TOY_11", "CLL_SUB_111"),
        ("name", 7, "CLL_SUB_111"),
        ("base_url", "ftp://host", "http://"),
        ("base_url", 7, "http://"),
        ("n_retries", -1, r"an integer in \[0, inf\)"),
        ("n_retries", 1.5, r"an integer in \[0, inf\)"),
        ("delay", -0.1, r"a number in \[0, inf\)"),
        ("delay", float("nan"), r"a number in \[0, inf\)"),
        ("timeout", 0, r"a number in \(0, inf\)"),
        ("timeout", "1", r"a number in \(0, inf\)"),
        ("progress_bar", "never", '"auto"'),
    ],
)
def test_fetch_parameters_are_checked_first(fetch, site, parameter, value, allowed):
    with pytest.raises(ValueError, match=f"{parameter}={value!r} .*{allowed}"):
        fetch(**{parameter: value})
    assert not site.requests


def test_without_pooch(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"pip install sksparse-mlp\[data\]"):
        fetch()


def test_without_pandas(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame=True needs pandas"):
        fetch(as_frame=True)


def test_optional_packages_are_imported_late():
    code = (
        "import sys, sksparse_mlp.datasets as d; d.make_microarray();"
        "assert not {'pooch', 'requests', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("progress_bar", [True, False, "auto"])
def test_progress_bar(fetch, site, capsys, progress_bar):
    fetch(progress_bar=progress_bar)
    shown = "\rTOY_10.mat [##############################] 100% 0.0 of 0.0 MB\n"
    assert (shown in capsys.readouterr().err) == (progress_bar is True)


def test_progress_bar_without_a_known_size(fetch, site, capsys):
    site.has_length = False
    np.testing.assert_array_equal(fetch(progress_bar=True).data, VALUES)
    assert "\rTOY_10.mat 0.0 MB\n" in capsys.readouterr().err


def test_progress_line():
    assert _progress_line("a.gz", 1_000_000, 3_000_000) == (
        "a.gz [##########....................]  33% 1.0 of 3.0 MB"
    )


# Synthetic data


def test_make_microarray_shapes_and_types():
    X, y = make_microarray(30, 200, n_classes=3, random_state=0)
    assert X.shape == (30, 200) and X.dtype == np.float32 and X.flags.c_contiguous
    assert y.dtype == np.int64 and np.bincount(y).tolist() == [10, 10, 10]
    assert np.isfinite(X).all() and 6 < X.mean() < 10


@pytest.mark.parametrize("make_state", [lambda: 7, lambda: np.random.RandomState(7)])
def test_make_microarray_is_deterministic(make_state):
    X, y = make_microarray(random_state=make_state())
    X_again, y_again = make_microarray(random_state=make_state())
    np.testing.assert_array_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, make_microarray(random_state=8)[0])


def test_bunch_holds_the_same_data():
    X, y = make_microarray(random_state=0)
    dataset = make_microarray(random_state=0, return_X_y=False)
    np.testing.assert_array_equal(dataset.data, X)
    np.testing.assert_array_equal(dataset.target, y)
    assert dataset.feature_names[:2] == ["gene_0", "gene_1"] and len(dataset.feature_names) == 2000
    assert np.bincount(dataset.modules).tolist() == [25] * 80
    assert np.bincount(dataset.batches).tolist() == [34, 33, 33]


def test_markers_fill_modules():
    dataset = make_microarray(random_state=0, return_X_y=False)
    assert dataset.informative.shape == (50,)
    assert (np.diff(dataset.informative) > 0).all()
    assert np.unique(dataset.modules[dataset.informative]).size == 2


def test_each_marker_shifts_one_class():
    dataset = make_microarray(
        600, 90, n_informative=30, n_classes=3, class_sep=2, noise=0, batch_effect=0,
        n_batches=1, return_X_y=False, random_state=0,
    )  # fmt: skip
    profiles = np.array([dataset.data[dataset.target == c][0] for c in range(3)], dtype=float)
    shifts = (profiles - np.median(profiles, axis=0)).round(4)
    assert np.flatnonzero(shifts.any(axis=0)).tolist() == dataset.informative.tolist()
    assert set(shifts[shifts != 0]) == {-2.0, 2.0}
    assert np.count_nonzero(shifts, axis=1).tolist() == [10, 10, 10]


def test_no_markers_no_difference():
    X, y = make_microarray(4000, 20, n_informative=0, module_size=5, random_state=0)
    difference = X[y == 0].mean(axis=0) - X[y == 1].mean(axis=0)
    assert np.abs(difference).max() < 0.2


def test_genes_of_a_module_are_correlated():
    dataset = make_microarray(
        3000, 60, n_informative=0, module_size=20, n_batches=1, return_X_y=False, random_state=0
    )
    correlation = np.abs(np.corrcoef(dataset.data.T))
    same = np.equal.outer(dataset.modules, dataset.modules) & ~np.eye(60, dtype=bool)
    other = np.not_equal.outer(dataset.modules, dataset.modules)
    assert 0.2 < correlation[same].mean() < 0.4
    assert correlation[same].max() < 0.55
    assert correlation[other].max() < 0.1


def test_batches_are_shifted():
    settings = {"n_informative": 0, "n_batches": 2, "noise": 0, "return_X_y": False}
    dataset = make_microarray(20, 5000, batch_effect=0.5, random_state=0, **settings)
    first, second = (dataset.data[dataset.batches == b][0] for b in range(2))
    assert np.std(first - second) == pytest.approx(0.5 * np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("df", "low", "high"), [(5.0, 1.5, 12.0), (float("inf"), -0.1, 0.1)])
def test_tails(df, low, high):
    X, _ = make_microarray(
        2000, 50, n_informative=0, module_correlation=0, n_batches=1, tail_df=df, random_state=0
    )
    assert low < np.median(kurtosis(X, axis=0)) < high
    assert np.median(X.std(axis=0)) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_noise_does_not_depend_on_the_modules(correlation):
    X, _ = make_microarray(
        2000, 50, n_informative=0, module_correlation=correlation, n_batches=1, random_state=0
    )
    assert np.median(X.std(axis=0)) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [([0.8, 0.1, 0.1], [80, 10, 10]), ([1, 1, 1], [34, 33, 33]), ((5, 2, 1), [63, 25, 12])],
)
def test_weights(weights, sizes):
    _, y = make_microarray(n_features=60, n_classes=3, weights=weights, random_state=0)
    assert np.bincount(y).tolist() == sizes


def test_memory_is_that_of_the_result():
    tracemalloc.start()
    try:
        X, _ = make_microarray(400, 20000, random_state=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.15 * X.nbytes


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    n_classes=st.integers(2, 6),
    more_samples=st.integers(0, 30),
    n_features=st.integers(1, 60),
    share=st.floats(0, 1),
    module_share=st.floats(0, 1),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_size(n_classes, more_samples, n_features, share, module_share, seed):
    dataset = make_microarray(
        n_classes + more_samples,
        n_features,
        n_classes=n_classes,
        n_informative=int(share * n_features),
        module_size=1 + int(module_share * (n_features - 1)),
        n_batches=2,
        return_X_y=False,
        random_state=seed,
    )
    assert dataset.data.shape == (n_classes + more_samples, n_features)
    assert np.isfinite(dataset.data).all()
    assert np.unique(dataset.target).tolist() == list(range(n_classes))
    assert len(set(dataset.informative)) == int(share * n_features)


@pytest.mark.parametrize(
    ("parameter", "value", "allowed"),
    [
        ("n_samples", 1, r"an integer in \[2, inf\)"),
        ("n_samples", 10.0, r"an integer in \[2, inf\)"),
        ("n_features", 0, r"an integer in \[1, inf\)"),
        ("n_informative", 101, r"an integer in \[0, 100\]"),
        ("n_classes", 1, r"an integer in \[2, inf\)"),
        ("module_size", 0, r"an integer in \[1, 100\]"),
        ("module_size", 101, r"an integer in \[1, 100\]"),
        ("n_batches", 41, r"an integer in \[1, 40\]"),
        ("class_sep", -1, r"a number in \[0, inf\)"),
        ("class_sep", "far", r"a number in \[0, inf\)"),
        ("module_correlation", 1.5, r"a number in \[0, 1\]"),
        ("batch_effect", float("inf"), r"a number in \[0, inf\)"),
        ("noise", float("nan"), r"a number in \[0, inf\)"),
        ("tail_df", 2, r"a number in \(2, inf\]"),
        ("weights", [1.0], "2 positive numbers"),
        ("weights", [1.0, 0.0], "2 positive numbers"),
        ("weights", [1.0, 0.001], "leave class 1 without any of n_samples=40"),
    ],
)
def test_make_parameters_are_checked(parameter, value, allowed):
    parameters = {"n_samples": 40, "n_features": 100} | {parameter: value}
    with pytest.raises(ValueError, match=f"{parameter}={re.escape(repr(value))} .*{allowed}"):
        make_microarray(**parameters)


def test_examples_in_the_documentation():
    assert doctest.testmod(_synthetic).failed == 0
