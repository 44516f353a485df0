"""The client part stands alone: `import sessionary` is cheap, and nothing of the server is needed to make calls."""

import subprocess
import sys

import sessionary

HEAVY = ("aiohttp", "alembic", "httptools", "jinja2", "msgspec", "openai", "prometheus_client", "rich", "sqlalchemy",
         "starlette", "typer", "uvicorn", "uvloop", "yaml", "zstandard")  # fmt: skip
SERVER = tuple(name for name in HEAVY if name != "openai")


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def blocking(names: tuple[str, ...]) -> str:
    """A program's first lines, after which `names` cannot be imported."""
    return f"import sys\nfor name in {names}: sys.modules[name] = None\n"


def test_all_is_importable() -> None:
    assert all(getattr(sessionary, name) is not None for name in sessionary.__all__)
    assert sorted(sessionary.__all__) == sessionary.__all__
    assert set(sessionary.__all__) <= set(dir(sessionary))


def test_importing_the_package_imports_nothing_heavy() -> None:
    run(f"""
import sys, sessionary
assert sessionary.__version__
heavy = [n for n in {HEAVY} + ("httpx", "httpx2", "asyncio") if n in sys.modules]
assert not heavy, heavy
""")


def test_the_command_line_imports_what_a_command_needs_when_it_is_called() -> None:
    run(blocking(("alembic", "psycopg", "prometheus_client", "sqlalchemy", "starlette", "uvicorn", "uvloop"))
        + "import sessionary.cli")  # fmt: skip


def test_the_client_needs_nothing_of_the_server() -> None:
    run(
        blocking(SERVER)
        + """
import sessionary
from sessionary.integrations import litellm
with sessionary.session("s", name="n") as active:
    assert active.headers() == {"x-session-id": "s", "x-session-name": "n"}
try:
    sessionary.completion("m", [], api_base="http://127.0.0.1:1", num_retries=0, timeout=5)
except sessionary.APIConnectionError:
    pass
ours = sorted(n for n in sys.modules if n.startswith("sessionary.") and "client" not in n and "integrations" not in n)
assert not ours, ours
"""
    )


def test_without_the_openai_library_the_error_says_what_to_install() -> None:
    run(
        blocking(("openai",))
        + """
import sessionary
with sessionary.session("s"):
    pass
assert not hasattr(sessionary, "RateLimitError")
for call in (sessionary.completion, sessionary.responses):
    try:
        call(model="m", messages=[], input="x")
    except ImportError as error:
        assert "pip install sessionary[client]" in str(error), error
    else:
        raise AssertionError
"""
    )
