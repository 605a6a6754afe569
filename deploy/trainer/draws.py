"""Random draws as pure functions of what they belong to, so that a resumed training draws the same.

splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014 (its mixing function).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def mix(words: Words) -> Words:
    """splitmix64's output function: every input bit moves every output bit."""
    with np.errstate(over='ignore'):
        words = words + GOLDEN_GAMMA
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return words ^ (words >> np.uint64(31))


def hash_words(*parts: int | npt.NDArray[np.integer]) -> Words:
    """One 64-bit hash for each row of the broadcast `parts`."""
    state = np.zeros(1, np.uint64)
    for part in parts:
        state = mix(state ^ np.asarray(part).astype(np.int64).view(np.uint64))
    return state


def posterior_coins(
    seed: int, pass_number: int, documents: npt.NDArray[np.int64], chunks: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """A fair coin for each (document id, chunk number) of one pass: true asks for the posterior form.

    Flipped anew on every pass, as the authors' data loader does (BoLT lingua/data.py:273-287).
    """
    return (hash_words(seed, pass_number, documents, chunks) >> np.uint64(63)).astype(np.bool_)


def order_of(seed: int, pass_number: int, count: int) -> npt.NDArray[np.int64]:
    """The permutation of `count` examples in which a pass reads them."""
    return np.random.Generator(np.random.PCG64([seed, pass_number, 1])).permutation(count)
