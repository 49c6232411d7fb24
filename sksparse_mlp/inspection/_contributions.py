"""What single predictions are made of: contributions of the inputs."""

from sklearn.base import is_classifier


def contributions(est, X, *, classes=None):
    """What each input of a sample contributes to the outputs: input times gradient.

    ``x_j dz/dx_j`` for each sample, each input j and each output z, the logit of a class or label
    as ``decision_function`` returns it or a predicted number, over all ways through the network,
    its hidden neurons and its skip layer. It is exact, and positive where the input speaks for the
    class. Inputs should be standardised: a contribution is then that of the difference to the mean
    sample.

    Parameters
    ----------
    est : TrulySparseMLPClassifier, TrulySparseMLPRegressor or TrulySparseMLPSurvival
        A fitted network; of a pipeline its last step, for the inputs are those of the network.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples as the network gets them: scaled, where it was fitted with scaled ones.
    classes : label or array-like of labels, default=None
        Of a classifier, whose logits: one of ``classes_``, or some in any order. None: those that
        ``decision_function`` returns, of all classes or labels, or of two classes the difference,
        which is positive where ``classes_[1]`` is predicted. With two classes, the logit of one is
        always its difference to the other. Other networks have none.

    Returns
    -------
    ndarray of float32
        Of shape (n_samples, n_features, n_outputs), an output being a class, a label or a target.
        Of shape (n_samples, n_features) for a class that is given alone, for two classes if None is
        given, and for a single target.

    See Also
    --------
    importance_table : Ranks the inputs over all samples.
    sksparse_mlp.plotting.ContributionDisplay : The same as a picture.

    Notes
    -----
    Without hidden neurons, the contributions of a sample add up to its logit less the intercept,
    which for classes and labels is to be divided by ``temperature_``, as the logit is.
    With activations that are linear in pieces, they add up to it less what the intercepts of all
    neurons add on the piece where the sample lies; with others, to a linear approximation.

    The time is proportional to samples times connections, those that lead to or from hidden
    neurons counted once for each output. Memory is taken for the result, and little else: of wide
    data, ask for one class or for some samples at a time.

    References
    ----------
    .. [1] Shrikumar, A., Greenside, P., Shcherbina, A., Kundaje, A. (2016). Not just a black box:
           learning important features through propagating activation differences. arXiv
           1605.01713. Section 2.4 is about input times gradient.
    .. [2] Ancona, M., Ceolini, E., Oztireli, C., Gross, M. (2018). Towards better understanding of
           gradient-based attribution methods for deep neural networks. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.inspection import contributions
    >>> X, y = make_microarray(
    ...     n_samples=60, n_features=500, n_classes=3, random_state=0, return_X_y=True
    ... )
    >>> model = make_pipeline(StandardScaler(), TrulySparseMLPClassifier(100, random_state=0))
    >>> scaler, network = model.fit(X, y)
    >>> contributions(network, scaler.transform(X)).shape
    (60, 500, 3)
    >>> of_a_class = contributions(network, scaler.transform(X[:1]), classes=network.classes_[0])
    >>> genes = np.argsort(-abs(of_a_class[0]))[:5]  # that speak most for it, or against it
    """
    explain = getattr(est, "input_contributions", None)
    if explain is None:
        raise TypeError(
            "est must be a fitted sparse network such as TrulySparseMLPClassifier; got "
            f"{type(est).__name__}. For a pipeline: contributions(model[-1], "
            "model[:-1].transform(X))."
        )
    if is_classifier(est):
        return explain(X, classes=classes)
    if classes is not None:
        raise ValueError(f"classes={classes!r} has no meaning without classes: leave it None.")
    return explain(X)
