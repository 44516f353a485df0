"""What Claude Code sends, shortened."""

from typing import Any

import msgspec

from sessionary.demo.answers import Think, Use
from sessionary.demo.scenes.callers import CLAUDE_CODE, CLAUDE_CODE_BEN, CLAUDE_CODE_CI
from sessionary.demo.stage import Caller, Stage
from sessionary.demo.talk import Talk, tool

_PROMPT = """You are Claude Code, Anthropic's official CLI for Claude.
You are an interactive CLI tool that helps users with software engineering tasks. Use the instructions below and the \
tools available to you to assist the user.

# Tone and style
Only use emojis if the user explicitly requests it. Your output is displayed on a command line interface; be short.

# Doing tasks
- NEVER propose changes to code you haven't read.
- Avoid over-engineering: only make changes that are directly requested or clearly necessary.

Working directory: {folder}
Is directory a git repo: Yes
Platform: linux"""
_TOOLS = [
    tool(
        "Task",
        "Launch a new agent to handle complex, multi-step tasks autonomously.",
        description="A short name",
        prompt="The task for the agent to perform",
        subagent_type="The type of agent",
    ),
    tool("Bash", "Executes a given bash command.", command="The command", description="What it does, in 5-10 words"),
    tool("Read", "Reads a file from the local filesystem.", file_path="The absolute path"),
    tool(
        "Edit",
        "Performs exact string replacements in files.",
        file_path="The file",
        old_string="The text to replace",
        new_string="The text to replace it with",
    ),
    tool("Grep", "A powerful search tool built on ripgrep.", pattern="The regular expression", path="Where"),
    tool("TodoWrite", "Create and manage a structured task list.", todos="The list, as JSON"),
]
_TITLE = "Please write a 5-10 word title for the following conversation. Respond with the title for the conversation \
and nothing else."


def _claude(
    stage: Stage,
    folder: str,
    model: str = "claude-sonnet-4-5",
    caller: Caller = CLAUDE_CODE,
    agent: str = "",
    session: str = "",
    prompt: str = "",
    tools: list[dict[str, Any]] | None = None,
    unseen: int = 14_500,
) -> Talk:
    session = session or stage.uuid()
    user = {"device_id": f"{stage.rng.getrandbits(160):040x}", "session_id": session}
    headers = {"x-claude-code-session-id": session} | ({"x-claude-code-agent-id": agent} if agent else {})
    return Talk(
        stage,
        caller,
        "messages",
        model,
        system=prompt or _PROMPT.format(folder=folder),
        headers=headers,
        tools=_TOOLS if tools is None else tools,
        unseen=4_000 if agent else unseen,
        params={"metadata": {"user_id": msgspec.json.encode(user).decode()}, "temperature": 1},
    )


def _first(talk: Talk, words: str, branch: str = "main") -> None:
    note = (
        "<system-reminder>\nAs you answer the user's questions, you can use the following context:\n# claudeMd\n"
        f"Run `make check` before every commit.\n# gitStatus\nCurrent branch: {branch}\nStatus: (clean)\n"
        "</system-reminder>"
    )
    talk.user([{"type": "text", "text": note}, {"type": "text", "text": words}])


def _title(talk: Talk, words: str, title: str) -> None:
    """The call that the harness makes for itself."""
    side = Talk(
        talk.stage,
        talk.caller,
        "messages",
        "claude-haiku-4-5",
        system=_TITLE,
        headers=talk.headers,
        params={"metadata": talk.params["metadata"]},
        stream=False,
    )
    side.user(words)
    at = talk.stage.at
    side.reply(title)
    talk.stage.at = at


