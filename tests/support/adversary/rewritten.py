"""What clients do to a history before they send it back. See `everyday` for what a kind is."""

from dataclasses import replace

from tests.support.adversary import texts
from tests.support.adversary.talk import History, Talk
from tests.support.adversary.wire import Said, Style

CLEARED = "[Old tool result content cleared]"


def deleted_in_the_middle(talk: Talk) -> None:
    """One exchange is taken out, and the conversation goes on from its end."""
    talk.tools = False
    for _ in range(talk.rng.randint(3, 5)):
        talk.turn()
    at = 2 * talk.rng.randrange(len(talk.said) // 2 - 1)
    del talk.said[at : at + 2]
    for _ in range(talk.rng.randint(1, 3)):
        talk.turn()


def deleted_at_the_end(talk: Talk) -> None:
    talk.tools = False
    for _ in range(talk.rng.randint(2, 4)):
        talk.turn()
    del talk.said[-2:]
    for _ in range(talk.rng.randint(1, 3)):
        talk.turn()


def cleared_results(talk: Talk) -> None:
    """What tools returned long ago is replaced."""
    talk.tools = True
    for _ in range(talk.rng.randint(3, 6)):
        talk.turn(view=_cleared)


def _cleared(said: History) -> History:
    results = [n for n, m in enumerate(said) if m.role == "tool"][:-2]
    return [replace(m, text=CLEARED) if n in results else m for n, m in enumerate(said)]


def removed_images(talk: Talk) -> None:
    """Pictures are sent once."""
    for _ in range(talk.rng.randint(2, 4)):
        talk.said.append(Said("user", texts.question(talk.rng), image=talk.rng.random() < 0.6))
        talk.ask(view=_without_images)


def _without_images(said: History) -> History:
    return [*(replace(m, image=False) for m in said[:-1]), said[-1]]


def edited_answers(talk: Talk) -> None:
    """Somebody corrects what the model said, early in the conversation, and goes on from its end."""
    talk.tools = False
    for _ in range(talk.rng.randint(3, 5)):
        talk.turn()
    first = talk.said[1]
    talk.said[1] = replace(first, text=first.text.replace(".", ", or so I think.", 1))
    for _ in range(talk.rng.randint(1, 3)):
        talk.turn()


def trimmed_window(talk: Talk) -> None:
    """Only the newest messages are sent. The system prompt stays, which in chat is one of them."""
    most = talk.rng.randint(3, 12)
    for _ in range(talk.rng.randint(4, 8)):
        talk.turn(view=lambda said: _newest(said, most))


def trimmed_window_without_prompt(talk: Talk) -> None:
    """The system prompt goes with what is old."""
    most = talk.rng.randint(3, 8)
    for _ in range(talk.rng.randint(4, 8)):
        if len(talk.said) + 1 > most:
            talk.system = ""
        talk.turn(view=lambda said: _newest(said, most))


def _newest(said: History, most: int) -> History:
    """No tool's result without its call."""
    start = max(0, len(said) - most)
    while start and said[start].role == "tool":
        start -= 1
    return said[start:]


def changed_prompt(talk: Talk) -> None:
    for _ in range(talk.rng.randint(2, 5)):
        talk.turn()
        if talk.rng.random() < 0.5:
            talk.system = talk.rng.choice(texts.SYSTEMS)


def dated_prompt(talk: Talk) -> None:
    """The date and the state of a repository, made anew for each turn."""
    prompt = talk.system
    for _ in range(talk.rng.randint(2, 6)):
        talk.system = f"{prompt}\n\nToday's date: {texts.day(talk.rng)}\n\n{texts.git_status(talk.rng)}"
        talk.turn()


def reminders(talk: Talk) -> None:
    """A note of the harness at the newest message, another one each time, and gone from the older ones."""
    talk.tools = talk.rng.random() < 0.7
    for _ in range(talk.rng.randint(2, 6)):
        note = texts.reminder(talk.rng)
        talk.turn(view=lambda said, note=note: _noted(said, note))  # type: ignore[misc]


def _noted(said: History, note: str) -> History:
    return [*said[:-1], replace(said[-1], text=f"{said[-1].text}\n{note}")]


def environments(talk: Talk) -> None:
    """What a harness says of its surroundings, as a message of its own before what is asked, and moving with it."""
    talk.tools = False
    for _ in range(talk.rng.randint(2, 6)):
        note = Said("user", texts.environment(talk.rng))
        talk.turn(view=lambda said, note=note: [*said[:-1], note, said[-1]])  # type: ignore[misc]


def environments_that_stay(talk: Talk) -> None:
    """At the very beginning, and another one each time."""
    for _ in range(talk.rng.randint(2, 6)):
        note = Said("user", texts.environment(talk.rng))
        talk.turn(view=lambda said, note=note: [note, *said])  # type: ignore[misc]


def cache_marks(talk: Talk) -> None:
    """A mark on the newest block, which moves."""
    talk.style = replace(talk.style, cached=True)
    for _ in range(talk.rng.randint(2, 6)):
        talk.turn()


def forms(talk: Talk) -> None:
    """Each request is written in another way: strings and parts, null and empty fields, arguments' key order and
    number form, reasoning and items' ids or none."""
    talk.tools = True
    for _ in range(talk.rng.randint(2, 5)):
        talk.style = Style.drawn(talk.rng)
        talk.turn()


def thoughts(talk: Talk) -> None:
    """Models think, and clients send it back, or leave it out, or both in turn."""
    kept = talk.rng.choice((True, False, None))
    for _ in range(talk.rng.randint(2, 5)):
        talk.style = replace(talk.style, thoughts=talk.rng.random() < 0.5 if kept is None else kept)
        talk.turn(answer=Said("assistant", texts.answer(talk.rng), thought=texts.answer(talk.rng, 1)))
