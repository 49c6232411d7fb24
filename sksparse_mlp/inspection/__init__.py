"""Numbers about fitted networks: their layers, their inputs, how far apart two of them are.

Everything is computed from public fitted attributes. Wherever a fitted network is expected, a
fitted pipeline, search or selector that ends in one will do; but for ``contributions``, which takes
what the network itself takes.
"""

from ._contributions import contributions
from ._distance import topology_distance
from ._importance import importance_table
from ._recorder import InputDegreeRecorder, TopologyDistanceRecorder
from ._summary import LayerSummary, NetworkSummary, summary
from ._topology import topology_report

__all__ = [
    "InputDegreeRecorder",
    "LayerSummary",
    "NetworkSummary",
    "TopologyDistanceRecorder",
    "contributions",
    "importance_table",
    "summary",
    "topology_distance",
    "topology_report",
]
