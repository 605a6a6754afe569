"""Rows of a training: row g, for every g from 0 on, as a pure function of the settings, so that a resume is exact.

packed     the examples of pass 0, pass 1, … one after another, cut every `length` tokens; every row is full
one each   row g is example g mod N of pass g div N in that pass's order; what is longer than `length` loses its end
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from examples import Examples
from forms import Ids
from jobs.refusal import Refusal


@dataclass(frozen=True)
class Account:
    """Of some rows: their tokens (no padding), and how many of them lost their end."""

    tokens: int
    truncated: int


class Rows(Protocol):
    """What a training reads."""

    def row(self, number: int) -> Ids:
        """Ids of row `number`, at most the row length."""

    def account(self, start: int, end: int) -> Account:
        """Account of the rows `start` … `end` - 1."""

    def steps_for(self, tokens: int, batch: int) -> int:
        """Steps of `batch` rows that the budget of `tokens` gives."""


class PackedRows:
    """Full rows cut from one endless stream of examples."""

    def __init__(self, examples: Examples, length: int) -> None:
        self._examples = examples
        self._length = length
        self._starts = [0]
        self._ends: tuple[int, npt.NDArray[np.int64]] = (-1, np.zeros(0, np.int64))

    def row(self, number: int) -> Ids:
        """Ids of row `number`, exactly the row length."""
        start = number * self._length
        pieces: list[Ids] = []
        missing = self._length
        pass_number = self._pass_at(start)
        place = start - self._starts[pass_number]
        while missing:
            ends = self._ends_of(pass_number)
            order = self._examples.read_pass(pass_number).order
            index = int(np.searchsorted(ends, place, side='right'))
            while missing and index < len(order):
                ids = self._examples.ids(pass_number, int(order[index]))
                before = int(ends[index]) - len(ids)
                piece = ids[place - before : place - before + missing]
                pieces.append(piece)
                missing -= len(piece)
                place += len(piece)
                index += 1
            pass_number += 1
            place = 0
        return np.concatenate(pieces)

    def account(self, start: int, end: int) -> Account:
        """Account of the rows `start` … `end` - 1: all are full, none loses anything."""
        return Account((end - start) * self._length, 0)

    def steps_for(self, tokens: int, batch: int) -> int:
        """The budget divided by the tokens of a step, rounded down; raises Refusal where that is none."""
        steps = tokens // (batch * self._length)
        if not steps:
            raise Refusal(
                f'Expected `spec.tokens` to be at least one step of batch × sequenceLength = {batch * self._length} '
                f'tokens, got {tokens}.'
            )
        return steps

    def _pass_at(self, place: int) -> int:
        """The pass that holds token `place` of the stream; finds where each pass begins as it goes."""
        while self._starts[-1] <= place:
            number = len(self._starts) - 1
            self._starts.append(self._starts[-1] + int(self._examples.read_pass(number).lengths.sum()))
        return int(np.searchsorted(self._starts, place, side='right')) - 1

    def _ends_of(self, number: int) -> npt.NDArray[np.int64]:
        """Where each example of a pass ends, in its order, counted from the pass's beginning."""
        if self._ends[0] != number:
            found = self._examples.read_pass(number)
            self._ends = (number, np.cumsum(found.lengths[found.order]))
        return self._ends[1]


class SingleRows:
    """One example a row."""

    def __init__(self, examples: Examples, length: int) -> None:
        self._examples = examples
        self._length = length

    def row(self, number: int) -> Ids:
        """Ids of row `number`, at most the row length."""
        pass_number, place = divmod(number, len(self._examples))
        example = int(self._examples.read_pass(pass_number).order[place])
        return self._examples.ids(pass_number, example)[: self._length]

    def account(self, start: int, end: int) -> Account:
        """Account of the rows `start` … `end` - 1."""
        tokens = truncated = 0
        while start < end:
            pass_number, place = divmod(start, len(self._examples))
            stop = min(end - start, len(self._examples) - place)
            found = self._examples.read_pass(pass_number)
            lengths = found.lengths[found.order[place : place + stop]]
            tokens += int(np.minimum(lengths, self._length).sum())
            truncated += int((lengths > self._length).sum())
            start += stop
        return Account(tokens, truncated)

    def steps_for(self, tokens: int, batch: int) -> int:
        """The first step at whose end the tokens trained on, without padding, reach the budget."""
        steps = trained = 0
        while trained < tokens:
            trained += self.account(steps * batch, (steps + 1) * batch).tokens
            steps += 1
        return steps
