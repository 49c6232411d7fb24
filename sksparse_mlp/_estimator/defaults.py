"""What "auto" means: the shape of the data decides, by rules that were measured.

All of them follow from one number, the scarcity of samples, and change gently with it. With more
features than samples (gene expression) what can be learnt is mostly linear: the skip layer, which
starts from an exact solution, holds it, and the rest of the network needs a few full-batch steps
with strong noise on the inputs; logits are too sure of themselves and are tempered. With ever more
samples there are more steps, in mini-batches, less noise, and probabilities are tempered less.
"""

# Neurons of a hidden layer.
HIDDEN_NEURONS = 1000
# How many samples it takes for a second hidden layer to pay.
SECOND_LAYER_FROM = 1000
# At most this many samples are taken in one batch.
FULL_BATCH_UP_TO = 512
MINI_BATCH = 128
STREAM_BATCH = 32
# Training lasts this many steps, with as many features as samples or more, and with few features.
SCARCE_STEPS, FULL_BATCH_STEPS, MINI_BATCH_STEPS = 30, 200, 600
# And at least this many passes over the data, if in mini-batches.
MINI_BATCH_EPOCHS = 20
# The topology evolves about this many times in a fit, with at least this many steps between.
EVOLUTIONS, LEAST_INTERVAL = 37, 4
# What logits are divided by: with few samples for their features; with very many; and with very
# many where there are two hidden layers or more, which are surer of themselves.
SCARCE_TEMPERATURE, PLENTY_TEMPERATURE, PLENTY_TEMPERATURE_DEEP = 2.0, 1.0, 1.5
# The share of the inputs' connections that is guided: more samples tell more of the inputs.
SCARCE_GUIDANCE, PLENTY_GUIDANCE = 0.5, 0.95


def scarcity(n_samples, n_features):
    """1 with at least as many features as samples, towards 0 with ever more samples."""
    return min(1.0, n_features / max(1, n_samples))


def hidden_layer_sizes(given, n_samples, stream):
    """Neurons by hidden layer: many samples get two; how many a stream will have, nobody knows."""
    if not isinstance(given, str):
        return given
    n_layers = 1 if stream or n_samples < SECOND_LAYER_FROM else 2
    return (HIDDEN_NEURONS,) * n_layers


def batch_size(given, n_samples, stream):
    """Samples in a mini-batch."""
    if given != "auto":
        return min(int(given), n_samples)
    if stream:
        return min(n_samples, STREAM_BATCH)
    return n_samples if n_samples <= FULL_BATCH_UP_TO else MINI_BATCH


def n_epochs(n_samples, n_features, batch, refines):
    """Passes over the data: as many steps as the network beside the skip layer needs.

    ``refines`` says that it adds to an exact start, along a schedule with an end: else even scarce
    samples need the steps that many samples do.
    """
    rest = 1.0 - scarcity(n_samples, n_features) if refines else 1.0
    full = batch >= n_samples
    most = FULL_BATCH_STEPS if full else MINI_BATCH_STEPS
    n_steps = round(SCARCE_STEPS + rest * (most - SCARCE_STEPS))
    if full:
        return n_steps
    steps_per_epoch = -(-n_samples // batch)
    return max(MINI_BATCH_EPOCHS, -(-n_steps // steps_per_epoch))


def evolution_interval(total_steps, evolution_end):
    """Steps between evolutions, so that they are spread over the part of the fit they may be in."""
    return max(LEAST_INTERVAL, int(total_steps * evolution_end / EVOLUTIONS))


def evolution(stream):
    """The rule of evolution: growth is told where to look, by all samples where all are at hand."""
    return "set" if stream else "guided"


def guidance(n_samples, n_features):
    """The share of the inputs' connections that lie where inputs say much of the target."""
    return PLENTY_GUIDANCE - scarcity(n_samples, n_features) * (PLENTY_GUIDANCE - SCARCE_GUIDANCE)


def weight_of_pairs(n_samples, n_features):
    """How much of what samples say of pairs of inputs counts beside what inputs say alone."""
    return 1.0 - scarcity(n_samples, n_features)


def input_noise(n_samples, n_features, power):
    """Standard deviation of the noise: its variance acts as ridge regularisation does."""
    return scarcity(n_samples, n_features) ** power


def temperature(n_samples, n_features, n_hidden_layers):
    """What logits are divided by before they become probabilities."""
    plenty = PLENTY_TEMPERATURE if n_hidden_layers < 2 else PLENTY_TEMPERATURE_DEEP
    return plenty + (SCARCE_TEMPERATURE - plenty) * scarcity(n_samples, n_features) ** 0.5
