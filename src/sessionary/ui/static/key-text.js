// What is read from and written for a key, as text. Pure.

/**
 * Patterns with commas or spaces between -> a list; none is all.
 * @param {string} text
 * @returns {string[]|null}
 */
export function modelsOf(text) {
  const models = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  return models.length ? models : null;
}

/** @type {["calls_per_minute"|"tokens_per_minute"|"concurrent"|"budget"|"session_calls"|"session_tokens"|"session_cost", string][]} */
export const LIMITS = [
  ["calls_per_minute", "Calls a minute"],
  ["tokens_per_minute", "Tokens a minute"],
  ["concurrent", "Calls at a time"],
  ["budget", "Budget, USD"],
  ["session_calls", "Calls of a session"],
  ["session_tokens", "Tokens of a session"],
  ["session_cost", "Cost of a session, USD"],
];

/**
 * What a form says of limits; null: it sets none.
 * @param {FormData} form
 * @returns {Record<string, number|string>|null}
 */
export function limitsOf(form) {
  /** @type {Record<string, number|string>} */
  const found = {};
  for (const [name] of LIMITS) {
    const text = String(form.get(name) ?? "").trim();
    if (text) found[name] = Number(text);
  }
  if ("budget" in found) found.budget_period = String(form.get("budget_period"));
  return Object.keys(found).length ? found : null;
}

/**
 * Lines that work as they stand.
 * @param {string} origin this gateway
 * @param {string} key
 * @returns {[string, string][]} title, text
 */
export function snippets(origin, key) {
  const curl = [
    `curl ${origin}/v1/chat/completions -H "Authorization: Bearer ${key}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'`,
  ];
  const python = [
    "from openai import OpenAI",
    `client = OpenAI(base_url="${origin}/v1", api_key="${key}")`,
    `client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}])`,
  ];
  const environment = [`export OPENAI_BASE_URL=${origin}/v1`, `export OPENAI_API_KEY=${key}`];
  return [
    ["Environment", environment.join("\n")],
    ["Python", python.join("\n")],
    ["curl", curl.join("\n")],
  ];
}
