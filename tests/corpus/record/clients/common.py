"""What the Python clients' scripts share: where to call, texts, and tools."""

import os
from typing import Any

KEY = os.environ["RECORD_KEY"]
MODEL = "gpt-5.1"
CLAUDE = "claude-sonnet-5"
PARIS = 'What is the weather in Paris?\ncall get_weather {"city": "Paris"}'
BOTH = (
    "Compare two cities. Think first, and say what you do.\n"
    'call get_weather {"city": "Oslo", "unit": "C"}\nalso get_weather {"unit":"F","city":"Málaga"}\n'
    'call add {"a": 12, "b": 30.5}'
)
HI = "Hi! Can you help me with a plan?"


def url(conversation: str, path: str = "/v1") -> str:
    return f"{os.environ['RECORD_URL']}/{conversation}{path}"


def get_weather(city: str, unit: str = "C") -> str:
    """The weather in a city.

    Args:
        city: The city's name.
        unit: C or F.
    """
    return f"18 °{unit} and light rain in {city}\n"


def add(a: float, b: float) -> float:
    """Adds two numbers.

    Args:
        a: One.
        b: The other.
    """
    return a + b


def run(name: str, given: dict[str, Any]) -> str:
    return str({"get_weather": get_weather, "add": add}[name](**given))


SCHEMAS: dict[str, dict[str, Any]] = {
    "get_weather": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
    },
    "add": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}
ABOUT = {"get_weather": "The weather in a city.", "add": "Adds two numbers."}
