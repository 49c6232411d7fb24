"""Choosing cells where connections grow: candidates are drawn, judged, and the best taken.

Guided stochastic exploration [1]_: no rule ever looks at all cells of a layer.

References
----------
.. [1] Heddes et al. (2024). Always-sparse training by growing connections with guided stochastic
       exploration. arXiv 2401.06898.
"""

import numpy as np
from scipy.sparse import csr_array

from ..._kernels.topology.notes import MAX_BUCKETS, MAX_CHUNKS
from ..._kernels.topology.propose import propose_cells
from ..._kernels.topology.records import Proposals
from ..lanes import MAX_LANES, lanes_for
from ..streams import derive_seed
from ..team import Stopped
from .base import NO_CELLS, Cells

# Cells that are drawn for each that grows.
CANDIDATES = 4
# Sets random numbers apart: of the candidates' columns, of other candidates, of the table.
OF_CANDIDATES, OF_OTHERS, OF_TABLE = 0, 3, 4
# Columns are drawn from a table of so many for each neuron, and of so many at least.
TABLE_PER_NEURON, SMALLEST_TABLE = 4, 2**12


def choose_cells(team, layer, candidates, n):
    """Choose at most ``n`` empty cells of a layer.

    Parameters
    ----------
    team : Team
        Threads; their number changes no bit.
    layer : LayerView
    candidates : Candidates
    n : int
        How many connections grow.

    Returns
    -------
    Cells
        None of them is connected.
    """
    cells = _judged(team, layer, candidates, CANDIDATES * n)
    if cells is None:
        return NO_CELLS
    places = np.flatnonzero(_best(cells.scores, n) & (cells.columns >= 0))
    return Cells(np.searchsorted(places, cells.slots), cells.columns[places])


def scores_of(team, layer, candidates, n):
    """How good about n candidates are, float32; 0 for cells that are connected or drawn twice.

    They are other ones than those of which :func:`choose_cells` chooses.
    """
    seed = np.uint64(derive_seed(int(layer.seed), OF_OTHERS))
    cells = _judged(team, layer._replace(seed=seed), candidates, int(n))
    return np.zeros(0, np.float32) if cells is None else cells.scores


def _judged(team, layer, candidates, n):
    """Candidates, drawn and judged; None where there are none."""
    slots = _slots(candidates.row_weights, n, layer)
    columns = candidates.column_weights
    if slots[-1] == 0 or not (columns is None or _can_be_drawn_by(columns)):
        return None
    cells = _proposals(layer, candidates, slots)
    team.run(propose_cells, cells, lanes=lanes_for(MAX_LANES))
    if team.stopped:
        raise Stopped
    _rule_out_forbidden(cells, layer)
    return cells


def _can_be_drawn_by(weights):
    """Whether weights have a sum to draw by: those of a training about to diverge may not."""
    return 0 < weights.sum(dtype=np.float64) < np.inf


def _slots(row_weights, n, layer):
    """Where each row's candidates begin: no more than it has cells."""
    if n == 0 or not _can_be_drawn_by(row_weights):
        return np.zeros(layer.n_in + 1, np.int64)
    n_of_row = np.minimum(_systematic(row_weights, n, layer.seed), layer.n_out)
    return np.concatenate(([0], np.cumsum(n_of_row)))


def _systematic(weights, n, seed):
    """How often each is among n draws by weight: what is expected, rounded up or down."""
    sums = np.cumsum(weights, dtype=np.float64)
    offset = np.random.default_rng(seed).random()
    drawn = np.floor(sums / sums[-1] * n + offset).astype(np.int64)
    return np.diff(drawn, prepend=0)


def _table_of_columns(weights, seed):
    """Columns in order, each as often as its weight says: to draw one is to look one up."""
    n = max(SMALLEST_TABLE, TABLE_PER_NEURON * weights.size)
    return np.repeat(np.arange(weights.size, dtype=np.int32), _systematic(weights, n, seed))


def _proposals(layer, candidates, slots):
    """What the kernel is told, and where it writes."""
    walks, nothing = candidates.source is None, np.zeros(0, np.float32)
    pointers, rows = _by_column(layer) if walks else NO_CELLS
    table, scales = np.zeros(0, np.int32), (candidates.row_scales, candidates.column_scales)
    if not walks:
        table = _table_of_columns(candidates.column_weights, derive_seed(int(layer.seed), OF_TABLE))
    row_scales, column_scales = (nothing if scale is None else scale for scale in scales)
    scores = np.empty(slots[-1], np.float32)
    return Proposals(
        n_in=layer.n_in,
        n_out=layer.n_out,
        indptr=layer.indptr,
        indices=layer.indices,
        slots=slots,
        columns=np.empty(slots[-1], np.int32),
        scores=scores,
        rivals=candidates.rivals,
        table=table,
        n_table=table.size,
        n_tiles=0 if walks else len(candidates.source),
        source=nothing if walks else candidates.source.reshape(-1),
        target=nothing if walks else candidates.target.reshape(-1),
        scaled=row_scales is not nothing,
        row_scales=row_scales,
        column_scales=column_scales,
        walks=walks,
        column_pointers=pointers,
        rows=rows,
        found=scores.view(np.int32),
        buckets=np.empty(MAX_CHUNKS * (MAX_BUCKETS + 1), np.int64),
        states=np.empty(MAX_CHUNKS, np.uint64),
        seed=derive_seed(int(layer.seed), OF_CANDIDATES),
    )


def _by_column(layer):
    """Pointers of the columns, and the rows of their connections."""
    n, pointers = layer.indices.size, layer.indptr
    if n <= np.iinfo(np.int32).max:  # pointers of another type would have all indices copied
        pointers = pointers.astype(np.int32)
    pattern = csr_array(
        (np.empty(n, np.int8), layer.indices, pointers), shape=(layer.n_in, layer.n_out)
    ).tocsc()
    return pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32, copy=False)


def _rule_out_forbidden(cells, layer):
    """Cells where none may grow are no candidates: their score becomes zero."""
    if layer.forbidden.columns.size == 0:
        return
    drawn = _numbers(Cells(cells.slots, cells.columns), layer.n_out)
    forbidden = _numbers(layer.forbidden, layer.n_out)
    places = np.searchsorted(forbidden, drawn).clip(max=forbidden.size - 1)
    cells.scores[forbidden[places] == drawn] = 0


def _numbers(cells, n_out):
    """Cells by number: the row times the columns of one, and the column; -1 stays out of range."""
    rows = np.repeat(np.arange(cells.indptr.size - 1), np.diff(cells.indptr))
    return np.where(cells.columns < 0, -1, rows * n_out + cells.columns)


def _best(scores, n):
    """Which are the n highest scores, or all above zero; of equal ones the first."""
    chosen = scores > 0
    if np.count_nonzero(chosen) <= n:
        return chosen
    lowest = np.partition(scores, scores.size - n)[scores.size - n]
    chosen = scores > lowest
    equal = np.flatnonzero(scores == lowest)
    chosen[equal[: n - np.count_nonzero(chosen)]] = True
    return chosen
