"""The arithmetic: Numba kernels, flat arrays in, arrays out.

Knows nothing above it; see :mod:`.steps` for the layout, :mod:`.records` for the words.
"""
