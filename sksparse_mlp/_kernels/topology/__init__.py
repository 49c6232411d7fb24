"""Kernels that rebuild one layer: drop some connections, grow as many, in one pass over it.

The arithmetic of ``sksparse_mlp._network.topology``, where the rules are. Exact, and in time
proportional to the connections, never to the cells. Rows are handled in at most ``MAX_CHUNKS``
chunks; chunks, not threads, own the random numbers, so the number of threads changes no bit.
"""
