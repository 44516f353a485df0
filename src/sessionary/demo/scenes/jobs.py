"""Programs that ask by themselves: classify, extract, embed, translate; and a model of one's own."""

from typing import Any

import msgspec

from sessionary.demo.answers import Use
from sessionary.demo.scenes.callers import GENAI, JOBS, LITELLM
from sessionary.demo.stage import SECOND, Answer, Stage
from sessionary.demo.talk import Talk, tool
from sessionary.record.exchange import Attempt

Wire = dict[str, Any]


def _schema(name: str, **fields: Wire) -> Wire:
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}}


_INVOICES = [
    ("Kranich Papier GmbH", "2026-0412", "A4 recycled, 40 reams", 40, "3.85"),
    ("Atelier Lumen", "AL-991", "Desk lamp repair", 3, "27.00"),
    ("Brisa Seguros SA", "F/26/118", "Liability, quarter", 1, "412.50"),
    ("Nordlys Hosting AS", "55810", "Server, month", 6, "64.00"),
]


def invoice(stage: Stage) -> None:
    """A scan's text becomes JSON that fits a schema."""
    seller, number, item, count, price = stage.pick(_INVOICES)
    text, amount = {"type": "string"}, {"type": "number"}
    line = {"type": "object", "properties": {"item": text, "count": amount, "price": amount}}
    talk = Talk(
        stage,
        JOBS,
        "chat",
        "gpt-5-mini",
        stream=False,
        system="Extract the invoice. Amounts without currency signs.",
        headers={"x-session-id": f"invoice-{number}-{stage.number}"},
        params=_schema("invoice", seller=text, number=text, lines={"type": "array", "items": line}, total=amount),
    )
    stage.tags = ("invoices",)
    total = count * float(price)
    talk.user(
        f"{seller}\nInvoice no. {number}\n\n{count} x {item}   à {price}\n\nTotal payable within 14 days: "
        f"{total:.2f} EUR"
    )
    lines = [{"item": item, "count": count, "price": float(price)}]
    talk.reply(msgspec.json.encode({"seller": seller, "number": number, "lines": lines, "total": total}).decode())


_TICKETS = [
    ("The app logs me out every five minutes since the update.", "bug", "high", "auth"),
    ("Could you add a dark theme?", "wish", "low", "ui"),
    ("I was charged twice in March!!", "billing", "urgent", "payments"),
    ("How do I export my data as CSV?", "question", "low", "export"),
    ("Search finds nothing if I type an umlaut", "bug", "medium", "search"),
    ("Your docs link to a page that is gone: /guide/webhooks", "bug", "low", "docs"),
]


def classify(stage: Stage) -> None:
    """A few tickets in one go, each a call of its own, in one job's session."""
    stage.name = f"Ticket triage, batch {stage.number + 1}"
    stage.tags = ("triage",)
    headers = {"x-litellm-session-id": f"triage-{stage.rng.getrandbits(36):09x}"}
    one_of = {"type": "string"}
    for n in range(4 + stage.number % 5):
        said, kind, urgency, area = _TICKETS[(n + stage.number) % len(_TICKETS)]
        talk = Talk(
            stage,
            LITELLM,
            "chat",
            "gpt-5-nano",
            stream=False,
            headers=headers,
            unseen=420,
            system="You sort tickets. kind: bug, wish, question or billing. urgency: low, medium, high or urgent.",
            params=_schema("ticket", kind=one_of, urgency=one_of, area=one_of),
        )
        talk.user(said)
        talk.reply(msgspec.json.encode({"kind": kind, "urgency": urgency, "area": area}).decode())
        stage.wait(0.1)


def embeddings(stage: Stage) -> None:
    """Vectors for a search index: no conversation, but tokens all the same."""
    stage.name = "Reindex the help pages"
    texts = [f"{said} ({area})" for said, _, _, area in _TICKETS]
    body = {"model": "text-embedding-3-small", "input": texts, "encoding_format": "float", "dimensions": 8}
    for batch in range(3):
        headers = {"x-session-id": f"reindex-{stage.number}"}
        begin = stage.begin(JOBS, "embeddings", body | {"input": texts[batch : batch + 4]}, headers)
        vectors = [[round(stage.rng.gauss(0, 0.35), 6) for _ in range(8)] for _ in range(4)]
        data = [{"object": "embedding", "index": n, "embedding": v} for n, v in enumerate(vectors)]
        usage = {"prompt_tokens": 61, "total_tokens": 61}
        told = {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}
        where = ("openai", "openai/text-embedding-3-small", "text-embedding-3-small")
        took = int(0.24 * SECOND)
        stage.end(
            begin, Answer([msgspec.json.encode(told)], duration=took, ttft=took), [Attempt(*where, begin.at, took, 200)]
        )


