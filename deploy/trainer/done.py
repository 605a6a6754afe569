"""`DONE.json`, the only truth about success, and `FAILED.json`, the reason why there will be none.

DONE.json = {key, ..., files: {name: sha256}, digest}; `files` covers model/* and fingerprint.json, and `digest` is the
SHA-256 over the lines "name sha256\\n" in the order of the names.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from jobs.durable import sha256_of, sync_file, write_json
from jobs.refusal import Refusal
from jobs.results import DONE, FAILED

COVERED = ('model', 'fingerprint.json')


def file_digests(output: Path) -> dict[str, str]:
    """SHA-256 by name relative to `output` of every file that DONE.json vouches for."""
    files = [output / name for name in COVERED]
    found = [file for root in files for file in ([root] if root.is_file() else root.rglob('*')) if file.is_file()]
    return {file.relative_to(output).as_posix(): sha256_of(file) for file in sorted(found)}


def digest_of(files: dict[str, str]) -> str:
    """One digest for a set of files: SHA-256 over the sorted lines "name sha256\\n"."""
    return hashlib.sha256(''.join(f'{name} {files[name]}\n' for name in sorted(files)).encode()).hexdigest()


def is_done(output: Path, key: str) -> bool:
    """Whether `output` holds the finished result of `key`.

    A DONE.json whose files differ from its digests counts as absent, so that the work is done again.
    Raises Refusal where DONE.json belongs to another key.
    """
    file = output / DONE
    try:
        found = json.loads(file.read_text(encoding='utf-8'))
    except FileNotFoundError:
        return False
    except ValueError:
        return False
    if not isinstance(found, dict) or 'key' not in found:
        return False
    if found['key'] != key:
        raise Refusal(
            f'Expected an output folder that is empty or belongs to key `{key}`, found DONE.json of key '
            f'`{found["key"]}` in {output}. Choose another `output`, or remove the folder.'
        )
    return bool(found.get('files') == file_digests(output))


def write_done(output: Path, key: str, facts: dict[str, Any]) -> None:
    """Vouch for what is in `output`: digests of all covered files, then DONE.json as the last and atomic write."""
    sync_file(output / 'fingerprint.json')
    files = file_digests(output)
    write_json(output / DONE, {'key': key, **facts, 'files': files, 'digest': digest_of(files)})


def begin(output: Path) -> None:
    """Take away what an earlier attempt left and this one will write anew."""
    output.mkdir(parents=True, exist_ok=True)
    for name in (DONE, FAILED):
        (output / name).unlink(missing_ok=True)
