// A conversation of the Responses API in the OpenAI Node library. Input and output: JSON on stdin and stdout.
import OpenAI from "openai";
import { readFileSync } from "node:fs";

const { baseURL, apiKey, model } = JSON.parse(readFileSync(0, "utf8"));
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const made = await client.conversations.create({ metadata: { topic: "trip" } });
const answers = [];
for (const input of ["one", "two"]) {
  const answer = await client.responses.create({ model, input, conversation: made.id });
  answers.push({ id: answer.id, text: answer.output_text, conversation: answer.conversation.id });
}
const stream = client.responses.stream({ model, input: "three", conversation: made.id });
const last = await stream.finalResponse();
answers.push({ id: last.id, text: last.output_text, conversation: last.conversation.id });

const items = [];
for await (const item of client.conversations.items.list(made.id, { order: "asc" })) items.push(item.role);
const found = await client.conversations.retrieve(made.id);
await client.conversations.delete(made.id);
const gone = await client.conversations.retrieve(made.id).then(
  () => 200,
  (error) => error.status,
);
console.log(JSON.stringify({ id: made.id, topic: found.metadata.topic, answers, items, gone }));
