import { CancellationScope, CancelledFailure, executeChild, isCancellation } from '@temporalio/workflow';
import { childOptions } from './child-options.ts';
import type { Place } from './contract/ids.ts';
import { servedModelName } from './contract/ids.ts';
import type { FleetSettings } from './contract/recipe.ts';
import type { CheckpointRef } from './contract/references.ts';
import { cluster } from './proxies.ts';

export interface FleetInput {
  readonly place: Place;
  /** The fleet's id: its workflow id and the name under which samplers find its servers. */
  readonly fleet: string;
  readonly checkpoint: CheckpointRef;
  readonly settings: FleetSettings;
}

/**
 * Keeps `settings.servers` servers of one checkpoint alive until it is cancelled; then stops them all.
 * Fails when no slot can be kept alive any more.
 */
export async function fleet(input: FleetInput): Promise<void> {
  const { place, checkpoint, settings } = input;
  const servedModel = servedModelName(place.run, place.iteration, checkpoint.digest);
  const slots = Array.from({ length: settings.servers }, (_, slot) =>
    cluster.superviseServer.executeWithOptions({ summary: `server ${slot} · ${servedModel}` }, [
      { place, fleet: input.fleet, slot, checkpoint, servedModel, settings },
    ]),
  );
  const ends = await Promise.allSettled(slots);
  // A supervisor whose worker died before it heard of the cancellation has stopped nothing.
  await CancellationScope.nonCancellable(() => cluster.releaseFleet({ fleet: input.fleet }));
  const end = ends.find((slot) => slot.status === 'rejected' && isCancellation(slot.reason)) ?? ends[0];
  if (end?.status !== 'rejected') return;
  // A supervisor whose worker is dead ends by a timeout, also when it was cancelled.
  const cancelled = CancellationScope.current().consideredCancelled && !isCancellation(end.reason);
  throw cancelled ? new CancelledFailure(`Cancelled, and fleet ${input.fleet} stopped`) : end.reason;
}

/**
 * Runs `work` while a fleet of the checkpoint is up, and gives the fleet back however the work ends.
 * A fleet that fails ends the work and is thrown in its place.
 */
export async function withFleet<Result>(input: FleetInput, work: () => Promise<Result>): Promise<Result> {
  const serving = new CancellationScope();
  const working = new CancellationScope();
  const summary = `${input.settings.servers} × ${input.checkpoint.key}`;
  const served = serving.run(() =>
    executeChild(fleet, { ...childOptions(input.fleet, input.place, 'fleet', summary), args: [input] }),
  );
  const worked = working.run(work);
  try {
    await Promise.race([worked, served]);
    return await worked;
  } catch (error) {
    working.cancel();
    await Promise.allSettled([worked]);
    throw error;
  } finally {
    serving.cancel();
    await Promise.allSettled([served]);
  }
}
