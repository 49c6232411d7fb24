"""What "auto" means: the shape of the data decides, by rules that were measured.

With fewer samples than features (gene expression) a network fits the training data perfectly
whatever it does: it is trained in full batches for a fixed number of steps, with strong noise on
the inputs, and its logits, far too sure of themselves, are tempered. With many samples it is
trained in mini-batches with little noise, and its probabilities are taken as they are.
"""

# At most this many samples are taken in one batch.
FULL_BATCH_UP_TO = 512
MINI_BATCH = 128
STREAM_BATCH = 32
# Training lasts this many steps, and at least this many passes.
FULL_BATCH_STEPS = 200
MINI_BATCH_STEPS = 600
MINI_BATCH_EPOCHS = 20
# The topology evolves about this many times in a fit.
EVOLUTIONS = 37
# The weight of the direct path beside the network's outputs; up to how many samples it pays, and
# up to how many it can be asked for: its memory grows with their square.
DIRECT_PATH = 4.0
DIRECT_PATH_UP_TO, DIRECT_PATH_AT_MOST = 2048, 8192


def batch_size(given, n_samples, stream):
    """Samples in a mini-batch."""
    if given != "auto":
        return min(int(given), n_samples)
    if stream:
        return min(n_samples, STREAM_BATCH)
    return n_samples if n_samples <= FULL_BATCH_UP_TO else MINI_BATCH


def n_epochs(n_samples, batch):
    """Passes over the data: as many steps as the learning-rate schedule needs."""
    if batch >= n_samples:
        return FULL_BATCH_STEPS
    steps_per_epoch = -(-n_samples // batch)
    return max(MINI_BATCH_EPOCHS, -(-MINI_BATCH_STEPS // steps_per_epoch))


def evolution_interval(total_steps, evolution_end):
    """Steps between evolutions, so that they are spread over the part of the fit they may be in."""
    return max(1, int(total_steps * evolution_end / EVOLUTIONS))


def is_scarce(n_samples, n_features):
    """Whether there are no more samples than features."""
    return n_samples <= n_features


def evolution(n_samples, n_features):
    """The rule of evolution: with few samples, growth needs to be told where to look."""
    return "guided" if is_scarce(n_samples, n_features) else "set"


def direct_path(given, n_samples, n_features):
    """The weight of the direct path, if it is not given; zero: there is none."""
    if given == "auto":
        pays = is_scarce(n_samples, n_features) and n_samples <= DIRECT_PATH_UP_TO
        return DIRECT_PATH if pays else 0.0
    if given > 0 and n_samples > DIRECT_PATH_AT_MOST:
        raise ValueError(
            f"direct_path={given!r} needs memory for the products of all pairs of samples: it must "
            f"be 0 with more than {DIRECT_PATH_AT_MOST:,} samples; got n_samples={n_samples:,}."
        )
    return float(given)


def scarcity(n_samples, n_features):
    """1 with more features than samples, towards 0 with ever more samples."""
    return min(1.0, n_features / max(1, n_samples))


def input_noise(n_samples, n_features):
    """Standard deviation of the noise: its variance acts as ridge regularisation does."""
    return scarcity(n_samples, n_features) ** 0.5


def temperature(n_samples, n_features, direct_path):
    """What the sum of the network's logits and those of a direct path is divided by."""
    return (1.0 + 2.0 * scarcity(n_samples, n_features)) * (1.0 + direct_path / 2.0)
