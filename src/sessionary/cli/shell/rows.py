"""Sessions, calls and hits as rows of a list: on a terminal as wide as it is, in a pipe as cells. Pure."""

from sessionary.cli.shell import harmless
from sessionary.cli.shell.story import BETWEEN, DIM, Json, counted, money, plural, spent, state, tokens, took
from sessionary.cli.shell.told import Block, Part, Shown, block, fit, right
from sessionary.cli.shell.when import near
from sessionary.ui.format import duration

_WIDE = 132
"""Columns from which on a row is one line."""
_WHEN, _STATE, _COUNTS, _TOKENS, _COST, _ID = 12, 7, 10, 15, 9, 31
_MODEL, _TOOK, _ENDED = 20, 8, 14


def sessions_head(width: int) -> list[Block]:
    if width < _WIDE:
        return []
    names = fit("when", _WHEN), fit("title", _title(width)), right("calls/turns", _COUNTS + 1), right("tokens", _TOKENS)
    return [block(("  ".join((*names, right("cost", _COST), fit("status", _STATE), "id")), "bold"))]


def session(one: Json, width: int) -> list[Block]:
    when, title = near(one["last_at"]), one["title"] or one["session_id"]
    styled = (one["status"], state(one["status"]))
    if width < _WIDE:
        facts = BETWEEN.join(filter(None, (counted(one), spent(one), money(one))))
        below = block(styled, (f"{BETWEEN}{facts}{BETWEEN}", DIM), one["id"], depth=1)
        return [block((f"{when}  ", DIM), (harmless.line(title), "bold")), below]
    counts = right(f"{one['calls']:,}/{one['turns']:,}", _COUNTS + 1)
    numbers = "  ".join((counts, right(tokens(one), _TOKENS), right(money(one), _COST)))
    parts: tuple[Part, ...] = (
        (fit(when, _WHEN), DIM),
        (f"  {fit(title, _title(width))}", "bold"),
        (f"  {numbers}  ", ""),
        (fit(one["status"], _STATE), styled[1]),
        (f"  {one['id']}", ""),
    )
    return [block(*parts)]


def session_cells(one: Json) -> list[str]:
    return [
        one["last_at"],
        one["title"] or one["session_id"],
        str(one["calls"]),
        str(one["turns"]),
        *_exact(one),
        one["status"],
        one["id"],
    ]


def session_news(one: Json, before: Json | None) -> list[Block]:
    """A session that changed, in a line; `before`: as it was told the last time."""
    title = one["title"] or one["session_id"]
    more = one["calls"] - before["calls"] if before is not None else 0
    facts = [plural(one["calls"], "call") + (f" (+{more:,})" if more > 0 else ""), spent(one), money(one)]
    facts.append(f"{one['errors']:,} failed" if one["errors"] else "")
    status = one["status"]
    return [
        block(
            (f"{near(one['last_at'])}  ", DIM),
            (f"{status:<{_STATE}}", state(status)),
            (harmless.line(title), "bold"),
            (BETWEEN + BETWEEN.join(filter(None, facts)) + BETWEEN, DIM),
            one["id"],
        )
    ]


def calls_head(width: int) -> list[Block]:
    if width < _WIDE:
        return []
    names = [fit("when", _WHEN), fit("model", _MODEL), right("tokens", _TOKENS), right("cost", _COST)]
    names += [right("took", _TOOK), fit("status", _ENDED), fit("id", _ID), "session"]
    return [block(("  ".join(names), "bold"))]


def call(one: Json, width: int) -> list[Block]:
    when, model, status = near(one["created_at"]), one["model"] or one["endpoint"], one["status"]
    said = (one["error"] or {}).get("message") or ""
    failed = [block((harmless.line(said), "red"), depth=1, fold=2)] if said else []
    if width < _WIDE:
        facts = BETWEEN.join(filter(None, (tokens(one), money(one), took(one), harmless.line(one["session_id"]))))
        named = (f"{when}  ", DIM), (model, "bold"), "  ", (status, state(status)), f"  {one['id']}"
        return [block(*named), block((facts, DIM), depth=1), *failed]
    lasted = duration(one["duration_ms"]) if one["duration_ms"] is not None else ""
    numbers = "  ".join((right(tokens(one), _TOKENS), right(money(one), _COST), right(lasted, _TOOK)))
    room = width - _WHEN - _MODEL - _TOKENS - _COST - _TOOK - _ENDED - _ID - 15
    parts: tuple[Part, ...] = (
        (fit(when, _WHEN), DIM),
        (f"  {fit(model, _MODEL)}", "bold"),
        (f"  {numbers}  ", ""),
        (fit(status, _ENDED), state(status)),
        (f"  {fit(one['id'], _ID)}  ", ""),
        (fit(one["session_id"], room).rstrip(), DIM),
    )
    return [block(*parts), *failed]


def call_cells(one: Json) -> list[str]:
    took_ms = "" if one["duration_ms"] is None else str(one["duration_ms"])
    return [one["created_at"], one["model"], *_exact(one), took_ms, one["status"], one["id"], one["session"]]


def hit(one: Json) -> list[Block]:
    """What was found, with the words that were looked for."""
    parts: list[Part] = []
    at = 0
    for start, end in one["marks"]:
        parts += [(one["snippet"][at:start], ""), (one["snippet"][start:end], "bold reverse")]
        at = end
    parts.append((one["snippet"][at:], ""))
    where = (BETWEEN.join((one["session"], one["call_id"])), DIM)
    title = harmless.line(one["title"] or one["session_id"])
    named = block((f"{near(one['at'])}  ", DIM), (title, "bold"))
    return [named, Block(tuple((harmless.each(said), style) for said, style in parts), 1), block(where, depth=1)]


def hit_cells(one: Json) -> list[str]:
    return [one["at"], one["snippet"], one["title"], one["session"], one["call_id"]]


SESSIONS: Shown = (sessions_head, session, session_cells)
CALLS: Shown = (calls_head, call, call_cells)
HITS: Shown = (lambda width: [], lambda one, width: hit(one), hit_cells)


def _exact(one: Json) -> list[str]:
    """Tokens in and out, and the cost: empty where it is not known."""
    return ["" if one[name] is None else str(one[name]) for name in ("input_tokens", "output_tokens", "cost")]


def _title(width: int) -> int:
    return width - _WHEN - _COUNTS - 1 - _TOKENS - _COST - _STATE - _ID - 12
