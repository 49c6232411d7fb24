"""Ctrl-C that waits for a safe place: between two calls of a kernel, never inside an update."""

import signal
import threading
from contextlib import contextmanager


class Interrupt:
    """Whether Ctrl-C was pressed.

    Parameters
    ----------
    on_request : callable or None
        Called when it is, with no argument.
    """

    def __init__(self, on_request=None):
        self.requested, self.on_request = False, on_request

    def __call__(self, signum, frame):
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        if self.on_request is not None:
            self.on_request()


@contextmanager
def deferred_interrupt(on_request=None):
    """Collect Ctrl-C in an :class:`Interrupt`; a second one is raised at once.

    Signals reach the main thread only, and a handler that somebody else installed, before or
    meanwhile, is left alone, as is a Ctrl-C that is ignored: it does whatever it did before.
    """
    interrupt = Interrupt(on_request)
    in_main_thread = threading.current_thread() is threading.main_thread()
    usual = in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual:
        yield interrupt
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
