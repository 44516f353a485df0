"""The pages: Jinja shells that are readable without script, and ES modules over the public API."""

from sessionary.ui.contract import Pages
from sessionary.ui.routes import routes

__all__ = ["Pages", "routes"]
