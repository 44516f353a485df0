"""A replay, or two sessions side by side, in words: what it would cost, then what was answered and what is answered
otherwise, and what both come to. Pure."""

from collections import Counter
from typing import NamedTuple

from sessionary.cli.shell import harmless, pairs
from sessionary.cli.shell.pairs import Pair, Totals
from sessionary.cli.shell.story import BETWEEN, DIM, Json, how, money, plural, state, took
from sessionary.cli.shell.told import Block, Part, block, fit
from sessionary.ui.format import cost, count, duration

_LINES = 3
"""That are shown of an answer where it is shortened, from the first that differs on."""
_NAMES = 8
"""Of tools, of which all others are counted."""
_DEPTH = 2
_UNPRICED = "price not known"
_OTHER = "yellow"
"""The style of what is not as it was."""


class Names(NamedTuple):
    """Of the two sides, and what is said of one that is not there."""

    one: str
    other: str
    no_one: str
    no_other: str


REPLAY = Names("was", "now", "not there any more", "")
COMPARED = Names("A", "B", "no such turn", "no such turn")


def plan(found: Json, session: Json) -> list[Block]:
    """What would be asked; the first line is the session's name."""
    tokens = f"{count(found['input_tokens'])} → {count(found['output_tokens'])} tokens"
    then = "price then not known" if found["cost"] is None else f"{cost(found['cost'])} then"
    now = "price not known" if found["estimate"] is None else f"about {cost(found['estimate'])}"
    now += f" with {harmless.line(found['model'])}"
    if found["uncounted"]:
        now += f", without {plural(found['uncounted'], 'call')} whose tokens are not known"
    facts = plural(len(found["calls"]), "call"), tokens, then, now
    named = (harmless.line(session["title"] or session["session_id"]), "bold"), (f"{BETWEEN}{session['id']}", DIM)
    blocks = [block(*named), block(BETWEEN.join(facts))]
    reasons: dict[str, list[str]] = {}
    for one in found["left_out"]:
        reasons.setdefault(one["why"], []).append(one["call_id"])
    for why, ids in reasons.items():
        blocks.append(block((f"left out: {ids[0] if len(ids) == 1 else plural(len(ids), 'call')}: {why}", _OTHER)))
    return blocks


def told(pair: Pair, width: int | None, names: Names = REPLAY) -> list[Block]:
    """`width`: columns in which questions and answers are shortened; None: they are whole."""
    head = block(*_head(pair, width))
    if pair.same and pair.was and pair.now:
        changed = _changed(pair.was["call"], pair.now["call"])
        return [head, block(("= the same answer", "green"), (f"{BETWEEN}{changed}", DIM), depth=1)]
    was, now = pairs.text(pair.was), pairs.text(pair.now)
    start = _apart(was, now) if was and now else 0
    one, other = (said if width is None else _short(said, start, width) for said in (was, now))
    blocks = [block(), head, *_side(names.one, pair.was, one, names.no_one)]
    blocks += _tools(pair.was, None)
    blocks += _side(names.other, pair.now, other, names.no_other)
    if pair.now is None and pair.answered["call_id"]:
        blocks.append(block(("not stored yet", DIM), depth=_DEPTH))
    elif pair.now is None and names is REPLAY:
        blocks.append(block((f"✗ {pair.answered['status']}: {pair.answered['error'] or ''}", "red"), depth=_DEPTH))
    return [*blocks, *_tools(pair.now, pair.was)]


def totals(sums: Totals) -> list[Block]:
    was, now, failed = sums.was, sums.now, sums.failed
    kinds = [f"{sums.same:,} answered the same"] if sums.same else []
    if other := sums.calls - sums.same - failed:
        kinds.append(f"{other:,} otherwise")
    kinds += [f"{failed:,} failed"] if failed else []
    return [
        block(),
        block((plural(sums.calls, "call"), "bold"), f": {', '.join(kinds)}" if kinds else ""),
        block(("cost    ", DIM), f"{money(was) or _UNPRICED} → {money(now) or _UNPRICED}", depth=1),
        block(("time    ", DIM), f"{duration(was['duration_ms'])} → {duration(now['duration_ms'])}", depth=1),
        block(("tokens  ", DIM), f"{_tokens(was)} → {_tokens(now)}", depth=1),
        block(("failed  ", DIM), (f"{was['failed']:,} → {failed:,}", "red" if failed > was["failed"] else ""), depth=1),
    ]


