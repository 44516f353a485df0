"""The transcript of calls in the newer formats: system prompts, what was recalled, how an answer ended; and search."""

import json
from typing import Any

from sessionary.api import transcript, types
from sessionary.record.exchange import Begin
from sessionary.store import reads, search
from tests.support.recorded import Log

Wire = dict[str, Any]


def responses(log: Log, session: str, output: list[Wire], end: Wire | None = None, **body: Any) -> Begin:
    """One answered call of /responses."""
    begin = log.begin(session, {"model": "gpt-5", **body}, endpoint="responses")
    answer = {"id": f"resp_{begin.call_id[5:]}", "status": "completed", "output": output, **(end or {})}
    log.store(begin, log.finish(begin, json.dumps(answer).encode()))
    return begin


def messages(log: Log, session: str, history: list[Wire], content: list[Wire], **body: Any) -> Begin:
    begin = log.begin(session, {"model": "claude", "max_tokens": 9, "messages": history, **body}, endpoint="messages")
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn"}
    log.store(begin, log.finish(begin, json.dumps(answer).encode()))
    return begin


def said(text: str) -> list[Wire]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return [{"type": "message", "id": "msg_1", "role": "assistant", "content": content}]


def read(log: Log, session: str) -> list[types.Added]:
    row = reads.session(log.engine, None, session, log.project())
    assert row is not None
    with log.engine.connect() as connection:
        return transcript.read(connection, row, {}, {})


def prompts(calls: list[types.Added]) -> list[str]:
    return ["".join(p.text for message in added.system for p in message.pieces) for added in calls]


def test_instructions_are_shown_once_and_where_they_change(log: Log) -> None:
    for instructions in ("Be brief.", "Be brief.", "Be long.", None, "Be long."):
        responses(log, "s", said("Yes."), instructions=instructions, input="Really?")
    calls = read(log, "s")
    assert prompts(calls) == ["Be brief.", "", "Be long.", "", "Be long."]
    assert [added.unprompted for added in calls] == [False, False, False, True, False]


def test_one_prompt_in_three_formats_is_one_prompt(log: Log) -> None:
    user = {"role": "user", "content": "Hello"}
    log.chat("s", [{"role": "system", "content": "Be brief."}, user])
    responses(log, "s", said("Yes."), instructions="Be brief.", input="Hello again")
    messages(log, "s", [user], [{"type": "text", "text": "Yes."}], system=[{"type": "text", "text": "Be brief."}])
    assert prompts(read(log, "s")) == ["Be brief.", "", ""]


def test_a_harness_that_counts_in_its_prompt_does_not_change_it(log: Log) -> None:
    for n in (1, 2):
        billing = {"type": "text", "text": f"x-anthropic-billing-header: cch={n};"}
        system = [billing, {"type": "text", "text": "You are an agent."}]
        messages(log, "s", [{"role": "user", "content": f"Do {n}"}], [{"type": "text", "text": "ok"}], system=system)
    assert [len(added.system) for added in read(log, "s")] == [1, 0]


def test_a_prompt_is_compared_with_that_of_the_call_before_in_the_same_thread(log: Log) -> None:
    """A sub-agent's calls in between change nothing for the others."""
    main, helper = [{"role": "user", "content": "Plan"}], [{"role": "user", "content": "Search"}]
    done = [{"type": "text", "text": "Done."}]
    messages(log, "s", main, done, system="You plan.")
    messages(log, "s", helper, done, system="You search.")
    back = [{"role": "assistant", "content": done}, {"role": "user", "content": "Go on"}]
    messages(log, "s", main + back, done, system="You plan.")
    messages(log, "s", helper + back, done, system="You search.")
    assert prompts(read(log, "s")) == ["You plan.", "You search.", "", ""]


def test_a_response_that_failed_and_one_that_was_not_finished(log: Log) -> None:
    error = {"code": "server_error", "message": "It broke."}
    responses(log, "s", [], {"status": "failed", "error": error}, input="one")
    responses(
        log,
        "s",
        said("Once"),
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        input="two",
    )
    failed, cut = (added.call for added in read(log, "s"))
    assert (failed.status, failed.error) == ("upstream_error", {"type": "server_error", "message": "It broke."})
    assert (cut.status, cut.finish_reason) == ("ok", "max_output_tokens")


def test_a_stream_that_the_client_left_shows_what_was_delivered(log: Log) -> None:
    """Of such a call no header was noted."""
    begin = log.begin("s", {"model": "gpt-5", "input": "Hi", "stream": True}, endpoint="responses")
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    events = [
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0}
        | {"part": {"type": "output_text", "text": ""}},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Once upon"},
    ]  # fmt: skip
    raw = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()
    log.store(begin, log.finish(begin, raw, "client_closed", headers={}))
    (added,) = read(log, "s")
    assert added.output is not None
    assert [piece.text for piece in added.output.pieces] == ["Once upon"]


def test_search_finds_what_was_said_in_every_format(log: Log) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "look_up", "arguments": '{"animal": "zebrafish"}'}
    printed = {
        "type": "code_interpreter_call",
        "id": "ci",
        "code": "print('ocelot')",
        "outputs": [{"type": "logs", "logs": "axolotl"}],
    }
    responses(
        log,
        "items",
        [call, printed],
        input=[{"role": "user", "content": [{"type": "input_text", "text": "marmalade"}]}],
    )
    responses(
        log, "results", said("Fine."), input=[{"type": "function_call_output", "call_id": "c", "output": "pelican"}]
    )
    found = [
        {
            "type": "web_search_result",
            "title": "Wombats",
            "url": "https://example.com",
            "encrypted_content": "Eq9xsecret",
        }
    ]
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a capybara"}]}
    content = [
        {"type": "thinking", "thinking": "Consider the quokka.", "signature": "E"},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": found},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"bird": "cassowary"}},
    ]
    messages(log, "blocks", [{"role": "user", "content": [result]}], content)

    def where(word: str) -> list[str]:
        return [hit.session_id for hit in search.find(log.engine, None, word, 50).hits]

    assert [where(word) for word in ("marmalade", "zebrafish", "ocelot", "axolotl")] == [["items"]] * 4
    assert where("pelican") == ["results"]
    assert [where(word) for word in ("quokka", "cassowary", "capybara", "wombats")] == [["blocks"]] * 4
    assert where("eq9xsecret") == []
