"""What programs do that agents run in: titles, summaries, sub-agents. See `everyday` for what a kind is."""

from collections.abc import Callable

from tests.support.adversary import texts
from tests.support.adversary.talk import SECOND, Call, History, Talk
from tests.support.adversary.wire import Format, Said, Tool

_SPAWNS: dict[Format, tuple[str, str]] = {
    "messages": ("Task", "subagent_type"),
    "chat.completions": ("Agent", "name"),
    "responses": ("spawn_agent", "agent_type"),
}
"""The tool that starts an agent, and how its call names the agent."""


# -- calls beside a conversation, which are conversations of their own


def titles_from_a_transcript(talk: Talk) -> None:
    """A web chat that shows the title's model what was said, in its own frame."""
    talk.turn()
    lines = "\n".join(f"{m.role.upper()}: {m.text}" for m in talk.said)
    for wanted in ("a concise, 3-5 word title with an emoji summarizing", "1-3 broad tags categorizing the themes of"):
        prompt = f"### Task:\nGenerate {wanted} the chat history.\n### Chat History:\n"
        prompt += f"<chat_history>\n{lines}\n</chat_history>"
        talk.other(said=[], tools=False, system="").turn(prompt, answer=Said("assistant", _title(talk)))
    talk.turn()


def titles_of_one_exchange(talk: Talk) -> None:
    """Another web chat: the first question and its answer, in one message."""
    talk.tools = False
    talk.turn()
    asked, told = talk.said[0].text, talk.said[1].text
    prompt = "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return "
    prompt += f'the title itself.\n\nConversation:\n||>User: "{asked}"\n||>Response: "{told}"'
    talk.other(said=[], system="").turn(prompt, answer=Said("assistant", _title(talk)))
    talk.turn()


def titles_of_the_first_message(talk: Talk) -> None:
    """A coding agent: a generator of titles is given the first message, at the same time as the model."""
    text = texts.question(talk.rng)
    side = talk.other(system="You are a title generator. You output ONLY a thread title.", tools=False)
    side.ask(Said("user", "Generate a title for this conversation:\n"), Said("user", text))
    talk.turn(text)
    talk.turn()


def topics(talk: Talk) -> None:
    """Another one asks of each message whether it is a new topic."""
    for _ in range(talk.rng.randint(1, 3)):
        text = texts.question(talk.rng)
        prompt = "Analyze if this message indicates a new conversation topic. If it does, extract a 2-3 word title. "
        side = talk.other(said=[], tools=False, system=prompt + "Format your response as a JSON object.")
        side.turn(text, answer=Said("assistant", '{"isNewTopic": true, "title": "' + _title(talk) + '"}'))
        talk.turn(text)


def titles_after_the_history(talk: Talk) -> None:
    """The whole conversation, and then the wish for a title: that is in the conversation."""
    talk.turn()
    talk.turn()
    talk.fork(tools=False).turn("Write a short title for this conversation.", answer=Said("assistant", _title(talk)))
    talk.turn()


def _title(talk: Talk) -> str:
    return " ".join(texts.answer(talk.rng, 1).split()[:4])


# -- a conversation that has become too long


def compacted_with_tags(talk: Talk) -> None:
    """The summary is asked for at the end; the next first message carries it, with its tags rewritten."""
    rng = talk.rng
    _long(talk)
    thought, summary = texts.answer(rng, 3), texts.summary(rng)
    told = Said("assistant", f"<analysis>\n{thought}\n</analysis>\n\n<summary>\n{summary}\n</summary>")
    prompt = "Your task is to create a detailed summary of the conversation so far, paying close attention to the "
    made = talk.ask(Said("user", f"{prompt}user's explicit requests and your previous actions."), answer=told)
    carried = f"Analysis:\n{thought}\n\n" if rng.random() < 0.5 else ""
    text = "This session is being continued from a previous conversation that ran out of context. The summary below "
    text += f"covers the earlier portion of the conversation.\n\n{carried}Summary:\n{summary}"
    _after(talk, made, [Said("user", f"{text}\n\nPlease continue the conversation from where we left it off.")])


