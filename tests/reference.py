"""The slow twin of the arithmetic: dense matrices, float64, one formula a line.

Nothing here is shared with the package: what both compute must agree because both follow the same
definitions. Level 0 are the inputs; ``z`` is a pre-activation, ``a = f(z)`` an activation.
"""

from typing import NamedTuple

import numpy as np

# ---------------------------------------------------------------- random numbers by counters

MASK_32, MASK_64 = 2**32 - 1, 2**64 - 1
GOLDEN_32, GOLDEN_64 = 0x9E3779B9, 0x9E3779B97F4A7C15
LANES = 32
INPUT_NOISE, INPUT_DROPOUT, HIDDEN_DROPOUT = range(3)


def mix(x):
    """A 64-bit hash of a Python integer: SplitMix64's finaliser."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK_64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK_64
    return x ^ (x >> 31)


def derive(seed, counter):
    """A new seed from a seed and a counter."""
    return mix((seed + (counter + 1) * GOLDEN_64) & MASK_64)


def split_mix(seed, n):
    """The first n numbers of SplitMix64 in [0, 1), 53 bits each."""
    return np.array([(derive(seed, i) >> 11) / 2**53 for i in range(n)])


def hash_lanes(key, lanes):
    """One 32-bit hash a lane: the lowbias32 mixer of ``key + lane * GOLDEN_32``."""
    x = (np.asarray(key, np.uint64) + np.asarray(lanes, np.uint64) * np.uint64(GOLDEN_32)).astype(
        np.uint32
    )
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x ^ (x >> np.uint32(16))


def hash_samples(key, n_samples, salt=0):
    """One 32-bit hash for each sample of a mini-batch: tiles of 32 lanes, each with its own key."""
    tiles, lanes = np.divmod(np.arange(n_samples, dtype=np.uint64), np.uint64(LANES))
    keys = np.uint64(key & MASK_32) + tiles * np.uint64(LANES * GOLDEN_32)
    return hash_lanes((keys & np.uint64(MASK_32)) ^ np.uint64(salt), lanes)


def dropout_mask(hashes, rate):
    """What inverted dropout multiplies by: 0, or 1 / (1 - rate)."""
    return (hashes >= round(rate * 2**32)) / (1.0 - rate)


def normal_of_sum(total):
    """A standard normal number from the sum of four 16-bit uniforms, by a quintic polynomial."""
    x = (np.asarray(total, np.float64) - 131070) * 1.7320508 / 65536
    return x * (0.963666 + 0.0093268 * x**2 + 0.00097485 * x**4)


def normal_of_hashes(low, high):
    """Standard normal numbers from two 32-bit hashes each."""
    low, high = np.asarray(low, np.int64), np.asarray(high, np.int64)
    return normal_of_sum((low & 0xFFFF) + (low >> 16) + (high & 0xFFFF) + (high >> 16))


def normal_samples(key, n_samples):
    """One standard normal number for each sample of a mini-batch."""
    return normal_of_hashes(
        hash_samples(key, n_samples), hash_samples(key, n_samples, salt=0x5851F42D)
    )


# ---------------------------------------------------------------- activations


def slope_of(activation, slope, level):
    """The slope below zero of a piecewise linear activation at a level of hidden neurons."""
    if activation == "all_relu":
        return -slope if level % 2 == 1 else slope
    return {"relu": 0.0, "leaky_relu": slope}.get(activation)


def activate(activation, z, slope, srelu):
    """``f(z)``; ``srelu`` are rows t_right, a_right, t_left, a_left, one column a neuron."""
    if activation == "srelu":
        t_right, a_right, t_left, a_left = srelu
        right = np.where(z < t_right, z, t_right + a_right * (z - t_right))
        return np.where(z > t_left, right, t_left + a_left * (z - t_left))
    if activation == "tanh":
        return np.tanh(z)
    if activation == "logistic":
        return 1.0 / (1.0 + np.exp(-z))
    if activation == "identity":
        return z
    return np.where(z < 0, slope * z, z)


def derivative(activation, z, slope, srelu):
    """``f'(z)``; at zero that of ReLU is 0, that of its leaky kin 1."""
    if activation == "relu":
        return np.where(z > 0, 1.0, 0.0)
    if activation == "srelu":
        t_right, a_right, t_left, a_left = srelu
        return np.where(z > t_left, np.where(z < t_right, 1.0, a_right), a_left)
    if activation == "tanh":
        return 1.0 - np.tanh(z) ** 2
    if activation == "logistic":
        a = activate(activation, z, slope, srelu)
        return a * (1.0 - a)
    if activation == "identity":
        return np.ones_like(z)
    return np.where(z < 0, slope, 1.0)


