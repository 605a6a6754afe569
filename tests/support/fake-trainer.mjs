/**
 * A trainer for tests: node fake-trainer.mjs BEHAVIOUR --spec FILE. It keeps the trainer's contract (spec.json in;
 * progress.jsonl, FAILED.json, DONE.json, exit codes out) and trains nothing.
 *
 * Every start appends its process id to <output>/starts. A start goes on from the last step in progress.jsonl.
 *   finish        three steps, then the result
 *   wait          one step, then the result once <output>/go is there; SIGTERM saves and exits with 75
 *   requeue       exits with 75 at its first start, then as `finish`
 *   refuse        FAILED.json and exit code 2
 *   crash         writes to stderr and exits with 1
 *   no-marker     exits with 0 without a result
 *   diverge       a result whose loss is NaN
 *   damage        a result whose files differ from their digests
 *   die           kills itself without a step
 *   die-on        kills itself after each step until the fourth start, then the result
 *   hang          one step, then nothing; SIGTERM ends it
 *   hang-once     as `hang` at its first start, then as `finish`
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [behaviour, flag, file] = process.argv.slice(2);
if (flag !== '--spec') throw new Error(`Expected BEHAVIOUR --spec FILE, got ${process.argv.slice(2).join(' ')}`);
const spec = JSON.parse(readFileSync(file, 'utf8'));
const { key, output } = spec;
mkdirSync(join(output, 'model'), { recursive: true });
appendFileSync(join(output, 'starts'), `${process.pid}\n`);
const started = lines('starts').length;
let step = lines('progress.jsonl').length;

function lines(name) {
  return existsSync(join(output, name)) ? readFileSync(join(output, name), 'utf8').trim().split('\n') : [];
}

function advance() {
  step += 1;
  const line = { step, steps: 3, loss: 1 / step, learningRate: 0.1, tokens: 10 * step, tokensPerSecond: 100 };
  appendFileSync(join(output, 'progress.jsonl'), `${JSON.stringify({ ...line, at: new Date().toISOString() })}\n`);
}

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

function write(name, text) {
  writeFileSync(join(output, `${name}.tmp`), text);
  renameSync(join(output, `${name}.tmp`), join(output, name));
}

function finish(loss = 0.25) {
  const files = { 'fingerprint.json': '{}', 'model/config.json': `{"key": "${key}"}` };
  for (const [name, text] of Object.entries(files)) write(name, text);
  const digests = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)]));
  const digest = sha256(
    Object.entries(digests)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  );
  if (behaviour === 'damage') write('model/config.json', 'other');
  const training =
    spec.kind === 'train' ? { steps: 3, tokens: 30, loss, truncated: 0, seconds: 1.5 } : { parameters: 1 };
  // Python writes NaN for a loss that is none.
  write('DONE.json', JSON.stringify({ key, ...training, files: digests, digest }).replace('"NaN"', 'NaN'));
}

function hang() {
  advance();
  setInterval(() => {}, 1000);
}

switch (behaviour) {
  case 'requeue':
    if (started === 1) process.exit(75);
    finish();
    break;
  case 'wait':
    process.on('SIGTERM', () => process.exit(75));
    advance();
    setInterval(() => {
      if (!existsSync(join(output, 'go'))) return;
      finish();
      process.exit(0);
    }, 20);
    break;
  case 'refuse':
    write('FAILED.json', JSON.stringify({ key, reason: 'Expected a better spec.' }));
    process.exit(2);
    break;
  case 'crash':
    console.error('RuntimeError: out of luck');
    process.exit(1);
    break;
  case 'no-marker':
    break;
  case 'die':
    process.kill(process.pid, 'SIGKILL');
    break;
  case 'die-on':
    advance();
    if (started < 4) process.kill(process.pid, 'SIGKILL');
    finish();
    break;
  case 'hang':
    hang();
    break;
  case 'hang-once':
    if (started === 1) hang();
    else finish();
    break;
  case 'diverge':
    finish('NaN');
    break;
  case 'damage':
  case 'finish':
    for (let count = 0; count < 3; count++) advance();
    finish();
    break;
  default:
    throw new Error(`Expected a behaviour of fake-trainer.mjs, got ${behaviour}`);
}