def failing_test(stage: Stage) -> None:
    """A bug that one test shows: read, find, edit, run."""
    talk = _claude(stage, "/home/ana/src/checkout")
    words = "test_free_shipping_threshold started to fail on main this morning, please find out why and fix it"
    _first(talk, words)
    _title(talk, words, "Fix failing free shipping threshold test")
    talk.reply(
        Think("I should run the test first, to see what it says, before I look at any code."),
        "I'll run the test to see how it fails.",
        Use("Bash", {"command": "pytest -x -q tests/test_shipping.py", "description": "Run the shipping tests"}),
    )
    talk.result(
        "F.....\n=================================== FAILURES ===================================\n"
        "_______________________ test_free_shipping_threshold _______________________\n\n"
        "    def test_free_shipping_threshold():\n        order = Order(lines=[Line('mug', 2, Decimal('25.00'))])\n"
        ">       assert shipping(order) == 0\nE       AssertionError: assert Decimal('4.90') == 0\n\n"
        "tests/test_shipping.py:18: AssertionError\n1 failed, 5 passed in 0.41s",
        took=3.1,
    )
    talk.reply(
        "The order is exactly at the threshold, 50.00, and pays for shipping. I'll look at the function.",
        Use("Read", {"file_path": "/home/ana/src/checkout/shop/shipping.py"}),
        Use("Bash", {"command": "git log --oneline -5 -- shop/shipping.py", "description": "Recent changes"}),
    )
    talk.result(
        "     1→from decimal import Decimal\n     2→\n     3→FREE_FROM = Decimal('50')\n"
        "     4→FLAT = Decimal('4.90')\n     5→\n     6→\n     7→def shipping(order: Order) -> Decimal:\n"
        '     8→    """What the customer pays for shipping."""\n     9→    if order.total > FREE_FROM:\n'
        "    10→        return Decimal(0)\n    11→    return FLAT",
        "4e1c0d2 Shipping: read the threshold from one place\n9ab21f0 Shipping: flat rate is 4.90",
        took=0.2,
    )
    talk.reply(
        Think(
            "Line 9 compares with `>`. The commit 4e1c0d2 moved the threshold to a constant and must have changed `>=` "
            "to `>`. The docs say 'from 50 euros', so `>=` is right."
        ),
        "Found it: `4e1c0d2` turned `>=` into `>`, so an order of exactly 50.00 pays. I'll put it back.",
        Use(
            "Edit",
            {
                "file_path": "/home/ana/src/checkout/shop/shipping.py",
                "old_string": "    if order.total > FREE_FROM:",
                "new_string": "    if order.total >= FREE_FROM:",
            },
        ),
    )
    talk.result("The file /home/ana/src/checkout/shop/shipping.py has been updated.", took=0.1)
    talk.reply(Use("Bash", {"command": "make check", "description": "Run linter, types and tests"}))
    talk.result("ruff ✓\nmypy ✓\n214 passed in 6.02s", took=11)
    talk.reply(
        "Fixed. An order of **exactly 50.00** ships free again.\n\n"
        "- Cause: `4e1c0d2` changed `>=` to `>` in `shop/shipping.py:9` while moving the threshold to a constant.\n"
        "- `make check` passes: 214 tests.\n\nShall I commit it?"
    )
    talk.user("yes, and mention the commit that broke it", pause=48)
    talk.reply(
        Use(
            "Bash",
            {
                "command": "git commit -qam 'Shipping is free from 50.00 on, not above (broken by 4e1c0d2)' && git "
                "log -1 "
                "--format=%h",
                "description": "Commit the fix",
            },
        )
    )
    talk.result("c81f7aa", took=0.3)
    talk.reply("Committed as `c81f7aa`.")


