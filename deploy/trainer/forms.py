"""The two forms of a chunk with its thought (BoLT lingua/data.py:279-285).

prior      SOL PRI z EOL x
posterior  SOL EOL x SOL POST z EOL        (the empty SOL EOL marks where the chunk begins)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]

PRIOR_EXTRA = 3
"""Markers that the prior form adds to z and x."""

POSTERIOR_EXTRA = 5
"""Markers that the posterior form adds to z and x."""


@dataclass(frozen=True)
class Framing:
    """Ids that stand around texts and thoughts, from a model's thoughtloop.json."""

    beginning: int
    end: int
    start_of_latent: int
    end_of_latent: int
    prior_prefix: int
    posterior_prefix: int


class Forms:
    """Pieces of ids to be joined, with the constant ones built once."""

    def __init__(self, framing: Framing) -> None:
        self.beginning = _ids(framing.beginning)
        self.end = _ids(framing.end)
        self._prior_open = _ids(framing.start_of_latent, framing.prior_prefix)
        self._close = _ids(framing.end_of_latent)
        self._boundary = _ids(framing.start_of_latent, framing.end_of_latent)
        self._posterior_open = _ids(framing.start_of_latent, framing.posterior_prefix)

    def prior(self, thought: Ids, text: Ids) -> list[Ids]:
        """Pieces of the prior form."""
        return [self._prior_open, thought, self._close, text]

    def posterior(self, thought: Ids, text: Ids) -> list[Ids]:
        """Pieces of the posterior form."""
        return [self._boundary, text, self._posterior_open, thought, self._close]


def _ids(*values: int) -> Ids:
    return np.array(values, np.int32)
