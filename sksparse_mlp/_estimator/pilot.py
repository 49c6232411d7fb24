"""How long a regressor trains: pilots on most of the samples show on the others what helps.

From its linear start, a network first learns what is there and then the noise of the targets. How
much noise there is, no shape of the data tells, so trainings on four fifths of the samples are
watched on the last fifth. The lowest loss there says how far to go: the sum of the learning rates
up to it is that of the whole training of all samples, which is shorter, and ends with small steps.
"""

import numpy as np

from . import defaults
from .held_out import HeldOut

# A pilot is judged by one of so many folds, and there are as many pilots as have this many samples
# held out in all, as far as there are folds.
FOLDS, JUDGES = 5, 100
# Fewer samples tell nothing; of more, no training is long enough to learn much noise.
FEWEST, MOST = 50, 10_000
# In mini-batches, a pilot lasts so many times as long as a training that nobody watches.
TIMES = 2


def epochs_to_train(estimator, data, streams, learn):
    """How many epochs a new network is to be trained for; None: as many as the shape says.

    Parameters
    ----------
    estimator : BaseSparseRegressor
    data : TrainingData
    streams : Streams
    learn : callable
        Called with an estimator, data, streams and ``held_out``, trains and returns the Trainer.

    Returns
    -------
    int or None
    """
    n_samples, n_features = data.samples.size, data.X.shape[1]
    if n_samples < max(FEWEST, n_features + 1) or not _refines(estimator):
        return None
    batch = defaults.batch_size(estimator.batch_size, n_samples, False)
    longest = defaults.n_epochs(n_samples, n_features, batch, refines=True)
    longest *= TIMES if batch < n_samples else 1
    if n_samples > MOST:
        return longest
    # By itself, a pilot might make fewer layers of its fewer samples.
    sizes = defaults.hidden_layer_sizes(estimator.hidden_layer_sizes, n_samples, False)
    how = {"hidden_layer_sizes": sizes, "scoring": None, "checkpoint": None, "verbose": False}
    pilot = estimator._twin().set_params(**how)
    pilot._n_epochs, pilot._observe = longest, None
    losses = np.zeros(longest)
    for train, test in _parts(data, streams.splitting):
        trainer = learn(pilot, train, streams, held_out=HeldOut(test, None))
        if trainer.interrupted:
            raise KeyboardInterrupt
        losses += trainer.history["validation_loss"]
    return max(1, round(longest * _share_of_rates((1 + int(losses.argmin())) / longest)))


def _parts(data, seed):
    """For each pilot the samples to train on, and those to judge it by."""
    n_samples = data.samples.size
    n_pilots = min(FOLDS, -(-JUDGES * FOLDS // n_samples))
    fold_of = np.random.default_rng(seed).permutation(n_samples) % FOLDS
    for fold in range(n_pilots):
        apart = fold_of == fold
        yield tuple(data._replace(samples=data.samples[c]) for c in (~apart, apart))


def _refines(estimator):
    """Whether a network adds to an exact start, along a schedule that nothing else cuts short."""
    return (
        estimator.max_iter == "auto"
        and estimator.learning_rate == "cosine"
        and estimator.averaging is None
        and estimator.skip_connections in ("auto", "fitted")
        and np.size(estimator.hidden_layer_sizes) > 0
        and not estimator.early_stopping
    )


def _share_of_rates(progress):
    """The share of the learning rates of a cosine that lies before a share of its steps."""
    return progress + np.sin(np.pi * progress) / np.pi
