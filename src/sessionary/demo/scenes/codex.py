"""What Codex and opencode send, shortened."""

from sessionary.demo.answers import Say, Think, Use
from sessionary.demo.scenes.callers import CODEX, CODEX_CI, OPENCODE
from sessionary.demo.stage import Caller, Stage
from sessionary.demo.talk import Talk, text_tool, tool

_CODEX_PROMPT = """You are Codex, based on GPT-5. You are running as a coding agent in the Codex CLI on a user's \
computer.

- When searching for text or files, prefer `rg`.
- Use apply_patch for single file edits.
- Keep the final message short: what changed, and why."""
_CODEX_TOOLS = [
    tool("shell_command", "Runs a shell command and returns its output.", command="The script", workdir="Where"),
    text_tool("apply_patch", "Use the `apply_patch` tool to edit files. This is a FREEFORM tool."),
    tool("update_plan", "Updates the task plan.", plan="The steps, as JSON"),
]


def _codex(stage: Stage, caller: Caller = CODEX, thread: str = "", sub: str = "", session: str = "") -> Talk:
    session = session or stage.uuid()
    headers = {"session-id": session, "thread-id": thread or session} | ({"x-openai-subagent": sub} if sub else {})
    params = {"prompt_cache_key": session, "reasoning": {"effort": "medium", "summary": "auto"}}
    return Talk(
        stage,
        caller,
        "responses",
        "gpt-5.1-codex",
        system=_CODEX_PROMPT,
        tools=_CODEX_TOOLS,
        headers=headers,
        params=params,
        unseen=8_200,
        think=6,
    )


def patch(stage: Stage) -> None:
    """Reasoning, a shell, a patch."""
    talk = _codex(stage)
    talk.user("the retry helper sleeps even after the last attempt. fix it and add a test")
    talk.reply(
        Think("**Finding the helper**\n\nThe retry helper is probably in a util module; I'll search for it."),
        Use("shell_command", {"command": "rg -n 'def retry' -A14 src", "workdir": "/Users/ben/src/courier"}),
    )
    talk.result(
        "src/courier/retry.py:9:def retry(action, attempts=3, pause=0.5):\n10-    for attempt in range(attempts):\n"
        "11-        try:\n12-            return action()\n13-        except TransientError:\n14-            "
        "time.sleep(pause)\n"
        "15-    raise GaveUp(attempts)"
    )
    talk.reply(
        Think("**Avoiding the last sleep**\n\nSleep only when another attempt follows; keep the cause of the error."),
        Use(
            "apply_patch",
            "*** Begin Patch\n*** Update File: src/courier/retry.py\n@@\n-        except TransientError:\n"
            "-            time.sleep(pause)\n-    raise GaveUp(attempts)\n+        except TransientError as error:\n"
            "+            last = error\n+            if attempt + 1 < attempts:\n+                time.sleep(pause)\n"
            "+    raise GaveUp(attempts) from last\n*** End Patch",
        ),
    )
    talk.result("Success. Updated the following files:\nM src/courier/retry.py", took=0.2)
    talk.reply(
        Use(
            "apply_patch",
            "*** Begin Patch\n*** Update File: tests/test_retry.py\n@@\n+def "
            "test_no_sleep_after_the_last_attempt(sleeps):\n"
            "+    with pytest.raises(GaveUp):\n+        retry(always_failing, attempts=3)\n+    assert len(sleeps) "
            "== 2\n"
            "*** End Patch",
        ),
        Use("shell_command", {"command": "pytest -q tests/test_retry.py", "workdir": "/Users/ben/src/courier"}),
    )
    talk.result(
        "Success. Updated the following files:\nM tests/test_retry.py", "....                    [100%]\n4 passed"
    )
    talk.reply(
        "The helper no longer sleeps after the last attempt, and `GaveUp` now carries its cause. "
        "A test counts the sleeps: two for three attempts."
    )
    talk.user("nice. same for the async one?", pause=41)
    talk.reply(
        Think("**Checking the async variant**\n\nThere is `aretry` beside it."),
        Use("shell_command", {"command": "rg -n 'async def aretry' -A12 src", "workdir": "/Users/ben/src/courier"}),
    )
    talk.result("src/courier/retry.py:24:async def aretry(action, attempts=3, pause=0.5): …")
    talk.reply("`aretry` had the same fault; it is fixed the same way, with a test of its own.")


