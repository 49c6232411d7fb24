"""Pictures of fitted networks: how training went, which inputs matter, where the connections are.

The classes follow scikit-learn's displays: ``from_estimator`` draws and returns a display, whose
``ax_`` and ``figure_`` take any further change. They need matplotlib, which is imported only when
something is drawn: ``pip install sksparse-mlp[plot]``.
"""

from ._history import TrainingHistoryDisplay
from ._importance import FeatureImportanceDisplay
from ._topology import TopologyDisplay

__all__ = ["FeatureImportanceDisplay", "TopologyDisplay", "TrainingHistoryDisplay"]
