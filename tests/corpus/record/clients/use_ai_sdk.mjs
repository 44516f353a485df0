// The Vercel AI SDK: chat, responses by reference and by items, messages; tool loops, messages of a chat's page.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { convertToModelMessages, generateText, readUIMessageStream, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

globalThis.AI_SDK_LOG_WARNINGS = false;
const { RECORD_URL, RECORD_KEY: apiKey } = process.env;
const HI = "Hi! Can you help me with a plan?";
const PARIS = 'What is the weather in Paris?\ncall get_weather {"city": "Paris"}';
const BOTH =
  "Compare two cities. Think first, and say what you do.\n" +
  'call get_weather {"city": "Oslo", "unit": "C"}\nalso get_weather {"unit":"F","city":"Málaga"}\n' +
  'call add {"a": 12, "b": 30.5}';
const tools = {
  get_weather: tool({
    description: "The weather in a city.",
    inputSchema: z.object({ city: z.string(), unit: z.enum(["C", "F"]).optional() }),
    execute: async ({ city }) => ({ city, degrees: 18, sky: "light rain" }),
  }),
  add: tool({
    description: "Adds two numbers.",
    inputSchema: z.object({ a: z.number(), b: z.number() }),
    execute: async ({ a, b }) => String(a + b),
  }),
};
const base = (conversation) => ({ baseURL: `${RECORD_URL}/${conversation}/v1`, apiKey });
const chat = (conversation) => createOpenAI(base(conversation)).chat("gpt-5.1");
const responses = (conversation) => createOpenAI(base(conversation))("gpt-5.1");
const claude = (conversation) => createAnthropic(base(conversation))("claude-sonnet-4-5");
const stopWhen = stepCountIs(8);

class Chat {
  constructor(model, { stream = false, ...more } = {}) {
    Object.assign(this, { stream, messages: [], more: { model, tools, stopWhen, ...more } });
  }
  async ask(content) {
    this.messages.push({ role: "user", content });
    await this.goOn();
  }
  async goOn() {
    const given = { ...this.more, messages: this.messages };
    const answer = this.stream ? streamText(given) : await generateText(given);
    if (this.stream) await answer.consumeStream();
    this.messages.push(...(await answer.response).messages);
  }
}

// As a chat's page does it: UI messages are kept, and turned into the model's each time.
class Page {
  constructor(model, more) {
    Object.assign(this, { messages: [], more: { model, tools, stopWhen, ...more } });
  }
  async ask(text) {
    this.messages.push({ id: `u${this.messages.length}`, role: "user", parts: [{ type: "text", text }] });
    const answer = streamText({ ...this.more, messages: await convertToModelMessages(this.messages) });
    let last;
    for await (const message of readUIMessageStream({ stream: answer.toUIMessageStream() })) last = message;
    this.messages.push(JSON.parse(JSON.stringify(last)));
  }
}

const system = "You are a travel guide.";
const unkept = { openai: { store: false, include: ["reasoning.encrypted_content"] } };
const thinks = { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } };
const a = new Chat(chat("a"), { system });
const b = new Chat(chat("b"), { system, stream: true });
const c = new Chat(responses("c"), { system }); // item references
const d = new Chat(responses("d"), { system, stream: true, providerOptions: unkept });
const e = new Chat(claude("e"), { system, providerOptions: thinks });
const f = new Chat(claude("f"), { stream: true });
const g = new Page(chat("g"), { system });
const h = new Page(responses("h"), { system, providerOptions: unkept });
const i = new Page(claude("i"), { system, providerOptions: thinks });
for (const text of [HI, BOTH, "And without tools?", PARIS, "Thank you."]) {
  await Promise.all([a, b, c, d, e, f, g, h, i].map((one) => one.ask(text)));
}
a.messages.pop();
await a.goOn(); // regenerate
b.messages.splice(2);
await b.ask("Something else: cheese."); // edit
await b.ask(PARIS);
await a.ask("More.\nfail 503"); // the library tries again
await a.ask([{ type: "text", text: "First this." }, { type: "text", text: "Then that." }]);
await a.ask("Good bye.");
