"""What redaction costs, by rules: processor time for a MB of requests that real clients sent, and for an answer.

The requests are those of `tests/corpus`, from the first on, so that most of what they say comes again and again, as it
does. The answer is a stream of chat in 1,000 pieces, in which nothing is found.

usage: .venv/bin/python bench/redaction.py [--rounds 3]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sessionary.redaction import Redacting, Redactions, compiled
from sessionary.settings import Redaction, Settings
from tests.support import corpus

EMAIL = Redaction("email", r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
CARD = Redaction("card", r"\b(?:\d[ -]?){13,16}\b")
PATTERNS = [EMAIL, CARD, Redaction("iban", r"\b[A-Z]{2}\d{2}[A-Z0-9]{11,30}\b")]
FIELDS = [Redaction("user", field="metadata.email"), Redaction("said", CARD.pattern, "messages[*].content")]


def took(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of processor time, at best."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best * 1000


def requests(redacting: Redacting, bodies: list[bytes]) -> None:
    for body in bodies:
        redacting.body(body)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    bodies = [call.body.encode() for path in corpus.clients() for call in corpus.load(path)]
    size = sum(map(len, bodies)) / 1e6
    deltas = [{"id": "x", "choices": [{"index": 0, "delta": {"content": f" word{n}"}}]} for n in range(1000)]
    stream = b"".join(b"data: %s\n\n" % json.dumps(delta).encode() for delta in deltas) + b"data: [DONE]\n\n"
    print(f"{len(bodies)} requests, {size:.1f} MB; a stream of {len(stream) / 1e3:.0f} KB")
    with tempfile.TemporaryDirectory() as folder:
        for name, rules, secrets in (
            ("3 patterns", PATTERNS, False),
            ("2 fields", FIELDS, False),
            ("known secrets", [], True),
            ("all of them", [*PATTERNS, *FIELDS], True),
        ):
            began = time.monotonic()
            made = compiled(Settings(redact=rules, redact_secrets=secrets, data_dir=Path(folder)))
            start = time.monotonic() - began
            redacting = Redactions(made).of("default")
            assert redacting is not None
            asked = took(partial(requests, redacting, bodies), rounds) / size
            answered = took(partial(redacting.stream, stream, "chat.completions"), rounds)
            print(f"{name:14}  start {start:5.1f} s   requests {asked:6.1f} ms/MB   the stream {answered:6.1f} ms")


if __name__ == "__main__":
    main()
