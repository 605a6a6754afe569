"""Outside reference for segmentation: NLTK's Punkt, the paper's splitter and numpy's draws.

Reads one JSON request a line from standard input and writes one JSON answer a line to standard output. Offsets are UTF-16
code units, as JavaScript counts. Needs nltk 3.10 and numpy.

    {"op": "spans", "text": s}                      -> [[start, end], ...] of PunktSentenceTokenizer().span_tokenize
    {"op": "units", "text": s}                      -> ends of the units of BoLT's sentence splitter, null where it fails
    {"op": "chunks", "text": s, "mean": m, "min": a, "max": b, "seed": c} -> units per chunk, as BoLT draws them
    {"op": "poisson", "seed": s, "mean": m, "count": n}  -> n draws of numpy's default generator
    {"op": "even", "units": n, "mean": m}           -> chunk boundaries of BoLT's evaluation
    {"op": "classes"}                               -> ranges of code points per class of characters
"""

import hashlib
import json
import re
import sys
import unicodedata

import numpy as np
from nltk.tokenize.punkt import PunktSentenceTokenizer

TOKENIZER = PunktSentenceTokenizer()


def utf16_offsets(text):
    """Offset in UTF-16 code units of every code point, and of the end."""
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + (2 if ord(character) > 0xFFFF else 1))
    return offsets


def spans(text):
    at = utf16_offsets(text)
    return [[at[start], at[end]] for start, end in TOKENIZER.span_tokenize(text)]


def unit_ends(text):
    """Ends of the units of `get_text_splitter("sentence")` (ryoungj/BoLT, apps/main/gen_utils/chunk_gen.py)."""
    ends = []
    for paragraph in re.finditer(r"[^\n\r].*?(?:\n\s*\n|\s*$)", text, re.DOTALL):
        found = [end for _, end in TOKENIZER.span_tokenize(paragraph.group())]
        if not found:
            return None  # the released code indexes an empty list here
        ends += [paragraph.start() + end for end in found]
        ends[-1] = paragraph.end()
    return ends


def units(text):
    ends = unit_ends(text)
    at = utf16_offsets(text)
    return None if ends is None else [at[end] for end in ends]


def chunks(text, mean, least, most, seed):
    ends = unit_ends(text)
    if ends is None:
        return None
    try:
        seed = (int(hashlib.md5(text.encode()).hexdigest(), 16) + seed) & 0xFFFFFFFF
    except ValueError:
        pass  # no UTF-8 form: the plain seed
    generator = np.random.default_rng(seed)
    remaining = len(ends)
    lengths = []
    while remaining > 0:
        lengths.append(int(min(generator.poisson(mean - least) + least, most, remaining)))
        remaining -= lengths[-1]
    return lengths


def even(total, mean):
    return np.linspace(0, total, int(np.ceil(total / mean)) + 1).astype(int).tolist()


def ranges(holds):
    found = []
    for code_point in range(0x110000):
        if not holds(chr(code_point)):
            continue
        if found and found[-1][1] == code_point - 1:
            found[-1][1] = code_point
        else:
            found.append([code_point, code_point])
    return found


def classes():
    return {
        "space": ranges(str.isspace),
        "regexSpace": ranges(lambda c: re.match(r"\s", c)),
        "digit": ranges(lambda c: re.match(r"\d", c)),
        "letter": ranges(lambda c: re.match(r"[^\W\d]", c)),
        "upper": ranges(str.isupper),
        "lower": ranges(str.islower),
        "unassigned": ranges(lambda c: unicodedata.category(c) == "Cn"),
    }


def answer(request):
    operation = request["op"]
    if operation == "spans":
        return spans(request["text"])
    if operation == "units":
        return units(request["text"])
    if operation == "chunks":
        return chunks(request["text"], request["mean"], request["min"], request["max"], request["seed"])
    if operation == "poisson":
        generator = np.random.default_rng(request["seed"])
        return [int(generator.poisson(request["mean"])) for _ in range(request["count"])]
    if operation == "even":
        return even(request["units"], request["mean"])
    if operation == "classes":
        return classes()
    raise ValueError(f"expected an operation named at the top of this file, got {operation!r}")


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))))
