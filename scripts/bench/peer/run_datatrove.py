"""Runs datatrove's InferenceRunner with checkpointing over made-up documents against a server.

    python run_datatrove.py '{"url", "bodies", "requests", "concurrency", "folder"}'

Every document asks for one completion, whose body is a line of `bodies` with a seed of its own. Prints
{"requests", "seconds", "cpu"}: the time of `InferenceRunner.run`, imports and start-up left out.
"""

import json
import os
import sys
import time

# Its progress table is for people, and costs time.
os.environ["LOGURU_LEVEL"] = "ERROR"

from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.writers import JsonlWriter
from loguru import logger

RECORDS_PER_CHUNK = 500


def main() -> None:
    logger.remove()
    settings = json.loads(sys.argv[1])
    with open(settings["bodies"], encoding="utf8") as file:
        bodies = [json.loads(line) for line in file]

    async def rollout(document, generate):
        body = dict(bodies[int(document.id) % len(bodies)], seed=int(document.id))
        return await generate(body)

    config = InferenceConfig(
        server_type="endpoint",
        endpoint_url=settings["url"],
        model_name_or_path=bodies[0]["model"],
        use_chat=False,
        rollouts_per_document=1,
        max_concurrent_generations=settings["concurrency"],
        metric_interval=3600,
    )
    writer = JsonlWriter(
        os.path.join(settings["folder"], "output"),
        output_filename="${rank}_chunk_${chunk_index}.jsonl",
        compression=None,
    )
    runner = InferenceRunner(
        rollout,
        config,
        writer,
        checkpoints_local_dir=os.path.join(settings["folder"], "checkpoints"),
        records_per_chunk=RECORDS_PER_CHUNK,
    )
    documents = [Document(text="x", id=str(number)) for number in range(settings["requests"])]
    began, cpu = time.perf_counter(), time.process_time()
    runner.run(iter(documents))
    seconds = time.perf_counter() - began
    done = runner.stats.stats["successful_requests"].total
    print(json.dumps({"requests": int(done), "seconds": seconds, "cpu": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
