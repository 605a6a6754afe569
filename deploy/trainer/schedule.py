"""The learning rate over a training: linear warmup, then a cosine down to a share of the peak (lingua/optim.py)."""

from __future__ import annotations

import math


def cosine_with_warmup(step: int, steps: int, warmup_steps: int, final_ratio: float) -> float:
    """Share of the peak rate that the update number `step` (from 0) of `steps` uses.

    The first update uses 1/warmup_steps of it, not 0 as in lingua, where the first step trains nothing.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    share = (step - warmup_steps) / max(1, steps - warmup_steps)
    return final_ratio + (1 - final_ratio) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
