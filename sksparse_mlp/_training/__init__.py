"""The training loop, its schedules, its stopping rule and its checkpoints.

Knows networks and kernels; knows no labels and no scikit-learn.
"""
