"""The examples of a training set: which ids stand in one, and how many, for every pass.

Layout `document` (the paper's, BoLT lingua/data.py:273-287), one example a document:

    BOS context form₁ form₂ … EOS

Layout `chunk`, one example a chunk, behind the raw text that the E-step and the evaluation show:

    BOS prefix form EOS            prefix = context, then x of up to `prefix_chunks` chunks before

A chunk without a thought is plain x. A document without any thought is one example in both layouts:

    BOS context x₁ x₂ … EOS
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from draws import order_of, posterior_coins
from forms import POSTERIOR_EXTRA, PRIOR_EXTRA, Forms, Framing, Ids
from training_set import TrainingSet

FRAME = 2
"""BOS and EOS."""

WHOLE = -1
"""Chunk of an example that holds its whole document."""


@dataclass(frozen=True)
class Pass:
    """One pass: the order of its examples, the coin of each chunk, the length in tokens of each example."""

    order: npt.NDArray[np.int64]
    posterior: npt.NDArray[np.bool_]
    lengths: npt.NDArray[np.int64]


class Examples:
    """All examples of a set under one layout; everything is derived from (seed, pass, document id, chunk)."""

    def __init__(
        self, documents: TrainingSet, framing: Framing, layout: str, form: str, prefix_chunks: int, seed: int
    ) -> None:
        self._set = documents
        self._forms = Forms(framing)
        self._form = form
        self._prefix_chunks = prefix_chunks
        self._seed = seed
        counts = np.diff(documents.document_chunks)
        self._document_of_chunk = np.repeat(np.arange(len(counts)), counts)
        self._number_of_chunk = (
            np.arange(len(self._document_of_chunk)) - documents.document_chunks[:-1][self._document_of_chunk]
        )
        self._has_thought = documents.thought_lengths >= 0
        self._documents, self._chunks = self._enumerate(layout, len(counts))
        self._least = self._least_lengths()
        self._passes: dict[int, Pass] = {}

    def __len__(self) -> int:
        return len(self._documents)

    def read_pass(self, number: int) -> Pass:
        """The pass `number` (0 is the first); the two read last are kept, for rows that cross from one to the next."""
        found = self._passes.get(number)
        if found is None:
            posterior = self._coins(number)
            lengths = self._least + (POSTERIOR_EXTRA - PRIOR_EXTRA) * self._sum_by_example(
                posterior & self._has_thought
            )
            found = Pass(order_of(self._seed, number, len(self)), posterior, lengths)
            self._passes = {old: value for old, value in self._passes.items() if abs(old - number) <= 1}
            self._passes[number] = found
        return found

    def ids(self, number: int, example: int) -> Ids:
        """All ids of `example` in pass `number`."""
        document, chunk = int(self._documents[example]), int(self._chunks[example])
        first, end = int(self._set.document_chunks[document]), int(self._set.document_chunks[document + 1])
        posterior = self.read_pass(number).posterior
        pieces = [self._forms.beginning, self._set.context(document)]
        if chunk == WHOLE:
            for inner in range(first, end):
                pieces += self._pieces(inner, bool(posterior[inner]))
        else:
            pieces += [self._set.text(earlier) for earlier in range(max(first, chunk - self._prefix_chunks), chunk)]
            pieces += self._pieces(chunk, bool(posterior[chunk]))
        pieces.append(self._forms.end)
        return np.concatenate(pieces)

    def _pieces(self, chunk: int, posterior: bool) -> list[Ids]:
        text = self._set.text(chunk)
        if not self._has_thought[chunk]:
            return [text]
        thought = self._set.thought(chunk)
        return self._forms.posterior(thought, text) if posterior else self._forms.prior(thought, text)

    def _coins(self, number: int) -> npt.NDArray[np.bool_]:
        if self._form != 'random':
            return np.full(len(self._document_of_chunk), self._form == 'posterior')
        return posterior_coins(
            self._seed, number, self._set.document_ids[self._document_of_chunk], self._number_of_chunk
        )

    def _enumerate(self, layout: str, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Document and chunk of each example."""
        whole = np.full(count, WHOLE, np.int64)
        if layout == 'document':
            return np.arange(count), whole
        thoughtful = np.zeros(count, np.bool_)
        thoughtful[self._document_of_chunk[self._has_thought]] = True
        raw = np.flatnonzero(~thoughtful)
        chunks = np.flatnonzero(thoughtful[self._document_of_chunk])
        documents = np.concatenate([raw, self._document_of_chunk[chunks]])
        order = np.argsort(documents, kind='stable')
        return documents[order], np.concatenate([whole[raw], chunks])[order]

    def _least_lengths(self) -> npt.NDArray[np.int64]:
        """Length of each example if every coin asked for the prior form, the shorter one."""
        texts = self._set.text_lengths.astype(np.int64)
        forms = texts + np.where(self._has_thought, self._set.thought_lengths + PRIOR_EXTRA, 0)
        lengths = FRAME + self._set.context_lengths[self._documents].astype(np.int64) + self._sum_by_example(forms)
        single = self._chunks != WHOLE
        chunks = self._chunks[single]
        sums = np.concatenate([[0], np.cumsum(texts)])
        firsts = np.maximum(self._set.document_chunks[self._documents[single]], chunks - self._prefix_chunks)
        lengths[single] += sums[chunks] - sums[firsts]
        return lengths

    def _sum_by_example(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Sum of a value of the chunks over the chunk or chunks whose form an example holds."""
        sums = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        whole = self._chunks == WHOLE
        starts = np.where(whole, self._set.document_chunks[self._documents], self._chunks)
        ends = np.where(whole, self._set.document_chunks[self._documents + 1], self._chunks + 1)
        return sums[ends] - sums[starts]
