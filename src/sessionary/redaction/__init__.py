"""What must not be kept, taken out of requests and answers before anything is kept of them."""

from sessionary.redaction.redacting import Redacting
from sessionary.redaction.rules import Redactions, Rule, compiled

__all__ = ["Redacting", "Redactions", "Rule", "compiled"]
