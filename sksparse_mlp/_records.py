"""The arrays that kernels take, named: records of flat arrays and numbers, nothing else.

Notation: level 0 are the inputs, level ``l + 1`` the neurons that connection layer ``l`` feeds.
Units are the neurons of levels 1, 2, ..., in one sequence.
"""

from typing import NamedTuple

import numpy as np

# Activation codes. Pieces are linear with one slope below zero: leaky ReLU, All-ReLU.
IDENTITY, RELU, PIECEWISE, SRELU, TANH, LOGISTIC = range(6)
# Solver codes.
SGD, NESTEROV, ADAM = range(3)
# Loss codes: of class numbers, or of the outputs as a reconstruction of the clean inputs.
CROSS_ENTROPY, SQUARED_ERROR = range(2)
# The laws of new weights.
UNIFORM, NORMAL = range(2)
# Numba compiles a callee once more for each literal number that it is given; not so for these.
ZERO, ONE = np.int64(0), np.int64(1)


class Network(NamedTuple):
    """Parameters of all layers."""

    n_layers: int
    n_connections: int
    n_pointers: int
    n_units: int
    n_hidden_units: int
    widths: np.ndarray  # int64 [n_layers + 1], neurons of each level
    first_row: np.ndarray  # int64 [n_layers], where a layer's row pointers begin in indptr
    first_unit: np.ndarray  # int64 [n_layers + 1], where a level's units begin; inputs are none
    indptr: np.ndarray  # int64 [n_pointers], absolute positions in indices and weights
    indices: np.ndarray  # int32 [n_connections], output neuron, strictly ascending in a row
    weights: np.ndarray  # float32 [n_connections]
    intercepts: np.ndarray  # float32 [n_units]
    srelu: (
        np.ndarray
    )  # float32 [4, n_hidden_units] flat, or empty: t_right, a_right, t_left, a_left


class Slots(NamedTuple):
    """What the solver remembers: velocity, or Adam's two moments (the second empty for SGD)."""

    weights_1: np.ndarray
    weights_2: np.ndarray
    intercepts_1: np.ndarray
    intercepts_2: np.ndarray
    srelu_1: np.ndarray
    srelu_2: np.ndarray


class Workspace(NamedTuple):
    """Buffers of a training run, whose content outlives no step.

    With one exception: the gradients of connections and hidden units are zero between steps, for
    each step adds to them. An interrupted step leaves some: its workspace is not used again.
    """

    activations: np.ndarray  # float32, a [n_tiles, width, lanes] block per level
    level_start: np.ndarray  # int64 [n_layers + 1], where a level's block begins
    n_chunks: np.ndarray  # int64 [n_layers], private partial sums of the forward pass, 0: by column
    partials: np.ndarray  # float32, the partial sums
    column_splits: np.ndarray  # int32, where a thread's columns begin within each row
    gradients: np.ndarray  # float32, a block for each thread, or one value a connection
    scratch_size: int  # floats a thread owns in gradients; 0: gradients covers all connections
    unit_gradients: np.ndarray  # float32 [5, n_units] flat: intercept and four SReLU parameters
    clean: np.ndarray  # float32 [n_features + n_threads, lanes] flat, or empty: a tile of targets


class Rows(NamedTuple):
    """Rows of X as the kernels read them: addresses and strides in bytes, nothing copied."""

    is_sparse: bool
    is_double: bool  # float64 values, else float32
    values: int  # address of the first value
    row_stride: int  # dense only
    column_stride: int  # dense only
    indptr: int  # address; CSR only, as below
    indices: int  # address
    long_indptr: bool  # int64 row pointers, else int32
    long_indices: bool  # int64 indices, else int32


class Rules(NamedTuple):
    """Everything about a step that is not a weight: constant during a fit."""

    loss: int
    activation: int
    slopes: np.ndarray  # float32 [n_layers + 1], of the pieces below zero, by level
    solver: int
    momentum: np.float32  # or Adam's beta_1
    beta_2: np.float32
    adam_epsilon: np.float32
    rate_scale: np.ndarray  # float32 [n_layers], multiplies the learning rate of each layer
    dropout: np.uint64  # threshold of the 32-bit hash; 0: no dropout
    dropout_scale: np.float32
    input_dropout: np.uint64
    input_dropout_scale: np.float32
    input_noise: np.float32
    seed: np.uint64


class Plan(NamedTuple):
    """A range of mini-batches to train on, and what came out of it."""

    n_steps: int
    n_samples: int
    batch_size: int
    first_step: int  # number of steps taken before this range: the counter of the hashes
    order: np.ndarray  # int64 [n_samples], rows in the order they are visited
    targets: np.ndarray  # int32 [n_rows], classes; unused where inputs are reconstructed
    sample_weight: np.ndarray  # float32 [n_rows]
    rates: np.ndarray  # float64 [n_steps], learning rate, Adam's bias correction included
    decays: np.ndarray  # float64 [n_steps], learning rate times weight decay
    losses: np.ndarray  # float64 [n_steps], out: weighted mean loss of each mini-batch
    # int64 [2], out: 1 + the step whose loss is not finite, 0, or -1 where all were told to stop;
    # whether a thread left some of its gradients undone.
    status: np.ndarray


class Job(NamedTuple):
    """Rows to predict, and where to."""

    first: int
    last: int
    order: np.ndarray  # int64, row numbers
    buffer: np.ndarray  # float32, two tiles of the widest level
    half: int  # where the second tile begins
    activated: bool  # whether the activation function is applied to the result
    out: np.ndarray  # float32 [n_rows, width of the level reached] flat


class Layer(NamedTuple):
    """One layer's connections, inside the network's flat arrays."""

    n_in: int
    n_out: int
    start: int  # position of the layer's first connection
    indptr: np.ndarray  # int64 [n_in + 1], absolute positions
    indices: np.ndarray  # int32
    weights: np.ndarray  # float32
    bits: np.ndarray  # uint32, the same memory as weights
    slots_1: np.ndarray  # float32
    slots_2: np.ndarray  # float32, empty where the solver has only one slot
    guided: bool  # whether growth prefers some rows
    preferences: np.ndarray  # float64 [n_in + 1], running sums of the rows' preferences; or empty


class Draft(NamedTuple):
    """Where a layer is rebuilt, and the notes that the threads share meanwhile."""

    n_connections: int
    two_slots: bool
    indptr: np.ndarray  # int64 [n_in + 1]
    indices: np.ndarray  # int32 [n_connections]
    weights: np.ndarray  # float32 [n_connections]
    slots_1: np.ndarray  # float32 [n_connections]
    slots_2: np.ndarray  # float32 [n_connections or 0]
    kept: np.ndarray  # int64 [n_in], connections of a row that stay
    grown: np.ndarray  # int64 [n_in], connections that a row grows
    columns: np.ndarray  # int32 [n_threads, max_grown] flat, the columns that one row grows
    max_grown: int
    chunks: np.ndarray  # int64 [MAX_CHUNKS, 6] flat: ties by sign, kept, grown, start, free
    states: np.ndarray  # uint64 [MAX_CHUNKS + 1, 2] flat: states of the chunks' random numbers
    histograms: np.ndarray  # int64 [n_threads, 2, HISTOGRAM] flat
    selection: np.ndarray  # int64 [3, 2] flat, by sign: threshold's bits, ties to drop, drops


class Law(NamedTuple):
    """The law of new weights, and the seeds of one initialisation or evolution of one layer."""

    kind: int
    scale: np.float32  # half-width of the uniform law, standard deviation of the normal one
    topology: np.uint64
    weights: np.uint64