def review(stage: Stage) -> None:
    """In CI: a reviewer as an agent of its own."""
    session, number = stage.uuid(), 1180 + stage.number
    talk = _codex(stage, CODEX_CI, session=session)
    stage.tags = ("review", f"pr-{number}")
    about = stage.pick(_REVIEWED)
    talk.user(f"Review pull request #{number}: {about[0]}")
    talk.reply(
        Think("**Delegating the review**\n\nA reviewer thread reads the diff; I collect what it finds."),
        Use("shell_command", {"command": f"git diff --stat origin/main...pr/{number}", "workdir": "/build"}),
    )
    talk.result(f" {about[1]} | 48 ++++++++++++++++---------\n 2 files changed, 37 insertions(+), 22 deletions(-)")
    agent = _codex(stage, CODEX_CI, thread=stage.uuid(), sub="review", session=session)
    agent.user(f"Review the changes of pr/{number} against origin/main. Report only what is wrong, most severe first.")
    agent.reply(Use("shell_command", {"command": f"git diff origin/main...pr/{number}", "workdir": "/build"}))
    agent.result(f"diff --git a/{about[1]} b/{about[1]}\n@@ -14,9 +14,12 @@\n{about[2]}")
    agent.reply(Think("**Judging the change**\n\nOne finding is worth a comment."), about[3])
    talk.user(f"<review_findings>\n{about[3]}\n</review_findings>\nPost it as a comment.")
    talk.reply(f"Posted one comment on #{number}.")


_REVIEWED = [
    (
        "cache the exchange rates",
        "rates/cache.py",
        "+    if key in CACHE: return CACHE[key]",
        "**P1** The cache has no expiry: yesterday's rate is used until the process is restarted. `rates/cache.py:17`",
    ),
    (
        "log out on all devices",
        "auth/sessions.py",
        "-    delete(user.sessions)\n+    delete(session)",
        "**P0** Only the current session is deleted, so a stolen one stays valid. `auth/sessions.py:21`",
    ),
    (
        "paginate the order list",
        "api/orders.py",
        "+    .offset(page * 50).limit(50)",
        "**P2** Rows that arrive "
        "between two "
        "pages are shown twice; a keyset on `(created_at, id)` would not. `api/orders.py:18`",
    ),
    (
        "compress uploads",
        "files/upload.py",
        "+    data = gzip.compress(data)",
        "No findings. The content type is kept, and old files are still read.",
    ),
]


def opencode(stage: Stage) -> None:
    """Another harness, in the chat format."""
    talk = Talk(
        stage,
        OPENCODE,
        "chat",
        "gemini-2.5-pro",
        headers={"x-opencode-session": stage.id("ses_", 20)},
        unseen=9_000,
        system="You are opencode, an interactive CLI agent. Be concise. Never commit unless asked.",
        tools=[tool("bash", "Runs a command.", command="The command"), tool("read", "Reads a file.", filePath="Path")],
    )
    asked = stage.pick(
        [
            ("why is the docker image 2 GB?", "docker history app:latest | head -5", "1.4GB  COPY node_modules"),
            (
                "which endpoints have no auth check?",
                "rg -L 'require_user' routes/ -l",
                "routes/health.py\nroutes/export.py",
            ),
            ("is anything still using moment.js?", "rg -l \"from 'moment'\" src", "src/report/dates.ts"),
        ]
    )
    talk.user(asked[0])
    talk.reply(Use("bash", {"command": asked[1]}))
    talk.result(asked[2])
    answer = stage.pick(
        [
            "`node_modules` is copied with its dev dependencies: 1.4 GB. A second build stage with `npm ci --omit=dev` "
            "leaves 310 MB.",
            "Two: `routes/health.py`, which is meant to be open, and `routes/export.py`, which **is not**.",
            "One file, `src/report/dates.ts`, for a single `format` call. `Intl.DateTimeFormat` would do.",
        ]
    )
    talk.reply(Say(answer))
