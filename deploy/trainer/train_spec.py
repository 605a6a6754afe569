"""The spec of a training: every setting, with its unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.refusal import Refusal
from jobs.spec import Fields


@dataclass(frozen=True)
class Optimizer:
    """AdamW; `clip` is the largest norm of the whole gradient (0: not clipped)."""

    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    clip: float


@dataclass(frozen=True)
class TrainSpec:
    """What `train.py` is asked for.

    key: name of the job, never of the attempt. init: model folder to start from. training_set: its manifest.json.
    seed: of order and coins. steps or tokens: the budget (exactly one is set). batch: rows an optimizer step, over all
    devices. micro_batch: rows a device holds at once (None: all of its share). sequence_length: tokens a row.
    warmup_steps, final_ratio: cosine schedule. checkpoint_every: steps. layout, packing, form, prefix_chunks:
    see examples.py. checkpoints_kept: complete checkpoints to keep while training. log_every: steps (None: a 200th).
    threads: of torch on a CPU (None: torch's choice).
    """

    key: str
    init: Path
    training_set: Path
    output: Path
    seed: int
    steps: int | None
    tokens: int | None
    batch: int
    micro_batch: int | None
    sequence_length: int
    optimizer: Optimizer
    warmup_steps: int
    final_ratio: float
    precision: str
    checkpoint_every: int
    layout: str
    packing: bool
    form: str
    prefix_chunks: int
    checkpoints_kept: int
    log_every: int | None
    threads: int | None


def parse_train_spec(fields: Fields) -> TrainSpec:
    """Check every field of a spec and give it its type; raises Refusal that names the offending field."""
    fields.choice('kind', ('train',))
    optimizer = fields.inner('optimizer')
    schedule = fields.inner('schedule')
    schedule.choice('kind', ('cosine',))
    spec = TrainSpec(
        key=fields.text('key'),
        init=Path(fields.text('init')),
        training_set=Path(fields.text('trainingSet')),
        output=Path(fields.text('output')),
        seed=fields.seed('seed'),
        steps=fields.whole('steps', 1, None),
        tokens=fields.whole('tokens', 1, None),
        batch=fields.whole('batch', 1),
        micro_batch=fields.whole('microBatch', 1, None),
        sequence_length=fields.whole('sequenceLength', 2),
        optimizer=Optimizer(
            learning_rate=optimizer.number('learningRate', 0),
            beta1=optimizer.number('beta1', 0),
            beta2=optimizer.number('beta2', 0),
            epsilon=optimizer.number('epsilon', 0),
            weight_decay=optimizer.number('weightDecay', 0),
            clip=optimizer.number('clip', 0),
        ),
        warmup_steps=schedule.whole('warmupSteps', 0),
        final_ratio=schedule.number('finalRatio', 0),
        precision=fields.choice('precision', ('float32', 'bfloat16')),
        checkpoint_every=fields.whole('checkpointEvery', 1),
        layout=fields.choice('layout', ('document', 'chunk')),
        packing=fields.truth('packing'),
        form=fields.choice('form', ('random', 'prior', 'posterior'), 'random'),
        prefix_chunks=fields.whole('prefixChunks', 0),
        checkpoints_kept=fields.whole('checkpointsKept', 1, 1),
        log_every=fields.whole('logEvery', 1, None),
        threads=fields.whole('threads', 1, None),
    )
    for inner in (optimizer, schedule, fields):
        inner.end()
    if (spec.steps is None) == (spec.tokens is None):
        raise Refusal('Expected exactly one of `spec.steps` and `spec.tokens`: the budget of the training.')
    return spec