def two_agents(stage: Stage) -> None:
    """Two agents search at the same time; what they find comes back to the one that started them."""
    session = stage.uuid()
    talk = _claude(stage, "/home/ana/src/ledger", "claude-opus-4-5", session=session)
    words = (
        "We want to round taxes per order instead of per line. Find everything that would have to change, in code and "
        "in the reports, and propose a plan. Don't edit anything yet."
    )
    _first(talk, words, "tax-per-order")
    _title(talk, words, "Plan moving tax rounding from line to order")
    code = (
        "Find every place in /home/ana/src/ledger that computes or rounds a tax amount. For each: file, line, what is "
        "rounded, and who calls it. Only read; change nothing."
    )
    reports = (
        "Look through /home/ana/src/ledger/reports and list every report that sums tax amounts by line. Say which of "
        "them would show other numbers if taxes were rounded per order. Only read; change nothing."
    )
    talk.reply(
        Think("Two independent searches: the code, and the reports. Two agents can do them at the same time."),
        "I'll have two agents look at the code and the reports at the same time.",
        Use("Task", {"description": "Find tax rounding", "prompt": code, "subagent_type": "Explore"}),
        Use("Task", {"description": "Check the reports", "prompt": reports, "subagent_type": "Explore"}),
    )
    start, ends = stage.at, []
    found: list[str] = []
    for number, prompt in enumerate((code, reports)):
        stage.at = start + 300_000 * number
        agent = _claude(
            stage,
            "",
            "claude-haiku-4-5",
            agent=stage.id("agent-", 8).lower(),
            session=session,
            prompt="You are a file search specialist for Claude Code. You excel at thoroughly navigating codebases.",
            tools=_TOOLS[1:3] + _TOOLS[4:5],
        )
        agent.user(prompt)
        found.append(_explore_code(agent) if number == 0 else _explore_reports(agent))
        ends.append(stage.at)
    stage.at = max(ends)
    talk.result(*found, took=0.2)
    talk.reply(
        Think("Three roundings, one of them hidden in the CSV import. The VAT return is the risk: it sums by line."),
        "Three places round, and two reports would change.\n\n"
        "| | What | Change |\n|---|---|---|\n"
        "| 1 | `tax/lines.py:44` | stop rounding, keep four digits |\n"
        "| 2 | `orders/total.py:71` | round here, once |\n"
        "| 3 | `imports/csv_orders.py:118` | rounds **again**: remove |\n"
        "| 4 | `reports/vat_return.py` | sum orders, not lines |\n"
        "| 5 | `reports/margin.py` | no change: sums net amounts |\n\n"
        "**Order of work**: 2 and 1 in one commit behind `TAX_PER_ORDER`, then 3, then 4 with a test on last quarter's "
        "figures. I would ask accounting about rows before the switch: should old orders keep their cents?",
        output=1450,
    )
    talk.user("they keep their cents. write the plan into docs/tax.md", pause=130)
    talk.reply(
        Use("Edit", {"file_path": "/home/ana/src/ledger/docs/tax.md", "old_string": "", "new_string": "# Taxes\n\n…"})
    )
    talk.result("The file /home/ana/src/ledger/docs/tax.md has been updated.", took=0.1)
    talk.reply("Done: `docs/tax.md` has the five steps, and the rule that orders before the switch keep their cents.")


def _explore_code(agent: Talk) -> str:
    agent.reply(Use("Grep", {"pattern": "round\\(|quantize", "path": "/home/ana/src/ledger"}))
    agent.result(
        "tax/lines.py:44:    return amount.quantize(CENT, ROUND_HALF_UP)\n"
        "orders/total.py:71:    return sum(line.tax for line in self.lines).quantize(CENT)\n"
        "imports/csv_orders.py:118:        tax=Decimal(row['tax']).quantize(CENT),\nlib/charts.py:20:    round(x, 1)"
    )
    agent.reply(
        Use("Read", {"file_path": "/home/ana/src/ledger/tax/lines.py"}),
        Use("Read", {"file_path": "/home/ana/src/ledger/imports/csv_orders.py"}),
    )
    agent.result("    40→def tax_of(line: Line) -> Decimal: …", "   110→for row in csv.DictReader(file): …")
    said = (
        "Three places round a tax: `tax/lines.py:44` (each line; called by `orders/total.py` and the importer), "
        "`orders/total.py:71` (the sum, which is rounded already), `imports/csv_orders.py:118` (a second time, on "
        "import). `lib/charts.py:20` rounds for display only."
    )
    agent.reply(said)
    return said


def _explore_reports(agent: Talk) -> str:
    agent.reply(Use("Bash", {"command": "ls reports && grep -ln 'line.tax' reports/*.py", "description": "Reports"}))
    agent.result("margin.py\nvat_return.py\nweekly.py\n---\nreports/vat_return.py\nreports/weekly.py")
    agent.reply(Use("Read", {"file_path": "/home/ana/src/ledger/reports/vat_return.py"}))
    agent.result("    12→total = sum(line.tax for order in orders for line in order.lines)")
    said = (
        "Two of three reports sum taxes by line: `vat_return.py:12` and `weekly.py:31`. Both would differ by up to "
        "half "
        "a cent a line. `margin.py` uses net amounts and would not change."
    )
    agent.reply(said, seconds=9)
    return said


_CANVAS = """     1→import { project } from "../geo/project";
     2→import type { Tile, View } from "../types";
     3→
     4→const WIDTH = 2;
     5→
     6→/** Draws all that is in sight, from the back to the front. */
     7→export class PARTLayer {
     8→  constructor(private ctx: CanvasRenderingContext2D) {}
     9→
    10→  draw(tiles: Tile[], view: View) {
    11→    for (const tile of tiles) {
    12→      if (!view.covers(tile.bounds)) continue;
    13→      this.tile(tile, view);
    14→    }
    15→  }
    16→
    17→  private tile(tile: Tile, view: View) {
    18→    const { ctx } = this;
    19→    ctx.beginPath();
    20→    for (const [lon, lat] of tile.points) {
    21→      const [x, y] = project(lon, lat, view.zoom);
    22→      ctx.lineTo(x - view.left, y - view.top);
    23→    }
    24→    ctx.lineWidth = WIDTH * devicePixelRatio;
    25→    ctx.stroke();
    26→  }
    27→}"""


