"""Samples held out while a classifier is fitted: which ones, and its figures on them."""

from numbers import Real

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import check_scoring


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
        self.scored = None if classifier.scoring is None else data.X[data.samples]

    def __call__(self, network, team):
        classifier, which = self.classifier, {"team": team, "chosen": self.samples}
        logits = classifier._forward(self.X, network, **which).astype(np.float64)
        log_p = log_softmax(logits / classifier.temperature_, axis=1)
        loss = -float(np.average(log_p[np.arange(len(log_p)), self.targets], weights=self.weight))
        if classifier.scoring is None:
            correct = logits.argmax(axis=1) == self.targets
            score, monitored = float(np.average(correct, weights=self.weight)), -loss
        else:
            score = monitored = self._score_of(network)
        return {"validation_loss": loss, "validation_score": score, "monitored": monitored}

    def _score_of(self, network):
        """What ``scoring`` says of a classifier with this network."""
        probe = self.classifier._twin()
        probe._network = network
        vars(probe).pop("feature_names_in_", None)
        y = probe.classes_[self.targets]
        score = check_scoring(probe, probe.scoring)(probe, self.scored, y)
        if not isinstance(score, Real) or (probe.early_stopping and np.isnan(score)):
            raise ValueError(
                f"scoring={probe.scoring!r} must return a number for the validation samples; got "
                f"{score!r}."
            )
        return float(score)
