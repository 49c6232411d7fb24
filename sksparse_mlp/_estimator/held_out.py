"""Samples held out while an estimator is fitted: which ones, and its figures on them."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.metrics import check_scoring

from .._training.data import TrainingData
from .compat import accepts_sample_weight
from .concordance import check_comparable

# To a scorer that takes no weights, samples are shown repeatedly: at most this often on average.
MOST_REPETITIONS = 100
# The name of what a survival model's ``score`` returns: its task finds it, no scorer.
CONCORDANCE = "concordance"


def held_out_fraction(strata, fraction, seed):
    """Which samples to set apart: of each stratum this fraction, at least one if it has two.

    Parameters
    ----------
    strata : ndarray of int
        A number for each sample.
    fraction : float
    seed : int

    Returns
    -------
    ndarray of bool
    """
    rng = np.random.default_rng(seed)
    chosen = np.zeros(strata.size, bool)
    for stratum in range(strata.max() + 1):
        members = np.flatnonzero(strata == stratum)
        wanted = max(1, round(fraction * members.size))
        chosen[rng.permutation(members)[: min(wanted, members.size - 1)]] = True
    if not chosen.any():
        raise ValueError(
            "early_stopping=True sets validation samples apart and needs at least 2 samples"
            f"{' of one class' if strata.any() else ''}; got n_samples={strata.size}."
        )
    return chosen


class HeldOut(NamedTuple):
    """Samples to validate with."""

    data: TrainingData
    y: np.ndarray  # of all samples of its X, as it was given


class HeldOutFigures:
    """Called with a network and a team: loss, score, and what early stopping looks at.

    Parameters
    ----------
    estimator : BaseSupervisedMLP
        While it is fitted: all but its network is set.
    held_out : HeldOut
    training : TrainingData or None
        The samples that it is fitted to; None where no prediction needs them.
    """

    def __init__(self, estimator, held_out, training=None):
        data = held_out.data
        self.estimator, self.X, self.samples = estimator, data.X, data.samples
        self.targets = data.targets[data.samples]
        self.weight = data.sample_weight[data.samples].astype(np.float64)
        self.by_pairs = estimator._scoring == CONCORDANCE
        self.scorer = None
        if self.by_pairs and estimator.early_stopping:
            self._check_that_pairs_are_comparable()
        elif not self.by_pairs and estimator._scoring is not None:
            self.scorer = Scorer(estimator, held_out, training)

    def _check_that_pairs_are_comparable(self):
        _, found = self._figures(np.zeros((self.samples.size, 1)))
        name = "early_stopping=True looks at pairs, and y of the validation samples"
        check_comparable(found, name, self.samples.size)

    def __call__(self, network, team):
        which = {"team": team, "chosen": self.samples}
        loss, score = self._figures(self.estimator._forward(self.X, network, **which))
        monitored = score if self.by_pairs else -loss
        if self.scorer is not None:
            score = monitored = self.scorer(network)
        return {"validation_loss": loss, "validation_score": score, "monitored": monitored}

    def _figures(self, outputs):
        outputs = outputs.astype(np.float64)
        return self.estimator._task.figures(outputs, self.targets, self.weight)


class Scorer:
    """Called with a network: what ``scoring`` says of it on the samples held out, weights heeded.

    Parameters
    ----------
    estimator : BaseSupervisedMLP
        While it is fitted: all but its network is set.
    held_out : HeldOut
    training : TrainingData or None
    """

    def __init__(self, estimator, held_out, training):
        data = held_out.data
        self.estimator, self.training = estimator, training
        self.name = f"scoring={estimator.scoring!r}"
        self.scorer = check_scoring(estimator, estimator._scoring)
        samples, self.more = data.samples[data.sample_weight[data.samples] > 0], {}
        weight = data.sample_weight[samples].astype(np.float64)
        if accepts_sample_weight(self.scorer):
            self.more = {"sample_weight": weight} if (weight != weight[0]).any() else {}
        else:
            samples = np.repeat(samples, self._repetitions(weight))
        self.X = data.X[samples]
        self.y = estimator._task.shown(held_out.y)[samples]

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
        probe = self.estimator._twin()
        vars(probe).update(probe._found_by(network, self.training))
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
        advice, missing = "", self.estimator._task.missing_from(self.y)
        if missing:
            advice += f" They hold no sample of the classes {missing}: X_val and y_val could."
        if "pos_label" in reason:
            classes = self.estimator.classes_.tolist()
            advice += (
                f" Which of the classes {classes} is the positive one? Give "
                "make_scorer(metric, pos_label=...)."
            )
        return advice
