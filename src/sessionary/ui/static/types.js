// The shapes of the public API, for the type checker. No code.

/**
 * @typedef {object} Session
 * @property {string} id
 * @property {string} session_id as the client sent it
 * @property {string} source
 * @property {string} title
 * @property {string} project
 * @property {string} status live, ok, errors or cut
 * @property {number} calls
 * @property {number} turns
 * @property {number} errors
 * @property {number} input_tokens
 * @property {number} cached_tokens
 * @property {number} output_tokens
 * @property {number} reasoning_tokens
 * @property {number|null} cost
 * @property {number} [unpriced] finished calls whose price is not known
 * @property {string[]} models
 * @property {string[]} clients
 * @property {string[]} [keys]
 * @property {string[]} [users]
 * @property {string[]} [tags]
 * @property {string} first_at
 * @property {string} last_at
 * @property {number} [active_ms]
 *
 * @typedef {object} Call
 * @property {string} id
 * @property {string} session_id
 * @property {string} source
 * @property {string} [rule]
 * @property {string|null} parent_id
 * @property {number} turn
 * @property {string} created_at
 * @property {number|null} duration_ms
 * @property {number|null} ttft_ms
 * @property {string} endpoint
 * @property {string|null} provider
 * @property {string|null} [deployment]
 * @property {string} model
 * @property {string|null} upstream_model
 * @property {string} status
 * @property {number|null} http_status
 * @property {boolean} stream
 * @property {string|null} finish_reason
 * @property {number|null} input_tokens
 * @property {number|null} cached_tokens
 * @property {number|null} output_tokens
 * @property {number|null} reasoning_tokens
 * @property {boolean} [estimated]
 * @property {number|null} cost
 * @property {{type?: string|null, message?: string|null}|null} error
 * @property {string|null} response_id
 * @property {string} client
 * @property {string} user
 * @property {string} [key]
 * @property {string} [agent]
 * @property {Record<string, any>[]|number|null} attempts
 *
 * @typedef {object} Piece fields that are empty are left out
 * @property {string} type text, reasoning, refusal, image, audio, file, tool_call, tool_result or other
 * @property {string} [text]
 * @property {string} [url]
 * @property {string} [media_type]
 * @property {string} [name]
 * @property {string} [detail] of an MCP call: the server's name
 * @property {string} [id]
 * @property {any} [arguments]
 * @property {string} [kind] of a call of a tool that is no function: `custom`, or the provider's own type
 * @property {Piece[]} [content]
 * @property {boolean} [error]
 * @property {any} [value]
 * @property {Piece} [result] set by story.pair: a tool call's result
 * @property {string} [owner] set by story.pair on a result: the name of the tool it answers
 *
 * @typedef {object} Message
 * @property {string} role
 * @property {Piece[]} pieces
 * @property {string} [name]
 * @property {string} [created_at]
 *
 * @typedef {object} Added what one call added to its session
 * @property {Call} call
 * @property {number} resent earlier messages that were sent again
 * @property {number} [recalled] earlier messages that the gateway put in front
 * @property {boolean} retry
 * @property {Message[]} system where it changed
 * @property {boolean} [unprompted] the call before had a system prompt, and this one has none
 * @property {Message[]} messages
 * @property {Message|null} output
 *
 * @typedef {object} Turn
 * @property {"turn"} kind
 * @property {number} number
 * @property {number[]} calls indices
 * @property {string} said
 * @property {string} answer
 * @property {string} status
 * @property {string} at
 * @property {number} failed calls
 * @property {number|null} ms
 * @property {number|null} cost
 * @property {number} tokens
 *
 * @typedef {object} Idle
 * @property {"idle"} kind
 * @property {number} after index of the call before the pause
 * @property {number} ms
 *
 * @typedef {object} Hit
 * @property {string} session ours
 * @property {string} session_id as the client sent it
 * @property {string} call_id
 * @property {string} snippet
 * @property {[number, number][]} marks
 */

export {};
