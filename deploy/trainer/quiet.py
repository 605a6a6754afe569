"""Settings that must stand before transformers is imported: no network, no reports to others, no progress bars."""

from __future__ import annotations

import os


def be_quiet() -> None:
    """Keep the libraries off the network and their chatter out of the logs (transformers, huggingface_hub docs)."""
    os.environ.update(
        HF_HUB_OFFLINE='1',
        TRANSFORMERS_OFFLINE='1',
        HF_HUB_DISABLE_TELEMETRY='1',
        HF_HUB_DISABLE_PROGRESS_BARS='1',
        DISABLE_TELEMETRY='1',
        TOKENIZERS_PARALLELISM='false',
        TRANSFORMERS_VERBOSITY='error',
        TRANSFORMERS_NO_ADVISORY_WARNINGS='1',
        WANDB_DISABLED='true',
    )
