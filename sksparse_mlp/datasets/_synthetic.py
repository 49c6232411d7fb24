"""Synthetic gene expression: co-regulated modules, batch effects, heavy tails.

With classes c, batches b, modules m(j), and all of z, e, t independent with mean 0 and variance 1,
sample i has in gene j the log2 expression

    x_ij = base_j + spread_j (sqrt(rho) l_j z_i,m(j) + sqrt(1 - rho l_j^2) t_ij)
                  + effect_c(i),j + shift_b(i),j

where the loading l_j of a gene on its module is between 1/2 and 1 in absolute value, t has a
Student distribution, effect is class_sep up or down where j is a marker of the class c and 0
elsewhere, and shift is normal with the standard deviation batch_effect.
"""

from math import inf

import numpy as np
from sklearn.utils import Bunch, check_random_state

from ._checks import check_integer, check_number

BASE_MEAN, BASE_SD = 8.0, 2.0
LOG_SPREAD_SD = 0.3
SHARE_OF_REPRESSED_GENES = 0.2


def make_microarray(
    n_samples=100,
    n_features=2000,
    *,
    n_informative=50,
    n_classes=2,
    class_sep=1.0,
    weights=None,
    module_size=25,
    module_correlation=0.5,
    n_batches=3,
    batch_effect=0.5,
    noise=1.0,
    tail_df=5.0,
    return_X_y=True,
    random_state=None,
):
    """Generate log2 gene expression with few markers among many correlated genes.

    Genes come in modules that rise and fall together. The informative ones fill whole modules, and
    each is a marker of one class, in which it is shifted up or down. Samples are spread over
    batches with shifts of their own, independent of the class, and the noise has heavy tails.

    Parameters
    ----------
    n_samples : int, default=100
        Number of samples, in [n_classes, inf).
    n_features : int, default=2000
        Number of genes, in [1, inf).
    n_informative : int, default=50
        Number of marker genes, in [0, n_features]; with 0 the classes cannot be told apart.
    n_classes : int, default=2
        Number of classes, in [2, n_samples].
    class_sep : float, default=1.0
        Shift of a marker in its class, in log2 units, in [0, inf).
    weights : array-like of shape (n_classes,), default=None
        Positive shares of the classes, of any sum; None: classes of equal size. Sizes are rounded
        and must come out at 1 or more.
    module_size : int, default=25
        Number of genes in a module, in [1, n_features]; the last module may be smaller.
    module_correlation : float, default=0.5
        Largest correlation of two genes of a module within a class and a batch, in [0, 1].
    n_batches : int, default=3
        Number of batches, in [1, n_samples].
    batch_effect : float, default=0.5
        Standard deviation of a batch's shift of a gene, in log2 units, in [0, inf).
    noise : float, default=1.0
        Median over the genes of the standard deviation within a class and a batch, in log2 units,
        in [0, inf).
    tail_df : float, default=5.0
        Degrees of freedom of the noise of a single gene, in (2, inf]; inf is Gaussian.
    return_X_y : bool, default=True
        If False, return a Bunch with what was drawn besides.
    random_state : int, RandomState instance or None, default=None
        Determines everything that is drawn. An int gives the same data in every call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), dtype float32
        The expression values. Nothing else of this size is allocated.
    y : ndarray of shape (n_samples,), dtype int64
        The class of each sample.
    dataset : :class:`~sklearn.utils.Bunch`
        In place of both with ``return_X_y=False``, with the following attributes.

        data, target : ndarrays
            X and y.
        feature_names : list of str of length n_features
            ``gene_0``, ``gene_1``, ...
        informative : int64 ndarray of shape (n_informative,)
            Indices of the marker genes, increasing.
        modules : int64 ndarray of shape (n_features,)
            The module of each gene.
        batches : int64 ndarray of shape (n_samples,)
            The batch of each sample.

    Raises
    ------
    ValueError
        If a parameter has a value that is not allowed.

    See Also
    --------
    fetch_microarray : Load real data of this kind.

    References
    ----------
    .. [1] W. E. Johnson, C. Li and A. Rabinovic, "Adjusting batch effects in microarray expression
       data using empirical Bayes methods", Biostatistics 8 (2007), 118-127: the model of the
       batch shifts.

    Examples
    --------
    >>> import numpy as np
    >>> from sksparse_mlp.datasets import make_microarray
    >>> X, y = make_microarray(n_samples=60, n_features=500, n_classes=3, random_state=0)
    >>> X.shape, X.dtype
    ((60, 500), dtype('float32'))
    >>> np.bincount(y)
    array([20, 20, 20])
    >>> dataset = make_microarray(n_batches=4, return_X_y=False, random_state=0)
    >>> dataset.informative.shape, np.bincount(dataset.batches)
    ((50,), array([25, 25, 25, 25]))
    """
    _check_sizes(n_samples, n_features, n_informative, n_classes, module_size, n_batches)
    _check_strengths(class_sep, module_correlation, batch_effect, noise, tail_df)
    class_sizes = _class_sizes(n_samples, n_classes, weights)

    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    y = rng.permutation(np.repeat(np.arange(n_classes), class_sizes))
    batches = rng.permutation(np.arange(n_samples) % n_batches)
    order = rng.permutation(n_features)
    modules = np.empty(n_features, dtype=np.int64)
    modules[order] = np.arange(n_features) // module_size
    informative = order[:n_informative]

    base = rng.normal(BASE_MEAN, BASE_SD, n_features)
    centres = base + _class_effects(rng, informative, n_features, n_classes, class_sep)
    shifts = rng.normal(0.0, batch_effect, (n_batches, n_features))
    spread = noise * rng.lognormal(0.0, LOG_SPREAD_SD, n_features)
    loadings = np.sqrt(module_correlation) * _loadings(rng, n_features)
    common, own = spread * loadings, spread * np.sqrt(1.0 - loadings**2)

    X = np.empty((n_samples, n_features), dtype=np.float32)
    for i, row in enumerate(X):
        activity = rng.standard_normal(modules.max() + 1)
        residual = _heavy_tailed(rng, tail_df, n_features)
        row[:] = centres[y[i]] + shifts[batches[i]] + common * activity[modules] + own * residual
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        feature_names=[f"gene_{j}" for j in range(n_features)],
        informative=np.sort(informative),
        modules=modules,
        batches=batches,
    )