def srelu_derivatives(z, srelu):
    """Derivatives of ``f(z)`` with respect to the four parameters; shape (4, *z.shape)."""
    t_right, a_right, t_left, a_left = srelu
    left = z <= t_left
    right = ~left & (z >= t_right)
    return np.stack(
        [right * (1 - a_right), right * (z - t_right), left * (1 - a_left), left * (z - t_left)]
    )


# ---------------------------------------------------------------- loss


def log_softmax(logits):
    """Logarithms of probabilities, one row a sample."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropy(logits, targets, sample_weight):
    """Weighted mean of ``-log p[target]``, and its gradient with respect to the logits."""
    share = sample_weight / sample_weight.sum()
    log_p = log_softmax(logits)
    one_hot = np.eye(logits.shape[1])[targets]
    return -(share[:, None] * one_hot * log_p).sum(), share[:, None] * (np.exp(log_p) - one_hot)


def squared_error(outputs, X, sample_weight):
    """Weighted mean of ``|z - x|^2 / 2``, and its gradient with respect to the outputs."""
    share = sample_weight / sample_weight.sum()
    error = outputs - X
    return (share * (error**2).sum(axis=1)).sum() / 2, share[:, None] * error


def cox(outputs, ranks, sample_weight):
    """Cox's partial likelihood with Breslow's ties, and its gradient, event by event."""
    times, z, total = abs(ranks[:, 0]), outputs[:, 0], sample_weight.sum()
    loss, d = 0.0, np.zeros_like(z)
    for i in np.flatnonzero(ranks[:, 0] > 0):
        hazards = np.where(times >= times[i], sample_weight * np.exp(z), 0.0)
        share = sample_weight[i] / total
        loss += share * (np.log(hazards.sum() / total) - z[i])
        d += share * hazards / hazards.sum()
        d[i] -= share
    return loss, d[:, None]


# ---------------------------------------------------------------- topology


def loss_of_outputs(loss, parameter, z, t):
    """Loss of each output, whose target is a number, and its gradient with respect to ``z``."""
    e = z - t
    if loss == "binary_cross_entropy":
        return np.logaddexp(0, z) - z * t, 1 / (1 + np.exp(-z)) - t
    if loss == "squared_error":
        return e**2 / 2, e
    if loss == "absolute_error":
        return abs(e), np.sign(e)
    if loss == "huber":
        near = abs(e) <= parameter
        linear = parameter * (abs(e) - parameter / 2)
        return np.where(near, e**2 / 2, linear), np.where(near, e, parameter * np.sign(e))
    assert loss == "quantile"
    slope = np.where(e > 0, 1 - parameter, -parameter)
    return slope * e, np.where(e == 0, 0, slope)


def mean_loss_of_outputs(loss, parameter, outputs, targets, sample_weight):
    """Mean over outputs, weighted mean over samples; and its gradient."""
    losses, slopes = loss_of_outputs(loss, parameter, outputs, targets.astype(np.float64))
    share = sample_weight[:, None] / (sample_weight.sum() * outputs.shape[1])
    return (share * losses).sum(), share * slopes


def n_erdos_renyi(n_in, n_out, epsilon):
    """How many connections an Erdos-Renyi layer has."""
    return min(n_in * n_out, round(epsilon * (n_in + n_out)))


def receptive_fields(n_in, n_out, n):
    """Which of ``n_in x n_out`` cells are near by: n of them, the same number for each output.

    Outputs stand at equal distances on a ring of inputs; each is connected to the nearest inputs.
    """
    cells = np.zeros((n_in, n_out), bool)
    for j in range(n_out):
        size = n * (j + 1) // n_out - n * j // n_out
        first = int(np.floor((j + 0.5) * (n_in / n_out) - size / 2))
        cells[[(first + i) % n_in for i in range(size)], j] = True
    return cells


def dropped_of(saliency, zeta, groups=None):
    """Which connections are dropped: of each group the fraction zeta of lowest saliency; of ties
    the first."""
    groups = np.zeros(saliency.size, bool) if groups is None else groups
    dropped = np.zeros(saliency.size, bool)
    for group in (False, True):
        members = np.flatnonzero(groups == group)
        lowest = np.argsort(saliency[members], kind="stable")
        dropped[members[lowest[: int(zeta * members.size)]]] = True
    return dropped


def dropped_by_set(weights, zeta):
    """Which weights SET drops: of each sign the fraction zeta nearest zero."""
    return dropped_of(abs(weights), zeta, np.signbit(weights))


def dropped_over_layers(saliencies, fraction):
    """Of each layer, how many of each group are dropped with one threshold for all of them."""
    counts = [[0, 0] for _ in saliencies]
    for group in (0, 1):
        everything = [
            (int(value), layer)
            for layer, saliency in enumerate(saliencies)
            for value in saliency
            if value >> 31 == group
        ]
        for _, layer in sorted(everything)[: int(fraction * len(everything))]:
            counts[layer][group] += 1
    return counts


def mest_saliency(weights, gradients):
    """Magnitudes of weights and of gradients, each over its mean."""
    terms = [abs(values.astype(np.float64)) for values in (weights, gradients)]
    means = [term.mean() for term in terms]
    total = sum(term / mean if mean > 0 else term for term, mean in zip(terms, means, strict=True))
    return total.astype(np.float32)


def snip_saliency(weights, gradients):
    """Magnitudes of products of weight and gradient, as far as float32 reaches; or of weights."""
    if not gradients.any():
        return abs(weights)
    product = abs(weights.astype(np.float64) * gradients.astype(np.float64))
    return np.minimum(product, np.finfo(np.float32).max).astype(np.float32)


def strongest_mean(first, second, share, n):
    """The n largest values of the mean of two layers, of which the second counts ``share``.

    Layers are dense, NaN where nothing is connected: there, the other one's value is averaged with
    zero. Of equal magnitudes the first are kept.
    """
    mean = (1.0 - share) * np.nan_to_num(first, nan=0.0) + share * np.nan_to_num(second, nan=0.0)
    mean = mean.astype(np.float32)
    mean[np.isnan(first) & np.isnan(second)] = np.nan
    cells = np.flatnonzero(~np.isnan(mean))
    weakest_last = cells[np.argsort(-abs(mean.flat[cells]), kind="stable")]
    mean.flat[weakest_last[n:]] = np.nan
    return mean


# ---------------------------------------------------------------- the network


class Parameters(NamedTuple):
    """Something for every parameter of a network: values, gradients, or a solver's moments."""

    weights: list  # one dense matrix (n_in, n_out) a layer, zero where nothing is connected
    intercepts: list  # one vector a layer
    srelu: list  # one matrix (4, width) a hidden level, or nothing

    @classmethod
    def unpack(cls, network, weights, intercepts, srelu):
        """From the flat arrays of a SparseNetwork."""
        dense = []
        for layer, (n_in, n_out) in enumerate(shapes_of(network)):
            matrix = np.zeros((n_in, n_out))
            start, stop = network.connections_of(layer)
            matrix[cells_of(network, layer)] = weights[start:stop]
            dense.append(matrix)
        first = np.cumsum(network.widths[1:])[:-1]
        planes = srelu.astype(np.float64).reshape(4, -1) if srelu.size else None
        hidden = [] if planes is None else np.split(planes, first[:-1], axis=1)
        return cls(dense, np.split(intercepts.astype(np.float64), first), list(hidden))

    @classmethod
    def of(cls, network):
        """The values."""
        arrays = network.arrays
        return cls.unpack(network, arrays.weights, arrays.intercepts, arrays.srelu)

    @classmethod
    def velocities_of(cls, network):
        """The optimizer state of SGD."""
        optimizer_state = network.optimizer_state
        return cls.unpack(
            network,
            optimizer_state.weights_1,
            optimizer_state.intercepts_1,
            optimizer_state.srelu_1,
        )

    def arrays(self):
        """All arrays, in a fixed order."""
        return [*self.weights, *self.intercepts, *self.srelu]

    def like(self):
        """As many zeros."""
        return Parameters(*([np.zeros_like(array) for array in group] for group in self))


