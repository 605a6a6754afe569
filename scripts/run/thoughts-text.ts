import { candidateWeights } from '../../activities/report/candidate-weights.ts';
import type { ThoughtChunk } from '../../activities/report/queries/thoughts.ts';

/** Longest line of a text, in characters: a chunk may be pages long. */
const SHOWN_CHARACTERS = 2_000;

/** Chunks with their candidates, for reading. */
export function thoughtsText(chunks: readonly ThoughtChunk[]): string {
  return chunks.map(chunkText).join('\n\n');
}

function chunkText(chunk: ThoughtChunk): string {
  const facts = [
    `document ${chunk.document}, chunk ${chunk.chunk}`,
    ...(chunk.ess === null ? [] : [`ESS ${chunk.ess.toFixed(2)}`]),
    ...(chunk.elbo === null ? [] : [`ELBO ${chunk.elbo.toFixed(2)}`]),
    ...(chunk.rejection === null ? [] : [`rejected: ${chunk.rejection}`]),
  ];
  const weights = candidateWeights(chunk.candidates);
  const candidates = chunk.candidates.map((candidate, index) => {
    const weight = weights[index];
    const numbers = `log q ${candidate.logQ.toFixed(2)}  log p ${candidate.logP?.toFixed(2) ?? '–'}  w ${weight === null || weight === undefined ? '–' : weight.toFixed(3)}`;
    const end = candidate.finish === 'stop' ? '' : `  (${candidate.finish})`;
    return `${candidate.selected ? ' *' : '  '} ${numbers}  ${shown(candidate.text)}${end}`;
  });
  const context = chunk.context === '' ? [] : [`   context  ${shown(chunk.context)}`];
  return [facts.join(' · '), ...context, `   chunk    ${shown(chunk.text)}`, ...candidates].join('\n');
}

/** One line; control characters shown as escapes, so that no text can write to the terminal. */
function shown(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return cut.trim().replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => JSON.stringify(character).slice(1, -1));
}
