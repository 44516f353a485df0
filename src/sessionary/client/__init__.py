"""What runs in a caller's program: calls through the gateway, and sessions that other clients carry.

Imports nothing of the server and none of its dependencies; the OpenAI library only when a call is made.
"""
