"""The first screen of a comparison: two heads with totals, and the first turns' texts. Pure.

static/compare-turns.js and static/delta.js say the same of all turns; the tests hold them together.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any
from urllib.parse import quote

from sessionary.ui import format
from sessionary.wire import text

Json = dict[str, Any]
TURNS = 5
LETTERS = 1500
_SUMS = ("calls", "errors", "input_tokens", "cached_tokens", "output_tokens", "unpriced", "active_ms")
_DEEP = 50
_METRICS: tuple[tuple[str, str, Callable[[Any], str], tuple[str, str], str], ...] = (
    ("cost", "cost", format.cost, ("cheaper", "dearer"), "less"),
    ("time", "active_ms", format.duration, ("faster", "slower"), "less"),
    ("failed", "errors", lambda n: f"{n:,}", ("fewer", "more"), "less"),
    ("turns", "turns", lambda n: f"{n:,}", ("fewer", "more"), ""),
    ("calls", "calls", lambda n: f"{n:,}", ("fewer", "more"), ""),
    ("input", "input_tokens", format.count, ("fewer", "more"), ""),
    ("cached", "cached", lambda n: f"{format.rounded(n)}%", ("less cached", "better cached"), "more"),
    ("output", "output_tokens", format.count, ("fewer", "more"), ""),
    ("first token", "ttft", format.duration, ("sooner", "later"), "less"),
)  # fmt: skip
"""Name, field of the sums, how it is shown, words for less and more, which of them is better."""


def parted(name: str) -> tuple[str, str]:
    """A session's id, and the branch's where only that is meant."""
    session, _, branch = name.rpartition("~")
    return (session, branch) if session and branch.startswith("call_") else (name, "")


def branches(tree: Json) -> list[Json]:
    """What there is to choose from: branches that people talk on, of conversations that have several."""
    roots = _rooted(tree)
    count = Counter(roots.values())
    return [branch for branch in tree["branches"] if count[roots.get(branch["id"], "")] > 1]


def _rooted(tree: Json) -> dict[str, str]:
    """By branch that people talk on: the one that its conversation begins with."""
    of = {node["id"]: node["branch"] for node in tree["nodes"]}
    forks = {b["id"]: of.get(b["fork"]) for b in tree["branches"] if not b["agent"]}
    found = {}
    for id in forks:
        root = id
        while (above := forks[root]) in forks and above != root:
            root = above
        found[id] = root
    return found


def named(tree: Json, asked: str) -> str:
    """The branch with that id, or with that call; "" where there is none."""
    found = (b for b in tree["branches"] if not b["agent"])
    return next((b["id"] for b in found if asked == b["id"] or asked in b["nodes"]), "")


def chosen(tree: Json, asked: str) -> str:
    """The branch that is shown: the one asked for, or else the newest; "" where there is nothing to choose."""
    ids = [branch["id"] for branch in branches(tree)]
    current = [branch["id"] for branch in tree["branches"] if branch["current"]]
    wishes = [id for id in (named(tree, asked), *current, *ids[-1:]) if id in ids]
    return wishes[0] if wishes else ""


def kept(tree: Json, branch: str) -> list[Json]:
    """The nodes of a side: all, but for what was said otherwise instead, and the agents that were started there. Of
    each other conversation in the session the branch that was begun last is kept."""
    if not branch:
        nodes: list[Json] = tree["nodes"]
        return nodes
    by_id = {node["id"]: node for node in tree["nodes"]}
    started = {agent["id"]: agent["node"] for agent in tree["agents"]}
    last = {b["id"]: b["nodes"][-1] for b in tree["branches"]}
    roots = _rooted(tree)
    ends = {root: id for id, root in roots.items()} | {roots[branch]: branch}
    path: set[str] = set()
    for id in ends.values():
        at = by_id.get(last[id])
        while at is not None and at["id"] not in path:
            path.add(at["id"])
            at = by_id.get(at["parent"] or "")

    def belongs(node: Json | None) -> bool:
        for _ in range(_DEEP):
            if node is None or not node["agent"]:
                break
            node = by_id.get(started.get(node["agent"]) or "")
        return node is None or node["side"] or node["id"] in path or node["branch"] not in roots

    return [node for node in tree["nodes"] if belongs(node)]


def turns(tree: Json, nodes: Sequence[Json]) -> list[list[Json]]:
    """The nodes that people talk on, by turn."""
    started = {agent["id"]: agent["node"] for agent in tree["agents"]}
    found: list[list[Json]] = []
    for node in nodes:
        if node["side"] or (node["agent"] and started.get(node["agent"])):
            continue
        if not found or found[-1][-1]["turn"] != node["turn"]:
            found.append([])
        found[-1].append(node)
    return found


def wanted(tree: Json, asked: str) -> list[str]:
    """Ids of the calls that say what is in the first turns of a side."""
    found = turns(tree, kept(tree, chosen(tree, asked)))
    return list(dict.fromkeys(id for t in found[:TURNS] for id in (t[0]["attempts"][0], t[-1]["call_id"])))


def plain_side(transcript: Json) -> Json:
    """Of a session without branches: its row knows the totals, and its first calls are enough.

    `transcript`: those, as for the session's page.
    """
    session, calls = transcript["session"], transcript["calls"]
    found: list[list[Json]] = []
    for call in (added["call"] for added in calls):
        if not call["side"] and not call["agent"]:
            if not found or found[-1][-1]["turn"] != call["turn"]:
                found.append([])
            found[-1].append({"turn": call["turn"], "attempts": [call["id"]], "call_id": call["id"]})
    whole = found if len(calls) >= session["calls"] else found[:-1]
    total = {name: session[name] for name in (*_SUMS, "cost", "turns")}
    total |= {"ttft": None, "cached": _share(session["cached_tokens"], session["input_tokens"])}
    told = said(whole, calls)
    return {"kind": "session", "head": head(session, None), "sums": total, "turns": told, "count": session["turns"]}


def session_side(tree: Json, asked: str, calls: list[Json]) -> Json:
    """`calls`: those that were `wanted`, with what they added. `other`: the newest branch besides, if none is named."""
    branch = chosen(tree, asked)
    found = turns(tree, kept(tree, branch))
    told = said(found, calls)
    top = head(tree["session"], None)
    others = [] if asked else [b["id"] for b in branches(tree) if b["id"] != branch]
    return {"kind": "session", "head": top, "sums": sums(tree, branch, found), "turns": told, "count": len(found),
            "other": others[-1] if others else ""}  # fmt: skip


def call_side(transcript: Json, call: Json) -> Json:
    """`transcript`: of this call only."""
    added = transcript["calls"]
    asked = [m for a in added for m in a["messages"] if m["role"] not in ("assistant", "tool")]
    answer = [a["output"] for a in added if a["output"]]
    told = [{"number": 0, "user": _text(asked), "answer": _text(answer), "calls": [call["id"]], "messages": []}]
    top = head(transcript["session"], call)
    return {"kind": "call", "head": top, "sums": sums_of(call), "turns": told, "count": 1}


def sums(tree: Json, branch: str, found: list[list[Json]]) -> Json:
    nodes = kept(tree, branch)
    total: Json = {name: sum(node["sums"][name] for node in nodes) for name in _SUMS}
    costs = [node["sums"]["cost"] for node in nodes if node["sums"]["cost"] is not None]
    total |= {"turns": len(found), "cost": sum(costs) if costs else None, "ttft": None}
    return total | {"cached": _share(total["cached_tokens"], total["input_tokens"])}


def sums_of(call: Json) -> Json:
    """Of one call; that it is one goes without saying."""
    tokens = {name: call[name] or 0 for name in ("input_tokens", "cached_tokens", "output_tokens")}
    unpriced = int(call["cost"] is None and call["status"] != "live")
    return tokens | {
        "turns": 0, "calls": 0, "errors": int(format.mood(call["status"]) == "errors"),
        "cost": call["cost"], "unpriced": unpriced, "active_ms": call["duration_ms"], "ttft": call["ttft_ms"],
        "cached": _share(tokens["cached_tokens"], tokens["input_tokens"]),
    }  # fmt: skip


def metrics(a: Json, b: Json) -> list[Json]:
    """`{name, a, b, delta, mood}` of what either side has."""
    found = []
    for name, of, show, words, good in _METRICS:
        one, two = a[of], b[of]
        if not one and not two:
            continue
        delta, mood = _delta(name, one, two, show, words, good)
        more = [" +" if name == "cost" and side["unpriced"] and side["cost"] is not None else "" for side in (a, b)]
        found.append({"name": name, "a": _shown(show, one) + more[0], "b": _shown(show, two) + more[1],
                      "delta": delta, "mood": mood})  # fmt: skip
    return found


def said(found: list[list[Json]], calls: list[Json]) -> list[Json]:
    """`{number, user, answer, calls, messages}` of the first turns; `calls` are those that were `wanted`."""
    by_id = {added["call"]["id"]: added for added in calls}
    told = []
    for nodes in found[:TURNS]:
        first, last = by_id.get(nodes[0]["attempts"][0]), by_id.get(nodes[-1]["call_id"])
        messages: list[Json] = first["messages"] if first else []
        output = [last["output"]] if last and last["output"] else []
        ids = [message.get("id", "") for message in (*messages, *output)]
        told.append({
            "number": nodes[0]["turn"],
            "user": _text([m for m in messages if m["role"] not in ("assistant", "tool")]),
            "answer": _text(output),
            "calls": [attempt for node in nodes for attempt in node["attempts"]],
            "messages": ids if output and all(ids) else [],
        })  # fmt: skip
    return told


def _same(a: Json, b: Json) -> bool:
    """Whether two turns are the same calls, or the same messages and answer: their ids stand for all before, too."""
    return bool(a["calls"] == b["calls"] or a["messages"] == b["messages"] != [])


def _text(messages: list[Json]) -> str:
    pieces = [piece for message in messages for piece in message["pieces"]]
    given = [piece["text"] for piece in pieces if piece["type"] in ("text", "refusal") and piece.get("text")]
    texts = [text.said(words) if "<" in words else words.strip() for words in given]
    found = "\n\n".join(filter(None, texts))
    return found if len(found) <= LETTERS else f"{found[:LETTERS]} …"


def _delta(
    name: str, a: float | None, b: float | None, show: Callable[[Any], str], words: tuple[str, str], good: str
) -> tuple[str, str]:
    if a is None or b is None:
        return "not known of both", "other"
    if a == b or (good and show(a) == show(b)):  # as it is seen
        return "the same", "same"
    points = name == "cached"
    size = f"{format.rounded(abs(b - a))} points" if points else show(abs(b - a))
    sign = "+" if b > a else "−"
    part = f" · {_times(a, b)}" if a and not points else ""
    better = (b > a) == (good == "more")
    return f"{sign}{size}{part} · {words[b > a]}", "other" if not good else "better" if better else "worse"


def _times(a: float, b: float) -> str:
    """How much `b` is of `a`: by how many of a hundred it is more or less, or how many times as much."""
    part = abs(b - a) / a
    if part >= 10:
        return f"×{format.rounded(b / a):,}"
    return f"{'+' if b > a else '−'}{format.rounded(100 * part) if part >= 0.01 else '<1'}%"


def _share(cached: int, whole: int) -> float | None:
    return 100 * cached / whole if whole else None


def _shown(show: Callable[[Any], str], value: Any) -> str:
    return format.UNKNOWN if value is None else show(value)


def head(session: Json, call: Json | None) -> Json:
    """What a side is: `{title, id, models, at, href}`."""
    here = f"/ui/sessions/{quote(session['id'], safe='')}"
    if call is None:
        return {"title": format.titled(session), "id": session["session_id"],
                "models": session["models"], "at": session["first_at"], "href": here}  # fmt: skip
    title = f"{call['endpoint']} in {format.titled(session)}"
    href = f"{here}#{quote(call['id'], safe='')}"
    return {"title": title, "id": call["id"], "models": [call["model"]], "at": call["created_at"], "href": href}


def itself(sides: list[Json | None]) -> str:
    """The branch to hold a session against where both sides are the same one, and neither names a branch."""
    one, two = sides
    same = one and two and one["kind"] == two["kind"] == "session" and one["head"]["href"] == two["head"]["href"]
    return two.get("other", "") if one and two and same and one.get("other") else ""


def screen(sides: list[Json | None]) -> Json:
    """What compare.html shows beside the heads. A side is `{kind, head, sums, turns, count}`."""
    one, two = sides
    kind = one["kind"] if one and two and one["kind"] == two["kind"] else ""
    if not one or not two or not kind:
        mixed = "One is a session, the other a call: choose two of a kind." if one and two else ""
        return {"kind": "", "problem": mixed, "metrics": [], "rows": [], "shared": 0, "more": 0}
    told, other = one["turns"], two["turns"]
    shared = 0
    while shared < min(len(told), len(other)) and _same(told[shared], other[shared]):
        shared += 1
    rows = list(zip_longest(told[shared:], other[shared:]))
    left = max(one["count"], two["count"]) - shared - len(rows)
    return {"kind": kind, "problem": "", "metrics": metrics(one["sums"], two["sums"]), "rows": rows,
            "shared": shared, "more": left}  # fmt: skip
