"""What a network is to learn: the meaning of y and of the outputs, one small file a kind.

A task knows how y becomes the targets that kernels read and back, which loss is trained, and what
outputs are worth on samples that were held out. It knows no X and no network.
"""

from .base import Task
from .classes import ClassTask
from .indicators import IndicatorTask
from .numbers import NumberTask
from .times import TimeTask

__all__ = ["ClassTask", "IndicatorTask", "NumberTask", "Task", "TimeTask"]
