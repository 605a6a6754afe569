const HEARTBEAT_MILLISECONDS = 15_000;

/**
 * One line to the person, on stderr: stdout belongs to the program that the set-up leads to.
 *
 * @param {string} text
 */
export function say(text) {
  process.stderr.write(`thoughtloop: ${text}\n`);
}

/**
 * Does a long step aloud: says that it begins, gives a sign of life every 15 s with the newest note, and says how
 * long it took.
 *
 * @template T
 * @param {string} title what is being done, as a participle: "installing the npm packages"
 * @param {(note: (text: string) => void) => Promise<T>} work `note` sets what the sign of life tells.
 * @returns {Promise<T>}
 */
export async function longStep(title, work) {
  const begun = Date.now();
  const seconds = () => Math.round((Date.now() - begun) / 1000);
  let newest = '';
  say(`${title} …`);
  const heartbeat = setInterval(() => {
    say(`${title}: ${seconds()} s so far${newest === '' ? '' : `; ${newest}`}`);
  }, HEARTBEAT_MILLISECONDS);
  try {
    const result = await work((text) => (newest = text.slice(0, 120)));
    say(`${title}: done in ${seconds()} s`);
    return result;
  } finally {
    clearInterval(heartbeat);
  }
}
