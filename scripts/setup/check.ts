/** `npm run check`: types, lint and format, side by side; prints what each says and ends with 1 when one is not content. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');

const CHECKS = [
  { name: 'types', program: 'typescript/bin/tsc', args: ['--noEmit', '-p', ROOT] },
  {
    name: 'lint',
    program: 'eslint/bin/eslint.js',
    args: ['--config', 'scripts/setup/eslint.config.js', '--max-warnings', '0', '.'],
  },
  {
    name: 'format',
    program: 'prettier/bin/prettier.cjs',
    args: [
      '--check',
      '--log-level',
      'warn',
      '--ignore-path',
      '.gitignore',
      '**/*.{ts,mjs,js,json,md}',
      '!package-lock.json',
      // Recorded, not written.
      '!tests/replay/histories/**',
    ],
  },
];

const outcomes = await Promise.all(CHECKS.map(run));
for (const { name, ok, output, seconds } of outcomes) {
  console.log(`${ok ? 'ok   ' : 'WRONG'}  ${name} (${seconds.toFixed(0)} s)`);
  if (output !== '') console.log(output);
}
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;

function run({ name, program, args }: (typeof CHECKS)[number]): Promise<{
  name: string;
  ok: boolean;
  output: string;
  seconds: number;
}> {
  return new Promise((resolve) => {
    const begun = Date.now();
    const child = spawn(process.execPath, [join(MODULES, program), ...args], { cwd: ROOT });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('close', (code) =>
      resolve({ name, ok: code === 0, output: output.trimEnd(), seconds: (Date.now() - begun) / 1000 }),
    );
  });
}
