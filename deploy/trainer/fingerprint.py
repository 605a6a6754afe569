"""The fingerprint of a checkpoint: logprobs of fixed ids, by which a server proves that it serves these weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from draws import hash_words

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

LENGTHS_TOKENS = (16, 24, 32)


def fingerprint_ids(vocabulary_size: int, beginning: int, context_length: int) -> list[list[int]]:
    """Three id sequences that depend on nothing but the arguments; each begins with `beginning`.

    One token less than the context at most, since a server generates one token where it only scores.
    """
    sequences = []
    for number, length in enumerate(LENGTHS_TOKENS):
        places = np.arange(1, min(length, context_length - 1))
        ids = hash_words(vocabulary_size, number, places) % np.uint64(vocabulary_size)
        sequences.append([beginning, *(int(token) for token in ids)])
    return sequences


def fingerprint(model: PreTrainedModel, dtype: torch.dtype, ids: list[list[int]]) -> dict[str, Any]:
    """{ids, logprobs, dtype}: for each sequence the logprob of every token but the first, by `model` in `dtype`.

    The softmax is in float32, as in vLLM. The model's weights are left in `dtype`.
    """
    import torch

    model = model.to(dtype).eval()
    logprobs = []
    with torch.no_grad():
        for sequence in ids:
            tokens = torch.tensor([sequence], device=model.device)
            scores = torch.log_softmax(model(input_ids=tokens, use_cache=False).logits[0, :-1].float(), dim=-1)
            logprobs.append(scores.gather(1, tokens[0, 1:, None]).flatten().tolist())
    return {'ids': ids, 'logprobs': logprobs, 'dtype': str(dtype).removeprefix('torch.')}
