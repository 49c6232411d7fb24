"""Blocks on the workers of a cluster, and one round of training on all of them."""

import operator
from concurrent.futures import CancelledError

from .._network.team import PATIENCE, Stopped
from ._replica import split_state, train_replica

# A round whose messages died with their workers is begun anew, so many times in a row.
ATTEMPTS = 5


def the_client(client):
    """The client given, or the one that is current here."""
    from distributed import get_client

    if client is not None:
        return client
    try:
        return get_client()
    except ValueError:
        raise ValueError(
            "client=None takes the current Dask client, and there is none: create one with "
            "distributed.Client(), or give it as client."
        ) from None


class Cluster:
    """The blocks to train on, where they lie.

    Parameters
    ----------
    client : distributed.Client
    blocks : list of distributed.Future
        Of TrainingData.
    shares : ndarray of float64
        Of the weight of all samples, by block.
    plan : Plan
    """

    def __init__(self, client, blocks, shares, plan):
        self.client, self.blocks, self.shares, self.plan = client, blocks, shares, plan
        self._pattern, self._n_evolutions = None, None

    def train(self, network, rate, interrupt):
        """One round from a network on, which is left as it is.

        Parameters
        ----------
        network : SparseNetwork
        rate : float
            The learning rate that the schedule begins with.
        interrupt : Interrupt
            Once it is requested, nobody waits any longer: raises Stopped.

        Returns
        -------
        Learned
            The average over all blocks.
        """
        for attempt in range(ATTEMPTS):
            try:
                return self._attempt(network, rate, interrupt)
            # All workers that had a message have died, or one did while it was sent.
            except (CancelledError, OSError):
                self._pattern = None
                if attempt == ATTEMPTS - 1:
                    raise

    def _attempt(self, network, rate, interrupt):
        pattern, values = split_state(network.state_dict())
        if self._pattern is None or network.n_evolutions != self._n_evolutions:
            self._pattern, self._n_evolutions = self._sent(pattern), network.n_evolutions
        average = self.client.compute(self._tree(self._sent(values), rate), optimize_graph=False)
        self._wait(average, interrupt)
        return average.result()

    def _sent(self, message):
        """A future of a message, on all workers: none of them takes it along when it dies."""
        # In a list, since the parts of a dict would be sent one by one.
        return self.client.scatter([message], broadcast=True, hash=False)[0]

    def _tree(self, values, rate):
        """Replicas of all blocks, and sums of neighbours: in what order, the positions say."""
        from dask import delayed

        train = delayed(train_replica, pure=False)
        sums = [
            train(self._pattern, values, block, number, share, self.plan, rate)
            for number, (block, share) in enumerate(zip(self.blocks, self.shares, strict=True))
        ]
        add = delayed(operator.add, pure=False)
        while len(sums) > 1:
            pairs = [sums[i : i + 2] for i in range(0, len(sums), 2)]
            sums = [add(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
        return sums[0]

    def _wait(self, future, interrupt):
        from distributed import wait

        while not interrupt.requested:
            try:
                wait(future, timeout=PATIENCE)
                return
            except TimeoutError:
                continue
        future.cancel()
        raise Stopped
