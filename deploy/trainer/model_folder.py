"""Writing of a servable model folder with its fingerprint: the result of preparing and of training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.durable import publish_folder, write_json
from fingerprint import fingerprint, fingerprint_ids
from markers import FILE, ModelFacts

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


WEIGHTS = ('*.safetensors', '*.safetensors.index.json', '*.bin', '*.bin.index.json', '*.gguf')
WRITTEN = ('config.json', 'generation_config.json', FILE)


def write_model(
    output: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | Path,
    facts: ModelFacts,
    dtype: torch.dtype,
) -> None:
    """Write `<output>/model/` in `dtype` (weights, tokenizer, thoughtloop.json), then `<output>/fingerprint.json`.

    tokenizer: a tokenizer to save, or a model folder to copy the tokenizer's files from, byte for byte.
    generation_config.json gets ids only: a server that reads sampling defaults from it would sample from another q.
    """
    from transformers import GenerationConfig

    ids = fingerprint_ids(facts.vocabulary_size, facts.framing.beginning, facts.context_length)
    prints = fingerprint(model, dtype, ids)
    model.config.dtype = dtype
    model.config.use_cache = True
    model.generation_config = GenerationConfig(
        bos_token_id=facts.framing.beginning, eos_token_id=facts.framing.end, pad_token_id=facts.framing.end
    )
    temporary = output / '.model.tmp'
    if temporary.exists():
        shutil.rmtree(temporary)
    model.save_pretrained(temporary)
    if isinstance(tokenizer, Path):
        _copy_tokenizer(tokenizer, temporary)
    else:
        tokenizer.save_pretrained(temporary)
    write_json(temporary / FILE, facts.to_json())
    publish_folder(temporary, output / 'model')
    write_json(output / 'fingerprint.json', prints)


def _copy_tokenizer(source: Path, target: Path) -> None:
    """Copy every plain file that is neither weights nor written by `write_model`."""
    for file in sorted(source.iterdir()):
        if file.is_file() and file.name not in WRITTEN and not any(file.match(pattern) for pattern in WEIGHTS):
            shutil.copyfile(file, target / file.name)
