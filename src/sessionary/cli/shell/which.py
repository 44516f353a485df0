"""Which gateway is meant: the one that is named, or the one that serves the data folder here, with its key.

The data folder's master key goes only to the address of the process that serves that folder now.
"""

from pathlib import Path
from urllib.parse import urlsplit

from sessionary import listening
from sessionary.cli.common import configured, gateway_url
from sessionary.cli.shell.reading import Gateway, Lost, Unanswered, why
from sessionary.settings import Settings


def find(url: str | None, key: str | None, config: Path | None, data_dir: Path | None) -> Gateway:
    """The gateway that is named, or the one that serves the data folder here. Raises Unanswered."""
    if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key and key):
        raise Unanswered("the key is empty, or has characters that no key has")
    if url:
        if key is None:
            raise Unanswered("a key is missing for that gateway: give one with --key, or in SESSIONARY_API_KEY")
        return Gateway(address(url), key)
    settings = configured(config, data_dir=data_dir)
    folder = settings.data_dir
    if not _is_served(folder):
        raise Lost(
            f"no gateway runs on {folder.resolve()} here: start it with `sessionary serve`, name its folder with "
            "--data-dir, or a gateway elsewhere with --url"
        )
    if key is not None:
        return Gateway(gateway_url(settings), key)
    return Gateway(gateway_url(settings), *_master(settings))


def address(url: str) -> str:
    """Without what is not the gateway's own: `/v1`, as clients are given it, or the path of a page."""
    text = url.strip()
    try:
        split = urlsplit(text if "://" in text else f"http://{text}")
        good = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        good = False
    if not good or not text.isascii() or not text.isprintable() or " " in text:
        raise Unanswered("--url must be the gateway's address, such as http://127.0.0.1:4000")
    if "@" in split.netloc:
        raise Unanswered("--url must have no user in it: the key is given with --key")
    path = split.path.partition("/ui/")[0].rstrip("/").removesuffix("/ui").removesuffix("/v1")
    return f"{split.scheme}://{split.netloc}{path}"


def _is_served(folder: Path) -> bool:
    try:
        return listening.is_served(folder)
    except OSError as error:
        raise Unanswered(f"{folder} cannot be read ({why(error)}): name the gateway with --url and --key") from None


def _master(settings: Settings) -> tuple[str, str]:
    """The folder's master key, and where it is from."""
    from sessionary.app.parts import Folder  # which brings the database: who asks elsewhere needs none

    if settings.master_key:
        return settings.master_key, "the master key of the configuration"
    path = Folder(settings.data_dir).master_key
    try:
        key = path.read_text().strip()
    except (OSError, ValueError):
        key = ""
    if not key:
        raise Unanswered(f"there is no key in {path}: give one with --key, or in SESSIONARY_API_KEY")
    return key, f"the key in {path}"
