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
 * @property {string|null} [emptied_at] when what was said in it was deleted
 * @property {number} [branches] beside the first
 * @property {number} [agents] beside the one that people talk to
 * @property {{session: string, session_id: string, call_id: string}|null} [continues]
 *
 * @typedef {object} Call
 * @property {string} id
 * @property {string} session_id
 * @property {string} [session] ours
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
 * @property {string} [agent_name]
 * @property {string} [agent_parent]
 * @property {{kind: string, call_id: string, tool_call_id: string|null}|null} [origin]
 * @property {boolean} [side]
 * @property {boolean} [ambiguous]
 * @property {string} [unkept] why its contents are not kept
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
 * @property {Record<string, any>[]} [annotations] of a text: what it cites, as the provider writes it
 * @property {Piece} [result] set by story.pair: a tool call's result
 * @property {string} [owner] set by story.pair on a result: the name of the tool it answers
 * @property {string} [home] set with it: the call that it is shown in, beside the tool's
 *
 * @typedef {object} Message
 * @property {string} [id] hashed with all that came before it
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
 * @property {boolean} [emptied] what was said in it is deleted
 * @property {boolean} [unprompted] the call before had a system prompt, and this one has none
 * @property {Message[]} messages
 * @property {Message|null} output
 * @property {Broke|null} [broke]
 * @property {boolean} [loaded] false while only its numbers are here
 * @property {number} [taken] other whenever its contents were fetched anew
 *
 * @typedef {{what: "model"|"system"|"tools"|"messages", at: number}} Broke where what a provider could have cached of
 *   the request before differs in this one; `at` is the number of the first message that differs, 0 for the others
 *
 * @typedef {object} Growth more of an answer that streams
 * @property {string} call_id
 * @property {{index: number, type: string, name?: string, id?: string, from: number, text: string}[]} pieces of piece
 *   `index`, from character `from` on, this text
 *
 * @typedef {object} Turn
 * @property {"turn"} kind
 * @property {number} number
 * @property {boolean} on whether it was begun above, and goes on here
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
 * @property {string} path id of the branch that it is on
 * @property {number|null} fork index of the call that it goes on from, where it begins a branch
 * @property {boolean} loaded whether what was said is known
 * @property {number[]} beside indices of its side calls
 *
 * @typedef {object} Started an agent in the rail
 * @property {"agent"} kind
 * @property {string} key
 * @property {string} name
 * @property {number} depth
 * @property {number[]} calls indices
 * @property {string} said
 * @property {string} answer
 * @property {string} status
 * @property {string} at
 * @property {number|null} cost
 * @property {number} count
 * @property {number} tokens
 * @property {number} ms
 * @property {boolean} loaded whether what was said is known
 *
 * @typedef {object} Idle
 * @property {"idle"} kind
 * @property {number} after index of the call before the pause
 * @property {number} ms
 *
 * @typedef {object} TreeNode one request, with all attempts at it
 * @property {string} id
 * @property {string} call_id the attempt that counts
 * @property {string[]} attempts
 * @property {string|null} parent
 * @property {string|null} branch
 * @property {string} agent
 * @property {boolean} side
 * @property {number} turn
 *
 * @typedef {{calls: number, input_tokens: number, output_tokens: number, cost: number|null, active_ms: number}} Sums
 *
 * @typedef {object} TreeAgent
 * @property {string} id
 * @property {string} name
 * @property {string|null} node that started it
 * @property {string} status
 * @property {Sums} total with the agents that it started
 *
 * @typedef {object} Tree
 * @property {TreeNode[]} nodes
 * @property {{id: string, fork: string|null, fork_call: string|null}[]} branches
 * @property {TreeAgent[]} agents
 *
 * @typedef {object} Spot a call where it is read
 * @property {"call"} kind
 * @property {number} index
 * @property {string[]} folds keys of those that it is in, the outermost first
 * @property {string} agent
 * @property {number} nth request of its turn
 * @property {number} first index of the first attempt at it
 * @property {number} tried how often it was asked
 * @property {{nth: number, of: number}|null} attempt where it is not the one that counts
 * @property {boolean} side
 * @property {boolean} format whether the request before had another
 * @property {number|null} after the call that it goes on from, where that is not the one above
 * @property {boolean} begins a branch
 * @property {string} branch id of the one that it is on
 *
 * @typedef {object} Fold
 * @property {"fold"} kind
 * @property {"attempts"|"agent"|"side"} what
 * @property {string} key
 * @property {string[]} folds
 * @property {number[]} calls indices of all that is in it
 * @property {TreeAgent|null} agent
 *
 * @typedef {Spot|Fold} Item
 *
 * @typedef {object} Evidence why a call is in its session
 * @property {string} source
 * @property {string} rule
 * @property {string} explanation
 * @property {string} session
 * @property {string} session_id
 * @property {number} depth
 * @property {number} of
 * @property {Related|null} parent
 * @property {{kind: string, call_id: string}|null} origin
 * @property {(Related & {depth: number, taken: boolean})[]} candidates
 * @property {string|null} matched
 * @property {boolean} ambiguous
 * @property {{session: string, session_id: string}|null} corrected
 *
 * @typedef {{call_id: string, session: string|null, session_id: string|null}} Related
 *
 * @typedef {object} Hit
 * @property {string} session ours
 * @property {string} session_id as the client sent it
 * @property {string} call_id
 * @property {string} snippet
 * @property {[number, number][]} marks
 * @property {string} [q] what was searched for, set by list-source.hits
 */

/**
 * @typedef {object} Field of the filter language
 * @property {string} name
 * @property {"text"|"number"|"money"|"duration"|"time"|"choice"|"flag"} kind
 * @property {string} help
 * @property {string[]} [choices]
 * @property {boolean} [suggests] whether GET /api/suggest knows values of it
 *
 * @typedef {{at: string, calls: number, errors: number, cost: number|null}} Bar
 * @typedef {{field: string, values: {value: string, count: number}[]}} Facet
 *
 * @typedef {object} Summary of what a filter finds
 * @property {string} since
 * @property {string} until
 * @property {number} step_ms
 * @property {Bar[]} bars
 * @property {Facet[]} facets
 * @property {number} matched
 * @property {boolean} more `matched` is "at least"
 * @property {boolean} exact otherwise of the newest `counted`
 * @property {number} counted
 *
 * @typedef {{id: string, name: string, page: "sessions"|"calls", query: string}} View
 */

/**
 * @typedef {object} Limits what is null is not limited
 * @property {number|null} calls_per_minute
 * @property {number|null} tokens_per_minute
 * @property {number|null} concurrent
 * @property {number|null} budget USD
 * @property {"day"|"month"|"total"} budget_period
 * @property {number|null} session_calls
 * @property {number|null} session_tokens
 * @property {number|null} session_cost USD
 */

/**
 * @typedef {object} Key as the API shows it; the key itself is never among it
 * @property {string} id
 * @property {string} project
 * @property {string} name
 * @property {string} hint
 * @property {string[]|null} models null: all
 * @property {boolean} threading
 * @property {"full"|"metadata"} capture
 * @property {Limits|null} limits its own; null: those of the configuration
 * @property {"valid"|"expired"|"revoked"} state
 * @property {string|null} last_used_at
 * @property {{calls: number}} use
 */

export {};
