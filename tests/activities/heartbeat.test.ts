import { it } from 'vitest';
import { withHeartbeat } from '../../activities/heartbeat.ts';
import { activityEnvironment } from '../support/activity-environment.ts';
import { eventually } from '../support/eventually.ts';

/** Runs work that hangs until `release`, with short times; counts its heartbeats. */
function hanging(waits: () => boolean = () => false): {
  readonly beats: () => number;
  readonly progressed: () => void;
  readonly end: () => Promise<void>;
} {
  const environment = activityEnvironment();
  let beats = 0;
  environment.on('heartbeat', () => (beats += 1));
  let progressed: () => void = () => undefined;
  let release: () => void = () => undefined;
  const done = environment.run(() =>
    withHeartbeat(
      (tell) => {
        progressed = tell;
        return new Promise<void>((resolve) => (release = resolve));
      },
      { waits, silenceMs: 50, everyMs: 5 },
    ),
  );
  return {
    beats: () => beats,
    progressed: () => progressed(),
    end: async () => {
      release();
      await done;
    },
  };
}

/** Waits until no heartbeat came in several intervals in a row. */
async function quiet(beats: () => number): Promise<void> {
  let last = -1;
  let same = 0;
  await eventually('no more heartbeats', () => {
    same = beats() === last ? same + 1 : 0;
    last = beats();
    return same >= 5;
  });
}

it('work that makes no progress stops to heartbeat, and begins again when it gets on', async () => {
  const work = hanging();
  await eventually('a heartbeat', () => work.beats() > 0);
  await quiet(work.beats);
  const before = work.beats();
  work.progressed();
  await eventually('heartbeats again', () => work.beats() > before);
  await work.end();
});

it('work that waits for what is bounded elsewhere keeps its heartbeats', async () => {
  let waiting = true;
  const work = hanging(() => waiting);
  // Many more than fit into the silence that is allowed.
  await eventually('heartbeats without progress', () => work.beats() > 40);
  waiting = false;
  await quiet(work.beats);
  await work.end();
});