def compared(common: int, different: int, metrics: list[Json]) -> list[Block]:
    """What two sessions come to; `common`: turns before they part, or with the same answers."""
    turns = [f"{common:,} the same"] if common else []
    turns += [f"{different:,} otherwise"] if different else []
    blocks = [block(), block((plural(common + different, "turn"), "bold"), f": {', '.join(turns)}" if turns else "")]
    wide = max((len(metric["name"]) for metric in metrics), default=0)
    for metric in metrics:
        delta = "" if metric["mood"] == "same" else f"{BETWEEN}{metric['delta']}"
        name = f"{metric['name']:<{wide}}  "
        blocks.append(block((name, DIM), f"{metric['a']} → {metric['b']}", (delta, DIM), depth=1))
    return blocks


def _head(pair: Pair, width: int | None) -> list[Part]:
    call = (pair.was or pair.now or {"call": {"turn": 0}})["call"]
    turn = f"turn {call['turn']}" if call["turn"] else pair.answered["replays"]
    question = pairs.question(pair)
    if width is not None:
        question = fit(question, max(1, width - len(turn) - len(BETWEEN))).rstrip()
    return [(turn, "bold"), (f"{BETWEEN}{question}" if question else "", "bold")]


def _side(name: str, side: Json | None, text: str, no_one: str) -> list[Block]:
    if side is None:
        return [block((f"{name}  ", DIM), (no_one, DIM), depth=1)]
    call = side["call"]
    output = f"{count(call['output_tokens'])} tokens" if call["output_tokens"] is not None else ""
    facts = BETWEEN.join(["", *filter(None, (output, money(call), took(call)))])
    model = f"{call['model'] or call['endpoint']}{BETWEEN}"
    blocks = [block((f"{name}  ", DIM), model, (call["status"], state(call["status"])), (facts, DIM), depth=1)]
    blocks += [failure._replace(depth=_DEPTH) for failure in how(call) if call["error"] is not None]
    if call["unkept"] or side.get("emptied"):
        blocks.append(block(("what was said is not kept", DIM), depth=_DEPTH))
    return [*blocks, *([block(text, depth=_DEPTH)] if text else [])]


def _tools(side: Json | None, before: Json | None) -> list[Block]:
    """What a side calls; `before`: the other one, that it is held against."""
    given, then, mark = pairs.called(side), pairs.called(before), ""
    names = [name for name, _ in given]
    if before is not None and side is not None and given != then:
        if not given:
            return [block(("→ no tool is called", _OTHER), depth=_DEPTH)]
        mark = f"{BETWEEN}{'other arguments' if names == [name for name, _ in then] else 'other tools'}"
    if not given:
        return []
    counted = [f"{harmless.line(name)}{f' ×{n}' if n > 1 else ''}" for name, n in Counter(names).items()]
    more = f", and {len(counted) - _NAMES} more" if len(counted) > _NAMES else ""
    shown = f"{', '.join(counted[:_NAMES])}{more}"
    return [block(("→ ", "cyan"), (shown, "bold cyan"), (mark, _OTHER), depth=_DEPTH)]


def _changed(was: Json, now: Json) -> str:
    """Numbers of two calls whose answers are the same."""
    changed = [f"{count(was['output_tokens'])} → {count(now['output_tokens'])} tokens"]
    if was["cost"] is not None or now["cost"] is not None:
        changed.append(f"{cost(was['cost'])} → {cost(now['cost'])}")
    return BETWEEN.join((*changed, f"{duration(was['duration_ms'])} → {duration(now['duration_ms'])}"))


def _apart(was: str, now: str) -> int:
    """Where two texts begin to differ."""
    both = enumerate(zip(was, now, strict=False))
    return next((n for n, (a, b) in both if a != b), min(len(was), len(now)))


def _short(text: str, start: int, width: int) -> str:
    """Some lines from about `start` on, from where two answers differ."""
    room = max(width - 2 * _DEPTH, 1)
    begin = text.rfind("\n", 0, start) + 1
    if start - begin > room // 2:
        begin = start - room // 4
    lines = [line for line in text[begin:].split("\n") if line.strip()]
    if begin and lines:
        lines[0] = f"… {lines[0].lstrip()}"
    if len(lines) > _LINES:
        lines[_LINES - 1] += " …"
    return "\n".join(fit(line, room).rstrip() for line in lines[:_LINES])


def _tokens(sums: Json) -> str:
    return f"{count(sums['input_tokens'])} in, {count(sums['output_tokens'])} out"
