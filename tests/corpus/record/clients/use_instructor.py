"""instructor: structured answers, tried again when they do not fit, over several turns; in its ways to ask for them."""

import json
from typing import Any

import anthropic
import instructor
import openai
from common import CLAUDE, HI, KEY, MODEL, url
from pydantic import BaseModel, Field


class City(BaseModel):
    name: str
    days: int = Field(le=9)


BAD, LONG = '{"name": "Rome", "days": "many"}', '{"name": "Rome", "days": 12}'


class Chat:
    """`word`: how the model is told to answer, a tool call or a text."""

    def __init__(self, client: Any, word: str, **more: Any) -> None:
        self.client, self.word, self.more = client, word, more
        self.messages: list[Any] = (
            [{"role": "system", "content": "You plan journeys."}] if not more.get("system") else []
        )

    def ask(self, text: str, *answers: str) -> None:
        script = "\n".join(f"{self.word} {json.dumps(a) if self.word == 'say' else a}" for a in answers)
        self.messages.append({"role": "user", "content": f"{text}\n{script}"})
        answer = self.client.create(response_model=City, messages=self.messages, max_retries=3, **self.more)
        self.messages.append({"role": "assistant", "content": answer.model_dump_json()})


def city(name: str, days: int) -> str:
    return json.dumps({"name": name, "days": days})


def over(conversation: str, mode: Any) -> Any:
    return instructor.from_openai(openai.OpenAI(api_key=KEY, base_url=url(conversation)), mode=mode)


claude = instructor.from_anthropic(anthropic.Anthropic(api_key=KEY, base_url=url("d", "")))
every = (
    Chat(over("a", instructor.Mode.TOOLS), "call City", model=MODEL),
    Chat(over("b", instructor.Mode.TOOLS), "call City", model=MODEL),
    Chat(over("c", instructor.Mode.JSON), "say", model=MODEL),
    Chat(claude, "call City", model=CLAUDE, max_tokens=1000, system="You plan journeys."),
    Chat(over("e", instructor.Mode.MD_JSON), "say", model=MODEL),
)
for n, chat in enumerate(every):
    chat.ask(HI, city("Rome", n + 1))
for n, chat in enumerate(every):
    chat.ask("And then?", BAD, LONG, city("Bari", n + 2))
for n, chat in enumerate(every):
    chat.ask("Then?", city("Como", n + 3))
for n, chat in enumerate(every):
    chat.ask("At last?", LONG, city("Turin", n + 4))
