"""Trains a model on a set of texts and thoughts: the reference trainer.

    python train.py --spec spec.json                            one process, CPU or one GPU
    torchrun --nproc-per-node 8 train.py --spec spec.json       several GPUs

Started again with the same spec it resumes from its newest complete checkpoint, with the same losses and (float32, CPU,
same number of threads) the same final weights as a training that was never stopped. SIGTERM and SIGUSR2 save and end
with exit code 75. Success is `<output>/DONE.json`, written last. Spec, files and exit codes: README.md of this folder.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'python'))

from done import begin, is_done, write_done
from jobs.exits import FINISHED, REQUEUE
from jobs.lock import hold
from jobs.program import run
from quiet import be_quiet
from stop_signal import StopSignal
from train_spec import TrainSpec, parse_train_spec

SMALL_MODEL_PARAMETERS = 2_000_000
"""Below it a training takes one thread unless the spec says otherwise.

Its steps are too short to be shared out: with 0.1 M parameters 100 steps took 1.9 s on one thread and 1.5 s on two of
an idle machine, but 36 s on two beside other programs, each waiting for the other.
"""


def train(spec: TrainSpec, stop: StopSignal) -> int:
    """Do what the spec asks, unless it is done; returns the exit code."""
    if is_done(spec.output, spec.key):
        return FINISHED
    first = int(os.environ.get('RANK', '0')) == 0
    lock = hold(spec.output) if first else None
    if first:
        if lock is None:
            print(f'Another training writes to {spec.output}; start again when it has ended.', file=sys.stderr)
            return REQUEUE
        begin(spec.output)
    return _train(spec, stop, first)


def _train(spec: TrainSpec, stop: StopSignal, first: bool) -> int:
    """The imports are here: what is refused is refused before the seconds that torch takes to load."""
    from examples import Examples
    from markers import read_model_facts
    from rows import PackedRows, SingleRows
    from training_set import map_training_set, unpack_training_set

    facts = read_model_facts(spec.init)
    unpacked = spec.output / 'unpacked'
    if first:
        unpack_training_set(spec.training_set, facts, unpacked)

    gc.disable()  # a quarter of the time of the imports below goes into looking for garbage that is not there

    import torch
    from accelerate import PartialState
    from transformers import AutoModelForCausalLM

    from checkpoints import keep, newest
    from latent_trainer import LatentTrainer, Watch
    from model_folder import write_model

    torch.manual_seed(spec.seed)
    threads = spec.threads or (1 if facts.parameters < SMALL_MODEL_PARAMETERS else None)
    if threads is not None:
        torch.set_num_threads(threads)
    processes = PartialState(cpu=not torch.cuda.is_available())
    processes.wait_for_everyone()
    documents = map_training_set(unpacked, facts)
    examples = Examples(documents, facts.framing, spec.layout, spec.form, spec.prefix_chunks, spec.seed)
    rows = (PackedRows if spec.packing else SingleRows)(examples, spec.sequence_length)
    steps = spec.steps if spec.steps is not None else rows.steps_for(spec.tokens or 0, spec.batch)

    model = AutoModelForCausalLM.from_pretrained(spec.init, dtype=torch.float32, local_files_only=True)
    model.config.use_cache = False
    checkpoints = spec.output / 'checkpoints'
    if first:
        keep(checkpoints, spec.key, spec.checkpoints_kept)
    processes.wait_for_everyone()
    trainer = LatentTrainer(spec, model, rows, steps, checkpoints)
    trainer.add_callback(Watch(trainer, spec, rows, steps, stop))
    start = newest(checkpoints, spec.key)
    if start is not None:
        trainer.account = start.account
    gc.freeze()
    gc.enable()
    stop.training = True
    trainer.train(resume_from_checkpoint=None if start is None else str(start.folder))
    stop.training = False
    if trainer.state.global_step < steps:
        return REQUEUE
    if first:
        dtype = torch.bfloat16 if spec.precision == 'bfloat16' else torch.float32
        write_model(spec.output, model, spec.init, facts, dtype)
        account = trainer.account
        write_done(
            spec.output,
            spec.key,
            {
                'steps': steps,
                'tokens': account.tokens,
                'loss': account.loss,
                'truncated': account.truncated,
                'seconds': round(account.seconds, 3),
            },
        )
        for leftover in (checkpoints, unpacked):
            shutil.rmtree(leftover, ignore_errors=True)
    processes.wait_for_everyone()
    return FINISHED


if __name__ == '__main__':
    be_quiet()
    signals = StopSignal()
    sys.exit(run(parse_train_spec, lambda spec: train(spec, signals)))
