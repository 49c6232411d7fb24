"""Pictures of fitted networks: training, which inputs matter, single predictions, connections.

The classes follow scikit-learn's displays: ``from_estimator`` draws and returns a display, whose
``ax_`` and ``figure_`` take any further change. They need matplotlib, which is imported only when
something is drawn: ``pip install 'sksparse-mlp[plot]'``.
"""

from ._contributions import ContributionDisplay
from ._history import TrainingHistoryDisplay
from ._importance import FeatureImportanceDisplay
from ._topology import TopologyDisplay

__all__ = [
    "ContributionDisplay",
    "FeatureImportanceDisplay",
    "TopologyDisplay",
    "TrainingHistoryDisplay",
]
