/** Ids derive from run, arm, iteration, trial: never from time or attempt. */

/** The name of the EM loop itself among the arms. */
export const MAIN_ARM = 'latent';

/** What a run, arm, corpus or split may be called. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

/** {@link NAME_PATTERN} for people. */
export const NAME_RULE = 'a name of letters, digits, `.`, `_` and `-`, at most 63, that begins with a letter or digit';

/** One iteration of one arm of one run: the place everything else hangs on. */
export interface Place {
  readonly run: string;
  readonly arm: string;
  readonly iteration: number;
}

export const runWorkflowId = (run: string): string => run;

export const armWorkflowId = (run: string, arm: string): string => `${run}/arm/${arm}`;

/** `<run>/i<t>` for the EM loop, `<run>/arm/<arm>/i<t>` for another arm. */
export const iterationWorkflowId = ({ run, arm, iteration }: Place): string =>
  arm === MAIN_ARM ? `${run}/i${iteration}` : `${armWorkflowId(run, arm)}/i${iteration}`;

export const eStepWorkflowId = (place: Place): string => `${iterationWorkflowId(place)}/e`;

export const shardBatchWorkflowId = (place: Place, batch: number): string => `${eStepWorkflowId(place)}/b${batch}`;

/** The fleet that samples for an iteration. */
export const samplingFleetId = (place: Place): string => `${iterationWorkflowId(place)}/fleet`;

/** The fleet that evaluates one trained checkpoint. */
export const evaluationFleetId = (place: Place, trial: number): string =>
  `${iterationWorkflowId(place)}/eval/${place.arm}-${trial}/fleet`;

export const trainingWorkflowId = (place: Place, trial: number): string =>
  `${iterationWorkflowId(place)}/m/${place.arm}-${trial}`;

export const evaluationWorkflowId = (place: Place, trial: number, benchmark: string): string =>
  `${iterationWorkflowId(place)}/eval/${place.arm}-${trial}-${benchmark}`;

export const baseModelWorkflowId = (run: string): string => `${run}/base`;

/** Key of a training job: stable over retries, worker crashes and resets; only an operator's retry raises `generation`. */
export const trainingKey = (place: Place, trial: number, generation: number): string =>
  `${trainingWorkflowId(place, trial)}/g${generation}`;

export const baseModelKey = (run: string, generation: number): string => `${baseModelWorkflowId(run)}/g${generation}`;

/** Key of a serving job: a server that was lost is started anew under the next generation. */
export const serverKey = (fleet: string, slot: number, generation: number): string => `${fleet}/${slot}/g${generation}`;

/** Name under which a checkpoint is served, so that a request for other weights gets 404 instead of an answer. */
export const servedModelName = (run: string, iteration: number, digest: string): string =>
  `${run}-i${iteration}-${digest.slice(0, 12)}`;

/** Folder of an iteration's files, relative to the data folder. */
export const iterationFolder = ({ run, arm, iteration }: Place): string =>
  arm === MAIN_ARM ? `runs/${run}/i${iteration}` : `runs/${run}/arms/${arm}/i${iteration}`;