def compacted_for_another_model(talk: Talk) -> None:
    """What the user said stays; the summary comes last, under a line that says whose it is."""
    _long(talk)
    prompt = "You are performing a CONTEXT CHECKPOINT COMPACTION. Create a handoff summary for another LLM that will "
    summary = texts.summary(talk.rng)
    made = talk.ask(Said("user", f"{prompt}resume the task."), answer=Said("assistant", summary))
    asked = [m for m in talk.said[:-2] if m.role == "user"][-4:]
    prefix = "Another language model started to solve this problem and produced a summary of its thinking process. "
    carried = Said("user", f"{prefix}Use this to build on the work that has already been done:\n{summary}")
    _after(talk, made, [*asked, carried, Said("user", texts.question(talk.rng))])


def compacted_to_an_answer(talk: Talk) -> None:
    """The summary stays what it is: an answer, now the first, after a question that nobody asked."""
    _long(talk)
    prompt = "Provide a detailed prompt for continuing our conversation above. Focus on information that would be "
    summary = Said("assistant", texts.summary(talk.rng))
    before, talk.system = talk.system, "You are a helpful AI assistant tasked with summarizing conversations."
    talk.ask(Said("user", f"{prompt}helpful for continuing it."), answer=summary)
    talk.system = before
    talk.said = [Said("user", "What did we do so far?"), talk.said[-1]]
    talk.turn("Continue if you have next steps")
    talk.turn()


def _long(talk: Talk) -> None:
    for _ in range(talk.rng.randint(3, 6)):
        talk.turn()


def _after(talk: Talk, made: Call, said: History) -> None:
    talk.said = said
    _, told = talk.send(said, origin=made, how="compaction")
    talk.said.append(told)
    for _ in range(talk.rng.randint(1, 2)):
        talk.turn()


def summary_used_elsewhere(talk: Talk) -> None:
    """Somebody asks for a summary, and has it translated in a conversation of its own: that goes on from nothing."""
    talk.tools = False
    _long(talk)
    summary = texts.summary(talk.rng)
    talk.turn("Please write a summary of our conversation for my boss.", answer=Said("assistant", summary))
    other = talk.other(said=[])
    other.turn(f"Translate this summary into French:\n\n{summary}")


# -- agents that agents start


def sub_agents(talk: Talk) -> None:
    """One or several at once, while the one that started them waits for what they find."""
    talk.tools, talk.haste = True, 0.2
    if talk.rng.random() < 0.5:
        talk.turn()
    talk.said.append(Said("user", texts.question(talk.rng)))
    started(talk, talk.rng.choice((1, 1, 2, 3)))
    talk.ask()
    if talk.rng.random() < 0.5:
        talk.turn()


def sub_agents_with_notes(talk: Talk) -> None:
    """The harness puts a note of its own before what the agent is told."""
    talk.tools, talk.haste = True, 0.2
    talk.said.append(Said("user", texts.question(talk.rng)))
    started(talk, 2, lambda text: f"{texts.reminder(talk.rng)}\n{text}")
    talk.ask()


def started(talk: Talk, count: int, told: Callable[[str], str] = str) -> list[str]:
    """The newest question is answered with so many agents, which run and report; what they were told."""
    name, kind = _SPAWNS[talk.format]
    prompts = [texts.task(talk.rng) for _ in range(count)]
    called = tuple(
        Tool(talk.tool_id(), name, {"description": "Look around", "prompt": prompt, kind: "explorer"})
        for prompt in prompts
    )
    call = talk.ask(answer=Said("assistant", "", called))
    ends = []
    for n, (tool, prompt) in enumerate(zip(called, prompts, strict=True)):
        agent = talk.fork(said=[], system="You are an agent that explores.", at=talk.at + n * SECOND // 10)
        agent.said.append(Said("user", told(prompt)))
        first = agent.rng.random() < 0.7
        answer = Said("assistant", "", (Tool(agent.tool_id(), *texts.tool(agent.rng)),)) if first else None
        _, said = agent.send(agent.said, answer, origin=call, how="spawn")
        agent.said.append(said)
        if first:
            agent.said.append(Said("tool", texts.result(agent.rng), of=said.tools[0].id))
            agent.ask()
        talk.said.append(Said("tool", agent.said[-1].text, of=tool.id))
        ends.append(agent.at)
    talk.at = max(ends)
    return prompts
