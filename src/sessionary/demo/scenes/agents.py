"""Agents of other makers: research with parallel tools, a chain of responses, a supervisor with named agents."""

from sessionary.demo.answers import Say, Search, Think, Use
from sessionary.demo.scenes.callers import AGENTS_SDK, LANGCHAIN, LITELLM
from sessionary.demo.stage import Stage
from sessionary.demo.talk import Talk, tool


def langchain(stage: Stage) -> None:
    """Four tools at once, then two, then an answer with sources. The session's id comes in W3C baggage."""
    talk = Talk(
        stage,
        LANGCHAIN,
        "chat",
        "gpt-5.1",
        think=3,
        unseen=900,
        headers={"baggage": f"session.id=thread-{stage.rng.getrandbits(32):08x}"},
        system="You are a market analyst. Use the tools, several at once where you can. Name figures with their "
        "source.",
        tools=[
            tool("search_filings", "Full-text search in annual reports.", query="Words", year="As 2025"),
            tool("get_figures", "A company's figures.", company="Its name", metric="revenue, capex or staff"),
            tool("python", "Runs Python, returns what it prints.", code="The code"),
        ],
    )
    stage.tags = ("research",)
    talk.user("How much do the four big European wind turbine makers spend on blade factories, compared to revenue?")
    makers = ["Nordvik", "Aerfeld", "Siroco", "Halden Wind"]
    talk.reply(
        Think("Capex by maker first; revenue of the same year. Four calls can run at the same time."),
        *(Use("get_figures", {"company": maker, "metric": "capex"}) for maker in makers),
    )
    talk.result(
        *(
            f'{{"company": "{m}", "capex_meur": {n}, "blades_meur": {b}}}'
            for m, n, b in zip(makers, (812, 604, 377, 190), (301, 244, 98, 71), strict=True)
        ),
        took=2.2,
    )
    talk.reply(
        *(Use("get_figures", {"company": maker, "metric": "revenue"}) for maker in makers[:2]),
        Use("search_filings", {"query": "blade factory investment", "year": "2025"}),
    )
    talk.result('{"revenue_meur": 15380}', '{"revenue_meur": 10920}', '[{"company": "Siroco", "page": 41}]', took=3.4)
    talk.reply(Use("python", {"code": "for b, r in ((301, 15380), (244, 10920)):\n    print(f'{b / r:.1%}')"}))
    talk.result("2.0%\n2.2%")
    talk.reply(
        "**About two percent of revenue**, for the two that report it in full.\n\n| Maker | Blades, M€ | Revenue, "
        "M€ | Share |\n"
        "|---|---:|---:|---:|\n| Nordvik | 301 | 15,380 | **2.0 %** |\n| Aerfeld | 244 | 10,920 | **2.2 %** |\n| "
        "Siroco | 98 | "
        "not by segment | – |\n| Halden Wind | 71 | not by segment | – |\n\nSiroco opens a factory in the coming year "
        "(annual report, p. 41), so its share will rise."
    )


def chain(stage: Stage) -> None:
    """The Responses API with `previous_response_id`: only what is new is sent, the gateway recalls the rest."""
    talk = Talk(
        stage,
        AGENTS_SDK,
        "responses",
        "gpt-5.1",
        chain=True,
        think=5,
        unseen=700,
        system="You research for journalists. Search before you claim; name your sources.",
        tools=[{"type": "web_search"}, tool("save_note", "Keeps a note for the story.", text="The note")],
    )
    stage.tags = ("research", "story")
    topic = stage.pick(["night trains in Europe", "the price of olive oil", "repair cafés"])
    talk.user(f"I write about {topic}. What has changed in the last two years? Three facts with sources.")
    talk.reply(
        Think(f"**Planning the search**\n\nRecent figures on {topic}, official ones first."),
        Search(f"{topic} statistics last two years"),
        Say(
            f"Three facts on {topic}:\n\n1. Supply has grown by a tenth, most of it in two countries.\n2. Prices "
            f"went up twice as "
            "fast as wages.\n3. Half of the new offers come from firms that did not exist five years ago.",
            (
                ("https://example.org/statistics", "Statistics, yearbook"),
                ("https://example.org/prices", "Prices at a glance"),
            ),
        ),
    )
    talk.user("Keep the second one for me.", pause=70)
    talk.reply(Use("save_note", {"text": f"{topic}: prices went up twice as fast as wages (Prices at a glance)"}))
    talk.result('{"saved": 1}')
    talk.reply("Saved. It is the strongest of the three; I would open with it.")
    talk.user("Is there a voice against it?", pause=160)
    talk.reply(
        Think("**Looking for criticism**\n\nAn economist who doubts the comparison would do."),
        Search(f"{topic} prices criticism economist"),
        "Yes: that prices are compared with wages *before* tax. After tax the gap is a third smaller, which still "
        "leaves one.",
    )


def supervisor(stage: Stage) -> None:
    """Agents by name, as LiteLLM's callers send them: a supervisor, a writer, a critic, in two rounds."""
    session = {"x-litellm-session-id": f"campaign-{stage.rng.randint(100, 999)}"}
    product = stage.pick(["a folding kayak", "a quiet coffee grinder", "socks that are darned for life"])

    def agent(path: str, model: str, prompt: str) -> Talk:
        return Talk(stage, LITELLM, "chat", model, system=prompt, headers={**session, "x-session-agent": path})

    lead = agent("", "gpt-5.1", "You lead a small team: a writer and a critic. You decide.")
    lead.tools = [tool("delegate", "Gives work to one of the team.", to="writer or critic", task="What to do")]
    lead.headers.pop("x-session-agent")
    writer = agent("writer", "claude-sonnet-4-5", "You write advertising that respects its readers.")
    critic = agent("critic", "mistral-large-latest", "You are a strict critic. One remark, the most important one.")
    task = f"Write one line of advertising for {product}, without any superlative in it."
    lead.user(f"A line for {product}. It has to be good.")
    lead.reply(Use("delegate", {"to": "writer", "task": task}))
    writer.user(task)
    drafts = ["It waits in the hall until the weather changes its mind.", "There when the weather changes its mind."]
    writer.reply(drafts[0])
    lead.result(drafts[0])
    judged = f"Judge this line as a stranger would read it on a poster: {drafts[0]}"
    lead.reply(Use("delegate", {"to": "critic", "task": judged}))
    critic.user(judged)
    critic.reply("'In the hall' is a detail that only you know. Cut it.")
    lead.result("'In the hall' is a detail that only you know. Cut it.")
    lead.reply(Use("delegate", {"to": "writer", "task": "The critic says that the hall is too much. Cut it."}))
    writer.user("The critic says that the hall is too much. Cut it.")
    writer.reply(drafts[1])
    lead.result(drafts[1])
    lead.reply(f"**{drafts[1]}**\n\nTwo rounds; the critic was right about the hall.")
