"""OpenAI's Responses format: items in, items out, a stream of events. Source: the OpenAPI document, Open Responses."""
