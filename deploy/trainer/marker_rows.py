"""The four markers in a model: entries of the tokenizer, and rows of the embeddings.

Input and output rows ~ N(0, d^-0.5) with standard deviation d^-0.5, clamped at 3 of it
(BoLT setup/download_hf_ckpt.py:117-143). Tied embeddings have one row for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markers import MARKERS

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CLAMP_DEVIATIONS = 3.0


def marker_rows(count: int, hidden: int, generator: torch.Generator) -> torch.Tensor:
    """`count` rows of width `hidden`, normal with standard deviation hidden^-0.5, clamped at ±3 of it."""
    import torch

    deviation = hidden**-0.5
    rows = torch.randn(count, hidden, generator=generator) * deviation
    return rows.clamp(-CLAMP_DEVIATIONS * deviation, CLAMP_DEVIATIONS * deviation)


def add_markers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, seed: int) -> dict[str, int]:
    """Make the markers known to both; returns their ids by name.

    A marker that the tokenizer already has keeps its id and its rows: the folder was prepared before.
    """
    import torch

    known = tokenizer.get_vocab()
    new = [text for text in MARKERS.values() if text not in known]
    tokenizer.add_special_tokens({'additional_special_tokens': list(MARKERS.values())})
    ids = {name: int(tokenizer.convert_tokens_to_ids(text)) for name, text in MARKERS.items()}
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    places = [int(tokenizer.convert_tokens_to_ids(text)) for text in new]
    generator = torch.Generator().manual_seed(seed)
    inputs = model.get_input_embeddings().weight
    outputs = model.get_output_embeddings().weight
    with torch.no_grad():
        inputs[places] = marker_rows(len(places), inputs.shape[1], generator).to(inputs.dtype)
        if outputs is not inputs:
            outputs[places] = marker_rows(len(places), outputs.shape[1], generator).to(outputs.dtype)
    return ids
