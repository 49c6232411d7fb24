"""Fitted networks for tools that know scikit-learn's own, and for ONNX."""

from copy import copy
from itertools import pairwise

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import issparse
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from .classifier import TrulySparseMLPClassifier
from .regressor import TrulySparseMLPRegressor
from .survival import TrulySparseMLPSurvival

__all__ = ["register_onnx_converters", "to_mlp_classifier", "to_mlp_regressor"]

ACTIVATIONS = ("relu", "tanh", "logistic", "identity")
# skl2onnx writes classes as 32-bit integers.
LARGEST_LABEL = 2**31 - 1


def to_mlp_classifier(est, *, max_bytes=2**31):
    """Convert a fitted sparse classifier to scikit-learn's dense one, with the same predictions.

    What reads scikit-learn's networks then reads ours. In a pipeline, convert the last step and put
    the result in its place.

    Parameters
    ----------
    est : TrulySparseMLPClassifier
        A fitted classifier with the activation "relu", "tanh", "logistic" or "identity": the
        others do not exist in scikit-learn. With "tanh" and "logistic" it must have been fitted
        with ``skip_connections=None``, since these cannot pass on a number as it is.
    max_bytes : int, default=2**31
        The most that the dense weights may take, those of a skip layer included; beyond it, an
        error instead of a full memory.

    Returns
    -------
    sklearn.neural_network.MLPClassifier
        A fitted network, independent of ``est``. Missing connections are weights of 0, and its
        ``partial_fit`` trains them too. The last layer's weights are divided by ``temperature_``;
        for two classes it has one neuron, whose weights are the differences of the two. A skip
        layer becomes additional neurons in each hidden layer: one a class and sign.

    See Also
    --------
    to_mlp_regressor : The same for numbers.
    register_onnx_converters : Does this within skl2onnx, where it meets a sparse network.

    Notes
    -----
    Probabilities agree to about six digits, as the sums are computed in another order.

    Examples
    --------
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.export import to_mlp_classifier
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> model = TrulySparseMLPClassifier(
    ...     100, activation="relu", epsilon=5, learning_rate="cosine", max_iter=5, random_state=0
    ... )
    >>> dense = to_mlp_classifier(model.fit(X, y))
    >>> [weights.shape for weights in dense.coefs_]
    [(500, 104), (104, 1)]
    >>> bool((dense.predict(X) == model.predict(X)).all())
    True
    """
    _check(est, "classes_", TrulySparseMLPClassifier, max_bytes)
    coefs, intercepts = _dense_layers(est)
    coefs[-1], intercepts[-1] = coefs[-1] / est.temperature_, intercepts[-1] / est.temperature_
    if est.out_activation_ == "softmax" and len(est.classes_) == 2:
        coefs[-1], intercepts[-1] = (
            last[..., 1:] - last[..., :1] for last in (coefs[-1], intercepts[-1])
        )
    multilabel, y = est.out_activation_ == "logistic", est.classes_
    small = MLPClassifier(hidden_layer_sizes=(1,), activation=est.activation_)
    small.partial_fit(
        np.zeros((len(y), 1), np.float32), np.eye(len(y), dtype=int) if multilabel else y, classes=y
    )
    return _with_layers(small, est, coefs, intercepts)


def to_mlp_regressor(est, *, max_bytes=2**31):
    """Convert a fitted sparse regressor to scikit-learn's dense one, with the same predictions.

    Parameters
    ----------
    est : TrulySparseMLPRegressor or TrulySparseMLPSurvival
        A fitted regressor, of any loss, or a survival model, of which the risks are left and not
        the curves; for activations and skip layers see :func:`to_mlp_classifier`.
    max_bytes : int, default=2**31
        The most that the dense weights may take, those of a skip layer included.

    Returns
    -------
    sklearn.neural_network.MLPRegressor
        A fitted network, independent of ``est``, whose last layer gives the targets as they are.

    See Also
    --------
    to_mlp_classifier : The same for classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from sksparse_mlp import TrulySparseMLPRegressor
    >>> from sksparse_mlp.export import to_mlp_regressor
    >>> X, y = make_regression(60, 200, n_informative=5, random_state=0)
    >>> model = TrulySparseMLPRegressor(50, epsilon=5, random_state=0).fit(X, y)
    >>> dense = to_mlp_regressor(model)
    >>> bool(np.allclose(dense.predict(X), model.predict(X), rtol=1e-3, atol=1e-3 * y.std()))
    True
    """
    is_survival = hasattr(est, "cum_baseline_hazard_")
    _check(est, "coefs_" if is_survival else "target_scale_", TrulySparseMLPRegressor, max_bytes)
    coefs, intercepts = _dense_layers(est)
    if not is_survival:  # whose targets have no scale
        coefs[-1] = coefs[-1] * est.target_scale_
        intercepts[-1] = intercepts[-1] * est.target_scale_ + est.target_center_
    small = MLPRegressor(hidden_layer_sizes=(1,), activation=est.activation_)
    targets = np.zeros((2, est.n_outputs_)) if est.n_outputs_ > 1 else np.zeros(2)
    small.partial_fit(np.zeros((2, 1), np.float32), targets)
    return _with_layers(small, est, coefs, intercepts)