_REPORTS = ["sales", "returns", "stock", "complaints", "energy"]


def nightly(stage: Stage) -> None:
    """A report in the night, by a script with LiteLLM: `metadata.litellm_session_id`."""
    about = stage.pick(_REPORTS)
    talk = Talk(
        stage,
        LITELLM,
        "chat",
        "mistral-large-latest",
        system="You write the morning report. Figures first, then one sentence.",
        params={"metadata": {"litellm_session_id": f"report-{about}-{stage.number}"}},
        unseen=2_100,
        tools=[tool("query", "Yesterday's figures.", table="Which")],
    )
    stage.tags = ("report",)
    talk.user(f"The {about} report of yesterday.")
    talk.reply(Use("query", {"table": about}))
    rng = stage.rng
    now, before = rng.randint(180, 900), rng.randint(180, 900)
    talk.result(
        f'{{"table": "{about}", "yesterday": {now}, "day_before": {before}, "week_average": {(now + before) // 2}}}'
    )
    change = (now - before) / before
    talk.reply(
        f"**{about.title()}: {now}** ({change:+.0%})\n\n- the day before: {before}\n- the week's average: "
        f"{(now + before) // 2}\n\n{'Worth a look' if abs(change) > 0.4 else 'Nothing unusual'}."
    )


_STRINGS = [
    ("Add to basket", "Ajouter au panier"),
    ("Sold out", "Épuisé"),
    ("Your order is on its way", "Votre commande est en route"),
    ("Write a review", "Donner un avis"),
    ("Gift wrap", "Emballage cadeau"),
]


def translate(stage: Stage) -> None:
    """String after string, with those before as an example."""
    talk = Talk(
        stage,
        GENAI,
        "chat",
        "gemini-2.5-flash",
        system="Translate into French. Only the translation.",
        stream=False,
        headers={"x-session-id": f"i18n-fr-{stage.number}", "x-session-name": "Shop texts into French"},
    )
    for english, french in _STRINGS:
        talk.user(english)
        talk.reply(french)


def local(stage: Stage) -> None:
    """A model on one's own machine: no price is known, and none is made up."""
    talk = Talk(stage, LITELLM, "chat", "llama3.3:70b", headers={"x-session-id": f"diary-{stage.number}"})
    talk.user(
        stage.pick(
            [
                "Keep this between us: what can I cook from leeks and guilt?",
                "Rewrite my complaint to the landlord so that it is firm, not rude.",
                "What would Seneca say about my inbox?",
            ]
        )
    )
    talk.reply(
        stage.pick(
            [
                "A leek gratin. The guilt goes on top, with the breadcrumbs, and turns golden at 200 °C.",
                "> The heating "
                "has not worked for eleven days. Please have it repaired by Friday; from then on I "
                "reduce the rent.",
                "That it is not the letters that trouble you, but the wish to have answered them.",
            ]
        )
    )


def complete_code(stage: Stage) -> None:
    """An editor that asks at every pause."""
    talk = Talk(stage, GENAI, "chat", "codestral-latest", headers={"x-session-id": stage.id("editor-", 10)}, unseen=350)
    stage.tags = ("editor",)
    begun = stage.pick(["def slug(title: str) -> str:", "const debounce = (fn, ms) => {", "SELECT date_trunc('week', "])
    talk.user(f"Complete:\n```\n{begun}\n```")
    talk.reply(
        stage.pick(
            [
                "```python\ndef slug(title: str) -> str:\n    return re.sub(r'[^a-z0-9]+', '-', "
                "title.lower()).strip('-')\n```",
                "```js\nconst debounce = (fn, ms) => {\n  let timer;\n  return (...args) => {\n    "
                "clearTimeout(timer);\n   "
                " timer = "
                "setTimeout(() => fn(...args), ms);\n  };\n};\n```",
                "```sql\nSELECT date_trunc('week', created_at) AS week, count(*)\n  FROM orders\n GROUP BY 1\n "
                "ORDER BY "
                "1;\n```",
            ]
        )
    )
