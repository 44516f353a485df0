"""What happens every day: people who say the same, clients that try again, answers that are made anew.

A kind of adversary is a function that makes one conversation's calls, or those of several that belong together. Its
name is the kind's.
"""

from dataclasses import replace
from random import Random

from sessionary.record.exchange import Status
from tests.support.adversary import texts
from tests.support.adversary.talk import SECOND, Call, Talk
from tests.support.adversary.wire import FORMATS, Said, Style

_FAQ = Random("faq")
_ASKED = [texts.question(_FAQ) for _ in range(12)]
_FOLLOWING = ["thanks", "why?", *(texts.question(_FAQ) for _ in range(4))]


def plain(talk: Talk) -> None:
    for _ in range(talk.rng.choice((1, 2, 3, 4, 5, 6, 9, 12))):
        talk.turn()


def formats_change(talk: Talk) -> None:
    for _ in range(talk.rng.randint(2, 5)):
        talk.turn()
        talk.format = talk.rng.choice(FORMATS)


def _alike(talk: Talk) -> None:
    """A program that is used by many, mostly under one key and with one prompt."""
    talk.tools, talk.style = False, Style()
    talk.caller = talk.world.crowd() if talk.rng.random() < 0.7 else talk.caller
    talk.system = texts.SYSTEMS[0] if talk.rng.random() < 0.7 else talk.system


def equal_openings(talk: Talk) -> None:
    """The same first words, and another answer each time."""
    _alike(talk)
    talk.turn(talk.rng.choice(texts.OPENINGS), answer=Said("assistant", texts.answer(talk.rng)))
    for _ in range(talk.rng.choice((0, 1, 1, 2, 4))):
        talk.turn()


def equal_answers(talk: Talk) -> None:
    """The same first words and the same answer, perhaps twice, and then each goes its own way."""
    _alike(talk)
    talk.turn(talk.rng.choice(texts.OPENINGS[:4]), answer=Said("assistant", talk.rng.choice(texts.GREETINGS)))
    if talk.rng.random() < 0.3:
        talk.turn("how are you?", answer=Said("assistant", "I'm doing well, thank you! And you?"))
    for _ in range(talk.rng.choice((0, 1, 1, 2, 4))):
        talk.turn()


def equal_questions(talk: Talk) -> None:
    """A program with a few buttons, and temperature 0: whoever asks the same is answered the same."""
    _alike(talk)
    talk.rules = True
    talk.turn(talk.rng.choice(_ASKED))
    for _ in range(talk.rng.choice((0, 1, 2, 3))):
        talk.turn(talk.rng.choice(_FOLLOWING))


def equal_questions_of_named_users(talk: Talk) -> None:
    """The same, of users that the program names."""
    _alike(talk)
    talk.rules = True
    asked = talk.rng.sample(_FOLLOWING, 2)
    talks = [
        talk.other(caller=replace(talk.caller, user=f"{name}-{talk.conversation}"), at=talk.at + n * SECOND)
        for n, name in enumerate(("ann", "bob", "eve"))
    ]
    for text in (_ASKED[0], *asked):
        for each in talks:
            each.turn(text)


