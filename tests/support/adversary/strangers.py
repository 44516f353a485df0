"""What looks like a conversation that went before, and is none. See `everyday` for what a kind is.

All of these are conversations of their own; that their first calls find nothing is what is asked.
"""

from dataclasses import replace

from tests.support.adversary import harness, texts
from tests.support.adversary.talk import DAY, SECOND, START, Talk
from tests.support.adversary.wire import Said, Style, Tool


def few_shots(talk: Talk) -> None:
    """Examples that no model ever said, the same for every question."""
    shots = [Said("user", "The parcel came late."), Said("assistant", "negative")]
    shots += [Said("user", "I would buy it again at once."), Said("assistant", "positive")]
    for _ in range(talk.rng.randint(2, 6)):
        each = talk.other(said=list(shots), tools=False, at=talk.at + talk.rng.randrange(600) * SECOND)
        each.turn(answer=Said("assistant", talk.rng.choice(("positive", "negative"))))


def few_shots_of_long_ago(talk: Talk) -> None:
    """Examples that the key's models did say, longer ago than is remembered."""
    talk.tools = False
    shots = talk.other(at=START - talk.rng.randint(9, 20) * DAY)
    for _ in range(talk.rng.randint(1, 3)):
        shots.turn()
    for _ in range(talk.rng.randint(1, 3)):
        each = shots.other(at=talk.at + talk.rng.randrange(600) * SECOND)
        each.turn()
        each.turn()


def pasted(talk: Talk) -> None:
    """What a model said is quoted in another conversation."""
    talk.tools = False
    for _ in range(talk.rng.randint(1, 3)):
        talk.turn()
    lines = "\n\n".join(f"{'Me' if m.role == 'user' else 'Assistant'}: {m.text}" for m in talk.said)
    frame = talk.rng.choice(
        (
            "{}",
            "What do you think of this answer?\n\n{}",
            "Summary of the previous conversation:\n\n{}\n\nPlease go on.",
            "I had this conversation earlier, is it right?\n{}",
        )
    )
    other = talk.other(said=[])
    other.turn(frame.format(talk.rng.choice((lines, talk.said[-1].text))))
    other.turn()


def another_key(talk: Talk) -> None:
    """Somebody goes on with another key."""
    for _ in range(talk.rng.randint(1, 4)):
        talk.turn()
    other = talk.other(caller=replace(talk.caller, key=f"{talk.caller.key}-2"))
    other.turn()
    other.turn()


def another_project(talk: Talk) -> None:
    for _ in range(talk.rng.randint(1, 4)):
        talk.turn()
    other = talk.other(caller=replace(talk.caller, project=1 + talk.caller.project % 3, key=f"{talk.caller.key}-p"))
    other.turn()


def another_user(talk: Talk) -> None:
    """A program names its users, and one goes on from what another was told."""
    talk.caller = replace(talk.caller, user=f"ann-{talk.conversation}")
    for _ in range(talk.rng.randint(1, 4)):
        talk.turn()
    other = talk.other(caller=replace(talk.caller, user=f"bob-{talk.conversation}"))
    other.turn()
    other.turn()


def long_pause(talk: Talk) -> None:
    """Somebody comes back after more than is remembered."""
    talk.at -= 12 * DAY
    for _ in range(talk.rng.randint(1, 4)):
        talk.turn()
    other = talk.other(at=talk.at + 7 * DAY + talk.rng.randrange(1, 4 * DAY))
    other.turn()
    other.turn()


def same_task(talk: Talk) -> None:
    """Somebody else says what an agent was told, after that agent has begun."""
    talk.tools, talk.haste = True, 0.2
    talk.said.append(Said("user", texts.question(talk.rng)))
    prompts = harness.started(talk, 1)
    talk.ask()
    other = talk.other(said=[], at=talk.at + talk.rng.randrange(30, 7200) * SECOND)
    other.turn(prompts[0])
    other.turn()


def same_task_of_another_user(talk: Talk) -> None:
    """The same, while no agent has begun yet; a program names its users."""
    talk.tools = False
    talk.caller = replace(talk.caller, user=f"ann-{talk.conversation}")
    prompt = texts.task(talk.rng)
    given = Tool(talk.tool_id(), "Task", {"description": "Look", "prompt": prompt, "subagent_type": "explorer"})
    talk.ask(Said("user", texts.question(talk.rng)), answer=Said("assistant", "", (given,)))
    user = talk.rng.choice((f"bob-{talk.conversation}", ""))
    other = talk.other(said=[], caller=replace(talk.caller, user=user), at=talk.at + 5 * SECOND)
    other.turn(prompt)
    other.turn()


def same_summary_of_another_user(talk: Talk) -> None:
    """A summary that one user was given begins another user's conversation."""
    talk.tools = False
    talk.caller = replace(talk.caller, user=f"ann-{talk.conversation}")
    for _ in range(3):
        talk.turn()
    summary = texts.summary(talk.rng)
    talk.ask(Said("user", "Please write a detailed summary of the conversation."), answer=Said("assistant", summary))
    other = talk.other(said=[], caller=replace(talk.caller, user=f"bob-{talk.conversation}"))
    other.turn(f"This session is continued from a previous conversation. Summary:\n{summary}")
    other.turn()


def same_failure(talk: Talk) -> None:
    """A request fails, and minutes later another user of the key says the same."""
    talk.tools, talk.style = False, Style()
    text = talk.rng.choice((*texts.OPENINGS, texts.question(talk.rng)))
    talk.said.append(Said("user", text))
    talk.send(talk.said, Said("assistant"), status="upstream_error")
    other = talk.other(said=[], at=talk.at + talk.rng.randrange(120, 3000) * SECOND)
    other.turn(text)
    other.turn()


def same_search(talk: Talk) -> None:
    """A model looks up what it was asked, in the words in which it was asked; somebody else asks the same."""
    talk.tools, talk.style, talk.caller = True, Style(), talk.world.crowd()
    text = texts.task(talk.rng).splitlines()[0]
    others = [talk.other(at=talk.at + n * 15 * SECOND) for n in range(1, 4)]
    for each in (talk, *others):
        given = Tool(each.tool_id(), "search", {"query": text, "max_results": 5})
        each.ask(Said("user", text), answer=Said("assistant", "", (given,)))
        each.ask(Said("tool", texts.result(each.rng), of=given.id))
        each.turn()


def counted_tool_ids(talk: Talk) -> None:
    """Some models count their tool calls instead of drawing ids; a conversation comes from another gateway, where such
    a call was made too."""
    talk.tools, talk.style = False, Style()
    city = talk.rng.choice(("Berlin", "Paris", "Lisbon"))
    given = (Tool("functions.get_weather:0", "get_weather", {"city": city}),)
    other = talk.other()
    for each, by in ((talk, True), (other, False)):
        each.said.append(Said("user", f"{texts.answer(each.rng)} How is the weather in {city}?"))
        if by:
            each.ask(answer=Said("assistant", "", given))
        else:
            each.said.append(Said("assistant", "", given))
        each.said.append(Said("tool", texts.result(each.rng), of=given[0].id))
        each.ask()
        each.turn()
