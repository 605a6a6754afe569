"""Prepares a base model: adds the markers, writes a servable folder and its fingerprint.

    python prepare.py --spec spec.json

Ends with `<output>/DONE.json`; started again with the same spec it ends at once. Spec, files and exit codes: README.md
of this folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'python'))

from done import begin, is_done, write_done
from jobs.exits import FINISHED
from jobs.program import run
from prepare_spec import PrepareSpec, parse_prepare_spec
from quiet import be_quiet


def prepare(spec: PrepareSpec) -> int:
    """Do what the spec asks, unless it is done; returns the exit code."""
    if is_done(spec.output, spec.key):
        return FINISHED
    begin(spec.output)

    import torch

    from base_models import load_base_model
    from marker_rows import add_markers
    from markers import model_facts
    from model_folder import write_model

    model, tokenizer = load_base_model(spec)
    ids = add_markers(model, tokenizer, spec.seed)
    end = tokenizer.eos_token_id
    beginning = end if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    facts = model_facts(
        beginning=beginning,
        end=end,
        markers=ids,
        vocabulary_size=len(tokenizer),
        context_length=model.config.max_position_embeddings,
        parameters=model.num_parameters(),
    )
    write_model(spec.output, model, tokenizer, facts, torch.float32)
    write_done(spec.output, spec.key, {'parameters': facts.parameters})
    return FINISHED


if __name__ == '__main__':
    be_quiet()
    sys.exit(run(parse_prepare_spec, prepare))
