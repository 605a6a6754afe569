/** What goes wrong with an answer of a server, by the words of the fake server's `POST /fault`. */
export type AnswerFault = {
  readonly kind: string;
  readonly status?: number;
  readonly milliseconds?: number;
  readonly only?: 'sample' | 'score';
};

/** Runs of the harness: many cheap requests to toy models, or few to vLLM with real trainings. */
export type RunKind = 'load' | 'real';

/** Phases of a run in which faults are put. */
export type FaultPhase = 'e-step' | 'm-step' | 'evaluation';

interface FaultEntry {
  readonly runs: readonly RunKind[];
  readonly phases: readonly FaultPhase[];
  /** For faults in answers: what the server does. */
  readonly answer?: AnswerFault;
  /** What of the sampling under way may have to be done again. */
  readonly costs: Cost;
}

/** `requests`: those that were spoiled. `worker`: what one sampler had in flight. `all`: what all samplers had. */
export type Cost = 'nothing' | 'requests' | 'worker' | 'all';

const BOTH = ['load', 'real'] as const;
const LOAD = ['load'] as const;
const ANYWHERE = ['e-step', 'm-step', 'evaluation'] as const;
const E_STEP = ['e-step'] as const;
const SERVED = ['e-step', 'evaluation'] as const;

const onBoth = (phases: readonly FaultPhase[], costs: Cost): FaultEntry => ({ runs: BOTH, phases, costs });
const underLoad = (phases: readonly FaultPhase[], costs: Cost): FaultEntry => ({ runs: LOAD, phases, costs });
const answered = (answer: AnswerFault): FaultEntry => ({ runs: LOAD, phases: SERVED, answer, costs: 'requests' });
const status = (code: number): FaultEntry => answered({ kind: 'status', status: code });

/** The closed list of faults: where each can be put, and what of it concerns sampling. */
export const FAULTS = {
  'kill-sampler': onBoth(E_STEP, 'worker'),
  'kill-control': onBoth(ANYWHERE, 'nothing'),
  'kill-cluster': onBoth(ANYWHERE, 'nothing'),
  'kill-evaluator': onBoth(['evaluation'], 'nothing'),
  'kill-temporal': onBoth(ANYWHERE, 'all'),
  'kill-postgres': onBoth(ANYWHERE, 'all'),
  'kill-supervisor': onBoth(E_STEP, 'all'),
  'kill-everything': onBoth(ANYWHERE, 'all'),
  'kill-server': onBoth(SERVED, 'requests'),
  'kill-server-runner': onBoth(E_STEP, 'requests'),
  'kill-trainer': onBoth(['m-step'], 'nothing'),
  'kill-trainer-runner': onBoth(['m-step'], 'nothing'),
  'freeze-sampler': onBoth(E_STEP, 'worker'),
  'freeze-postgres': onBoth(E_STEP, 'all'),
  'freeze-temporal': onBoth(E_STEP, 'all'),
  'stale-weights': underLoad(E_STEP, 'requests'),
  'clock-jump': underLoad(ANYWHERE, 'nothing'),
  'disk-full': underLoad(E_STEP, 'nothing'),
  'slow-submission': underLoad(E_STEP, 'nothing'),
  pause: underLoad(E_STEP, 'nothing'),
  cancel: underLoad(E_STEP, 'all'),
  'answer-hangs': answered({ kind: 'hang' }),
  'answer-slow': answered({ kind: 'slow', milliseconds: 2_000 }),
  'answer-reset': answered({ kind: 'reset' }),
  'answer-cut': answered({ kind: 'cut-body' }),
  'answer-not-json': answered({ kind: 'not-json' }),
  'answer-nan': answered({ kind: 'nan' }),
  'answer-too-few-logprobs': answered({ kind: 'few-logprobs' }),
  'answer-other-ids': answered({ kind: 'other-prompt-ids' }),
  'answer-scores-other-ids': answered({ kind: 'other-ids', only: 'score' }),
  'answer-positive-logprob': answered({ kind: 'positive' }),
  'status-400': status(400),
  'status-404': status(404),
  'status-408': status(408),
  'status-429': status(429),
  'status-500': status(500),
  'status-503': status(503),
} as const satisfies Record<string, FaultEntry>;

export type FaultKind = keyof typeof FAULTS;

/** Requests in a row that one fault in answers spoils, at most. */
export const MOST_SPOILED = 4;

/** Names of all faults. */
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** What there is to know of a fault. */
export const faultEntry = (kind: FaultKind): FaultEntry => FAULTS[kind];
