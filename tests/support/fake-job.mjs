/**
 * A program for jobs under test: node fake-job.mjs FOLDER BEHAVIOUR [ARGUMENT]
 *
 * Every start appends its process id to FOLDER/ran. BEHAVIOUR:
 *   exit CODE       prints two lines and exits
 *   wait            exits with 0 once FOLDER/go is there; ends on SIGTERM
 *   stubborn        the same, but SIGTERM does nothing
 *   requeue N       asks to be started again (75) until its Nth start
 *   orphans         leaves a child in a session of its own behind (its id in FOLDER/orphan), then as `wait`
 *   environment     writes its environment to FOLDER/environment.json
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, behaviour, argument] = process.argv.slice(2);

function waitForGo() {
  setInterval(() => {
    if (existsSync(join(folder, 'go'))) process.exit(0);
  }, 10);
}

function publish(name, text) {
  writeFileSync(join(folder, `${name}.tmp`), text);
  renameSync(join(folder, `${name}.tmp`), join(folder, name));
}

if (behaviour === 'stubborn') process.on('SIGTERM', () => appendFileSync(join(folder, 'asked'), 'SIGTERM\n'));
if (behaviour === 'orphans') {
  const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  publish('orphan', String(orphan.pid));
}
appendFileSync(join(folder, 'ran'), `${process.pid}\n`);

switch (behaviour) {
  case 'exit':
    console.log('first line');
    console.error('last line');
    process.exitCode = Number(argument);
    break;
  case 'requeue':
    process.exitCode = readFileSync(join(folder, 'ran'), 'utf8').trim().split('\n').length < Number(argument) ? 75 : 0;
    break;
  case 'environment':
    publish('environment.json', JSON.stringify(process.env));
    break;
  case 'wait':
  case 'stubborn':
  case 'orphans':
    waitForGo();
    break;
  default:
    throw new Error(`Expected a behaviour of fake-job.mjs, got ${behaviour}`);
}
