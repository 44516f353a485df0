// Two turns with the OpenAI Node library, as its users write it. Input and output: JSON on stdin and stdout.
import OpenAI from "openai";
import { readFileSync } from "node:fs";

const { baseURL, apiKey, model, turns, stream, extra } = JSON.parse(readFileSync(0, "utf8"));
const client = new OpenAI({ baseURL, apiKey });

async function ask(messages) {
  const answer = await client.chat.completions.create({ model, messages, stream, ...extra });
  if (!stream) return answer.choices[0].message.content;
  let text = "";
  for await (const chunk of answer) text += chunk.choices[0]?.delta?.content ?? "";
  return text;
}

const messages = [];
const answers = [];
for (const turn of turns) {
  messages.push({ role: "user", content: turn });
  const answer = await ask(messages);
  messages.push({ role: "assistant", content: answer });
  answers.push(answer);
}
console.log(JSON.stringify(answers));
