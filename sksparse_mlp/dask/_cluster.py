"""Blocks on the workers of a cluster, and one round of training on all of them."""

import operator
import pickle
from uuid import uuid4

from .._network.team import PATIENCE, Stopped
from ._messages import split_state
from ._replica import train_replica

# Bytes of a part of a message. Dask warns of graphs beyond 10 MB; data that were scattered instead
# would be lost with their workers.
LARGEST_PART = 2**23


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
    plan : RoundPlan

    Attributes
    ----------
    n_bytes : int
        Size of the messages that the last round began with, to each worker.
    """

    def __init__(self, client, blocks, shares, plan):
        self.n_bytes, self.n_rounds, self.token = 0, 0, uuid4().hex
        self.client, self.blocks, self.shares, self.plan = client, blocks, shares, plan
        self._sent_plan = client.submit(_as_it_is, plan, pure=False)  # Dask looks into all others
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
        self.n_bytes, self.n_rounds = 0, self.n_rounds + 1
        pattern, values = split_state(network.state_dict())
        if network.n_evolutions != self._n_evolutions:
            self._pattern, self._n_evolutions = self._sent(pattern), network.n_evolutions
        average = self.client.compute(self._tree(self._sent(values), rate), optimize_graph=False)
        self._wait(average, interrupt)
        return average.result()

    def _sent(self, message):
        """Futures of the parts of a message, which Dask makes again if it loses them."""
        text = pickle.dumps(message, protocol=5)
        self.n_bytes += len(text)
        parts = [text[start : start + LARGEST_PART] for start in range(0, len(text), LARGEST_PART)]
        return [self.client.submit(_as_it_is, part, pure=False) for part in parts]

    def _tree(self, values, rate):
        """Replicas of all blocks, and sums of neighbours: in what order, the positions say."""
        from dask import delayed

        train = delayed(train_replica, pure=False)
        sums = [
            train(
                self._pattern, values, block, number, share, self._sent_plan, rate,
                dask_key_name=self._key("train_replica", number),
            )
            for number, (block, share) in enumerate(zip(self.blocks, self.shares, strict=True))
        ]  # fmt: skip
        add, n_sums = delayed(operator.add, pure=False), 0
        while len(sums) > 1:
            pairs, sums = [sums[i : i + 2] for i in range(0, len(sums), 2)], []
            for pair in pairs:
                key, n_sums = self._key("average", n_sums), n_sums + 1
                sums.append(add(*pair, dask_key_name=key) if len(pair) == 2 else pair[0])
        return sums[0]

    def _key(self, name, number):
        """The key of a task: Dask's dashboard shows those of a round as one group."""
        return (f"{name}-{self.n_rounds}-{self.token}", number)

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


def _as_it_is(part):
    return part
