"""What classes mean for training: labels, class weights, temperature."""

import numpy as np
from sklearn.base import ClassifierMixin

from . import defaults
from .base import plain_parameters
from .continual import ContinualClassifier
from .explaining import ExplainsClassifier
from .handed_out import FittedAttribute
from .labels import (
    classes_of,
    is_indicator,
    readable_labels,
    set_first_classes,
    weighted_by_class,
)
from .supervised import BaseSupervisedMLP
from .tasks import ClassTask, IndicatorTask


class BaseSparseClassifier(
    ClassifierMixin, ExplainsClassifier, ContinualClassifier, BaseSupervisedMLP
):
    """Everything about a classifier but its parameters, their documentation and its methods."""

    classes_ = FittedAttribute("The class labels, sorted: array of shape (n_classes,), read-only.")

    @property
    def _task(self):
        if self._multilabel:
            return IndicatorTask(len(self.classes_), self.temperature_)
        return ClassTask(self.classes_, self.temperature_)

    def _read_y(self, y, name):
        return readable_labels(y, name, multilabel=name == "y" or self._multilabel)

    def _checks_of_y(self, y):
        return {"multi_output": is_indicator(y)}

    def _set_targets(self, y, sample_weight, *, going_on):
        multilabel = is_indicator(y)
        self._check_class_weight(multilabel)
        classes = np.arange(y.shape[1]) if multilabel else classes_of(y)
        if len(classes) < 2 and not multilabel:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes; y "
                f"(n_samples={len(y)}) contains 1 class: {classes.tolist()}."
            )
        same = (
            going_on and multilabel == self._multilabel and np.array_equal(classes, self.classes_)
        )
        if going_on and not same:
            raise ValueError(
                "warm_start=True goes on with the same classes: the network was fitted with "
                f"{self.classes_}, y holds {classes}."
            )
        self.classes_, self._multilabel = classes, multilabel
        if not going_on:
            self.temperature_ = 1.0

    def _set_classes(self, classes):
        set_first_classes(self, classes)

    def _set_targets_of_stream(self, y, sample_weight, *, is_first):
        if is_first:
            self._multilabel, self.temperature_ = is_indicator(y), 1.0
            if self._multilabel and not np.array_equal(self.classes_, np.arange(y.shape[1])):
                raise ValueError(
                    "classes must be the numbers of the columns of an indicator matrix y, "
                    f"0 to {y.shape[1] - 1}; got {self.classes_.tolist()}."
                )
        self._check_class_weight(self._multilabel)

    def _check_class_weight(self, multilabel):
        if multilabel and self.class_weight is not None:
            raise ValueError(
                f"class_weight={self.class_weight!r} has no meaning for several labels a sample: "
                "set class_weight=None, and give sample_weight."
            )

    def _weighted(self, sample_weight, targets):
        if self._multilabel:
            return sample_weight
        weight = weighted_by_class(sample_weight, targets, self.class_weight, self.classes_)
        if not weight.any():
            raise ValueError(
                f"class_weight={self.class_weight!r} leaves nothing to learn from: the data "
                f"(n_samples={len(weight)}) contains 0 classes of positive weight."
            )
        return weight

    def _set_temperature(self, shape, widths, network):
        if network is not None and network.stable is not None:
            return  # what stable outputs say never changes
        self.temperature_ = plain_parameters(self, ["temperature"])["temperature"]
        if self.temperature == "auto":
            n_features, *hidden, _n_outputs = widths
            self.temperature_ = defaults.temperature(
                shape.n_samples_in_all, n_features, len(hidden)
            )

    def _check_that_streams_make_sense(self):
        super()._check_that_streams_make_sense()
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} cannot be known from a part of the data: "
                "for partial_fit give a dict, or sample_weight."
            )

    def _logits(self, X):
        """Tempered logits of raw X, float64."""
        return self._outputs(X) / self.temperature_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.class_weight is None
        return tags
