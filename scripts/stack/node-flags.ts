/**
 * Flags of Node for a sampler. Nearly all that it makes lives as long as one request: a young generation of 64 MiB (a worker's
 * memory grows by three times that at most) lets it die there, instead of being copied over and over.
 */
export const SAMPLER_FLAGS: readonly string[] = ['--max-semi-space-size=64'];

/** Flags of Node for a worker process of a name. */
export function nodeFlags(name: string): readonly string[] {
  return name.startsWith('sampler') ? SAMPLER_FLAGS : [];
}
