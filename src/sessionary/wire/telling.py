"""A whole answer, told as a stream: for a client that asked for one, of a provider that has none. Pure."""

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Closed, Delta, Ended, Failed, Opened, Started, Told
from sessionary.wire.message import Piece


def tell(answer: Answer) -> list[Told]:
    """Each part in one piece."""
    told: list[Told] = [Started(answer.id, answer.model, answer.created)]
    logprobs = answer.logprobs
    for index, part in enumerate(part for turn in answer.turns for part in turn.parts):
        piece, text = part.piece, part.piece.text
        if piece.type == "tool_call":
            text = piece.arguments if isinstance(piece.arguments, str) else loose.encode(piece.arguments).decode()
        told.append(Opened(index, Piece(piece.type, id=piece.id, name=piece.name), part.kind))
        if text:
            probs, logprobs = (logprobs, None) if piece.type == "text" else (None, logprobs)
            told.append(Delta(index, text, logprobs=probs))
        if part.signature:
            told.append(Delta(index, signature=part.signature))
        told.append(Closed(index, part))
    if answer.stop == "error":
        error = answer.error or {}
        said = str(error.get("message") or "The answer failed.")
        return [*told, Failed(str(error.get("code") or "server_error"), said)]
    return [*told, Ended(answer.stop, answer.usage, answer.stop_sequence)]
