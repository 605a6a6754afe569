"""Checkpoints of a training: `<output>/checkpoints/checkpoint-N`, valid only with their marker.

The marker COMPLETE.json = {key, step, sizes: {file: bytes}, account} is written after every other file is synced, so
a folder that a kill cut off has none, and is removed at the next start.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from jobs.durable import sync_file, sync_folder, write_json

MARKER = 'COMPLETE.json'


@dataclass
class TrainingAccount:
    """What a training has done up to a step, beyond what the Trainer's own state holds.

    window_loss, window_steps: sum and number of the losses since the last line of progress. loss: of that line (nats a
    token). seconds: of training, over all starts.
    """

    tokens: int = 0
    truncated: int = 0
    window_loss: float = 0.0
    window_steps: int = 0
    loss: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint."""

    folder: Path
    step: int
    account: TrainingAccount


def folder_of(checkpoints: Path, step: int) -> Path:
    """Where the Trainer puts the checkpoint of a step."""
    return checkpoints / f'checkpoint-{step}'


def seal(folder: Path, key: str, step: int, account: TrainingAccount) -> None:
    """Make what the Trainer wrote durable, then say so with the marker."""
    files = sorted(file for file in folder.rglob('*') if file.is_file() and file.name != MARKER)
    for file in files:
        sync_file(file)
    sync_folder(folder.parent)
    sizes = {file.relative_to(folder).as_posix(): file.stat().st_size for file in files}
    write_json(folder / MARKER, {'key': key, 'step': step, 'sizes': sizes, 'account': asdict(account)})


def newest(checkpoints: Path, key: str) -> Checkpoint | None:
    """The newest complete checkpoint of this training, if there is one."""
    found = [checkpoint for folder in _folders(checkpoints) if (checkpoint := _read(folder, key))]
    return max(found, key=lambda checkpoint: checkpoint.step, default=None)


def keep(checkpoints: Path, key: str, count: int) -> None:
    """Remove incomplete checkpoints and all but the `count` newest complete ones."""
    complete = [checkpoint for folder in _folders(checkpoints) if (checkpoint := _read(folder, key))]
    kept = {checkpoint.folder for checkpoint in sorted(complete, key=lambda checkpoint: -checkpoint.step)[:count]}
    for folder in _folders(checkpoints):
        if folder not in kept:
            (folder / MARKER).unlink(missing_ok=True)
            shutil.rmtree(folder)


def _folders(checkpoints: Path) -> list[Path]:
    if not checkpoints.is_dir():
        return []
    return [entry for entry in checkpoints.iterdir() if re.fullmatch(r'checkpoint-\d+', entry.name)]


def _read(folder: Path, key: str) -> Checkpoint | None:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding='utf-8'))
        whole = all((folder / name).stat().st_size == size for name, size in marker['sizes'].items())
        if not whole or marker['key'] != key:
            return None
        return Checkpoint(folder, marker['step'], TrainingAccount(**marker['account']))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
