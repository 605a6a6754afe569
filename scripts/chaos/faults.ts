/** What goes wrong with an answer of a server, by the words of the fake server's `POST /fault`. */
export type AnswerFault = {
  readonly kind: string;
  readonly status?: number;
  readonly milliseconds?: number;
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
  /** Whether sampling under way is thrown away or done twice: see requests.ts. */
  readonly wastes: boolean;
}

const BOTH = ['load', 'real'] as const;
const LOAD = ['load'] as const;
const ANYWHERE = ['e-step', 'm-step', 'evaluation'] as const;
const E_STEP = ['e-step'] as const;
const SERVED = ['e-step', 'evaluation'] as const;

const killed = (runs: readonly RunKind[], phases: readonly FaultPhase[]): FaultEntry => ({
  runs,
  phases,
  wastes: true,
});
const answered = (answer: AnswerFault): FaultEntry => ({ runs: LOAD, phases: SERVED, answer, wastes: true });
const status = (code: number): FaultEntry => answered({ kind: 'status', status: code });

/** The closed list of faults: where each can be put, and what of it concerns sampling. */
export const FAULTS = {
  'kill-sampler': killed(BOTH, E_STEP),
  'kill-control': killed(BOTH, ANYWHERE),
  'kill-cluster': killed(BOTH, ANYWHERE),
  'kill-evaluator': killed(BOTH, ['evaluation']),
  'kill-temporal': killed(BOTH, ANYWHERE),
  'kill-postgres': killed(BOTH, ANYWHERE),
  'kill-supervisor': killed(BOTH, E_STEP),
  'kill-everything': killed(BOTH, ANYWHERE),
  'kill-server': killed(BOTH, SERVED),
  'kill-server-runner': killed(BOTH, E_STEP),
  'kill-trainer': killed(BOTH, ['m-step']),
  'kill-trainer-runner': killed(BOTH, ['m-step']),
  'freeze-sampler': killed(BOTH, E_STEP),
  'freeze-postgres': killed(BOTH, E_STEP),
  'freeze-temporal': killed(BOTH, E_STEP),
  'stale-weights': killed(LOAD, E_STEP),
  'clock-jump': killed(LOAD, ANYWHERE),
  'disk-full': { runs: LOAD, phases: E_STEP, wastes: false },
  'slow-submission': { runs: LOAD, phases: E_STEP, wastes: false },
  pause: { runs: LOAD, phases: E_STEP, wastes: false },
  cancel: killed(LOAD, E_STEP),
  'answer-hangs': answered({ kind: 'hang' }),
  'answer-slow': answered({ kind: 'slow', milliseconds: 2_000 }),
  'answer-reset': answered({ kind: 'reset' }),
  'answer-cut': answered({ kind: 'cut-body' }),
  'answer-not-json': answered({ kind: 'not-json' }),
  'answer-nan': answered({ kind: 'nan' }),
  'answer-too-few-logprobs': answered({ kind: 'few-logprobs' }),
  'answer-other-ids': answered({ kind: 'other-ids' }),
  'answer-positive-logprob': answered({ kind: 'positive' }),
  'status-400': status(400),
  'status-404': status(404),
  'status-408': status(408),
  'status-429': status(429),
  'status-500': status(500),
  'status-503': status(503),
} as const satisfies Record<string, FaultEntry>;

export type FaultKind = keyof typeof FAULTS;

/** Names of all faults. */
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** What there is to know of a fault. */
export const faultEntry = (kind: FaultKind): FaultEntry => FAULTS[kind];
