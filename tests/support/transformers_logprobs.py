"""Log probabilities by transformers' own forward pass, for comparison: `python transformers_logprobs.py MODEL < ids.jsonl`.

Each input line is a list of ids; each output line the list of log probabilities (nats) of all but the first, float32.
"""

import json
import os
import sys

os.environ['HF_HUB_OFFLINE'] = '1'

import torch
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
with torch.no_grad():
    for line in sys.stdin:
        ids = torch.tensor([json.loads(line)])
        scores = torch.log_softmax(model(input_ids=ids, use_cache=False).logits[0, :-1].double(), dim=-1)
        print(json.dumps(scores.gather(1, ids[0, 1:, None]).flatten().tolist()))
