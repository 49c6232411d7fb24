"""Samples held out while a classifier is fitted: which ones, and its figures on them."""

from numbers import Real

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import check_scoring

from .compat import accepts_sample_weight

# To a scorer that takes no weights, samples are shown repeatedly: at most this often on average.
MOST_REPETITIONS = 100


def stratified_fraction(data, n_classes, fraction, seed):
    """Which samples to set apart: of each class this fraction, at least one if it has two.

    Parameters
    ----------
    data : TrainingData
    n_classes : int
    fraction : float
    seed : int

    Returns
    -------
    ndarray of bool, one for each of ``data.samples``
    """
    rng = np.random.default_rng(seed)
    targets, chosen = data.targets[data.samples], np.zeros(data.samples.size, bool)
    for target in range(n_classes):
        members = np.flatnonzero(targets == target)
        wanted = max(1, round(fraction * members.size))
        chosen[rng.permutation(members)[: min(wanted, members.size - 1)]] = True
    if not chosen.any():
        raise ValueError(
            "early_stopping=True sets validation samples apart and needs at least 2 samples "
            f"of one class; got n_samples={data.samples.size}."
        )
    return chosen


class HeldOutFigures:
    """Called with a network and a team: loss, score, and what early stopping looks at.

    Parameters
    ----------
    classifier : TrulySparseMLPClassifier
        While it is fitted: all but its network is set.
    data : TrainingData
        The samples held out.
    """

    def __init__(self, classifier, data):
        self.classifier, self.X, self.samples = classifier, data.X, data.samples
        self.targets = data.targets[data.samples]
        self.weight = data.sample_weight[data.samples].astype(np.float64)
        self.scorer = None if classifier.scoring is None else Scorer(classifier, data)

    def __call__(self, network, team):
        classifier, which = self.classifier, {"team": team, "chosen": self.samples}
        logits = classifier._forward(self.X, network, **which).astype(np.float64)
        log_p = log_softmax(logits / classifier.temperature_, axis=1)
        loss = -float(np.average(log_p[np.arange(len(log_p)), self.targets], weights=self.weight))
        if self.scorer is None:
            correct = logits.argmax(axis=1) == self.targets
            score, monitored = float(np.average(correct, weights=self.weight)), -loss
        else:
            score = monitored = self.scorer(network)
        return {"validation_loss": loss, "validation_score": score, "monitored": monitored}


class Scorer:
    """Called with a network: what ``scoring`` says of it on the samples held out, weights heeded.

    Parameters
    ----------
    classifier : TrulySparseMLPClassifier
        While it is fitted: all but its network is set.
    data : TrainingData
        The samples held out.
    """

    def __init__(self, classifier, data):
        self.classifier, self.name = classifier, f"scoring={classifier.scoring!r}"
        self.scorer = check_scoring(classifier, classifier.scoring)
        samples, self.more = data.samples[data.sample_weight[data.samples] > 0], {}
        weight = data.sample_weight[samples].astype(np.float64)
        if accepts_sample_weight(self.scorer):
            self.more = {"sample_weight": weight} if (weight != weight[0]).any() else {}
        else:
            samples = np.repeat(samples, self._repetitions(weight))
        self.X = data.X[samples]
        self.y = classifier.classes_[data.targets[samples]]

    def _repetitions(self, weight):
        """How often to show each sample to a scorer that takes no weights."""
        times = weight / weight.min()
        whole = np.rint(times)
        if np.allclose(times, whole, rtol=1e-6) and whole.sum() <= MOST_REPETITIONS * whole.size:
            return whole.astype(np.int64)
        raise ValueError(
            f"{self.name} takes no sample_weight, and the validation samples have different "
            "weights (from sample_weight, sample_weight_val or class_weight). Give a scorer that "
            "takes them, scorer(estimator, X, y, sample_weight=None), or X_val and y_val without "
            "weights."
        )

    def __call__(self, network):
        probe = self.classifier._twin()
        probe._network = network
        vars(probe).pop("feature_names_in_", None)
        try:
            score = self.scorer(probe, self.X, self.y, **self.more)
        except ValueError as error:
            reason = str(error).rstrip(".")
            raise ValueError(
                f"{self.name} failed on the validation samples: {reason}.{self._advice(reason)}"
            ) from error
        except Exception as error:
            error.add_note(f"{self.name} failed on the validation samples.{self._advice()}")
            raise
        if not isinstance(score, Real) or (probe.early_stopping and np.isnan(score)):
            raise ValueError(
                f"{self.name} must return a number for the validation samples; got {score!r}."
                f"{self._advice()}"
            )
        return float(score)

    def _advice(self, reason=""):
        """What is likely to be the matter, in sentences."""
        classes, advice = self.classifier.classes_, ""
        missing = np.setdiff1d(classes, self.y).tolist()
        if missing:
            advice += f" They hold no sample of the classes {missing}: X_val and y_val could."
        if "pos_label" in reason:
            advice += (
                f" Which of the classes {classes.tolist()} is the positive one? Give "
                "make_scorer(metric, pos_label=...)."
            )
        return advice
