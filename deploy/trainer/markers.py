"""The four marker tokens, and `thoughtloop.json`: what the loop must know of a model besides its weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forms import Framing
from jobs.refusal import Refusal

MARKERS = {
    'startOfLatent': '<|START_OF_LATENT|>',
    'endOfLatent': '<|END_OF_LATENT|>',
    'priorPrefix': '<|PRIOR_PREFIX|>',
    'posteriorPrefix': '<|POSTERIOR_PREFIX|>',
}
"""Names in thoughtloop.json and texts in the tokenizer (BoLT lingua/tokenizer.py:22-26)."""

FILE = 'thoughtloop.json'


@dataclass(frozen=True)
class ModelFacts:
    """Content of thoughtloop.json: every valid id is below `vocabulary_size`; lengths count tokens."""

    framing: Framing
    markers: dict[str, int]
    vocabulary_size: int
    context_length: int
    parameters: int

    def to_json(self) -> dict[str, Any]:
        """The object that is written."""
        return {
            'beginning': self.framing.beginning,
            'end': self.framing.end,
            'markers': self.markers,
            'vocabularySize': self.vocabulary_size,
            'contextLength': self.context_length,
            'parameters': self.parameters,
        }


def model_facts(
    beginning: int, end: int, markers: dict[str, int], vocabulary_size: int, context_length: int, parameters: int
) -> ModelFacts:
    """Facts from plain values; `markers` has the four names of MARKERS."""
    framing = Framing(
        beginning=beginning,
        end=end,
        start_of_latent=markers['startOfLatent'],
        end_of_latent=markers['endOfLatent'],
        prior_prefix=markers['priorPrefix'],
        posterior_prefix=markers['posteriorPrefix'],
    )
    return ModelFacts(framing, dict(markers), vocabulary_size, context_length, parameters)


def read_model_facts(model: Path) -> ModelFacts:
    """Facts of a model folder; raises Refusal where the folder was not made by prepare.py or train.py."""
    try:
        found = json.loads((model / FILE).read_text(encoding='utf-8'))
        return model_facts(
            found['beginning'],
            found['end'],
            {name: found['markers'][name] for name in MARKERS},
            found['vocabularySize'],
            found['contextLength'],
            found['parameters'],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(
            f'Expected a model folder with a complete {FILE}, found {model} ({type(error).__name__}: {error}). '
            'Prepare the model with prepare.py first.'
        ) from error
