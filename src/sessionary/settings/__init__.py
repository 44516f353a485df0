"""The configuration: one frozen tree (`tree`), read from environment, YAML or a LiteLLM `config.yaml` (`load`)."""

from sessionary.settings.tree import Deployment, Model, Price, Settings

__all__ = ["Deployment", "Model", "Price", "Settings"]
