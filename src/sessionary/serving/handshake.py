"""A WebSocket as uvicorn has it, but for handshakes that come to nothing: these are answered, and told nowhere else.

Anyone can send one, with a key or without: it is no fault of the gateway, and its connection is not kept.
"""

from http import HTTPStatus

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request


class Handshaking(WebSocketsSansIOProtocol):
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:  # it could not be read
            self._refuse()

    def handle_connect(self, event: Request) -> None:
        try:
            super().handle_connect(event)
        except UnicodeError:  # what would be quoted to the client is no text
            self._refuse()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # an answer is an end of it, too

    def _refuse(self) -> None:
        if self.close_sent:
            return
        self.handshake_complete = self.close_sent = True
        answer = self.conn.reject(HTTPStatus.BAD_REQUEST, "This is no WebSocket handshake.\n")
        self.transport.write(answer.serialize())
        self.transport.close()