def interleaved(talk: Talk) -> None:
    """Several users of one key at the same time, who begin alike."""
    opening = talk.rng.choice((texts.OPENINGS[0], _ASKED[0], texts.question(talk.rng)))
    talk.rules = talk.rng.random() < 0.5
    talks = [talk, *(talk.other(at=talk.at + n * SECOND // 3) for n in range(1, talk.rng.randint(2, 6)))]
    for each in talks:
        each.turn(opening)
    for _ in range(talk.rng.randint(1, 4)):
        talk.rng.shuffle(talks)
        for each in talks[1:]:
            each.turn(talk.rng.choice(_FOLLOWING))


def retried_opening(talk: Talk) -> None:
    """The first request fails, and is sent again."""
    talk.said.append(Said("user", texts.question(talk.rng) + " " + texts.question(talk.rng)))
    failed = _fails(talk)
    _, told = talk.send(talk.said, origin=failed, how="retry", retry=1)
    talk.said.append(told)
    for _ in range(talk.rng.randint(0, 2)):
        talk.turn()


def retried_midway(talk: Talk) -> None:
    for _ in range(talk.rng.randint(1, 3)):
        talk.turn()
        talk.said.append(Said("user", texts.question(talk.rng)))
        for n in range(talk.rng.randint(1, 2)):
            _fails(talk, n)
        talk.ask(retry=2)


def _fails(talk: Talk, retry: int = 0) -> Call:
    status: Status = talk.rng.choice(("upstream_error", "upstream_error", "timeout", "client_closed"))
    call, _ = talk.send(talk.said, status=status, retry=retry, answer=Said("assistant"))
    talk.at = call.finish.at + talk.rng.randrange(SECOND // 2, 8 * SECOND)
    return call


def parallel(talk: Talk) -> None:
    """Several requests at once from one history: the same, or each about another thing."""
    talk.turn()
    for _ in range(talk.rng.randint(1, 2)):
        same = texts.question(talk.rng) if talk.rng.random() < 0.5 else ""
        forks = [talk.fork(at=talk.at + n * SECOND // 20) for n in range(talk.rng.randint(2, 4))]
        for fork in forks:
            fork.tools = False
            fork.turn(same)
        chosen = talk.rng.choice(forks)
        talk.said, talk.at = chosen.said, max(fork.at for fork in forks)
        talk.turn()


def edited_and_resent(talk: Talk) -> None:
    """Somebody goes back, says something else there, and goes on from that; then perhaps from the first way again."""
    for _ in range(talk.rng.randint(2, 5)):
        talk.turn()
    answered = [n for n, m in enumerate(talk.said) if m.role == "assistant" and not m.tools]
    back = talk.fork(said=talk.said[: talk.rng.choice(answered[:-1]) + 1])
    for _ in range(talk.rng.randint(1, 3)):
        back.turn()
    if talk.rng.random() < 0.3:
        talk.fork(at=back.at).turn()


def regenerated(talk: Talk) -> None:
    """The same question again, and then on from one of the answers."""
    for _ in range(talk.rng.randint(1, 3)):
        talk.turn()
    talk.tools = False
    talk.said.append(Said("user", texts.question(talk.rng)))
    answers = [talk.send(talk.said)[1] for _ in range(talk.rng.randint(2, 4))]
    talk.said.append(talk.rng.choice(answers))
    for _ in range(talk.rng.randint(1, 2)):
        talk.turn()


def regenerated_opening(talk: Talk) -> None:
    """Without a history nothing says that it is the same conversation: each answer begins one, and one goes on."""
    talk.tools = False
    opening = Said("user", texts.question(talk.rng))
    talks = [talk.other(said=[opening], at=talk.at + n * 20 * SECOND) for n in range(talk.rng.randint(2, 3))]
    for each in talks:
        each.ask()
    chosen = talk.rng.choice(talks)
    for _ in range(talk.rng.randint(1, 3)):
        chosen.turn()


def empty_answers(talk: Talk) -> None:
    for _ in range(talk.rng.randint(2, 5)):
        talk.turn(answer=Said("assistant") if talk.rng.random() < 0.4 else None)


def prefilled(talk: Talk) -> None:
    """The request begins the answer, and what is sent back later is one text. Models that think do not take that."""
    talk.format, talk.tools = "messages", False
    for _ in range(talk.rng.randint(2, 4)):
        prefill = talk.rng.choice(("{", "Sure: ", "## Plan\n\n")) if talk.rng.random() < 0.7 else ""
        talk.turn(prefill=prefill, answer=Said("assistant", texts.answer(talk.rng)))


def white_space(talk: Talk) -> None:
    """Answers end in white space, which the client cuts."""
    talk.style = replace(talk.style, trimmed=True)
    for _ in range(talk.rng.randint(2, 4)):
        talk.turn(answer=Said("assistant", texts.answer(talk.rng) + talk.rng.choice((" ", "\n", "\n\n", " \n"))))


def broken_off(talk: Talk) -> None:
    """Somebody stops an answer, and goes on from the part of it that they have: all that was passed on, or less."""
    for _ in range(talk.rng.choice((0, 1, 1, 2))):
        talk.turn()
    talk.said.append(Said("user", texts.question(talk.rng)))
    passed_on = texts.answer(talk.rng, 3)
    passed_on = passed_on[: talk.rng.randrange(len(passed_on) // 3, len(passed_on))]
    _, told = talk.send(talk.said, Said("assistant", passed_on), status="client_closed", stream=True)
    lost = talk.rng.choice((0, 0, 0, 1, 8, 25))
    talk.said.append(replace(told, text=passed_on[: len(passed_on) - lost]))
    for _ in range(talk.rng.randint(1, 3)):
        talk.turn()


def prompts_of_their_own(talk: Talk) -> None:
    """A program that tells the model whom it helps: first words and answer are the same, the prompt is not."""
    _alike(talk)
    talks = [
        talk.other(at=talk.at + n * SECOND, system=f"You are a helpful assistant. The user's name is {name}.")
        for n, name in enumerate(f"{texts.answer(talk.rng, 1).split()[-1]}{n}" for n in range(talk.rng.randint(22, 40)))
    ]
    for each in talks:
        each.turn("hi", answer=Said("assistant", texts.GREETINGS[0]))
    talk.rng.shuffle(talks)
    for each in talks:
        each.turn("what can you do?", answer=Said("assistant", texts.answer(talk.rng)))


def canned_and_trimmed(talk: Talk) -> None:
    """Buttons and canned answers, and of a conversation only the newest messages are sent."""
    _alike(talk)
    talks = [talk.other(at=talk.at + n * SECOND) for n in range(talk.rng.randint(2, 3))]
    for _ in range(6):
        for each in talks:
            text = each.rng.choice(_ASKED)
            told = Said("assistant", texts.answer(Random(text), 2))
            each.turn(text, view=lambda said: said[-5:], answer=told)


def outage(talk: Talk) -> None:
    """Nothing works, and several users of a key say the same and try again."""
    _alike(talk)
    opening = talk.rng.choice((*texts.OPENINGS, texts.question(talk.rng)))
    talks = [talk.other(said=[Said("user", opening)], at=talk.at + n * 7 * SECOND) for n in range(3)]
    for each in talks:
        failed = _fails(each)
        each.said.append(each.send(each.said, origin=failed, how="retry", retry=1)[1])
    for each in talks:
        each.turn()
