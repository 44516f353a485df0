import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire

from sessionary.store import schema
from sessionary.traces.span import About, Earlier, parent, span, span_id, trace_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"


def call(**columns: object) -> dict[str, object]:
    return {
        **dict.fromkeys(c.name for c in schema.calls.c),
        "id": "call_1",
        "session": "ses_1",
        "source": "id",
        "key_id": "key_1",
        "turn": 1,
        "endpoint": "chat.completions",
        "stream": False,
        "client": "curl 8.0",
        "user": "ana@example.org",
        "agent": "",
        "agent_name": "",
        "model": "gpt-4o",
        "status": "ok",
        "created_at": 1_790_000_000_000_000,
        "finished_at": 1_790_000_001_500_000,
        "http_status": 200,
        "provider": "openai",
        "upstream_model": "gpt-4o",
        "error_message": None,
        "attempts": [[0, 1, 200]],
        "estimated": False,
        **columns,
    }


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        TRACEPARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-zz",
        f"00-{TRACE}-{SPAN}-01\n00-{TRACE}-{SPAN}-01",
    ],
)
def test_what_is_no_traceparent_is_as_good_as_none(header: str) -> None:
    assert parent(header) is None
    assert span(call(), About(traceparent=header)).trace == trace_id("call_1")


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (TRACEPARENT, True),
        (f" {TRACEPARENT} ", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"00-{TRACE}-{SPAN}-02", False),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", True),
    ],
)
def test_a_traceparent_names_the_trace_and_the_parent(header: str, sampled: bool) -> None:
    found = parent(header)
    assert found is not None
    assert (found.trace, found.span, found.sampled) == (int(TRACE, 16), int(SPAN, 16), sampled)
    made = span(call(), About(traceparent=header))
    assert (made.trace, made.parent, made.span) == (found.trace, found, span_id("call_1"))


def test_ids_are_the_calls_and_no_others() -> None:
    once, again = span(call(), About()), span(call(), About())
    assert once == again
    assert 0 < once.span < 1 << 64
    assert 0 < once.trace < 1 << 128
    assert span_id("call_2") != span_id("call_1")
    assert trace_id("call_2") != trace_id("call_1")
    assert trace_id("call_1") >> 64 != span_id("call_1") != trace_id("call_1") % (1 << 64)


def test_figures_and_names() -> None:
    row = call(
        stream=True, ttft=250_000, response_id="chatcmpl-1", finish_reason="stop", input_tokens=12, output_tokens=5,
        cached_tokens=3, reasoning_tokens=1, cost=1_500_000, agent="a-1", agent_name="Explore",
        deployment="openai/gpt-4o",
    )  # fmt: skip
    made = span(row, About(session="mine", project="shop", key="ci", model="gpt-4o-2024-08-06"))
    assert (made.name, made.start, made.end) == ("chat gpt-4o", 1_790_000_000_000_000_000, 1_790_000_001_500_000_000)
    assert (made.parent, made.links, made.failed) == (None, (), False)
    assert made.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 1,
        "gen_ai.conversation.id": "mine",
        "session.id": "mine",
        "gen_ai.agent.id": "a-1",
        "gen_ai.agent.name": "Explore",
        "sessionary.call.id": "call_1",
        "sessionary.session.id": "ses_1",
        "sessionary.session.source": "id",
        "sessionary.turn": 1,
        "sessionary.status": "ok",
        "sessionary.http_status": 200,
        "sessionary.attempts": 1,
        "sessionary.deployment": "openai/gpt-4o",
        "sessionary.upstream_model": "gpt-4o",
        "sessionary.endpoint": "chat.completions",
        "sessionary.project": "shop",
        "sessionary.key.id": "key_1",
        "sessionary.key.name": "ci",
        "sessionary.client": "curl 8.0",
        "sessionary.cost": 0.0015,
    }


