/**
 * Servers of unequal speed in one process, simulated in time, some of which are taken away and come back:
 * `node simulated-fleet.ts '<FleetSettings as JSON>'` prints `{"urls": …}`, then one {@link FleetLook} every 250 ms. Those that
 * are away are not in `up`; whoever lists servers follows that.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HuggingFaceTokenizer } from '../../../activities/vllm/hugging-face-tokenizer.ts';
import { readModelDescription } from '../../../activities/vllm/model-folder.ts';
import { Answers } from '../server/answers.ts';
import { unequalSpeeds } from '../server/simulated-engine.ts';
import { SimulatedServer } from '../server/simulated-server.ts';

export interface FleetSettings {
  readonly model: string;
  readonly servedName: string;
  readonly servers: number;
  /** Longest time of a token, milliseconds; the fastest server takes a quarter of it. */
  readonly tokenMs: number;
  /** Servers that are taken away, one after another. */
  readonly taken: number;
  /** Time between two such losses, and how long a server is away, milliseconds. */
  readonly takenEveryMs: number;
}

export interface FleetLook {
  /** Seconds since the start. */
  readonly at: number;
  readonly up: readonly string[];
  /** Sequence-milliseconds that all servers could have worked so far, while they were up. */
  readonly possible: number;
  /** Sequence-milliseconds of work that came to its end. */
  readonly useful: number;
  /** `useful`, and what the sequences that run have had so far. */
  readonly worked: number;
  readonly preemptions: number;
  /** Requests to sample. */
  readonly samples: number;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as FleetSettings;
const { model, servedName, servers: count, tokenMs, taken, takenEveryMs } = settings;
const description = await readModelDescription(model);
const json = async (file: string): Promise<object> => JSON.parse(await readFile(join(model, file), 'utf8')) as object;
const tokenizer = new HuggingFaceTokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'));
const answers = new Answers({
  servedName,
  thoughtTokens: 32,
  vocabularySize: description.vocabularySize,
  endOfLatent: description.markers.endOfLatent,
  firstLetter: Math.max(...Object.values(description.markers)) + 1,
  decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: false }),
});
const common = {
  answers,
  model: servedName,
  contextLength: description.contextLength,
  tokenize: (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids,
};
const servers = unequalSpeeds(count, tokenMs).map((speed) => new SimulatedServer(speed, common));
for (const server of servers) await server.start();
process.stdout.write(`${JSON.stringify({ urls: servers.map(({ url }) => url) })}\n`);

const began = performance.now();
let looked = began;
let possible = 0;
let next = 0;
setInterval(() => {
  const now = performance.now();
  possible += servers.reduce((sum, server) => sum + (server.up ? server.engine.capacity : 0), 0) * (now - looked);
  looked = now;
  const look: FleetLook = {
    at: (now - began) / 1_000,
    up: servers.filter(({ up }) => up).map(({ url }) => url),
    possible,
    useful: servers.reduce((sum, { engine }) => sum + engine.useful, 0),
    worked: servers.reduce((sum, { engine }) => sum + engine.worked, 0),
    preemptions: servers.reduce((sum, { engine }) => sum + engine.preemptions, 0),
    samples: servers.reduce((sum, { samples }) => sum + samples, 0),
  };
  process.stdout.write(`${JSON.stringify(look)}\n`);
}, 250);
setInterval(() => {
  if (next >= taken) return;
  const server = servers[(next * 7 + 2) % count];
  next += 1;
  server?.kill();
  setTimeout(() => void server?.start(), takenEveryMs);
}, takenEveryMs);
