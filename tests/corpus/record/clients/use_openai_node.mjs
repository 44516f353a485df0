// The OpenAI Node library: chat and responses, whole and streamed, with the history that its users keep themselves.
import OpenAI from "openai";

const { RECORD_URL, RECORD_KEY: apiKey } = process.env;
const model = "gpt-5.1";
const HI = "Hi! Can you help me with a plan?";
const PARIS = 'What is the weather in Paris?\ncall get_weather {"city": "Paris"}';
const BOTH =
  "Compare two cities. Think first, and say what you do.\n" +
  'call get_weather {"city": "Oslo", "unit": "C"}\nalso get_weather {"unit":"F","city":"Málaga"}\n' +
  'call add {"a": 12, "b": 30.5}';
const parameters = {
  get_weather: { type: "object", properties: { city: { type: "string" }, unit: { type: "string" } }, required: ["city"] },
  add: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } }, required: ["a", "b"] },
};
const run = (name, given) => (name === "add" ? String(given.a + given.b) : `18 °C in ${given.city}\n`);
const functions = Object.keys(parameters).map((name) => ({ name, parameters: parameters[name] }));
const client = (conversation) => new OpenAI({ baseURL: `${RECORD_URL}/${conversation}/v1`, apiKey });

class Chat {
  constructor(conversation, { stream = false, messages = [] } = {}) {
    Object.assign(this, { client: client(conversation), stream, messages });
    this.tools = functions.map((f) => ({ type: "function", function: f }));
  }
  async ask(text) {
    this.messages.push({ role: "user", content: text });
    await this.goOn();
  }
  async goOn() {
    for (;;) {
      const message = await this.answer();
      this.messages.push(message);
      if (!message.tool_calls?.length) return;
      for (const call of message.tool_calls) {
        const content = run(call.function.name, JSON.parse(call.function.arguments));
        this.messages.push({ role: "tool", tool_call_id: call.id, content });
      }
    }
  }
  async answer() {
    const given = { model, messages: this.messages, tools: this.tools };
    if (!this.stream) return (await this.client.chat.completions.create(given)).choices[0].message;
    return (await this.client.chat.completions.stream(given).finalChatCompletion()).choices[0].message;
  }
}

// The library's own loop: it calls the functions and sends what they give.
async function runTools(conversation, texts) {
  const tools = functions.map((f) => ({
    type: "function",
    function: { ...f, parse: JSON.parse, function: (given) => run(f.name, given) },
  }));
  let messages = [{ role: "system", content: "You are a travel guide." }];
  for (const text of texts) {
    messages.push({ role: "user", content: text });
    const runner = client(conversation).chat.completions.runTools({ model, messages, tools, stream: true });
    await runner.done();
    messages = runner.messages;
  }
}

class Responses {
  constructor(conversation, more) {
    Object.assign(this, { client: client(conversation), input: [], more });
    this.tools = functions.map((f) => ({ type: "function", strict: false, ...f }));
  }
  async ask(text) {
    this.input.push({ role: "user", content: text });
    for (;;) {
      const given = { model, input: this.input, tools: this.tools, ...this.more };
      const answer = given.stream
        ? await this.client.responses.stream(given).finalResponse()
        : await this.client.responses.create(given);
      this.input.push(...answer.output);
      const calls = answer.output.filter((item) => item.type === "function_call");
      if (!calls.length) return;
      for (const call of calls) {
        const output = run(call.name, JSON.parse(call.arguments));
        this.input.push({ type: "function_call_output", call_id: call.call_id, output });
      }
    }
  }
}

const system = { role: "developer", content: "You are a travel guide." };
const a = new Chat("a", { messages: [system] });
const b = new Chat("b", { stream: true, messages: [system] });
const unkept = { store: false, include: ["reasoning.encrypted_content"] };
const d = new Responses("d", unkept);
const e = new Responses("e", { ...unkept, stream: true, instructions: "You are a travel guide." });
const running = runTools("c", [HI, BOTH, "And without tools?", PARIS, "Thank you."]);
for (const text of [HI, BOTH, "And without tools?", PARIS, "Thank you."]) {
  await Promise.all([a, b, d, e].map((one) => one.ask(text)));
}
await running;
a.messages.pop();
await a.goOn(); // regenerate
b.messages.splice(3);
await b.ask("Something else: cheese."); // edit
await a.ask("More.\nfail 503"); // the library tries again
await a.ask("Good bye.");