@pytest.mark.parametrize(
    ("endpoint", "operation"),
    [
        ("chat.completions", "chat"),
        ("responses", "chat"),
        ("responses.compact", "chat"),
        ("messages", "chat"),
        ("completions", "text_completion"),
        ("embeddings", "embeddings"),
    ],
)
def test_operations(endpoint: str, operation: str) -> None:
    made = span(call(endpoint=endpoint), About())
    assert (made.name, made.attributes["gen_ai.operation.name"]) == (f"{operation} gpt-4o", operation)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("azure", "azure.ai.openai"),
        ("gemini", "gcp.gemini"),
        ("mistral", "mistral_ai"),
        ("xai", "x_ai"),
        ("vllm", "vllm"),
    ],
)
def test_providers_as_the_conventions_name_them(ours: str, theirs: str) -> None:
    assert span(call(provider=ours), About()).attributes["gen_ai.provider.name"] == theirs


@pytest.mark.parametrize(
    ("status", "error_type", "kind"),
    [
        ("upstream_error", "rate_limit_exceeded", "rate_limit_exceeded"),
        ("timeout", "timeout", "timeout"),
        ("interrupted", None, "interrupted"),
        ("rejected", "invalid_request_error", "invalid_request_error"),
        ("upstream_error", "Your prompt 'buy milk' is bad", "_OTHER"),
        ("upstream_error", "x" * 101, "_OTHER"),
        ("ok", None, None),
        ("client_closed", "client_closed", None),
    ],
)
def test_errors_have_a_kind_and_no_words(status: str, error_type: str | None, kind: str | None) -> None:
    made = span(call(status=status, error_type=error_type, error_message="he said 'buy milk'"), About())
    assert made.failed is (kind is not None)
    assert made.attributes.get("error.type") == kind
    assert b"milk" not in msgspec.json.encode(made.attributes)


def test_nothing_but_figures_and_names() -> None:
    """Neither the end user nor anything else of the row."""
    secret = call(user="canary", error_message="canary", evidence={"x": "canary"}, summary_key=b"canary", rule="canary")
    assert b"canary" not in msgspec.json.encode(span(secret, About()).attributes)


def test_a_call_that_reached_no_provider() -> None:
    row = call(status="rejected", provider=None, upstream_model=None, http_status=400, attempts=[], model="", client="")
    made = span(row, About())
    assert made.name == "chat"
    assert not {"gen_ai.provider.name", "gen_ai.response.model", "gen_ai.request.model", "sessionary.attempts"} & {
        *made.attributes
    }


def test_a_failed_calls_answer_is_no_models() -> None:
    made = span(call(status="upstream_error"), About())
    assert "gen_ai.response.model" not in made.attributes
    assert made.attributes["sessionary.upstream_model"] == "gpt-4o"


@given(text=st.text(st.characters(), max_size=300), number=st.integers(1, 1 << 70))
def test_whatever_is_in_it_can_be_sent(text: str, number: int) -> None:
    """Halves of characters included, and figures that no provider means: a batch has other calls' spans, too."""
    names = ("model", "finish_reason", "response_id", "error_type", "provider", "agent", "agent_name", "client")
    row = call(**dict.fromkeys(names, text), input_tokens=number, output_tokens=number, status="upstream_error")
    made = span(row, About(session=text, project=text, key=text, model=text, traceparent=text))
    sent = Wire(name=made.name)
    for name, value in made.attributes.items():
        match value:
            case bool() | float():
                pass
            case int():
                sent.attributes.add(key=name).value.int_value = value
            case str():
                sent.attributes.add(key=name).value.string_value = value
            case _:
                sent.attributes.add(key=name).value.array_value.values.add().string_value = value[0]
    assert Wire.FromString(sent.SerializeToString()) == sent


def test_a_clock_that_was_set_back() -> None:
    made = span(call(finished_at=1), About())
    assert made.end == made.start


def test_long_names_are_cut() -> None:
    made = span(call(model="m" * 5000, finish_reason="f" * 5000), About(session="s" * 5000))
    assert len(made.name) == 205
    assert max(len(str(value)) for value in made.attributes.values()) <= 210


def test_what_a_call_comes_from_is_linked_where_its_span_is() -> None:
    within = Earlier("call_b", "spawn", f"00-{TRACE}-{SPAN}-01")
    unwanted = Earlier("call_c", "retry", f"00-{TRACE}-{SPAN}-00")
    made = span(call(), About(earlier=(Earlier("call_a", "continues"), within, unwanted)))
    assert [(link.trace, link.span, link.relation) for link in made.links] == [
        (trace_id("call_a"), span_id("call_a"), "continues"),
        (int(TRACE, 16), span_id("call_b"), "spawn"),
    ]
