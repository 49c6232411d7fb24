"""Real microarray sets, downloaded once and kept."""

import os
import sys
from contextlib import suppress
from math import inf
from pathlib import Path

import numpy as np
from sklearn.datasets import get_data_home
from sklearn.utils import Bunch

from sksparse_mlp.datasets._checks import check_integer, check_number
from sksparse_mlp.datasets._download import (
    ResumingDownloader,
    checksum_path,
    download,
    file_sha256,
)
from sksparse_mlp.datasets._readers import Table
from sksparse_mlp.datasets._registry import SOURCES

_MIRROR_VARIABLE = "SKSPARSE_MLP_DATA_URL"
_SUBFOLDER = "microarray"


def fetch_microarray(
    name,
    *,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    base_url=None,
    n_retries=3,
    delay=1.0,
    timeout=30.0,
    progress_bar="auto",
):
    """Load a gene-expression data set for classification, downloading it if necessary.

    ============= ========= ========== ========= =========================
    name            samples   features   classes
    ============= ========= ========== ========= =========================
    ALLAML               72       7129         2 leukemia
    CLL_SUB_111         111      11340         3 leukemia
    GLI_85               85      22283         2 glioma
    GLIOMA               50       4434         4 glioma
    GSE13159           2096      54675        18 leukemia, the MILE study
    Prostate_GE         102       5966         2 prostate cancer
    SMK_CAN_187         187      19993         2 lung cancer in smokers
    TOX_171             171       5748         4 toxicology
    colon                62       2000         2 colon cancer, discretised
    lung                203       3312         5 lung cancer
    lymphoma             96       4026         9 lymphoma, discretised
    nci9                 60       9712         9 cell lines, discretised
    ============= ========= ========== ========= =========================

    Parameters
    ----------
    name : str
        One of the names above. Neither case nor the choice between "-" and "_" matters.
    data_home : str or path-like, default=None
        Folder to download into; None is scikit-learn's `~/scikit_learn_data`, or what the
        environment variable `SCIKIT_LEARN_DATA` says. The files go into a subfolder `microarray`.
    download_if_missing : bool, default=True
        If False, raise an OSError if the file is not there instead of downloading it.
    return_X_y : bool, default=False
        If True, return `(data, target)` instead of a Bunch.
    as_frame : bool, default=False
        If True, data and target are a pandas DataFrame and a Series.
    base_url : str, default=None
        Address of a mirror that has the files side by side, beginning with `http://` or `https://`.
        None is what the environment variable `SKSPARSE_MLP_DATA_URL` says, or else the original
        site of each file.
    n_retries : int, default=3
        Further attempts where a download fails for a reason that may pass, in [0, inf). An attempt
        continues where the last one stopped if the server allows it, as does a later call.
    delay : float, default=1.0
        Seconds between two attempts, in [0, inf).
    timeout : float, default=30.0
        Seconds without any byte after which an attempt is given up, in (0, inf).
    progress_bar : bool or "auto", default="auto"
        Whether to draw a progress bar on stderr; "auto" draws it on a terminal only.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        data : float32 ndarray or DataFrame of shape (n_samples, n_features)
            The expression values as published, neither scaled nor transformed.
        target : int64 ndarray or Series of shape (n_samples,)
            The class of each sample, 0 to n_classes - 1.
        target_names : ndarray of str of shape (n_classes,)
            The label that the file has for each class.
        feature_names : list of str of length n_features
            The probe names, or `feature_0`, `feature_1`, ... where the file has none.
        frame : DataFrame of shape (n_samples, n_features + 1) or None
            Data and target, with `as_frame=True`.
        DESCR : str
            What the set is and where it comes from.
        filename, url, sha256 : str
            The file in the cache, its origin, and its checksum.

    (data, target) : tuple, if `return_X_y` is True
        The two of them alone.

    Raises
    ------
    ValueError
        If a parameter has a value that is not allowed.
    ImportError
        If pooch is needed and not installed: `pip install sksparse-mlp[data]`.
    OSError
        If the file is missing and `download_if_missing` is False, if the download fails, or if the
        file is damaged or not the expected one.

    Notes
    -----
    The publishers state no checksums. Whatever is downloaded must have the shape, the number of
    classes and, where they are known, the class sizes of the set, and no infinite value; then its
    SHA-256 is recorded beside it, and the file is trusted only as long as it has that checksum.
    The first download is thus protected by HTTPS and by what it contains, not by a hash.

    Cells that GSE13159 leaves empty are NaN: impute them within a pipeline, so that no test sample
    has a part in it. The parsed table is kept beside the file, for the next call to be quick.

    References
    ----------
    .. [1] J. Li et al., "Feature selection: a data perspective", ACM Computing Surveys 50 (2017),
       https://jundongl.github.io/scikit-feature/datasets.html
    .. [2] T. Haferlach et al., "Clinical utility of microarray-based gene expression profiling in
       the diagnosis and subclassification of leukemia", J. Clin. Oncol. 28 (2010), 2529-2537,
       https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE13159

    Examples
    --------
    >>> from sksparse_mlp.datasets import fetch_microarray
    >>> X, y = fetch_microarray("CLL_SUB_111", return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (111, 11340)
    """
    source = _source_named(name)
    base_url = base_url or os.environ.get(_MIRROR_VARIABLE)
    _check_download_parameters(base_url, n_retries, delay, timeout, progress_bar)
    url = f"{base_url.rstrip('/')}/{source.filename}" if base_url else source.url
    path = Path(get_data_home(data_home), _SUBFOLDER, source.filename)
    if progress_bar == "auto":
        progress_bar = sys.stderr.isatty()
    downloader = ResumingDownloader(n_retries, delay, timeout, progress_bar)
    sha256 = _ensure_file(source, url, path, downloader if download_if_missing else None)
    table = _load(source, path, sha256)
    _record_sha256(path, sha256)
    return _present(source, table, path, url, sha256, return_X_y=return_X_y, as_frame=as_frame)


