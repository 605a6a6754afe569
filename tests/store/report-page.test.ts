import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../activities/store/pool.ts';
import { findRun } from '../../activities/store/runs.ts';
import { writeReport } from '../../scripts/run/write-report.ts';
import { fillRun, type FilledRun } from '../support/filled-run.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = process.env['CHROMIUM'] ?? BROWSERS.find((path) => existsSync(path));

let store: TestDatabase;
let database: Database;
let page: string;
let filled: FilledRun;

beforeAll(async () => {
  store = await createTestDatabase();
  database = openDatabase(store.url);
  filled = await fillRun(database);
  const { run, dataFolder } = filled;
  const row = await findRun(database, run);
  if (row === null) throw new Error('Expected the run');
  page = await writeReport(database, dataFolder, row, process.env['REPORT_OUT'] ?? join(dataFolder, 'report.html'));
});

afterAll(async () => {
  await database.end();
  await store.drop();
  await filled.remove();
});

test('a report asks nothing of the network, carries no script, and escapes what models write', () => {
  const source = readFileSync(page, 'utf8');
  expect(source).not.toMatch(/<script/i);
  expect(source).not.toMatch(/\b(?:src|href)="(?:https?:)?\/\//);
  expect(source).not.toMatch(/@import|url\(/);
  expect(source).toContain('CUDA out of memory &lt;at&gt; step 12');
});

test('a report shows every model, every arm and the thoughts with their weights', () => {
  const source = readFileSync(page, 'utf8');
  for (const text of [
    'M_2 latent',
    'M_2 k1',
    'M_1 control',
    'M_2 raw-flop',
    '0.800 ± 0.020',
    'no finished thought',
    'max_thought_tokens = 16',
  ]) {
    expect(source).toContain(text);
  }
  expect(source).toMatch(/<tr class="selected">/);
});

test.skipIf(executablePath === undefined)(
  executablePath === undefined
    ? 'in a browser (skipped: no chromium on this machine, CHROMIUM names one)'
    : 'in a browser the charts are there, nothing is wider than a phone, and nothing is complained about',
  async () => {
    const browser: Browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      for (const [name, width, colorScheme] of [
        ['phone', 390, 'dark'],
        ['desk', 1280, 'light'],
      ] as const) {
        const tab = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
        const complaints: string[] = [];
        const requests: string[] = [];
        tab.on('console', (message) => complaints.push(message.text()));
        tab.on('pageerror', (error) => complaints.push(error.message));
        tab.on('request', (request) => requests.push(request.url()));
        await tab.goto(`file://${page}`);
        expect(await tab.locator('figure svg').count()).toBe(7);
        const heights = await tab.evaluate<number[]>(
          "[...document.querySelectorAll('figure svg')].map((chart) => chart.getBoundingClientRect().height)",
        );
        expect(Math.min(...heights)).toBeGreaterThan(60);
        const size = await tab.evaluate<[number, number]>(
          '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
        );
        expect(size[0]).toBeLessThanOrEqual(size[1]);
        expect(complaints).toEqual([]);
        expect(requests).toEqual([`file://${page}`]);
        await tab.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))");
        await tab.screenshot({ path: `${page}.${name}.png`, fullPage: true });
        await tab.close();
      }
    } finally {
      await browser.close();
    }
  },
);
