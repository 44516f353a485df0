"""The configuration: one frozen tree (`tree`), read from environment, YAML or a LiteLLM `config.yaml` (`load`)."""

from sessionary.settings.tree import Deployment, Limits, Model, Price, Redaction, Settings

__all__ = ["Deployment", "Limits", "Model", "Price", "Redaction", "Settings"]
