"""What goes wrong between a client and a model."""

from sessionary.demo.answers import Use
from sessionary.demo.scenes.callers import ANTHROPIC, JOBS, PLAYGROUND, RESEARCH, SHOP
from sessionary.demo.stage import Stage
from sessionary.demo.talk import Talk, tool

_LONG = (
    "A short history of the lighthouse. It begins with fires on hills, and with the tower of Alexandria, whose "
    "mirror was said "
    "to be seen thirty miles out. Then for a thousand years nothing: the sea was left dark. In 1698 the first tower "
    "on open rock "
    "rose at Eddystone, and was carried away with its builder five years later. Smeaton's, of 1759, was shaped like "
    "the trunk of "
    "an oak, and its stones were dovetailed into each other. Fresnel's lens of 1822 caught nine tenths of the flame…"
)


def rate_limited(stage: Stage) -> None:
    """429, and the client's library tries again."""
    talk = Talk(stage, RESEARCH, "chat", "gpt-4o", stream=False)
    talk.user(
        f"Summarise the attached minutes of meeting {400 + stage.number} in five bullet points: budget "
        f"approved, two "
        "hires, office move postponed, audit in May, and the coffee machine again."
    )
    for retry in range(2):
        talk.fail(
            429,
            "rate_limit_exceeded",
            "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29874. Please try again in 1.9s.",
            retry=retry,
        )
        stage.wait(2 + retry)
    talk.reply(
        "- Budget approved\n- Two hires\n- Office move postponed\n- Audit in May\n- The coffee machine, again", retry=2
    )


def fell_back(stage: Stage) -> None:
    """The first provider is down: the gateway itself goes on to the next one."""
    talk = Talk(
        stage,
        SHOP,
        "chat",
        "gpt-4o",
        headers={"x-session-id": stage.id("cart-", 12)},
        system="You write product texts.",
    )
    talk.user(
        stage.pick(["Two lines for a cedar bird box.", "Two lines for a copper trowel.", "A name for a blue hose."])
    )
    talk.reply(
        stage.pick(
            [
                "Room for one family, no rent. Cedar, so it outlives the lease.",
                "It will turn green before you do. Copper, for soil that likes to be asked.",
                "**Tributary.** Because it joins things.",
            ]
        ),
        tries=[
            ("gpt-4o", 503, "The server is overloaded or not ready yet.", 1.4),
            ("gpt-4o", 0, "OpenAI did not answer within 10 s", 10.0),
        ],
        served="mistral-large-latest",
    )


def timed_out(stage: Stage) -> None:
    talk = Talk(stage, JOBS, "chat", "llama3.3:70b", headers={"x-session-id": f"nightly-digest-{stage.number}"})
    talk.user("Write the digest of yesterday's 212 incident reports, one paragraph a team.")
    talk.fail(504, "timeout", "Ollama did not begin to answer within 120 s.", status="timeout", seconds=120)
    talk.user("Then only the platform team, three sentences.", pause=4)
    talk.reply(
        "Platform had nine incidents, seven of them from one expired certificate. It was renewed at 04:10. A "
        "check now "
        "warns thirty days before."
    )


def left(stage: Stage) -> None:
    """The reader closes the page in the middle of the answer."""
    talk = Talk(stage, PLAYGROUND, "chat", "claude-sonnet-4-5")
    talk.user(f"A short history of the lighthouse, please, in {300 + 50 * stage.number} words.")
    talk.reply(
        _LONG,
        cut=0.6,
        status="client_closed",
        error=("client_closed", "The client closed the connection before the answer was complete."),
    )


def broken_stream(stage: Stage) -> None:
    """The provider breaks off its answer."""
    talk = Talk(
        stage, ANTHROPIC, "messages", "claude-opus-4-5", params={"metadata": {"session_id": stage.id("essay-", 8)}}
    )
    talk.user("Write an essay on lighthouses. Take your time.")
    talk.reply(_LONG, cut=0.8, status="upstream_error", error=("stream_error", "Anthropic broke off its answer"))
    talk.user("Write an essay on lighthouses. Take your time. (The first one broke off.)", pause=9)
    talk.reply(_LONG.replace("…", ", and threw it to the horizon."))


