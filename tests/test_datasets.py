"""Fetching microarray data: what a call returns, what it keeps on disk, what it needs."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from datasets_toys import (
    CLASSES,
    EXPRESSION,
    LABELS,
    MAT,
    PROBES,
    VALUES,
    cached,
    folder_of,
    little_memory,
    mat_file,
    names_in,
    sha256_of,
    toy_source,
)
from sklearn.utils import Bunch

from sksparse_mlp.datasets import fetch_microarray
from sksparse_mlp.datasets._readers import read_mat
from sksparse_mlp.datasets._registry import SOURCES

pytest_plugins = ["datasets_fixtures"]


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
    assert dataset.sha256 == sha256_of(site.files[MAT])
    assert "A toy." in dataset.DESCR and "10 samples, 300 features" in dataset.DESCR


def test_series_matrix_becomes_a_bunch(fetch):
    dataset = fetch("GSE1")
    np.testing.assert_array_equal(dataset.data, EXPRESSION)
    assert dataset.data.dtype == np.float32 and dataset.data.flags.c_contiguous
    assert dataset.target_names.tolist() == ["ALL", "AML", "CLL"]
    assert dataset.target_names[dataset.target].tolist() == CLASSES
    assert dataset.feature_names == PROBES
    assert "0 missing values" in dataset.DESCR


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


# The file on disk


def test_second_call_needs_no_server(fetch, site, monkeypatch):
    first = fetch()
    monkeypatch.setitem(sys.modules, "pooch", None)
    again = fetch(download_if_missing=False)
    assert len(site.requests) == 1
    np.testing.assert_array_equal(first.data, again.data)
    assert first.DESCR == again.DESCR


def test_default_folder_is_that_of_scikit_learn(fetch, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "elsewhere"))
    dataset = fetch(data_home=None)
    assert dataset.filename == str(tmp_path / "elsewhere" / "microarray" / MAT)


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
    assert (digest, name) == (sha256_of(mat_file()), MAT)
    site.files[MAT] = mat_file(VALUES + 1)
    cached(tmp_path).unlink()
    with pytest.raises(OSError, match=r"another SHA-256 .* delete .*TOY_10\.mat\.sha256"):
        fetch()
    assert not cached(tmp_path).exists()
    cached(tmp_path, ".sha256").unlink()
    np.testing.assert_array_equal(fetch().data, VALUES + 1)


@pytest.mark.parametrize("record", ["\xff", "md5:0123", "0" * 64])
def test_record_that_does_not_fit_is_not_trusted(fetch, tmp_path, record):
    fetch()
    cached(tmp_path, ".sha256").write_text(record, encoding="latin-1")
    with pytest.raises(OSError, match=r"another SHA-256 .* delete .*TOY_10\.mat\.sha256"):
        fetch(n_retries=0)


def test_empty_record_is_written_again(fetch, tmp_path):
    dataset = fetch()
    cached(tmp_path, ".sha256").write_text("")
    fetch(download_if_missing=False)
    assert cached(tmp_path, ".sha256").read_text() == f"{dataset.sha256}  TOY_10.mat\n"


def test_checksum_of_the_registry(fetch, site, tmp_path, monkeypatch):
    digest = sha256_of(mat_file())
    source = toy_source("TOY_10", MAT, reader=read_mat, sha256=digest)
    monkeypatch.setitem(SOURCES, "TOY_10", source)
    site.files[MAT] = mat_file(VALUES + 1)
    with pytest.raises(OSError, match=f"another SHA-256 checksum than expected .{digest}"):
        fetch()
    assert names_in(folder_of(tmp_path)) == []
    site.files[MAT] = mat_file()
    np.testing.assert_array_equal(fetch().data, VALUES)


# The copy of the parsed table


def copy_in(tmp_path):
    (copy,) = folder_of(tmp_path).glob("*.npz")
    return copy


def arrays_of(copy):
    with np.load(copy) as arrays:
        return dict(arrays)


def record(path):
    """Vouch for a file as the package does."""
    digest = sha256_of(path.read_bytes())
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")


def test_parsed_table_is_kept(fetch, monkeypatch):
    first = fetch("GSE1")
    monkeypatch.setattr("sksparse_mlp.datasets._readers.gzip", None)
    again = fetch("GSE1")
    np.testing.assert_array_equal(first.data, again.data)
    assert again.feature_names == first.feature_names
    assert again.target_names.tolist() == first.target_names.tolist()


@pytest.mark.parametrize("share", [0, 0.5])
def test_damaged_copy_is_made_anew(fetch, tmp_path, share):
    expected = fetch().data
    copy = copy_in(tmp_path)
    whole = copy.read_bytes()
    copy.write_bytes(whole[: int(share * len(whole))])
    np.testing.assert_array_equal(fetch().data, expected)
    assert copy.read_bytes() == whole


def test_tampered_copy_is_made_anew(fetch, tmp_path):
    fetch()
    copy = copy_in(tmp_path)
    whole = copy.read_bytes()
    np.savez(copy, **(arrays_of(copy) | {"data": VALUES + 1}))
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert copy.read_bytes() == whole


def test_copy_without_a_record_is_made_anew(fetch, tmp_path):
    fetch()
    copy = copy_in(tmp_path)
    np.savez(copy, **(arrays_of(copy) | {"data": VALUES + 1}))
    copy.with_name(f"{copy.name}.sha256").unlink()
    np.testing.assert_array_equal(fetch().data, VALUES)


def test_copy_that_is_a_bomb_is_not_unpacked(fetch, tmp_path):
    expected = fetch().data
    np.savez_compressed(copy_in(tmp_path), data=np.zeros((10, 800_000)))
    with little_memory():
        np.testing.assert_array_equal(fetch().data, expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": VALUES[:, 1:]},
        {"data": VALUES.astype(np.float64)},
        {"data": np.full_like(VALUES, np.inf)},
        {"target": np.full(10, 3)},
        {"target": np.full(10, -1)},
        {"target": np.repeat([0, 2], 5)},
        {"target": LABELS - 1.0},
        {"target_names": np.array(["1", "2"])},
        {"target_names": np.arange(3)},
        {"feature_names": np.array(["feature_0"])},
        {"more": np.zeros(1)},
    ],
    ids=str,
)
def test_content_of_a_copy_is_verified(fetch, tmp_path, wrong):
    fetch()
    copy = copy_in(tmp_path)
    whole = copy.read_bytes()
    np.savez(copy, **(arrays_of(copy) | wrong))
    record(copy)
    fetch()
    assert copy.read_bytes() == whole


def test_full_disk_only_prevents_keeping_the_copy(fetch, tmp_path, monkeypatch):
    def no_space(*args, **arrays):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", no_space)
    np.testing.assert_array_equal(fetch().data, VALUES)
    assert names_in(folder_of(tmp_path)) == [MAT, f"{MAT}.sha256"]


# Files of others in the same folder


@pytest.fixture
def strangers(tmp_path):
    """Files that nobody but this test has made, with names such as unfinished files have."""
    folder = folder_of(tmp_path)
    folder.mkdir()
    endings = ["tmp", "1234.tmp", "tmp.npz", "part", "0123456789abcdef.part", "rejected", "npz.tmp"]
    files = [folder / f"{MAT}.{ending}" for ending in endings] + [folder / "notes.tmp"]
    for file in files:
        file.write_text("mine")
    yield files
    assert [file.read_text() for file in files] == ["mine"] * len(files)


def test_success_leaves_the_files_of_others(fetch, strangers):
    np.testing.assert_array_equal(fetch().data, VALUES)


@pytest.mark.parametrize("body", [b"<html>Please log in</html>", b""])
def test_wrong_content_leaves_the_files_of_others(fetch, site, strangers, body):
    site.files[MAT] = body
    with pytest.raises(OSError, match="damaged"):
        fetch()


def test_failed_download_leaves_the_files_of_others(fetch, site, strangers):
    site.faults = [("cut", 1000)]
    with pytest.raises(OSError, match="could not download"):
        fetch(n_retries=0)


def test_full_disk_leaves_the_files_of_others(fetch, strangers, monkeypatch):
    def no_space(file, **arrays):
        file.write(b"unfinished")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", no_space)
    fetch()


def test_interrupt_removes_what_is_unfinished_and_nothing_else(fetch, strangers, monkeypatch):
    def interrupt(file, **arrays):
        file.write(b"unfinished")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch()
    folder = strangers[0].parent
    assert set(names_in(folder)) == {file.name for file in strangers} | {MAT}


def test_unfinished_files_have_names_of_their_own(fetch, tmp_path, monkeypatch):
    names = []

    def note(file, **arrays):
        names.append(file.name)
        raise OSError

    monkeypatch.setattr(np, "savez", note)
    fetch()
    fetch()
    assert len(set(names)) == 2


def test_rejected_files_of_different_content_are_both_kept(fetch, site, tmp_path):
    bodies = [b"first", b"second"]
    for site.files[MAT] in bodies:
        with pytest.raises(OSError, match="damaged"):
            fetch()
    rejected = [file.read_bytes() for file in folder_of(tmp_path).iterdir()]
    assert sorted(rejected) == bodies


# Parameters and optional packages


@pytest.mark.parametrize(
    ("parameter", "value", "allowed"),
    [
        ("name", "TOY_11", "CLL_SUB_111"),
        ("name", 7, "CLL_SUB_111"),
        ("base_url", "ftp://host", "http://"),
        ("base_url", "http://", "and a host"),
        ("base_url", 7, "http://"),
        ("n_retries", -1, r"an integer in \[0, inf\)"),
        ("n_retries", 1.5, r"an integer in \[0, inf\)"),
        ("timeout", 0, r"a number in \(0, inf\)"),
        ("timeout", float("nan"), r"a number in \(0, inf\)"),
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
    with pytest.raises(ImportError, match=r"pip install 'sksparse-mlp\[data\]'"):
        fetch()


def test_without_pandas(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame=True needs pandas"):
        fetch(as_frame=True)


def test_optional_packages_are_imported_late():
    code = (
        "import sys, sksparse_mlp.datasets as d; d.make_microarray();"
        "assert not {'pooch', 'requests', 'tqdm', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
