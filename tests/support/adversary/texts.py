"""What people and models say to each other. Every text is drawn from the generator that is given."""

import json
from random import Random
from typing import Any


def _either(text: str) -> list[str]:
    return text.split("|")


_THINGS = _either(
    "invoice parser|retry queue|login page|billing report|search index|weekly digest|garden hose|sourdough starter"
    "|bicycle chain|tax return|lease contract|migration script|colour palette|unit test|cron job|message broker"
    "|data pipeline|cover letter|holiday plan|training run|dishwasher|router firmware|date picker|price table"
    "|customer survey|backup tape|water heater|guitar amplifier|feature flag|memory leak|cache key|spreadsheet"
    "|press release|shipping label|wedding speech|chess opening|tomato plant|power supply|type checker|log rotation"
)
_PLACES = _either(
    "the staging cluster|our Berlin office|the second chapter|a small flat|the mobile app|version 3.2|the old house"
    "|the quarterly review|the kitchen|production|the German translation|a rented van|the nightly build|my notes"
    "|the customer portal|an empty directory|the test suite|the northern region|the archive|a hosted notebook"
)
_ACTS = _either(
    "fails silently|runs twice|takes too long|keeps its state|loses the last entry|needs a new owner|breaks on Mondays"
    "|ignores the limit|returns nothing|overheats|sounds wrong|grows without bound|looks dated|is out of date"
    "|works only once|drops every third item|shows the wrong currency|stops after an hour|uses the wrong zone"
)
_ADVICE = _either(
    "check the {a} first, since it {act}|move the {a} to {place} and compare|write down what the {a} does before you "
    "touch it|replace the {a} with a smaller one|leave the {a} alone until the {b} is done|measure the {a} for {n} days"
    "|split the {a} in {n} parts|ask whoever built the {b}|turn the {a} off, wait {n} minutes, and try again"
    "|keep the {b} and rewrite the {a} from scratch"
)
_QUESTIONS = _either(
    "Why is it that the {a} {act} in {place}?|Can you help me with the {a}? It {act}.|How do I connect the {a} to the "
    "{b} in {place}?|Write {n} sentences about the {a}.|What is the difference between a {a} and a {b}?|Please review "
    "the {a} that we have in {place}; the {b} {act}.|Is there a quicker way to fix the {a}?|Our {b} {act} since the "
    "{a} was changed. What would you do?|Draft a note to the team: the {a} {act}.|Compare {n} options for the {a}."
)
SHORT = ("thanks", "ok", "yes", "go on", "and then?", "why?", "can you shorten that?", "in German please", "no")
OPENINGS = ("hi", "hi", "hi", "hello", "Hey there", "test", "hallo", "are you there?", "Hi!")
GREETINGS = (
    "Hello! How can I help you today?",
    "Hi there! How can I assist you today?",
    "Hello! What can I do for you?",
)
SYSTEMS = (
    "You are a helpful assistant.",
    "You are a coding agent. Be brief, and ask before you delete anything.",
    "You answer questions of our customers. Never promise a date.",
    "",
)


def _fill(rng: Random, template: str) -> str:
    a, b = rng.sample(_THINGS, 2)
    return template.format(a=a, b=b, act=rng.choice(_ACTS), place=rng.choice(_PLACES), n=rng.randint(2, 90))


def question(rng: Random) -> str:
    """Now and then a short one, which many people say."""
    if rng.random() < 0.15:
        return rng.choice(SHORT)
    return _fill(rng, rng.choice(_QUESTIONS))


def answer(rng: Random, sentences: int | None = None) -> str:
    parts = [_fill(rng, rng.choice(_ADVICE)) for _ in range(sentences or rng.randint(1, 3))]
    return " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)


def task(rng: Random) -> str:
    """What an agent is told to do: a paragraph, and a list."""
    steps = "\n".join(f"{n}. {_fill(rng, rng.choice(_ADVICE))}" for n in range(1, rng.randint(2, 5)))
    return f"{_fill(rng, 'Find out why the {a} {act} in {place}, and report what you find.')}\n\nSteps:\n{steps}"


def summary(rng: Random) -> str:
    heads = ("Primary request and intent", "Key decisions", "Files and sections", "Pending tasks", "Current work")
    return "\n".join(f"{n}. {head}:\n   - {answer(rng, 1)}\n   - {answer(rng, 2)}" for n, head in enumerate(heads, 1))


def result(rng: Random) -> str:
    """What a tool returns."""
    if rng.random() < 0.2:
        return rng.choice(("ok", "", "no matches", "exit code 0"))
    return "\n".join(f"{rng.randint(1, 400)}: {_fill(rng, 'the {a} {act}')}" for _ in range(rng.randint(1, 4)))


def tool(rng: Random) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a tool's call."""
    match rng.randrange(4):
        case 0:
            path = f"src/{rng.choice(_THINGS).replace(' ', '_')}.py"
            return "read_file", {"path": path, "offset": rng.randint(0, 50) * 10, "limit": 200}
        case 1:
            return "run", {"command": f"grep -n {rng.choice(_THINGS).split()[0]} -r .", "timeout": 30}
        case 2:
            return "search", {"query": rng.choice(_THINGS), "max_results": 5, "exact": False, "score": 0.5}
        case _:
            return "list_files", {}


def git_status(rng: Random) -> str:
    changed = "\n".join(f" M src/{rng.choice(_THINGS).split()[0]}.py" for _ in range(rng.randint(0, 3)))
    return f"Current branch: main\nStatus:\n{changed or '(clean)'}"


def day(rng: Random) -> str:
    return f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def reminder(rng: Random) -> str:
    return f"<system-reminder>\n{_fill(rng, 'The todo list has {n} entries; the {a} is next.')}\n</system-reminder>"


def environment(rng: Random) -> str:
    return (
        f"<environment_context>\n  <cwd>/home/dev/{rng.choice(_THINGS).split()[0]}</cwd>\n"
        f"  <current_date>{day(rng)}</current_date>\n  <budget>{rng.randint(1, 200)}k</budget>\n</environment_context>"
    )


def shown(arguments: dict[str, Any], loose: Random | None) -> str:
    """A call's arguments as text; with a generator, in another key order, spacing and number form."""
    if loose is None:
        return json.dumps(arguments)
    return json.dumps(reform(arguments, loose), separators=loose.choice(((",", ":"), (", ", ": "))))


def reform(arguments: dict[str, Any], rng: Random) -> dict[str, Any]:
    keys = list(arguments)
    rng.shuffle(keys)
    whole = {k: float(v) for k, v in arguments.items() if type(v) is int}
    return {k: whole.get(k, arguments[k]) for k in keys}
