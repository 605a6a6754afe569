"""Rows as torch's Dataset and batches as the model's inputs."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import Dataset

from forms import Ids
from rows import Rows

NO_LOSS = -100
"""Label of a position that is not trained on (torch's cross entropy)."""


class RowDataset(Dataset[Ids]):
    """The rows of a whole training in their order: index g is row g, so that a resume begins at any row."""

    def __init__(self, rows: Rows, count: int) -> None:
        self._rows = rows
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Ids:
        return self._rows.row(number)


def collate(rows: list[Ids]) -> dict[str, torch.Tensor]:
    """Inputs and labels; the loss is on every token that has one before it.

    Shorter rows are padded on the right and need no attention mask: with causal attention no token sees what is right
    of it, and padding has no loss. Leaving the mask out keeps torch's attention on its plain causal path.
    """
    width = max(len(row) for row in rows)
    ids = np.zeros((len(rows), width), np.int64)
    labels = np.full((len(rows), width), NO_LOSS, np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
        labels[place, : len(row)] = row
    return {'input_ids': torch.from_numpy(ids), 'labels': torch.from_numpy(labels)}
