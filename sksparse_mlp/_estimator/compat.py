"""The only importer of private or experimental names of scikit-learn, and of what some lack."""

from contextlib import contextmanager
from inspect import signature

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.multiclass import _check_partial_fit_first_call as check_first_partial_fit
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin before version 1.9: no callback is ever called."""


__all__ = [
    "CallbackReporter",
    "CallbackSupportMixin",
    "EnsembleReporter",
    "Interval",
    "InvalidParameterError",
    "LinkedToDocs",
    "RealNotInt",
    "StrOptions",
    "accepts_sample_weight",
    "check_first_partial_fit",
    "check_sample_weight",
    "fit_context",
    "method_if",
]


def accepts_sample_weight(scorer):
    """Whether a scorer takes weights: one of scikit-learn's, if the metric inside it does."""
    try:
        return scorer._accept_sample_weight()
    except AttributeError:
        return "sample_weight" in signature(scorer).parameters


class LinkedToDocs:
    """Links each parameter in the HTML representation to its line in the README's tables."""

    _doc_link_module = "sksparse_mlp"
    _doc_link_template = "https://pypi.org/project/sksparse-mlp/"


class MethodUnavailableError(AttributeError, ValueError):
    """A method does not exist for the parameters that are set: the message names them."""


class method_if:
    """Make a method exist only where a check passes, as scikit-learn's ``available_if`` does.

    There the reason is hidden behind a plain AttributeError; here it is the error, and a
    ValueError too.

    Parameters
    ----------
    check : callable
        Takes the estimator; raises ValueError where the method has no meaning.
    """

    def __init__(self, check):
        self.check = check

    def __call__(self, method):
        self.method = method
        self.__doc__ = method.__doc__
        return self

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self.method
        try:
            self.check(estimator)
        except ValueError as error:
            raise MethodUnavailableError(str(error)) from None
        return self.method.__get__(estimator, owner)


class FitReporter:
    """Tells scikit-learn's callbacks of a fit; does nothing where no callback is set.

    Parameters
    ----------
    estimator : estimator
        With or without support for callbacks.
    data : dict
        What callbacks may ask for: "X", "y" and "metadata".
    n_tasks : int
        The largest number of tasks that the fit consists of.
    fitted_attributes : callable
        Returns a dict of fitted attributes, or None; called only where a callback wants to predict.

    Attributes
    ----------
    active : bool
        Whether there is any callback.
    asked_to_stop : bool
        Whether one has asked for the last task to be the last.
    """

    def __init__(self, estimator, data, n_tasks, fitted_attributes):
        self.arguments = {
            "estimator": estimator,
            **data,
            "reconstruction_attributes": fitted_attributes,
        }
        self.active = bool(getattr(estimator, "_skl_callbacks", None))
        self.asked_to_stop = False
        if self.active:
            self.fit = estimator._init_callback_context(max_subtasks=n_tasks)
            self.fit.call_on_fit_task_begin(**self.arguments)

    def fit_ends(self):
        """The last task has ended."""
        if self.active:
            self.fit.call_on_fit_task_end(**self.arguments)


class CallbackReporter(FitReporter):
    """Tells scikit-learn's callbacks of a fit, its epochs, and the parts of long epochs."""

    def epoch_begins(self, n_parts):
        """An epoch begins; if it has parts, a progress bar shows them."""
        if self.active:
            self.epoch = self.fit.subcontext("epoch", max_subtasks=n_parts)
            self.epoch.call_on_fit_task_begin(**self.arguments)

    def part_ends(self):
        """A part of the epoch has ended; there is no fitted estimator to show in its middle."""
        if self.active:
            part = self.epoch.subcontext("part of an epoch")
            arguments = {**self.arguments, "reconstruction_attributes": None}
            part.call_on_fit_task_begin(**arguments)
            self.asked_to_stop |= bool(part.call_on_fit_task_end(**arguments))

    def epoch_ends(self):
        """An epoch has ended; True where a callback asks to stop, or asked in its middle."""
        if self.active:
            self.asked_to_stop |= bool(self.epoch.call_on_fit_task_end(**self.arguments))
        return self.asked_to_stop


class EnsembleReporter(FitReporter):
    """Tells scikit-learn's callbacks of a fit that fits other estimators, and of each of these."""

    @contextmanager
    def member(self, name, estimator):
        """While another estimator is fitted: callbacks that ask for it hear of its own tasks."""
        if not self.active:
            yield
            return
        task = self.fit.subcontext(name)
        with task.propagate_callback_context(estimator):
            task.call_on_fit_task_begin(**self.arguments)
            yield
            self.asked_to_stop |= bool(task.call_on_fit_task_end(**self.arguments))
