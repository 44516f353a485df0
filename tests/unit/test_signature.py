"""Reasoning finds its maker again through a client of any format, and nobody else."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.settings.tree import Format
from sessionary.wire import signature
from sessionary.wire.canonical import Part
from sessionary.wire.message import Piece

FORMATS = get_args(Format)


@given(st.sampled_from(FORMATS), st.sampled_from(FORMATS), st.sampled_from(FORMATS), st.text(), st.booleans())
def test_a_signature_goes_through_a_client_to_its_maker_alone(
    maker: Format, client: Format, provider: Format, proof: str, redacted: bool
) -> None:
    made = Part(Piece("reasoning", text="hm"), maker, None, proof, redacted)
    carried = signature.carried(made, client)
    sent = Part(Piece("reasoning", text="hm"), client, None, carried)
    if proof.startswith("sessionary:"):
        return
    assert signature.native(sent, provider) == (proof if provider == maker else None)
    if client != maker:
        found = signature.read(carried, "hm")
        assert found is not None
        assert msgspec.structs.replace(found, origin=None) == made
        again = signature.carried(sent, client)
        assert again == carried


@pytest.mark.parametrize("text", ["", "abc", "sessionary:", "sessionary:nobody:signed:x", "sessionary:chat"])
def test_other_signatures_are_their_own(text: str) -> None:
    assert signature.read(text, "") is None
    assert signature.native(Part(Piece("reasoning"), "messages", None, text), "messages") == text
