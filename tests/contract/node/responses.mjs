// What people do with the Responses API in the OpenAI Node library. Input and output: JSON on stdin and stdout.
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { readFileSync } from "node:fs";
import { z } from "zod";

const { baseURL, apiKey, model, session } = JSON.parse(readFileSync(0, "utf8"));
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const metadata = { litellm_session_id: session };
const done = {};

const plain = await client.responses.create({ model, input: "Hello there", instructions: "Be brief.", metadata });
done.plain = { id: plain.id, text: plain.output_text, status: plain.status };

const stream = client.responses.stream({ model, input: "Hello again", metadata });
const types = [];
let text = "";
for await (const event of stream) {
  types.push(event.type);
  if (event.type === "response.output_text.delta") text += event.delta;
}
const final = await stream.finalResponse();
done.streamed = { types, text, whole: final.output_text, id: final.id };

const City = z.object({ name: z.string(), days: z.number().int() });
const parsed = await client.responses.parse({
  model,
  input: "Where to?",
  text: { format: zodTextFormat(City, "city") },
  metadata,
});
done.parsed = parsed.output_parsed;

const tools = [
  {
    type: "function",
    name: "get_weather",
    description: "The weather in a city.",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
];
const asked = await client.responses.create({ model, tools, input: 'call get_weather {"city": "Paris"}' });
const call = asked.output.find((item) => item.type === "function_call");
const result = { type: "function_call_output", call_id: call.call_id, output: "18 degrees" };
const told = await client.responses.create({ model, tools, previous_response_id: asked.id, input: [result] });
const replayed = await client.responses.create({
  model,
  tools,
  input: [{ role: "user", content: 'call get_weather {"city": "Paris"}' }, ...asked.output, result],
});
done.tools = { name: call.name, city: JSON.parse(call.arguments).city, told: told.output_text };
done.replayed = replayed.output_text;

const chain = [await client.responses.create({ model, input: "one" })];
for (const input of ["two", "three"]) {
  const previous_response_id = chain.at(-1).id;
  const next = client.responses.stream({ model, input, previous_response_id });
  chain.push(await next.finalResponse());
}
done.chain = chain.map((response) => ({ id: response.id, text: response.output_text }));
const again = await client.responses.retrieve(chain[1].id);
done.retrieved = again.output_text === chain[1].output_text;
const items = [];
for await (const item of client.responses.inputItems.list(chain[1].id, { order: "asc" })) items.push(item.type);
done.items = items;
await client.responses.delete(chain[2].id);
done.deleted = await client.responses.retrieve(chain[2].id).then(
  () => 200,
  (error) => error.status,
);

console.log(JSON.stringify(done));
