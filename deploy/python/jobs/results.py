"""Names of the files that tell how a job ended."""

from __future__ import annotations

from pathlib import Path

from jobs.durable import write_json

DONE = 'DONE.json'
"""Success; written last."""

FAILED = 'FAILED.json'
"""{key, reason}: the refusal of a job that another start does not help."""


def write_failed(output: Path, key: str, reason: str) -> None:
    """Leave the reason of a refusal where the one who asked for the job looks for its result."""
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / FAILED, {'key': key, 'reason': reason})
