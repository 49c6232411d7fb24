"""What kernels take: named records of flat arrays and numbers, nothing else.

Notation: *level* 0 are the inputs, level ``l + 1`` the neurons that connection *layer* ``l`` feeds.
*Units* are the neurons of levels 1, 2, ..., in one sequence. A *row* is a row of a layer's CSR
matrix: the connections that leave one neuron. A *vector* holds one number for each *lane*, one
sample of a mini-batch; a *tile* is a level's block of vectors. A *sample* is a row of X, by number.
"""

from typing import NamedTuple

import numpy as np

# Activation codes. Pieces are linear with one slope below zero: leaky ReLU, All-ReLU.
IDENTITY, RELU, PIECEWISE, SRELU, TANH, LOGISTIC = range(6)
# Solver codes; the last adds gradients up in the first moments and moves nothing.
SGD, NESTEROV, ADAM, SUM_GRADIENTS = range(4)
# Loss codes: of class numbers; of the outputs as a reconstruction of the clean inputs; of each
# output apart, whose targets are numbers; and of times that may be censored.
CROSS_ENTROPY, RECONSTRUCTION = range(2)
BINARY_CROSS_ENTROPY, SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, QUANTILE = range(2, 7)
COX = 7
# What is differentiated with respect to the inputs: the loss; the logit of the sample's class, less
# the mean of all; that multiplied by the input; one output by itself; that multiplied by the input.
OF_LOSS, OF_LOGIT, ATTRIBUTION, OF_OUTPUT, ATTRIBUTION_OF_OUTPUT = range(5)
# Distributions of new weights.
UNIFORM, NORMAL = range(2)
# For each literal number Numba compiles a callee once more; not so for these.
ZERO, ONE = np.int64(0), np.int64(1)


# ---------------------------------------------------------------- made by Python


class Worker(NamedTuple):
    """One thread of a team, and the lanes of its vectors."""

    lanes: tuple  # its length is the logarithm of the number of lanes; empty where there are none
    thread: int  # its number, from 0
    n_threads: int
    sync: np.ndarray  # int64, see :mod:`sksparse_mlp._kernels.barrier`


class NetworkArrays(NamedTuple):
    """Parameters of all layers."""

    n_levels: int
    n_layers: int  # one less, or as many: see :mod:`sksparse_mlp._kernels.levels`
    n_connections: int
    n_pointers: int
    n_units: int
    n_hidden_units: int
    widths: np.ndarray  # int64 [n_levels], neurons of each level
    first_pointer: np.ndarray  # int64 [n_layers], where a layer's row pointers begin in indptr
    first_unit: np.ndarray  # int64 [n_levels], where a level's units begin; inputs are none
    indptr: np.ndarray  # int64 [n_pointers], absolute positions in indices and weights
    indices: np.ndarray  # int32 [n_connections], output neuron, strictly ascending in a row
    weights: np.ndarray  # float32 [n_connections]
    intercepts: np.ndarray  # float32 [n_units]
    # float32 [4, n_hidden_units] flat, or empty: t_right, a_right, t_left, a_left
    srelu: np.ndarray


class OptimizerState(NamedTuple):
    """First moments (Adam) or velocities, and second moments (empty for SGD), float32."""

    weights_1: np.ndarray
    weights_2: np.ndarray
    intercepts_1: np.ndarray
    intercepts_2: np.ndarray
    srelu_1: np.ndarray
    srelu_2: np.ndarray


class Workspace(NamedTuple):
    """Buffers of a training run, whose content outlives no step.

    But inputs stay, for a next step of the same samples. And the gradients of connections and
    hidden units are zero between steps, which add to them; after an interrupted one it is not so.
    """

    activations: np.ndarray  # float32, a [n_tiles, width, lanes] block per level
    # float32 [n_tiles, n_features, lanes] flat, the inputs before they are disturbed: where they
    # are kept for the next step, memory of their own; else the activations
    inputs: np.ndarray
    level_start: np.ndarray  # int64 [n_levels], where a level's block begins
    n_chunks: np.ndarray  # int64 [n_layers], private partial sums of the forward pass, 0: by column
    partials: np.ndarray  # float32, the partial sums
    column_splits: np.ndarray  # int32, where a thread's columns begin within each row
    in_turns: bool  # whether a row's ``d`` are added to two sums in turns, as in narrow vectors
    gradients: np.ndarray  # float32, a block for each thread, or one value a connection
    scratch_size: int  # floats a thread owns in gradients; 0: gradients covers all connections
    unit_gradients: np.ndarray  # float32 [5, n_units] flat: intercept and four SReLU parameters
    # float32 [n_features + n_threads, lanes] flat, a tile of inputs; of COX [n_tiles, lanes] flat,
    # the samples' risk sets; else empty
    clean: np.ndarray