def flatten(arrays):
    """One vector of the contents of some arrays."""
    return np.concatenate([np.ravel(array) for array in arrays] or [np.zeros(0)])


def shapes_of(network):
    """Shapes of a network's layers; one more than pairs of levels is a skip layer."""
    shapes = list(zip(network.widths[:-1], network.widths[1:], strict=True))
    has_skip = len(network.n_connections) > len(shapes)
    return [*shapes, (network.widths[0], network.widths[-1])] if has_skip else shapes


def cells_of(network, layer):
    """Rows and columns of a layer's connections, in storage order."""
    start, stop = network.connections_of(layer)
    n_in, _ = shapes_of(network)[layer]
    rows = np.repeat(np.arange(n_in), np.diff(network.pointers_of(layer)))
    return rows, network.arrays.indices[start:stop]


class Disturbance(NamedTuple):
    """The randomness of one step: factors and terms, arrays (n_samples, width) or scalars."""

    input_factor: object
    input_term: object
    hidden_factors: list


class Twin:
    """Trains a dense copy of a SparseNetwork as the kernels should train the network.

    Parameters
    ----------
    network : SparseNetwork
    options : TrainingOptions
    """

    def __init__(self, network, options):
        self.options, self.activation = options, network.activation
        self.slope, self.seed = network.activation_slope, network.streams.noise
        self.widths, self.t = network.widths, network.t
        self.parameters = Parameters.of(network)
        self.connected = self._connected(network)
        self.moments = (self.parameters.like(), self.parameters.like())
        self.rate_scale, self.weight_scale = np.ones((2, network.n_layers))
        if options.learning_rate_scaling == "fan_in":
            n_out = np.array([n for _, n in shapes_of(network)])
            self.rate_scale = n_out / np.array(network.n_connections)
            # The first layer and a skip layer, the last but for one without hidden neurons.
            for layer in {0, len(self.widths) - 1} & set(range(network.n_layers)):
                self.weight_scale[layer] /= network.input_unit
                if options.solver == "sgd":
                    self.weight_scale[layer] /= network.input_unit

    @staticmethod
    def _connected(network):
        connected = [np.zeros(shape, bool) for shape in shapes_of(network)]
        for layer, mask in enumerate(connected):
            mask[cells_of(network, layer)] = True
        return connected

    # ------------------------------------------------------------ randomness

    def disturbance(self, n_samples):
        """The masks and the noise of the next step."""
        options, key = self.options, derive(self.seed, self.t)

        def columns(function, purpose, first_unit, width):
            purpose_key = derive(key, purpose)
            units = range(first_unit, first_unit + width)
            return np.stack([function(derive(purpose_key, unit)) for unit in units], axis=1)

        def masks(rate, purpose, first_unit, width):
            def one(key):
                return dropout_mask(hash_samples(key, n_samples), rate)

            return columns(one, purpose, first_unit, width) if rate > 0 else 1.0

        input_term = 0.0
        if options.input_noise > 0:
            input_term = options.input_noise * columns(
                lambda key: normal_samples(key, n_samples), INPUT_NOISE, 0, self.widths[0]
            )
            if options.noise_spread is not None:
                input_term *= options.noise_spread
        first_units = np.cumsum([0, *self.widths[1:-2]])
        return Disturbance(
            masks(options.input_dropout, INPUT_DROPOUT, 0, self.widths[0]),
            input_term,
            [
                masks(options.dropout, HIDDEN_DROPOUT, int(first), width)
                for first, width in zip(first_units, self.widths[1:-1], strict=False)
            ],
        )

    @property
    def calm(self):
        """No randomness at all: how the network predicts."""
        return Disturbance(1.0, 0.0, [1.0] * (len(self.widths) - 2))

    # ------------------------------------------------------------ forward and backward

    def _hidden(self, level):
        """Slope and SReLU parameters of a hidden level."""
        srelu = self.parameters.srelu[level - 1] if self.parameters.srelu else None
        return slope_of(self.activation, self.slope, level), srelu

    def forward(self, X, disturbance=None):
        """Pre-activations of levels 1, 2, ..., and what each layer reads."""
        disturbance = self.calm if disturbance is None else disturbance
        X = np.asarray(X, np.float32).astype(np.float64)
        read = [X * disturbance.input_factor + disturbance.input_term]
        z = []
        for layer in range(len(self.widths) - 1):
            z.append(read[-1] @ self.parameters.weights[layer] + self.parameters.intercepts[layer])
            if layer < len(self.widths) - 2:
                a = activate(self.activation, z[-1], *self._hidden(layer + 1))
                read.append(a * disturbance.hidden_factors[layer])
        if self.has_skip:
            z[-1] = z[-1] + read[0] @ self.parameters.weights[-1]
        return z, read

    @property
    def has_skip(self):
        """Whether the last layer leads from the inputs to the outputs."""
        return len(self.parameters.weights) == len(self.widths)

    def _loss_and_d(self, outputs, X, targets, sample_weight):
        """Loss of the outputs, and its gradient; without targets they should be the inputs."""
        sample_weight = sample_weight.astype(np.float64)
        if targets is None:
            return squared_error(outputs, X, sample_weight)
        if targets.ndim == 2:
            if self.options.loss == "cox":
                return cox(outputs, targets, sample_weight)
            how = self.options.loss, self.options.loss_parameter
            return mean_loss_of_outputs(*how, outputs, targets, sample_weight)
        return cross_entropy(outputs, targets, sample_weight)

    def loss(self, X, targets, sample_weight, disturbance):
        """Loss of a mini-batch."""
        outputs = self.forward(X, disturbance)[0][-1]
        return self._loss_and_d(outputs, X, targets, sample_weight)[0]

    def gradients(self, X, targets, sample_weight, disturbance):
        """Loss of a mini-batch, and its gradients."""
        z, read = self.forward(X, disturbance)
        loss, d = self._loss_and_d(z[-1], X, targets, sample_weight)
        gradients = self.parameters.like()
        if self.has_skip:
            gradients.weights[-1][:] = read[0].T @ d * self.connected[-1]
        for layer in reversed(range(len(z))):
            gradients.weights[layer][:] = read[layer].T @ d * self.connected[layer]
            gradients.intercepts[layer][:] = d.sum(axis=0)
            if layer > 0:
                slope, srelu = self._hidden(layer)
                d = d @ self.parameters.weights[layer].T * disturbance.hidden_factors[layer - 1]
                if srelu is not None:
                    local = srelu_derivatives(z[layer - 1], srelu)
                    gradients.srelu[layer - 1][:] = (d * local).sum(axis=1)
                d = d * derivative(self.activation, z[layer - 1], slope, srelu)
        return loss, gradients

    def central_differences(self, X, targets, sample_weight, h=1e-7):
        """The gradients again, from nothing but losses."""
        disturbance = self.disturbance(X.shape[0])
        gradients = self.parameters.like()
        everywhere = [np.ones_like(a, bool) for a in self.parameters.arrays()]
        chosen = [*self.connected, *everywhere[len(self.connected) :]]
        for values, out, mask in zip(
            self.parameters.arrays(), gradients.arrays(), chosen, strict=True
        ):
            for cell in zip(*np.nonzero(mask), strict=True):
                value, losses = values[cell], []
                for shifted in (value + h, value - h):
                    values[cell] = shifted
                    losses.append(self.loss(X, targets, sample_weight, disturbance))
                values[cell] = value
                out[cell] = (losses[0] - losses[1]) / (2 * h)
        return gradients

    # ------------------------------------------------------------ updates

    def step(self, X, targets, sample_weight):
        """Train on one mini-batch; returns its loss."""
        loss, gradients = self.gradients(X, targets, sample_weight, self.disturbance(X.shape[0]))
        self.t += 1
        n_layers, n_levels = len(self.parameters.weights), len(self.widths) - 1
        # A neuron's own parameters learn at the rate of the layer that feeds it.
        layers = [*range(n_layers), *range(n_levels), *range(n_levels - 1)]
        firsts, seconds = self.moments[0].arrays(), self.moments[1].arrays()
        for i, (value, g) in enumerate(
            zip(self.parameters.arrays(), gradients.arrays(), strict=True)
        ):
            rate = self.options.learning_rate_init * self.rate_scale[layers[i]]
            decay = rate * self.options.weight_decay * value if i < n_layers else 0.0
            scale = self.weight_scale[i] if i < n_layers else 1.0
            value += self._move(rate, g, firsts[i], seconds[i], scale) - decay
        return loss

    def _move(self, rate, g, first, second, scale):
        """What one step of the solver adds to parameters; changes their moments."""
        options, rate = self.options, rate * scale
        if options.solver == "adam":
            first[:] = options.beta_1 * first + (1 - options.beta_1) * g
            second[:] = options.beta_2 * second + (1 - options.beta_2) * g**2
            rate *= np.sqrt(1 - options.beta_2**self.t) / (1 - options.beta_1**self.t)
            return -rate * first / (np.sqrt(second) + 1e-8 / scale)
        first[:] = options.momentum * first - rate * g
        return options.momentum * first - rate * g if options.nesterovs_momentum else first

    # ------------------------------------------------------------ evolution

    def follow(self, network):
        """Take over the cells of a network that has evolved, and the weights of the new ones."""
        connected, evolved = self._connected(network), Parameters.of(network)
        for layer, mask in enumerate(connected):
            weights = self.parameters.weights[layer]
            # A dropped cell may grow again: new is whatever has a moment of zero.
            moment = np.zeros(mask.shape)
            start, stop = network.connections_of(layer)
            moment[cells_of(network, layer)] = network.optimizer_state.weights_1[start:stop]
            new = mask & (moment == 0)
            weights[~mask | new] = 0
            weights[new] = evolved.weights[layer][new]
            for moments in self.moments:
                moments.weights[layer][~mask | new] = 0
        self.connected = connected
