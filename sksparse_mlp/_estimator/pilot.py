"""How long a regressor trains: pilots on most of the samples show on the others what helps.

From its linear start, a network first learns what is there and then the noise of the targets. How
much noise there is, no shape of the data tells, so trainings on four fifths of the samples are
watched on the last fifth. The lowest loss there says how far to go: the sum of the learning rates
up to it is that of the whole training of all samples, which is shorter, and ends with small steps.
"""

import numpy as np

from . import defaults
from .held_out import HeldOut
from .plan import hidden_layer_sizes

# A pilot is judged by one of so many folds, and there are as many pilots as have this many samples
# held out in all, as far as there are folds.
FOLDS, JUDGES = 5, 100
# Fewer samples tell nothing; of more, no training is long enough to learn much noise.
FEWEST, MOST = 50, 10_000
# In mini-batches, a pilot lasts so many times as long as a training that nobody watches.
TIMES = 2


def epochs_to_train(estimator, data, streams, learn, checkpoint):
    """How many epochs a new network is to be trained for; None: as many as the shape says.

    Parameters
    ----------
    estimator : BaseSparseRegressor
    data : TrainingData
    streams : Streams
    learn : callable
        Called with an estimator, data, streams, ``held_out`` and ``checkpoint``, trains and returns
        the Trainer.
    checkpoint : Checkpoint or None
        Of the fit: each pilot is a stage of it, and finds the sum of losses by epoch so far.

    Returns
    -------
    n_epochs : int or None
    checkpoint : Checkpoint or None
        Of the training itself, the last stage.
    """
    n_samples, n_features = data.samples.size, data.X.shape[1]
    if n_samples < max(FEWEST, n_features + 1) or not _refines(estimator):
        return None, checkpoint
    batch = defaults.batch_size(estimator.batch_size, n_samples, False)
    longest = defaults.n_epochs(n_samples, n_features, batch, refines=True)
    longest *= TIMES if batch < n_samples else 1
    if n_samples > MOST:
        return longest, checkpoint
    pilot, n_pilots = _pilot(estimator, n_samples, longest), _n_pilots(n_samples)
    losses, first = np.zeros(longest), 0
    if checkpoint is not None:
        first, losses = checkpoint.kept_stage(1 + n_pilots, longest)
    for number in range(first, n_pilots):
        if estimator.verbose:
            print(f"Pilot {number + 1} of {n_pilots}, to find out how long to train")
        train, test = _parts(data, streams.splitting, number)
        checkpoint = _at_stage(checkpoint, number, losses)
        how = {"held_out": HeldOut(test, None), "checkpoint": checkpoint}
        trainer = learn(pilot, train, streams, **how)
        if trainer.interrupted:
            raise KeyboardInterrupt
        losses = losses + trainer.history["validation_loss"]
    n_epochs = max(1, round(longest * _share_of_rates((1 + int(losses.argmin())) / longest)))
    return n_epochs, _at_stage(checkpoint, n_pilots, losses)


def _pilot(estimator, n_samples, n_epochs):
    """The estimator that all pilots are."""
    # By itself, a pilot might make fewer layers of its fewer samples.
    sizes = hidden_layer_sizes(estimator, n_samples)
    pilot = estimator._twin().set_params(hidden_layer_sizes=sizes, scoring=None, verbose=False)
    pilot._n_epochs, pilot._observe = n_epochs, None
    return pilot


def _n_pilots(n_samples):
    return min(FOLDS, -(-JUDGES * FOLDS // n_samples))


def _parts(data, seed, fold):
    """The samples that a pilot is trained on, and those that it is judged by."""
    fold_of = np.random.default_rng(seed).permutation(data.samples.size) % FOLDS
    apart = fold_of == fold
    return tuple(data._replace(samples=data.samples[c]) for c in (~apart, apart))


def _at_stage(checkpoint, stage, losses):
    return None if checkpoint is None else checkpoint.at_stage(stage, losses)


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