def _source_named(name):
    by_plain_name = {_plain(known): source for known, source in SOURCES.items()}
    if not isinstance(name, str) or _plain(name) not in by_plain_name:
        raise ValueError(f"name={name!r} is not a known data set: {', '.join(sorted(SOURCES))}")
    return by_plain_name[_plain(name)]


def _plain(name):
    return name.lower().replace("-", "_")


def _check_download_parameters(base_url, n_retries, delay, timeout, progress_bar):
    if base_url and not str(base_url).startswith(("http://", "https://")):
        raise ValueError(f"base_url={base_url!r} must begin with http:// or https://")
    check_integer("n_retries", n_retries, 0)
    check_number("delay", delay, 0, inf, "[)")
    check_number("timeout", timeout, 0, inf, "()")
    if progress_bar not in (True, False, "auto"):
        raise ValueError(f'progress_bar={progress_bar!r} must be True, False or "auto"')


def _ensure_file(source, url, path, downloader):
    """Download the file unless it is there and intact; return its hash."""
    expected = source.sha256 or _recorded_sha256(path)
    sha256 = file_sha256(path)
    if sha256 is not None and expected in (None, sha256):
        return sha256
    if downloader is None:
        state = "missing" if sha256 is None else "damaged (its checksum has changed)"
        raise OSError(f"{path} is {state} and `download_if_missing` is False")
    download(url, path, sha256=expected, downloader=downloader)
    return file_sha256(path)


def _recorded_sha256(path):
    record = checksum_path(path)
    # A full disk leaves an empty record.
    return next(iter(record.read_text().split()), None) if record.is_file() else None


def _record_sha256(path, sha256):
    """Trust this file from now on: its content was found to be right."""
    if _recorded_sha256(path) is None:
        checksum_path(path).write_text(f"{sha256}  {path.name}\n")


def _load(source, path, sha256):
    """Parse and verify the file, or take the table kept from the last time."""
    kept = path.with_name(f"{path.name}.{sha256[:16]}.npz")
    # A damaged copy is no reason to fail: it is made anew.
    with suppress(Exception), kept.open("rb") as file, np.load(file) as arrays:
        return Table(**arrays)
    try:
        table = source.reader(path, source)
        source.verify(table)
    except MemoryError:
        raise
    # A damaged file makes the readers of SciPy and the standard library raise almost anything.
    except Exception as error:
        rejected = path.replace(path.with_name(f"{path.name}.rejected"))
        raise OSError(
            f"the file for {source.name} is damaged or not the expected one: {error}. It was "
            f"renamed to {rejected}; call again to download it anew."
        ) from error
    _keep_table(table, kept)
    return table


def _keep_table(table, path):
    unfinished = path.with_name(f"{path.stem}.{os.getpid()}.tmp.npz")
    # The copy only saves time: a full disk is no reason to fail.
    with suppress(OSError):
        np.savez(unfinished, **vars(table))
        unfinished.replace(path)
    unfinished.unlink(missing_ok=True)


def _present(source, table, path, url, sha256, *, return_X_y, as_frame):
    data, target, frame = table.data, table.target, None
    feature_names = table.feature_names.tolist()
    if as_frame:
        frame, data, target = _to_frame(data, target, feature_names)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        target_names=table.target_names,
        feature_names=feature_names,
        DESCR=_describe(source, table),
        filename=str(path),
        url=url,
        sha256=sha256,
    )


def _to_frame(data, target, feature_names):
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("as_frame=True needs pandas: pip install pandas") from error
    data = pd.DataFrame(data, columns=feature_names, copy=False)
    target = pd.Series(target, name="target")
    return pd.concat([data, target], axis=1), data, target


def _describe(source, table):
    n_samples, n_features = table.data.shape
    n_missing = sum(int(np.isnan(row).sum()) for row in table.data)
    classes = "\n".join(
        f"    {name}: {count}"
        for name, count in zip(table.target_names, np.bincount(table.target), strict=True)
    )
    return (
        f"{source.name}\n{'=' * len(source.name)}\n\n{source.about}\n\n"
        f"{n_samples} samples, {n_features} features, {n_missing} missing values.\n"
        f"Samples of each class:\n\n{classes}\n"
    )
