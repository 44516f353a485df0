// What people do with the Vercel AI SDK. Input and output: JSON on stdin and stdout.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { readFileSync } from "node:fs";
import { z } from "zod";

const { baseURL, apiKey, model: name, session, via, providerOptions } = JSON.parse(readFileSync(0, "utf8"));
globalThis.AI_SDK_LOG_WARNINGS = false; // stdout is for what comes back
const headers = { "x-session-id": session };
const openai = createOpenAI({ baseURL: `${baseURL}/v1`, apiKey, headers });
const anthropic = createAnthropic({ baseURL: `${baseURL}/v1`, apiKey, headers });
const model = { responses: openai, chat: openai.chat, messages: anthropic }[via](name);
const common = { model, maxRetries: 0, providerOptions };
const done = {};

done.text = (await generateText({ ...common, system: "Be brief.", prompt: "Hello there" })).text;

const streamed = streamText({ ...common, prompt: "Hello again" });
let text = "";
for await (const piece of streamed.textStream) text += piece;
const { inputTokens, outputTokens } = await streamed.usage;
done.streamed = { text, whole: await streamed.text, finish: await streamed.finishReason, inputTokens, outputTokens };

const schema = z.object({ name: z.string(), days: z.number().int() });
done.object = (await generateObject({ ...common, schema, prompt: "Where to?" })).object;

const ran = [];
const tools = {
  weather: tool({
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      ran.push(city);
      return `18 degrees in ${city}`;
    },
  }),
};
const prompt = 'call weather {"city": "Paris"}\ncall weather {"city": "Rome"}';
const steps = { ...common, tools, stopWhen: stepCountIs(5) };
const first = await generateText({ ...steps, prompt });
done.steps = first.steps.length;
done.told = first.text;

const messages = [
  { role: "user", content: prompt },
  ...first.response.messages,
  { role: "user", content: 'And now?\ncall weather {"city": "Oslo"}' },
];
const second = streamText({ ...steps, messages });
await second.consumeStream({ onError: (error) => console.error(error) });
done.again = await second.text;
done.ran = ran;

console.log(JSON.stringify(done));
