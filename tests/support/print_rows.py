"""Prints what the trainer's modules make of a training set, as JSON, for tests.

    python print_rows.py OUTPUT MODEL MANIFEST ASKED

ASKED = {"layout", "form", "prefixChunks", "seed", "packing", "length", "rows", "tokens", "batch"}; the answer:

{rows: [[ids]], account: {tokens, truncated} of these rows, lengths: [[planned, real]] of every example in two passes,
order: [[examples]] of two passes, steps: of `batch` rows for a budget of `tokens`}
"""

import json
import sys
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / 'deploy'
sys.path[:0] = [str(DEPLOY / 'python'), str(DEPLOY / 'trainer')]

from examples import Examples  # noqa: E402
from markers import read_model_facts  # noqa: E402
from rows import PackedRows, SingleRows  # noqa: E402
from training_set import map_training_set, unpack_training_set  # noqa: E402

output, model, manifest, asked = sys.argv[1:]
ask = json.loads(asked)
facts = read_model_facts(Path(model))
unpack_training_set(Path(manifest), facts, Path(output))
documents = map_training_set(Path(output), facts)
examples = Examples(documents, facts.framing, ask['layout'], ask['form'], ask['prefixChunks'], ask['seed'])
rows = (PackedRows if ask['packing'] else SingleRows)(examples, ask['length'])
account = rows.account(0, ask['rows'])
print(
    json.dumps(
        {
            'rows': [rows.row(number).tolist() for number in range(ask['rows'])],
            'account': {'tokens': account.tokens, 'truncated': account.truncated},
            'lengths': [
                [int(examples.read_pass(number).lengths[example]), len(examples.ids(number, example))]
                for number in (0, 1)
                for example in range(len(examples))
            ],
            'steps': rows.steps_for(ask['tokens'], ask['batch']),
            'order': [examples.read_pass(number).order.tolist() for number in (0, 1)],
        }
    )
)
