"""scikit-learn's own checks of third-party estimators, over several configurations."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sksparse_mlp import TrulySparseMLPClassifier, TrulySparseMLPRegressor

CONFIGURATIONS = (
    {},
    {"early_stopping": True},
    {"batch_size": 4},
    {"solver": "adam", "learning_rate": "adaptive"},
    {"solver": "sgd", "learning_rate": "constant", "max_iter": 100},
    {"evolution": None},
    {"activation": "srelu"},
    {"class_weight": "balanced"},
    {"n_jobs": 2},
)

OF_REGRESSORS = (
    {},
    {"early_stopping": True},
    {"batch_size": 4},
    {"loss": "absolute_error", "solver": "sgd", "learning_rate": "constant", "max_iter": 100},
    {"loss": "huber", "evolution": None, "activation": "srelu"},
    {"loss": "quantile", "skip_connections": None, "n_jobs": 2},
)

# A sample of weight two lies in one mini-batch; two equal samples lie in different ones.
NOT_WITH_MINI_BATCHES = {
    f"check_sample_weight_equivalence_on_{kind}_data": (
        "repeating a sample changes which share a mini-batch, and with them every later step"
    )
    for kind in ("dense", "sparse")
}


def expected_to_fail(estimator):
    return {} if estimator.batch_size == "auto" else NOT_WITH_MINI_BATCHES


@parametrize_with_checks(
    [
        *(TrulySparseMLPClassifier((20,), **changes) for changes in CONFIGURATIONS),
        *(TrulySparseMLPRegressor((20,), **changes) for changes in OF_REGRESSORS),
    ],
    expected_failed_checks=expected_to_fail,
)
def test_checks_of_sklearn(estimator, check):
    check(estimator)
