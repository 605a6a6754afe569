/**
 * A wall clock that jumps, for a Node process: `node --import jumping-clock.mjs …`. Date is ahead by as many
 * milliseconds as the file FAKE_CLOCK says, which is looked at twice a second. Monotonic clocks and timers are not
 * touched, as when an administrator sets a machine's clock.
 */
import { readFileSync } from 'node:fs';

const file = process.env.FAKE_CLOCK;
const RealDate = globalThis.Date;
let ahead = 0;

function look() {
  try {
    ahead = Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    ahead = 0;
  }
}

if (file !== undefined) {
  look();
  setInterval(look, 500).unref();
  globalThis.Date = class Date extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(RealDate.now() + ahead);
      else super(...args);
    }

    static now() {
      return RealDate.now() + ahead;
    }
  };
}