class XView(NamedTuple):
    """X as kernels read it: addresses, and strides in bytes; nothing is copied."""

    is_sparse: bool
    is_double: bool  # float64 values, else float32
    values: int  # address of the first value
    row_stride: int  # dense only
    column_stride: int  # dense only
    indptr: int  # address; CSR only, as below
    indices: int  # address
    long_indptr: bool  # int64 row pointers, else int32
    long_indices: bool  # int64 indices, else int32


class StepParameters(NamedTuple):
    """Everything about a step that is not a weight: constant during a fit."""

    loss: int
    loss_parameter: np.float32  # where HUBER begins to be linear, or which QUANTILE
    activation: int
    slopes: np.ndarray  # float32 [n_levels], of the pieces below zero, by level
    solver: int
    momentum: np.float32  # or Adam's beta_1
    beta_2: np.float32
    adam_epsilon: np.float32
    rate_scale: np.ndarray  # float32 [n_layers], multiplies the learning rate of each layer
    weight_scale: np.ndarray  # float32 [n_layers], once more for weights: 1 / the inputs' unit
    dropout: np.uint64  # threshold of the 32-bit hash; 0: no dropout
    dropout_scale: np.float32
    input_dropout: np.uint64
    input_dropout_scale: np.float32
    input_noise: np.float32
    noise_spread: np.ndarray  # float32 [n_features], multiplies it by input; empty without noise
    seed: np.uint64


class Batches(NamedTuple):
    """A range of mini-batches to train on, and what came out of it."""

    n_steps: int
    n_samples: int
    batch_size: int
    first_step: int  # number of steps taken before this range: the counter of the hashes
    order: np.ndarray  # int64 [n_samples], samples in the order they are visited
    targets: np.ndarray  # int32, classes by sample; empty where the loss knows none
    values: np.ndarray  # float32 [n_samples, n_out] flat, numbers by sample; empty likewise
    sample_weight: np.ndarray  # float32, by sample
    rates: np.ndarray  # float64 [n_steps], learning rate, Adam's bias correction included
    decays: np.ndarray  # float64 [n_steps], learning rate times weight decay
    losses: np.ndarray  # float64 [n_steps], out: weighted mean loss of each mini-batch
    # int64 [2], out: 1 + the step whose loss is not finite, 0, or -1 where all were told to stop;
    # whether a thread left some of its gradients undone.
    status: np.ndarray
    inputs_loaded: bool = False  # whether the workspace has the inputs from a step before


class PredictionBatch(NamedTuple):
    """Samples to predict, and where to."""

    first: int
    last: int
    order: np.ndarray  # int64, sample numbers
    level: int  # the level to reach
    buffer: np.ndarray  # float32, a tile of the inputs, then two of the widest other level
    half: int  # floats in each of these two
    activated: bool  # whether the activation function is applied to the result
    out: np.ndarray  # float32 [n_samples, width of the level reached] flat


class GradientBatch(NamedTuple):
    """Samples to differentiate the network at, and where the sums over each tile go."""

    first: int  # tiles
    last: int
    n_samples: int
    order: np.ndarray  # int64 [n_samples], sample numbers
    targets: np.ndarray  # int32 [n_samples], classes, or outputs
    weight: np.ndarray  # float32 [n_samples], what each counts
    level_start: np.ndarray  # int64 [n_levels], where a level's tile begins in the buffer
    buffer: np.ndarray  # float32, a tile of each level
    kind: int  # OF_LOSS, OF_LOGIT, ATTRIBUTION, OF_OUTPUT or ATTRIBUTION_OF_OUTPUT
    steeper: bool  # whether the steeper of the straight and the hidden ways counts, not their sum
    out: np.ndarray  # float32 [n_tiles, n_features] flat


