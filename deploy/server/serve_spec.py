"""The spec of a server: which model, under which name, with which limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobs.refusal import Refusal
from jobs.spec import Fields


@dataclass(frozen=True)
class ServeSpec:
    """What `serve.py` is asked for.

    served_name: the only name under which the server answers. dtype: as vLLM names it. max_model_len: tokens of prompt
    and answer (None: the model's context). max_num_seqs: sequences at once (None: vLLM's choice). kv_cache_gigabytes:
    memory for attention keys and values in GiB (None: 1 on a CPU, vLLM's choice on a GPU). extra_args: further
    arguments of vLLM. threads: the most that the engine may use on a CPU (None: one for every core).
    """

    key: str
    model: Path
    served_name: str
    output: Path
    dtype: str
    max_model_len: int | None
    max_num_seqs: int | None
    kv_cache_gigabytes: float | None
    prefix_caching: bool
    extra_args: list[str]
    threads: int | None


def parse_serve_spec(fields: Fields) -> ServeSpec:
    """Check every field of a spec and give it its type; raises Refusal that names the offending field."""
    fields.choice('kind', ('serve',), None)
    spec = ServeSpec(
        key=fields.text('key'),
        model=Path(fields.text('model')),
        served_name=fields.text('servedName'),
        output=Path(fields.text('output')),
        dtype=fields.text('dtype'),
        max_model_len=fields.whole('maxModelLen', 2, None),
        max_num_seqs=fields.whole('maxNumSeqs', 1, None),
        kv_cache_gigabytes=fields.number('kvCacheGigabytes', 0, None),
        prefix_caching=fields.truth('prefixCaching'),
        extra_args=fields.texts('extraArgs', []),
        threads=fields.whole('threads', 1, None),
    )
    fields.end()
    if not (spec.model / 'config.json').is_file():
        raise Refusal(f'Expected a model folder with config.json, found none in {spec.model}. Check `spec.model`.')
    return spec
