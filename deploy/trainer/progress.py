"""`progress.jsonl`: how a training went, each step once, also over restarts."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.durable import sync_folder

FILE = 'progress.jsonl'


class Progress:
    """Appends lines {step, steps, loss, learningRate, tokens, truncated, tokensPerSecond, at}."""

    def __init__(self, output: Path, resumed_step: int) -> None:
        """Open the file and drop what lies after `resumed_step`: those steps are trained again."""
        self._file = output / FILE
        temporary = output / f'.{FILE}.tmp'
        with open(temporary, 'w', encoding='utf-8') as stream:
            for line in self._lines():
                if _step_of(line) is not None and _step_of(line) <= resumed_step:
                    stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self._file)
        sync_folder(output)

    def _lines(self) -> list[str]:
        try:
            return self._file.read_text(encoding='utf-8').splitlines(keepends=True)
        except FileNotFoundError:
            return []

    def append(self, line: dict[str, Any]) -> None:
        """Add one line, with the time in UTC."""
        with open(self._file, 'a', encoding='utf-8') as stream:
            stream.write(json.dumps({**line, 'at': datetime.now(UTC).isoformat(timespec='milliseconds')}) + '\n')


def _step_of(line: str) -> Any:
    """Step of a whole line; None for one that a kill cut off."""
    try:
        return json.loads(line)['step'] if line.endswith('\n') else None
    except (ValueError, KeyError, TypeError):
        return None