def compacted(stage: Stage) -> None:
    """So long that the harness asks for a summary and begins anew with it."""
    talk = _claude(stage, "/home/ben/src/atlas", caller=CLAUDE_CODE_BEN)
    _first(talk, "port the map renderer from canvas to webgl, tile by tile, keep the tests green", "webgl")
    parts = ["tiles", "labels", "routes", "markers", "terrain", "hit testing", "export"]
    for part in parts:
        path = f"/home/ben/src/atlas/render/{part.replace(' ', '_')}.ts"
        talk.reply(Think(f"Next are the {part}."), f"Now the {part}.", Use("Read", {"file_path": path}))
        talk.result(_CANVAS.replace("PART", part.title().replace(" ", "")))
        old, new = "    ctx.beginPath();", "    const buffer = this.pool.take(view.zoom);\n    gl.bind(buffer);"
        talk.reply(Use("Edit", {"file_path": path, "old_string": old, "new_string": new}))
        talk.result(f"The file {path} has been updated.")
        talk.reply(Use("Bash", {"command": f"npm test -- {part.split()[0]}", "description": "Test"}))
        talk.result("Tests  18 passed (18)", took=6)
    summary = (
        "<summary>\n1. Primary request: port the map renderer from canvas to WebGL, tile by tile, with green tests.\n"
        "2. Done so far: tiles, labels, routes, markers, terrain, hit testing and export draw through gl buffers now.\n"
        "3. Decisions: one buffer a layer; labels stay on a canvas of their own, because of text shaping.\n"
        "4. Open: the memory of hidden layers is not freed yet; the screenshot test on Safari is still skipped.\n"
        "5. Next step: free the buffers of hidden layers in LayerPool.release, and measure with 400 tiles.\n</summary>"
    )
    talk.user("Your task is to create a detailed summary of the conversation so far. Wrap it in <summary> tags.")
    talk.reply(Think("I should list what was asked, done and decided."), summary)
    talk.rewind(0)
    _first(
        talk,
        "This session is being continued from a previous conversation that ran out of context. The conversation is "
        f"summarized below:\n{summary[10:-11]}\nPlease continue with the last task that you were asked to work on.",
        "webgl",
    )
    path = "/home/ben/src/atlas/render/layer_pool.ts"
    talk.reply("I'll free the buffers of hidden layers next.", Use("Read", {"file_path": path}))
    talk.result("export class LayerPool {\n  release(layer: Layer) { this.hidden.add(layer); }\n}")
    talk.reply(
        Use(
            "Edit",
            {
                "file_path": path,
                "old_string": "this.hidden.add(layer);",
                "new_string": "this.hidden.add(layer);\n    gl.deleteBuffer(layer.buffer);",
            },
        )
    )
    talk.result(f"The file {path} has been updated.")
    talk.reply("Buffers of hidden layers are freed. With 400 tiles the page takes **61 MB instead of 340 MB**.")