class ContributionBatch(NamedTuple):
    """Samples whose inputs' contributions to some columns are asked for, and where these go.

    A column is a sum of outputs, each multiplied by a factor; no output belongs to two.
    """

    first: int  # tiles
    last: int
    n_samples: int
    order: np.ndarray  # int64 [n_samples], sample numbers
    level_start: np.ndarray  # int64 [n_levels], where a level's tile begins in both buffers
    buffer: np.ndarray  # float32, a tile of each level: inputs and pre-activations
    gradients: np.ndarray  # float32, a tile of each level
    column_of: np.ndarray  # int64 [n_out], of each output; -1: none
    factor: np.ndarray  # float32 [n_out]
    n_columns: int
    out: np.ndarray  # float32 [n_samples, n_features, n_columns] flat


class SignalBatch(NamedTuple):
    """One tile of samples, and where what the neurons do goes: see ``GradientBatch``."""

    tile: int
    n_samples: int
    order: np.ndarray  # int64 [n_samples], sample numbers
    targets: np.ndarray  # int32 [n_samples], classes; or empty
    values: np.ndarray  # float32 [n_samples, n_outputs] flat, targets that are numbers; or empty
    weight: np.ndarray  # float32 [n_samples], adds up to 1
    level_start: np.ndarray  # int64 [n_levels], where a level's tile begins in both that follow
    buffer: np.ndarray  # float32, pre-activations, then gradients
    kind: int  # OF_LOSS
    out: np.ndarray  # float32, activations
    backward: bool  # whether there are gradients


class LayerPair(NamedTuple):
    """One layer in two networks of the same sizes, and what each of them counts in the mean."""

    n_in: int
    share_1: float
    share_2: float
    indptr_1: np.ndarray  # int64 [n_in + 1], absolute positions in what follows
    indices_1: np.ndarray  # int32
    weights_1: np.ndarray  # float32
    indptr_2: np.ndarray  # the same of the other network
    indices_2: np.ndarray
    weights_2: np.ndarray
    means: np.ndarray  # float32 [at least the cells that either connects], out
    magnitudes: np.ndarray  # uint32, the same memory
    n_united: np.ndarray  # int64 [1], out: how many cells these are


class KeptConnections(NamedTuple):
    """Which of the means become connections, and where they go."""

    threshold: int  # bits of the smallest magnitude
    n_ties: int  # how many means of that magnitude there is room for
    start: int  # position of the layer's first connection
    indptr: np.ndarray  # int64 [n_in + 1], out: absolute positions, the first is there
    indices: np.ndarray  # int32, out
    weights: np.ndarray  # float32, out


class WeightInit(NamedTuple):
    """The distribution of new weights, and the seeds of one rebuilding of one layer."""

    distribution: int
    scale: np.float32  # half-width if uniform, standard deviation if normal
    topology: np.uint64
    weights: np.uint64


# ---------------------------------------------------------------- made by kernels


class Tile(NamedTuple):
    """A level's block of vectors inside a buffer."""

    values: np.ndarray  # float32
    start: int


class Samples(NamedTuple):
    """Some samples, one a lane, in the order that a mini-batch visits them."""

    order: np.ndarray  # int64, sample numbers
    first: int  # position in order
    n: int


class Step(NamedTuple):
    """One mini-batch."""

    number: int  # inside its range
    counter: int  # of all steps ever taken: addresses the random numbers
    first: int  # position of its first sample in the order
    n_samples: int
    n_tiles: int
    dropout_key: np.uint64
    rate: np.float32
    decay: np.float32


class Pass(NamedTuple):
    """One layer seen from one tile of a mini-batch."""

    layer: int
    level: int  # that the layer leads from
    tile: int
    source: int  # where the tile of that level begins
    target: int  # where the tile of the level that it leads to begins
    dropout_key: np.uint64


class Block(NamedTuple):
    """Some rows of a layer, and the columns of one of several parts."""

    first: int  # rows
    last: int
    splits: np.ndarray  # int32, where each part but the first begins within each row
    part: int
    parts: int


class Trained(NamedTuple):
    """Consecutive parameters, and what the solver remembers of them."""

    values: np.ndarray  # float32
    moment_1: np.ndarray  # float32
    moment_2: np.ndarray  # float32
    start: int
    n: int
