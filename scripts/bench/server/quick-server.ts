/**
 * A server for benches that costs next to nothing: real HTTP, answers in the shape of vLLM 0.32 that were made
 * beforehand, no model. `node scripts/bench/server/quick-server.ts '<QuickServerSettings as JSON>'` prints `{"url": …}` once
 * it listens.
 *
 * Beside what vLLM has (`/v1/completions`, `/v1/models`, `/tokenize`, `/metrics`, `/health`) it tells at `/stats` what it
 * was asked ({@link ServerStats}); `POST /reset` begins the count anew.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { HuggingFaceTokenizer } from '../../../activities/vllm/hugging-face-tokenizer.ts';
import { readModelDescription } from '../../../activities/vllm/model-folder.ts';
import { Answers, type CompletionBody } from './answers.ts';
import { serveConnection, type Answer, type WireRequest } from './http-connection.ts';
import { RequestCounter } from './request-counter.ts';
import { Slots } from './slots.ts';

export interface QuickServerSettings {
  /** Model folder (with `thoughtloop.json` and `tokenizer.json`). */
  readonly model: string;
  readonly servedName: string;
  /** Time an answer takes, milliseconds. */
  readonly latencyMs: number;
  /** Sequences it works on at once; as many as there are where absent. */
  readonly slots?: number;
  /** Tokens of a thought, its EOL included. */
  readonly thoughtTokens: number;
  /** 0 = a free one. */
  readonly port: number;
}

/** Starts the server in this process. @returns its base URL */
export async function startQuickServer(settings: QuickServerSettings): Promise<string> {
  const description = await readModelDescription(settings.model);
  const json = async (file: string): Promise<object> =>
    JSON.parse(await readFile(join(settings.model, file), 'utf8')) as object;
  const tokenizer = new HuggingFaceTokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'));
  const { servedName, latencyMs, thoughtTokens } = settings;
  const answers = new Answers({
    servedName,
    thoughtTokens,
    vocabularySize: description.vocabularySize,
    endOfLatent: description.markers.endOfLatent,
    firstLetter: Math.max(...Object.values(description.markers)) + 1,
    decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: false }),
  });
  const counter = new RequestCounter();
  const slots = new Slots(settings.slots ?? Infinity);

  const complete = ({ body, bytes }: WireRequest, answer: Answer): void => {
    const asked = JSON.parse(body) as CompletionBody;
    if (asked.model !== servedName) {
      const message = `The model \`${String(asked.model)}\` does not exist.`;
      const error = { message, type: 'NotFoundError', param: null, code: 404 };
      answer(404, 'application/json', JSON.stringify({ error }));
      return;
    }
    const { text, tokens } = answers.complete(asked);
    const purpose = typeof asked.prompt_logprobs === 'number' ? 'score' : (asked.n ?? 1) > 1 ? 'sample' : 'probe';
    const sequences = (asked.n ?? 1) * (Array.isArray(asked.prompt[0]) ? asked.prompt.length : 1);
    const ended = counter.begin(purpose, sequences, tokens, bytes);
    const send = (): void => {
      counter.ran(sequences);
      ended(answer(200, 'application/json', text));
      slots.leave(sequences);
    };
    slots.enter(sequences, () => {
      counter.runs(sequences);
      if (latencyMs === 0) send();
      else setTimeout(send, latencyMs);
    });
  };

  const handle = (request: WireRequest, answer: Answer): void => {
    const json = (value: unknown): void => void answer(200, 'application/json', JSON.stringify(value));
    switch (request.path) {
      case '/v1/completions':
        return complete(request, answer);
      case '/v1/models':
        return json({ object: 'list', data: [{ id: servedName, max_model_len: description.contextLength }] });
      case '/tokenize': {
        const { prompt } = JSON.parse(request.body) as { prompt: string };
        return json({ tokens: tokenizer.encode(prompt, { add_special_tokens: false }).ids });
      }
      case '/metrics':
        return void answer(200, 'text/plain', counter.metrics(servedName));
      case '/stats':
        return json(counter.stats());
      case '/reset':
        counter.reset();
        return json({});
      default:
        return void answer(request.path === '/health' ? 200 : 404, 'text/plain', '');
    }
  };

  const server = createServer((socket) => serveConnection(socket, handle, () => counter.unread()));
  // As uvicorn's: a window's worth of connections is opened at once.
  await new Promise<void>((resolve) => server.listen(settings.port, '127.0.0.1', 2_048, resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

if (import.meta.main) {
  const url = await startQuickServer(JSON.parse(process.argv[2] ?? '{}') as QuickServerSettings);
  process.stdout.write(`${JSON.stringify({ url })}\n`);
}
