/**
 * The least that Node can do: posts given bodies over keep-alive connections with `node:http`, reads every answer whole and
 * throws it away. `node bare-client.ts '<BareClientSettings as JSON>'` prints one {@link BareClientReport}.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

export interface BareClientSettings {
  /** URL that is posted to. */
  readonly url: string;
  /** File with one body a line; they are sent in turn. */
  readonly bodies: string;
  readonly requests: number;
  /** Requests under way at once. */
  readonly concurrency: number;
}

export interface BareClientReport {
  readonly requests: number;
  readonly seconds: number;
  /** Processor time of this process in that time, seconds. */
  readonly cpu: number;
}

const { url, bodies, requests, concurrency } = JSON.parse(process.argv[2] ?? '{}') as BareClientSettings;
const texts = readFileSync(bodies, 'utf8').trimEnd().split('\n');
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });

function post(body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.on('data', () => undefined);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`Expected 200 from ${url}, found ${response.statusCode}`));
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const began = performance.now();
const cpu = process.cpuUsage();
let next = 0;
const work = async (): Promise<void> => {
  while (next < requests) await post(texts[next++ % texts.length] ?? '');
};
await Promise.all(Array.from({ length: concurrency }, work));
const used = process.cpuUsage(cpu);
const seconds = (performance.now() - began) / 1_000;
const report: BareClientReport = { requests, seconds, cpu: (used.user + used.system) / 1e6 };
process.stdout.write(`${JSON.stringify(report)}\n`);
agent.destroy();