def register_onnx_converters(*, max_bytes=2**31):
    """Make skl2onnx convert the estimators of this package, also as steps of a pipeline.

    Call it once, before ``skl2onnx.to_onnx``. A classifier is converted as by
    :func:`to_mlp_classifier`, a regressor or survival model as by :func:`to_mlp_regressor`, so
    connections become dense weights; a selector becomes the list of the features that it selects.
    A network of several labels or targets a sample is refused. Needs skl2onnx:
    ``pip install 'sksparse-mlp[onnx]'``.

    Parameters
    ----------
    max_bytes : int, default=2**31
        The most that the dense weights of a classifier may take; beyond it, ``to_onnx`` raises an
        error. An ONNX file cannot hold more than 2 GiB.

    See Also
    --------
    to_mlp_classifier : Says which classifiers can be converted.

    Examples
    --------
    >>> from skl2onnx import to_onnx
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksparse_mlp import TrulySparseMLPClassifier
    >>> from sksparse_mlp.datasets import make_microarray
    >>> from sksparse_mlp.export import register_onnx_converters
    >>> X, y = make_microarray(n_samples=60, n_features=500, random_state=0)
    >>> network = TrulySparseMLPClassifier(100, epsilon=5, max_iter=5, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> register_onnx_converters()
    >>> onnx = to_onnx(model, X[:1], options={"zipmap": False})
    >>> [output.name for output in onnx.graph.output]
    ['label', 'probabilities']
    """
    try:
        from skl2onnx import update_registered_converter
        from skl2onnx.common.shape_calculator import (
            calculate_linear_classifier_output_shapes,
            calculate_linear_regressor_output_shapes,
        )
    except ImportError as error:
        raise ImportError(
            "register_onnx_converters needs skl2onnx: pip install 'sksparse-mlp[onnx]'"
        ) from error
    from .selection import SparseAutoencoderSelector, SparseMLPFeatureSelector

    update_registered_converter(
        TrulySparseMLPClassifier,
        TrulySparseMLPClassifier.__name__,
        calculate_linear_classifier_output_shapes,
        _classifier_converter(max_bytes),
        options={
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [True, False],
        },
    )
    for regressor in (TrulySparseMLPRegressor, TrulySparseMLPSurvival):
        update_registered_converter(
            regressor,
            regressor.__name__,
            calculate_linear_regressor_output_shapes,
            _regressor_converter(max_bytes),
        )
    for selector in (SparseAutoencoderSelector, SparseMLPFeatureSelector):
        update_registered_converter(
            selector, selector.__name__, _set_width_of_selection, _convert_selector
        )


def _classifier_converter(max_bytes):
    """A function that adds the nodes of a classifier to an ONNX graph; its signature is fixed."""
    from skl2onnx.operator_converters.multilayer_perceptron import convert_sklearn_mlp_classifier

    def convert(scope, operator, container):
        if operator.raw_operator.out_activation_ == "logistic":
            raise ValueError(
                "ONNX conversion of several labels a sample is not possible: convert one network "
                "for each label, fitted with MultiOutputClassifier."
            )
        _check_labels(operator.raw_operator.classes_)
        dense = copy(operator)
        dense.raw_operator = to_mlp_classifier(operator.raw_operator, max_bytes=max_bytes)
        convert_sklearn_mlp_classifier(scope, dense, container)

    return convert


def _check_labels(classes):
    """Refuse what skl2onnx would replace by other labels without a word."""
    if classes.dtype.kind in "iu" and abs(classes.astype(object)).max() > LARGEST_LABEL:
        raise ValueError(
            f"ONNX conversion keeps no class label beyond {LARGEST_LABEL:,}, and classes_ holds "
            f"{classes[abs(classes.astype(object)).argmax()]:,}: encode y first."
        )


def _regressor_converter(max_bytes):
    """The same for a regressor."""
    from skl2onnx.operator_converters.multilayer_perceptron import convert_sklearn_mlp_regressor

    def convert(scope, operator, container):
        if operator.raw_operator.n_outputs_ > 1:
            raise ValueError(
                f"ONNX conversion of n_outputs_={operator.raw_operator.n_outputs_} targets a "
                "sample is not possible: convert one network for each target, fitted with "
                "MultiOutputRegressor."
            )
        dense = copy(operator)
        dense.raw_operator = to_mlp_regressor(operator.raw_operator, max_bytes=max_bytes)
        convert_sklearn_mlp_regressor(scope, dense, container)

    return convert