def tools_change(stage: Stage) -> None:
    """A server of tools joins in the middle: from there on nothing that was cached helps."""
    talk = _claude(stage, "/home/ana/src/shop-web")
    _first(talk, "the product page is slow on phones. what takes the time?", "perf")
    talk.reply(Use("Bash", {"command": "npx lighthouse http://localhost:3000/p/1 --quiet", "description": "Measure"}))
    talk.result(
        "Performance 41\nLargest Contentful Paint 6.8 s\nTotal Blocking Time 1,240 ms\nhero.png 2.9 MB", took=21
    )
    talk.reply("The hero image is 2.9 MB and blocks everything. I could look at real users' numbers with more tools.")
    talk.user("I added the browser MCP server, use it", pause=75)
    talk.tools = [
        *talk.tools,
        tool("mcp__browser__open", "Opens a page in a real browser.", url="The address"),
        tool("mcp__browser__trace", "Records a performance trace.", seconds="How long"),
    ]
    talk.reply(Use("mcp__browser__trace", {"seconds": "8"}))
    talk.result('{"longest_task_ms": 890, "task": "hydrate <Carousel>", "layout_shifts": 14}', took=9)
    talk.reply(
        "Two causes:\n\n1. `hero.png` (2.9 MB): as AVIF at 3 sizes it is 180 kB.\n2. The carousel hydrates 40 "
        "slides at "
        "once (890 ms): three would do.\n\nShall I change both?"
    )
    talk.user("first the image", pause=20)
    talk.reply(Use("Bash", {"command": "npx sharp-cli -i hero.png -f avif -o public/", "description": "Convert"}))
    talk.result("hero-480.avif 41 kB\nhero-960.avif 92 kB\nhero-1920.avif 178 kB", took=2.5)
    talk.model = "claude-opus-4-5"
    talk.user("/model opus\nand now the carousel, carefully", pause=33)
    talk.reply(
        Think("Only the visible slide and its neighbours need to be interactive."),
        "Done: the first three slides hydrate, the rest when they come into sight. Blocking time 1,240 → 210 ms.",
    )


def runaway(stage: Stage) -> None:
    """A loop that nobody watched: the same command, sixty times, with all that was said before."""
    talk = _claude(stage, "/srv/ci/build", "claude-opus-4-5", CLAUDE_CODE_CI, unseen=156_000)
    stage.name = "nightly: make the integration tests pass"
    _first(talk, "Make the integration tests pass. Do not stop until they do.", "nightly")
    wrong = "E   psycopg.OperationalError: connection refused (127.0.0.1:5433)\n12 errors in 4.02s"
    for n in range(60):
        talk.reply(
            Think("The database refuses the connection. Perhaps it only needs more time.")
            if n % 9 == 0
            else f"Still refused. I'll wait a little longer and try again ({n + 1}).",
            Use("Bash", {"command": f"sleep {n % 7 + 1} && pytest -q tests/integration", "description": "Try again"}),
            output=140,
        )
        talk.result(wrong, failed=True, took=n % 7 + 5 if n % 8 else 330)  # longer than the cache lasts
    talk.reply(
        "The tests cannot pass here: nothing listens on port 5433, because the service `postgres-test` was never "
        "started. "
        "I should have looked at that first. Start it with `docker compose up -d postgres-test`."
    )


def overloaded(stage: Stage) -> None:
    """The provider has no capacity: the client tries again, and is served at last."""
    talk = _claude(stage, "/home/ben/src/atlas", caller=CLAUDE_CODE_BEN)
    _first(talk, "rename Viewport to Camera everywhere", "camera")
    for retry in range(3):
        talk.fail(529, "overloaded_error", "Overloaded", seconds=1.2, retry=retry)
        stage.wait(2**retry)
    talk.reply(
        Use("Bash", {"command": "rg -l Viewport | xargs sed -i 's/Viewport/Camera/g'", "description": "Rename"}),
        retry=3,
    )
    talk.result("(no output)")
    talk.reply("Renamed in 31 files. `npm test` passes.")


def interrupted(stage: Stage) -> None:
    """The person stops the answer, and says something else."""
    talk = _claude(stage, "/home/ana/src/checkout")
    _first(talk, "write a migration that drops the legacy_orders table", "cleanup")
    talk.reply(
        "I'll write the migration. First the foreign keys that point to `legacy_orders`, then the indexes, then the "
        "table "
        "itself. I will also remove the model, its admin page, and the nightly export that still reads it, so that…",
        cut=0.55,
        status="client_closed",
        error=("client_closed", "The client closed the connection before the answer was complete."),
    )
    talk.history.append({"role": "assistant", "content": [{"type": "text", "text": "I'll write the migration. First"}]})
    talk.user("[Request interrupted by user]\nwait, the export still needs it. only make it read-only", pause=6)
    talk.reply(
        "A trigger that refuses writes then:",
        Use(
            "Edit",
            {
                "file_path": "/home/ana/src/checkout/migrations/0042_legacy_read_only.sql",
                "old_string": "",
                "new_string": "CREATE TRIGGER legacy_read_only BEFORE INSERT OR UPDATE OR DELETE ON legacy_orders\n"
                "  EXECUTE FUNCTION refuse_write();",
            },
        ),
    )
    talk.result("The file has been created.")
    talk.reply("`0042_legacy_read_only.sql` refuses writes and leaves the export alone.")
