"""What the Responses API has beside the call: answers asked for again, conversations, the background, sockets."""
