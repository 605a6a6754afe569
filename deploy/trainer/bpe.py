"""Training of a byte-level BPE tokenizer: every text can be encoded, and decoding gives it back byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from markers import MARKERS
from jobs.refusal import Refusal

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGINNING = '<s>'
END = '</s>'


def train_bpe(vocabulary_size: int, texts: Path) -> PreTrainedTokenizerFast:
    """A tokenizer with `<s>`, `</s>`, the four markers, the 256 bytes and merges learnt from `texts`.

    vocabulary_size counts all of them; few texts may give fewer merges. The same texts give the same tokenizer.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size - len(MARKERS),
        special_tokens=[BEGINNING, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_read(texts), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGINNING,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )


def _read(texts: Path) -> Iterator[str]:
    try:
        with open(texts, encoding='utf-8') as stream:
            for number, line in enumerate(stream, 1):
                try:
                    text = json.loads(line)['text']
                except (ValueError, KeyError, TypeError) as error:
                    raise Refusal(
                        f'Expected {{"text": …}} in line {number} of {texts}, got `{line.strip()}`.'
                    ) from error
                yield text
    except OSError as error:
        raise Refusal(
            f'Expected readable texts for the tokenizer, got `{error}`. Check `spec.tokenizer.texts`.'
        ) from error
