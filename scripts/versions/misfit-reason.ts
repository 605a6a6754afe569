/** What the core says of a replay that differs, within the dumps of structures that the SDK puts around it. */
const DIFFERENCE = /\[TMPRL1100\] (?:Nondeterminism error: )?([^"]*)/;

/** A dumped event: its number and kind say which it is. */
const EVENT = /HistoryEvent \{ event_id: (\d+),.*?event_type: (\w+),.*$/s;

/** Says for people what differs where a replay failed with this message, in one line. */
export function misfitReason(message: string): string {
  const difference = DIFFERENCE.exec(message)?.[1] ?? message.split('\n')[0] ?? '';
  return difference.replace(EVENT, 'event $1, $2').trim();
}