def _class_effects(rng, informative, n_features, n_classes, class_sep):
    """Draw which class each marker marks, all classes equally often, and whether up or down."""
    effects = np.zeros((n_classes, n_features))
    marked = rng.permutation(np.arange(len(informative)) % n_classes)
    effects[marked, informative] = class_sep * rng.choice([-1.0, 1.0], len(informative))
    return effects


def _loadings(rng, n_features):
    strength = rng.uniform(0.5, 1.0, n_features)
    return np.where(rng.random(n_features) < SHARE_OF_REPRESSED_GENES, -strength, strength)


def _heavy_tailed(rng, df, size):
    """Draw from a Student distribution of variance 1."""
    if df == inf:
        return rng.standard_normal(size)
    return rng.standard_t(df, size) * np.sqrt((df - 2.0) / df)


def _class_sizes(n_samples, n_classes, weights):
    """Split the samples in proportion to the weights, the largest remainders rounded up."""
    shares = np.ones(n_classes) if weights is None else np.asarray(weights, dtype=float)
    if shares.shape != (n_classes,) or not np.all((shares > 0) & (shares < inf)):
        raise ValueError(f"weights={weights!r} must be n_classes={n_classes} positive numbers")
    exact = n_samples * shares / shares.sum()
    sizes = np.floor(exact).astype(int)
    sizes[np.argsort(sizes - exact, kind="stable")[: n_samples - sizes.sum()]] += 1
    if sizes.min() == 0:
        raise ValueError(
            f"weights={weights!r} leave class {sizes.argmin()} without any of "
            f"n_samples={n_samples} samples"
        )
    return sizes


def _check_sizes(n_samples, n_features, n_informative, n_classes, module_size, n_batches):
    check_integer("n_features", n_features, 1)
    check_integer("n_classes", n_classes, 2)
    check_integer("n_samples", n_samples, n_classes)
    check_integer("n_informative", n_informative, 0, n_features)
    check_integer("module_size", module_size, 1, n_features)
    check_integer("n_batches", n_batches, 1, n_samples)


def _check_strengths(class_sep, module_correlation, batch_effect, noise, tail_df):
    check_number("class_sep", class_sep, 0, inf, "[)")
    check_number("module_correlation", module_correlation, 0, 1, "[]")
    check_number("batch_effect", batch_effect, 0, inf, "[)")
    check_number("noise", noise, 0, inf, "[)")
    check_number("tail_df", tail_df, 2, inf, "(]")
