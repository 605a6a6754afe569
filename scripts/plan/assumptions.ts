/** What an estimate takes for granted; every value is shown with it and can be given on the command line. */
export interface Assumptions {
  /** Characters a token. */
  readonly charactersPerToken: number;
  /** Tokens a thought, EOL included. */
  readonly thoughtTokens: number;
  /** Tokens a second that one server generates. */
  readonly sampledPerSecond: number;
  /** Tokens a second that one server scores or prefills. */
  readonly scoredPerSecond: number;
  /** Tokens a second of one training. */
  readonly trainedPerSecond: number;
  /** From the submission of a server to its first answer, seconds. */
  readonly serverStartSeconds: number;
  /** Price of an hour of one server or training; null = cost is not asked for. */
  readonly pricePerHour: number | null;
}

/**
 * On two cores of a server CPU, with vLLM and the reference trainer. The small model: training from the times of the
 * demo's arms that do not sample (README.md); sampling and scoring fitted to those of its EM iterations, where they
 * are not told apart. The large one, SmolLM2-135M: measured.
 */
const REFERENCE = [
  { parameters: 1e5, sampled: 4_000, scored: 16_000, trained: 36_000 },
  { parameters: 1.35e8, sampled: 75, scored: 217, trained: 60 },
] as const;

/** Median of eleven starts of the demo's servers beside other work, which took 11 to 49 s. */
const SERVER_START_SECONDS = 25;

/**
 * What is assumed where nothing is given: rates of two cores, between the measured sizes on a straight line of their
 * logarithms, beyond them in inverse proportion to size.
 *
 * @param parameters of the base model; null = as the larger measured one
 * @param teacherThoughtCharacters mean length of the teacher's thoughts, where there are any
 */
export function assume(
  given: Partial<Assumptions>,
  parameters: number | null,
  smallVocabulary: boolean,
  teacherThoughtCharacters: number | null,
  maxThoughtTokens: number,
): Assumptions {
  const size = parameters ?? REFERENCE[1].parameters;
  // A byte-level BPE of a few hundred entries has hardly any words.
  const charactersPerToken = given.charactersPerToken ?? (smallVocabulary ? 2 : 4);
  const likeTeacher = teacherThoughtCharacters === null ? null : teacherThoughtCharacters / charactersPerToken + 1;
  return {
    charactersPerToken,
    thoughtTokens: given.thoughtTokens ?? Math.min(maxThoughtTokens, likeTeacher ?? maxThoughtTokens / 2),
    sampledPerSecond: given.sampledPerSecond ?? rate('sampled', size),
    scoredPerSecond: given.scoredPerSecond ?? rate('scored', size),
    trainedPerSecond: given.trainedPerSecond ?? rate('trained', size),
    serverStartSeconds: given.serverStartSeconds ?? SERVER_START_SECONDS,
    pricePerHour: given.pricePerHour ?? null,
  };
}

function rate(kind: 'sampled' | 'scored' | 'trained', parameters: number): number {
  const [small, large] = REFERENCE;
  if (parameters <= small.parameters) return small[kind];
  if (parameters >= large.parameters) return (large[kind] * large.parameters) / parameters;
  const share = Math.log(parameters / small.parameters) / Math.log(large.parameters / small.parameters);
  return small[kind] ** (1 - share) * large[kind] ** share;
}
