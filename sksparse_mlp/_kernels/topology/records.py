"""What the kernels of topology take, beside the records of :mod:`sksparse_mlp._kernels.records`."""

from typing import NamedTuple

import numpy as np


class Layer(NamedTuple):
    """One layer's connections, as they are before it is rebuilt."""

    n_in: int
    n_out: int
    indptr: np.ndarray  # int64 [n_in + 1], from 0
    indices: np.ndarray  # int32 [connections]
    weights: np.ndarray  # float32 [connections]
    moment_1: np.ndarray  # float32 [connections]
    moment_2: np.ndarray  # float32, empty where the solver has one moment only
    saliency: np.ndarray  # uint32 [connections of the layer], see _network/topology/base.py
    guided: bool  # whether growth prefers some rows
    preferences: np.ndarray  # float64 [n_in + 1], running sums of the rows' preferences; or empty
    # float64 and int64 [chunks]: Walker's tables of the chunks' preferences; or empty
    chunk_shares: np.ndarray
    chunk_aliases: np.ndarray
    chooses: bool  # whether some new connections were chosen before
    chosen_indptr: np.ndarray  # int64 [n_in + 1], their row pointers, from 0; or empty
    chosen: np.ndarray  # int32, their columns, ascending in a row
    forbids: bool  # whether connections may not grow at some cells; none lies there
    forbidden_indptr: np.ndarray  # int64 [n_in + 1], row pointers of these cells, from 0; or empty
    forbidden: np.ndarray  # int32, their columns, ascending in a row


class Rebuilt(NamedTuple):
    """Where a layer's connections are to be afterwards; maybe where they are before."""

    indices: np.ndarray  # int32 [connections]
    weights: np.ndarray  # float32 [connections]
    moment_1: np.ndarray  # float32 [connections]
    moment_2: np.ndarray  # float32, empty where the solver has one moment only


class RebuildBuffers(NamedTuple):
    """Where a layer is rebuilt, and the notes that the threads share meanwhile."""

    n_connections: int  # afterwards
    two_moments: bool
    indptr: np.ndarray  # int64 [n_in + 1]
    indices: np.ndarray  # int32 [n_connections]
    weights: np.ndarray  # float32 [n_connections]
    moment_1: np.ndarray  # float32 [n_connections]
    moment_2: np.ndarray  # float32 [n_connections or 0]
    kept: np.ndarray  # int64 [n_in], connections of a row that stay
    grown: np.ndarray  # int64 [n_in], connections that a row grows
    guides: np.ndarray  # int64 [n_in], or empty: where to look for rows that are preferred
    columns: np.ndarray  # int32 [n_threads, max_grown] flat, the columns that one row grows
    max_grown: int
    taken: np.ndarray  # int64 [n_threads, n_words] flat, a bit a column; clear between rows
    n_words: int
    chunks: np.ndarray  # int64 [MAX_CHUNKS, 7] flat: ties by group, kept, grown, start, free, draws
    states: np.ndarray  # uint64 [MAX_CHUNKS + 1, 2] flat: states of the chunks' random numbers
    histograms: np.ndarray  # int64 [n_threads, 2, HISTOGRAM] flat
    selection: np.ndarray  # int64 [3, 2] flat, by group: threshold's bits, ties to drop, drops


class Proposals(NamedTuple):
    """Cells of a layer where connections might grow, in slots of their rows, and how good they are.

    Either both the table and the vectors are there, or the layer by column: then columns are found
    by walks along three connections, and judged by how often they are.
    """

    n_in: int
    n_out: int
    indptr: np.ndarray  # int64 [n_in + 1], of the layer, from 0
    indices: np.ndarray  # int32
    slots: np.ndarray  # int64 [n_in + 1], where each row's proposals begin
    columns: np.ndarray  # int32 [proposals], out: ascending in a row; negative where connected
    scores: np.ndarray  # float32 [proposals], out: 0 where there is nothing to choose
    rivals: bool  # whether connected cells are judged, too
    table: np.ndarray  # int32 [n_table], columns in order, each as often as its weight says
    n_table: int
    n_tiles: int
    source: np.ndarray  # float32 [n_tiles, n_in, lanes] flat, a cell's score is the product of its
    target: np.ndarray  # float32 [n_tiles, n_out, lanes] flat
    scaled: bool  # whether the product is multiplied by
    row_scales: np.ndarray  # float32 [n_in], or empty
    column_scales: np.ndarray  # float32 [n_out], or empty
    walks: bool
    column_pointers: np.ndarray  # int64 [n_out + 1], of the layer by column
    rows: np.ndarray  # int32 [connections], by column
    found: np.ndarray  # int32, the memory of the scores: columns before they are sorted
    buckets: np.ndarray  # int64 [MAX_CHUNKS, MAX_BUCKETS + 1] flat, to sort them
    states: np.ndarray  # uint64 [MAX_CHUNKS]
    seed: np.uint64
