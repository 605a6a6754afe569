"""transformers' Trainer with the rows of this training, sealed checkpoints, progress lines and the stop signal."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import Sampler, SequentialSampler
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from batches import RowDataset, collate
from checkpoints import TrainingAccount, folder_of, keep, seal
from progress import Progress
from jobs.refusal import Refusal
from rows import Rows
from schedule import cosine_with_warmup
from stop_signal import StopSignal
from train_spec import TrainSpec

LINES_OF_PROGRESS = 200


class LatentTrainer(Trainer):
    """Trains on rows in the order of their numbers.

    Differences from the Trainer's own ways: all parameters have weight decay and the update is torch's fused AdamW
    (as BoLT's lingua/optim.py); no random sampler; a checkpoint counts only when sealed; losses are summed from the
    first step on, so that a line of progress is the same with and without a restart.
    """

    def __init__(self, spec: TrainSpec, model: PreTrainedModel, rows: Rows, steps: int, checkpoints: Path) -> None:
        self.account = TrainingAccount()
        self._spec = spec
        self._checkpoints = checkpoints
        self._window: torch.Tensor | None = None
        arguments = _arguments(spec, steps, checkpoints)
        optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=spec.optimizer.learning_rate,
            betas=(spec.optimizer.beta1, spec.optimizer.beta2),
            eps=spec.optimizer.epsilon,
            weight_decay=spec.optimizer.weight_decay,
            fused=True,
        )
        schedule = LambdaLR(
            optimizer, lambda step: cosine_with_warmup(step, steps, spec.warmup_steps, spec.final_ratio)
        )
        super().__init__(
            model=model,
            args=arguments,
            train_dataset=RowDataset(rows, steps * spec.batch),
            data_collator=collate,
            optimizers=(optimizer, schedule),
        )
        self.remove_callback(PrinterCallback)

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(train_dataset if train_dataset is not None else self.train_dataset)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Not counted: the count walks over all parameters at every step."""
        return 0

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """One micro-batch; its share of the step's loss is added to the window since the last line of progress."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        if self._window is None:
            self._window = torch.tensor(self.account.window_loss, dtype=torch.float64, device=loss.device)
        self._window += loss
        return loss

    def close_window(self) -> float:
        """Mean loss of the steps since the last line (nats a token), over all processes; a new window begins."""
        loss = self._window_sum() / self.account.window_steps
        self.account.loss = loss
        self.account.window_steps = 0
        self._window = None
        self.account.window_loss = 0.0
        return loss

    def _window_sum(self) -> float:
        if self._window is None:
            return self.account.window_loss
        return float(self.accelerator.reduce(self._window, 'mean').item())

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        self.account.window_loss = self._window_sum()
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            step = self.state.global_step
            seal(folder_of(self._checkpoints, step), self._spec.key, step, self.account)
            keep(self._checkpoints, self._spec.key, self._spec.checkpoints_kept)


class Watch(TrainerCallback):
    """At the end of each step: account, line of progress, checkpoint, stop signal."""

    def __init__(self, trainer: LatentTrainer, spec: TrainSpec, rows: Rows, steps: int, stop: StopSignal) -> None:
        self._trainer = trainer
        self._spec = spec
        self._rows = rows
        self._every = spec.log_every or max(1, steps // LINES_OF_PROGRESS)
        self._stop = stop
        self._progress: Progress | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Open the progress file at the step the training begins with."""
        if state.is_world_process_zero:
            self._progress = Progress(self._spec.output, state.global_step)
        self._since = time.monotonic()
        self._tokens_then = self._trainer.account.tokens
        self._last = self._since

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Do what the step asks for."""
        step, account = state.global_step, self._trainer.account
        done = self._rows.account((step - 1) * self._spec.batch, step * self._spec.batch)
        account.tokens += done.tokens
        account.truncated += done.truncated
        account.window_steps += 1
        now = time.monotonic()
        account.seconds += now - self._last
        self._last = now
        if step % self._every == 0 or step == state.max_steps:
            self._write_line(state, now)
        if self._asked(args):
            control.should_training_stop = True
            control.should_save = True
        elif step % self._spec.checkpoint_every == 0:
            control.should_save = True
        if step == state.max_steps:
            control.should_save = False
        return control

    def _write_line(self, state: TrainerState, now: float) -> None:
        account = self._trainer.account
        rate = self._trainer.lr_scheduler.get_last_lr()[0]
        loss = self._trainer.close_window()
        if not math.isfinite(loss):
            raise Refusal(
                f'Expected a finite loss, got {loss} at step {state.global_step} of {state.max_steps}: the training '
                f'has diverged. Lower `spec.optimizer.learningRate` ({self._spec.optimizer.learning_rate}).'
            )
        if self._progress is not None:
            self._progress.append(
                {
                    'step': state.global_step,
                    'steps': state.max_steps,
                    'loss': loss,
                    'learningRate': rate,
                    'tokens': account.tokens,
                    'truncated': account.truncated,
                    'tokensPerSecond': round((account.tokens - self._tokens_then) / max(now - self._since, 1e-9), 1),
                }
            )
        self._since, self._tokens_then = now, account.tokens

    def _asked(self, args: TrainingArguments) -> bool:
        """Whether any process was asked to stop: all must stop at the same step."""
        if args.world_size == 1:
            return self._stop.asked
        asked = torch.tensor([float(self._stop.asked)], device=args.device)
        return bool(self._trainer.accelerator.reduce(asked, 'sum').item() > 0)


def _arguments(spec: TrainSpec, steps: int, checkpoints: Path) -> TrainingArguments:
    cuda = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=steps,
        max_grad_norm=spec.optimizer.clip,
        bf16=spec.precision == 'bfloat16',
        use_cpu=not cuda,
        seed=spec.seed,
        save_strategy='no',
        logging_strategy='no',
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=[],
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=cuda,
    )
    share, rest = divmod(spec.batch, arguments.world_size)
    micro = spec.micro_batch or share
    if rest or share % max(micro, 1):
        raise Refusal(
            f'Expected `spec.batch` ({spec.batch}) to be a multiple of processes × microBatch '
            f'({arguments.world_size} × {spec.micro_batch or 1}).'
        )
    arguments.per_device_train_batch_size = micro
    arguments.gradient_accumulation_steps = share // micro
    return arguments