def _set_width_of_selection(operator):
    """Tell skl2onnx how many columns a selector's output has."""
    given = operator.inputs[0]
    n_selected = _selected(operator.raw_operator).size
    operator.outputs[0].type = type(given.type)([given.get_first_dimension(), n_selected])


def _convert_selector(scope, operator, container):
    """Add the node of a selector to an ONNX graph."""
    from skl2onnx.proto import onnx_proto

    selected, name = _selected(operator.raw_operator), scope.get_unique_variable_name("selected")
    container.add_initializer(name, onnx_proto.TensorProto.INT64, [selected.size], selected)
    container.add_node(
        "ArrayFeatureExtractor",
        [operator.inputs[0].full_name, name],
        operator.outputs[0].full_name,
        op_domain="ai.onnx.ml",
        name=scope.get_unique_operator_name("ArrayFeatureExtractor"),
    )


def _selected(selector):
    selected = selector.get_support(indices=True)
    if selected.size == 0:
        raise ValueError(
            f"{selector!r} selects no feature, of which ONNX makes no model: lower threshold."
        )
    return selected


# ---------------------------------------------------------------- from sparse to dense


def _check(est, attribute, wanted, max_bytes):
    check_is_fitted(est)
    if not hasattr(est, attribute) or not all(map(issparse, getattr(est, "coefs_", [None]))):
        raise TypeError(
            f"est must be a fitted {wanted.__name__}, without the pipeline or search around "
            f"it; got {type(est).__name__}."
        )
    activation = est.activation_
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"est has activation={activation!r}, which scikit-learn lacks; allowed are "
            f"{', '.join(map(repr, ACTIVATIONS))}."
        )
    if est.skip_coef_ is not None and activation not in ("relu", "identity"):
        raise ValueError(
            f"est has a skip layer and activation={activation!r}, whose neurons cannot pass a "
            "number on as it is; allowed are 'relu' and 'identity', or a fit with "
            "skip_connections=None."
        )
    needed = sum(4 * n_in * n_out for n_in, n_out in pairwise(_dense_widths(est)))
    if needed > max_bytes:
        raise ValueError(
            f"The dense weights need {needed:,} bytes, more than max_bytes={max_bytes:,}: raise "
            "max_bytes if there is memory for them."
        )


def _signs(est):
    """Signs with which a skip layer is passed on: z = relu(z) - relu(-z)."""
    if est.skip_coef_ is None:
        return []
    return [1] if est.activation_ == "identity" else [1, -1]


def _dense_widths(est):
    """Neurons of each level while the dense weights are made."""
    n_features, *hidden = (weights.shape[0] for weights in est.coefs_)
    n_outputs = est.n_outputs_
    return [n_features, *(n + n_outputs * len(_signs(est)) for n in hidden), n_outputs]


def _dense_layers(est):
    """Dense weights and intercepts by layer, those of a skip layer led through the hidden ones."""
    coefs = [weights.toarray() for weights in est.coefs_]
    intercepts = [intercepts.copy() for intercepts in est.intercepts_]
    return (
        (coefs, intercepts) if est.skip_coef_ is None else _with_skip_layer(coefs, intercepts, est)
    )


def _with_layers(dense, est, coefs, intercepts):
    """A small dense network that scikit-learn has set up, with these weights in its place."""
    # The optimizer's memory fits the one neuron; partial_fit makes a new one.
    vars(dense).pop("_optimizer", None)
    dense.set_params(hidden_layer_sizes=tuple(weights.shape[1] for weights in coefs[:-1]))
    dense.coefs_, dense.intercepts_ = coefs, intercepts
    dense.n_layers_, dense.n_features_in_ = len(coefs) + 1, est.n_features_in_
    dense.n_iter_, dense.t_, dense.loss_ = est.n_iter_, est.t_, est.loss_
    dense.loss_curve_, dense.best_loss_ = est.loss_curve_, min(est.loss_curve_)
    if hasattr(est, "feature_names_in_"):
        dense.feature_names_in_ = est.feature_names_in_.copy()
    return dense


def _with_skip_layer(coefs, intercepts, est):
    """Layers with neurons besides that pass on what the skip layer adds to the outputs."""
    n_outputs, signs, skip = est.n_outputs_, _signs(est), est.skip_coef_.toarray()
    into = np.hstack([sign * skip for sign in signs])
    out = np.vstack([sign * np.eye(n_outputs, dtype=np.float32) for sign in signs])
    nothing = np.zeros(len(out), np.float32)
    through = [block_diag(weights, np.eye(len(out), dtype=np.float32)) for weights in coefs[1:-1]]
    coefs = [np.hstack((coefs[0], into)), *through, np.vstack((coefs[-1], out))]
    intercepts = [
        *(np.concatenate((values, nothing)) for values in intercepts[:-1]),
        intercepts[-1],
    ]
    return coefs, intercepts