def too_long(stage: Stage) -> None:
    """More than the model can read: an error of the provider, and another way."""
    talk = Talk(
        stage, JOBS, "chat", "gpt-4o", headers={"x-session-id": f"contract-{70 + stage.number}"}, unseen=127_400
    )
    talk.user(
        "Here is the whole contract with its 14 annexes. Which clauses renew by themselves?\n\n"
        + "§ 1 Subject. …\n" * 400
    )
    talk.fail(
        400,
        "context_length_exceeded",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 131802 tokens.",
    )
    talk.model = "gemini-2.5-pro"
    stage.wait(12)
    talk.reply(
        "Three: **§ 7.2** (service, yearly), **annex 4 § 3** (licences, by quarter) and **annex 11** (the "
        "storage room, "
        "every month). Only annex 11 has no notice period."
    )


def refused(stage: Stage) -> None:
    """The gateway itself says no: there is no such model."""
    talk = Talk(stage, PLAYGROUND, "chat", "gpt-4o-maxi")
    talk.user("hello?")
    talk.fail(
        404,
        "model_not_found",
        "There is no model 'gpt-4o-maxi' (did you mean 'gpt-4o-mini'?).",
        status="rejected",
        seconds=0.002,
        reached=False,
    )


def killed(stage: Stage) -> None:
    """The gateway was killed while a call was in flight: what had come is kept."""
    talk = Talk(stage, RESEARCH, "chat", "gpt-5.1", headers={"x-session-id": stage.id("lesson-", 8)})
    talk.user("Explain the French Revolution to a ten-year-old, as a long story.")
    talk.reply(
        "Once there was a king who liked locks and clocks, and a country that had no bread. The clocks were always "
        "right. The "
        "bread was always missing. One summer the people of the city, who could not eat clocks, went to the old "
        "fortress in the "
        "middle of town…",
        cut=0.7,
        status="interrupted",
        seconds=14,
        error=("interrupted", "The gateway died while the call was in flight."),
    )


def tool_fails(stage: Stage) -> None:
    """A tool answers with an error, and the model finds another way."""
    talk = Talk(
        stage,
        RESEARCH,
        "messages",
        "claude-haiku-4-5",
        system="You answer questions on the warehouse. SQL only.",
        unseen=1_800,
        tools=[tool("sql", "Runs a query, read-only.", query="The query")],
        params={"metadata": {"session_id": stage.id("bi-", 10)}},
    )
    stage.tags = ("bi",)
    asked = stage.pick(
        [
            "How many new customers did we have last week, by country?",
            "Which five articles were returned most often this month?",
            "What is the median time from order to parcel?",
        ]
    )
    talk.user(asked)
    talk.reply(
        Use(
            "sql",
            {"query": "SELECT country, count(*) FROM customer WHERE created > now() - interval '7 days' GROUP BY 1"},
        )
    )
    talk.result('ERROR:  relation "customer" does not exist\nHINT:  Perhaps you meant "customers".', failed=True)
    talk.reply(
        "The table has another name, I'll try again.",
        Use(
            "sql",
            {
                "query": "SELECT country, count(*) FROM "
                "customers WHERE "
                "created_at > now() - interval '7 days' GROUP BY 1 ORDER BY 2 DESC"
            },
        ),
    )
    talk.result("country | count\nDE | 412\nFR | 188\nAT | 97\nNL | 61\nBE | 40")
    talk.reply(
        "**798** in the last seven days:\n\n| Country | New |\n|---|---:|\n| DE | 412 |\n| FR | 188 |\n| AT "
        "| 97 |\n| NL | 61 |\n"
        "| BE | 40 |"
    )
