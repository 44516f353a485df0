// The pure parts of the keys page. Run: node --test tests/ui/keys.test.mjs

import assert from "node:assert/strict";
import test from "node:test";

import { limitsOf, modelsOf, snippets } from "../../src/sessionary/ui/static/key-text.js";

test("models: names with commas or spaces between; none is all", () => {
  assert.deepEqual(modelsOf(" gpt-*, fast  fast,\nhouse/* "), ["gpt-*", "fast", "house/*"]);
  assert.equal(modelsOf(" , "), null);
  assert.equal(modelsOf(""), null);
});

test("snippets carry the key and this gateway", () => {
  const parts = snippets("https://gate.example:8443", "sk-ses-x");
  assert.deepEqual(parts.map(([title]) => title), ["Environment", "Python", "curl"]);
  for (const [, text] of parts) {
    assert.ok(text.includes("https://gate.example:8443/v1"));
    assert.ok(text.includes("sk-ses-x"));
  }
});

test("limits: what is filled in, and a budget with its period", () => {
  const form = new FormData();
  form.set("budget_period", "day");
  form.set("calls_per_minute", " ");
  assert.equal(limitsOf(form), null);
  form.set("calls_per_minute", "60");
  assert.deepEqual(limitsOf(form), { calls_per_minute: 60 });
  form.set("budget", "0.5");
  assert.deepEqual(limitsOf(form), { calls_per_minute: 60, budget: 0.5, budget_period: "day" });
});
