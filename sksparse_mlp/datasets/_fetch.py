"""Real microarray sets, downloaded once and kept."""

import os
import re
import sys
from importlib.util import find_spec
from math import inf
from pathlib import Path

import numpy as np
from sklearn.datasets import get_data_home
from sklearn.utils import Bunch

from ._cache import ensure_file, load_table
from ._checks import check_integer, check_number
from ._registry import SOURCES

MIRROR_VARIABLE = "SKSPARSE_MLP_DATA_URL"
SUBFOLDER = "microarray"


def fetch_microarray(
    name,
    *,
    data_home=None,
    download_if_missing=True,
    return_X_y=False,
    as_frame=False,
    base_url=None,
    n_retries=3,
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
        Folder to download into; None is scikit-learn's ``~/scikit_learn_data``, or what the
        environment variable ``SCIKIT_LEARN_DATA`` says. The files go into a subfolder
        ``microarray``.
    download_if_missing : bool, default=True
        If False, raise an OSError if the file is not there instead of downloading it.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, data and target are a pandas DataFrame and a Series.
    base_url : str, default=None
        Address of a mirror that has the files side by side, beginning with ``http://`` or
        ``https://``. None is what the environment variable ``SKSPARSE_MLP_DATA_URL`` says, or else
        the original site of each file.
    n_retries : int, default=3
        Further attempts where a download fails for a reason that may pass, in [0, inf), after a
        pause of 1, 2, ..., at most 10 seconds. Each downloads the file from its beginning.
    timeout : float, default=30.0
        Seconds without any byte after which an attempt is given up, in (0, inf).
    progress_bar : bool or "auto", default="auto"
        Whether to draw a progress bar on stderr, which needs tqdm; "auto" draws it on a terminal
        only, and if there is tqdm.

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
            The probe names, or ``feature_0``, ``feature_1``, ... where the file has none.
        frame : DataFrame of shape (n_samples, n_features + 1) or None
            Data and target, with ``as_frame=True``.
        DESCR : str
            What the set is and where it comes from.
        filename, url, sha256 : str
            The file in the cache, its origin, and its checksum.

    (data, target) : tuple, if ``return_X_y`` is True
        The two of them alone.

    Raises
    ------
    ValueError
        If a parameter has a value that is not allowed.
    ImportError
        If pooch is needed, or tqdm with ``progress_bar=True``, and not installed:
        ``pip install 'sksparse-mlp[data]'``.
    OSError
        If the file is missing and ``download_if_missing`` is False, if the download fails or is
        larger than the set can be, or if the file is damaged or not the expected one.

    Notes
    -----
    Trust on first use: the publishers state no checksums, so nothing can prove that the first
    download is the file that they meant. It is protected by HTTPS, unless ``base_url`` begins with
    ``http://``, and by a look at its content: it must have the shape, the number of classes and,
    where they are known, the class sizes of the set, and no infinite value. Then its SHA-256 is
    recorded beside it, and every later call refuses a file with another one. Whoever can write to
    the folder can replace the file and the record.

    Neither the download nor what is unpacked from it can grow beyond a limit that follows from the
    size of the set.

    Cells that GSE13159 leaves empty are NaN: impute them within a pipeline, so that no test sample
    has a part in it. The parsed table is kept beside the file, with a checksum of its own, for the
    next call to be quick.

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
    base_url = base_url or os.environ.get(MIRROR_VARIABLE)
    _check_download_parameters(base_url, n_retries, timeout, progress_bar)
    url = f"{base_url.rstrip('/')}/{source.filename}" if base_url else source.url
    path = Path(get_data_home(data_home), SUBFOLDER, source.filename)
    sha256 = ensure_file(
        source,
        url,
        path,
        download_if_missing=download_if_missing,
        n_retries=n_retries,
        timeout=timeout,
        progress_bar=_is_drawn(progress_bar),
    )
    table = load_table(source, path, sha256)
    return _present(source, table, path, url, sha256, return_X_y=return_X_y, as_frame=as_frame)


def _source_named(name):
    by_plain_name = {_plain(known): source for known, source in SOURCES.items()}
    if not isinstance(name, str) or _plain(name) not in by_plain_name:
        raise ValueError(f"name={name!r} is not a known data set: {', '.join(sorted(SOURCES))}")
    return by_plain_name[_plain(name)]


def _plain(name):
    return name.lower().replace("-", "_")


def _check_download_parameters(base_url, n_retries, timeout, progress_bar):
    if base_url and not re.match("https?://[^/?#]", str(base_url)):
        raise ValueError(f"base_url={base_url!r} must begin with http:// or https:// and a host")
    check_integer("n_retries", n_retries, 0)
    check_number("timeout", timeout, 0, inf, "()")
    if progress_bar not in (True, False, "auto"):
        raise ValueError(f'progress_bar={progress_bar!r} must be True, False or "auto"')


def _is_drawn(progress_bar):
    if progress_bar == "auto":
        return sys.stderr.isatty() and find_spec("tqdm") is not None
    return bool(progress_bar)


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
