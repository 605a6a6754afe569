"""A training set: checked against its manifest, then unpacked once into flat files that any row can be read from.

manifest.json = {parts: [{file, sha256, documents, tokens}], vocabulary, markers, source}; a part is zstd-compressed
JSON lines {id, context?: [ids], chunks: [{z?: [ids], x: [ids]}]}. z has no end marker; ids never include the framing
ones.

Why unpack: a pass reads documents in a random order, and zstd can only be read from its start. The flat files are
memory-mapped, so the memory used does not grow with the set; the index is about 12 bytes a chunk and 28 a document.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.durable import publish_folder, sha256_of, write_json
from markers import ModelFacts
from jobs.refusal import Refusal

NO_THOUGHT = -1
"""Length of the thought of a chunk that has none."""

INDEX = (
    'document_ids',
    'document_chunks',
    'document_tokens',
    'context_lengths',
    'chunk_tokens',
    'thought_lengths',
    'text_lengths',
)


@dataclass(frozen=True)
class TrainingSet:
    """Documents as flat arrays.

    tokens: all ids, each document as context, then z and x of each chunk. Of document d: document_ids[d], its chunks
    document_chunks[d] … document_chunks[d+1], its first token document_tokens[d], context_lengths[d]. Of chunk c: its
    first token chunk_tokens[c], thought_lengths[c] (NO_THOUGHT where it has none), text_lengths[c].
    """

    tokens: npt.NDArray[np.integer]
    document_ids: npt.NDArray[np.int64]
    document_chunks: npt.NDArray[np.int64]
    document_tokens: npt.NDArray[np.int64]
    context_lengths: npt.NDArray[np.int32]
    chunk_tokens: npt.NDArray[np.int64]
    thought_lengths: npt.NDArray[np.int32]
    text_lengths: npt.NDArray[np.int32]

    def context(self, document: int) -> npt.NDArray[np.int32]:
        """The raw text before the first chunk."""
        start = self.document_tokens[document]
        return self.tokens[start : start + self.context_lengths[document]].astype(np.int32)

    def thought(self, chunk: int) -> npt.NDArray[np.int32]:
        """z of a chunk that has one."""
        start = self.chunk_tokens[chunk]
        return self.tokens[start : start + self.thought_lengths[chunk]].astype(np.int32)

    def text(self, chunk: int) -> npt.NDArray[np.int32]:
        """x of a chunk."""
        start = self.chunk_tokens[chunk] + max(self.thought_lengths[chunk], 0)
        return self.tokens[start : start + self.text_lengths[chunk]].astype(np.int32)


def unpack_training_set(manifest_file: Path, facts: ModelFacts, cache: Path) -> None:
    """Verify every part's digest, and unpack into `cache` unless an earlier start did.

    Raises Refusal where a digest differs, a line is not as described, or the ids do not fit the model.
    """
    manifest = _read_manifest(manifest_file, facts)
    digests = [_verified(manifest_file.parent, part) for part in manifest['parts']]
    source = {'parts': digests, 'vocabularySize': facts.vocabulary_size}
    if _source_of(cache) != source:
        temporary = cache.with_name(f'.{cache.name}.tmp')
        if temporary.exists():
            shutil.rmtree(temporary)
        temporary.mkdir(parents=True)
        _unpack([manifest_file.parent / part['file'] for part in manifest['parts']], facts.vocabulary_size, temporary)
        write_json(temporary / 'source.json', source)
        publish_folder(temporary, cache)
    if not np.load(cache / 'document_ids.npy', mmap_mode='r').size:
        raise Refusal(f'Expected documents to train on, found none in {manifest_file}.')


def map_training_set(cache: Path, facts: ModelFacts) -> TrainingSet:
    """The documents that `unpack_training_set` left in `cache`; nothing is read before it is used."""
    arrays = {name: np.asarray(np.load(cache / f'{name}.npy', mmap_mode='r')) for name in INDEX}
    return TrainingSet(tokens=_mapped(cache / 'tokens.bin', _width(facts.vocabulary_size)), **arrays)


def _read_manifest(file: Path, facts: ModelFacts) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding='utf-8'))
        parts = [(part['file'], part['sha256']) for part in manifest['parts']]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f'Expected a manifest with `parts` of `file` and `sha256` in {file}, got {error!r}.') from error
    if not parts:
        raise Refusal(f'Expected at least one part in {file}, found none.')
    for name, expected in (('vocabulary', facts.vocabulary_size), ('markers', facts.markers)):
        if manifest.get(name, expected) != expected:
            raise Refusal(
                f'Expected a training set made with the tokenizer of the model (`{name}`: {expected}), '
                f'found {manifest[name]} in {file}. Train from a model with the same tokenizer.'
            )
    return manifest


def _verified(folder: Path, part: dict[str, Any]) -> str:
    file = folder / part['file']
    try:
        found = sha256_of(file)
    except OSError as error:
        raise Refusal(f'Expected a readable part of the training set, got `{error}`.') from error
    if found != part['sha256']:
        raise Refusal(
            f'Expected {file} to have sha256 {part["sha256"]}, found {found}: the part is damaged or not the one '
            'of this manifest. Write the training set again.'
        )
    return found


def _source_of(cache: Path) -> Any:
    try:
        return json.loads((cache / 'source.json').read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None


def _width(vocabulary_size: int) -> type[np.integer]:
    return np.uint16 if vocabulary_size <= 1 << 16 else np.int32


def _mapped(file: Path, dtype: type[np.integer]) -> npt.NDArray[np.integer]:
    """The file as a read-only array; an empty file cannot be mapped."""
    return np.asarray(np.memmap(file, dtype, mode='r')) if file.stat().st_size else np.zeros(0, dtype)


class _Column:
    """An index array that is written as it grows, so that unpacking needs no memory for it."""

    def __init__(self, file: Path, dtype: type[np.integer]) -> None:
        self.file = file
        self.dtype = dtype
        self.stream = open(file.with_suffix('.raw'), 'w+b')

    def add(self, values: list[int]) -> None:
        self.stream.write(np.array(values, self.dtype).tobytes())

    def close(self) -> None:
        self.stream.flush()
        raw = self.file.with_suffix('.raw')
        np.save(self.file, _mapped(raw, self.dtype))
        self.stream.close()
        raw.unlink()


def _unpack(parts: list[Path], vocabulary_size: int, folder: Path) -> None:
    width = _width(vocabulary_size)
    long = {'document_ids', 'document_chunks', 'document_tokens', 'chunk_tokens'}
    columns = {name: _Column(folder / f'{name}.npy', np.int64 if name in long else np.int32) for name in INDEX}
    token_count = chunk_count = 0
    with open(folder / 'tokens.bin', 'wb') as tokens:
        for where, document in _documents(parts):
            row = _Row(where, document, vocabulary_size)
            columns['document_ids'].add([row.document_id])
            columns['document_chunks'].add([chunk_count])
            columns['document_tokens'].add([token_count])
            columns['context_lengths'].add([row.context_length])
            columns['chunk_tokens'].add([token_count + start for start in row.starts])
            columns['thought_lengths'].add(row.thought_lengths)
            columns['text_lengths'].add(row.text_lengths)
            tokens.write(row.ids.astype(width).tobytes())
            token_count += len(row.ids)
            chunk_count += len(row.starts)
    columns['document_chunks'].add([chunk_count])
    for column in columns.values():
        column.close()


class _Row:
    """One document, checked: its ids in one array and the places of its pieces in it."""

    def __init__(self, where: str, document: Any, vocabulary_size: int) -> None:
        try:
            self.document_id = int(document['id'])
            context: list[int] = document.get('context') or []
            ids = list(context)
            self.context_length = len(context)
            self.starts: list[int] = []
            self.thought_lengths: list[int] = []
            self.text_lengths: list[int] = []
            for chunk in document['chunks']:
                thought, text = chunk.get('z'), chunk['x']
                self.starts.append(len(ids))
                self.thought_lengths.append(NO_THOUGHT if thought is None else len(thought))
                self.text_lengths.append(len(text))
                ids += thought or []
                ids += text
            self.ids = np.array(ids, np.int64)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise Refusal(
                f'Expected {{id, context?, chunks: [{{z?, x}}]}} with lists of ids in {where}, got {error!r}.'
            ) from error
        if len(ids) and not 0 <= self.ids.min() <= self.ids.max() < vocabulary_size:
            raise Refusal(
                f'Expected ids from 0 to {vocabulary_size - 1} (the vocabulary of the model), found '
                f'{self.ids.min()} … {self.ids.max()} in {where}.'
            )


def _documents(parts: list[Path]) -> Iterator[tuple[str, Any]]:
    import zstandard

    for part in parts:
        number = 0
        try:
            with open(part, 'rb') as packed:
                reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
                for number, line in enumerate(io.BufferedReader(reader, 1 << 20), 1):
                    if line.strip():
                        yield f'line {number} of {part}', json.loads(line)
        except (zstandard.ZstdError, ValueError) as error:
            raise Refusal(f'Expected zstd-compressed JSON lines in {part}, got {error} after line {number}.') from error
