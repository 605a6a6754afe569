/**
 * Takes away what in this process's environment would make a stack use servers of somebody else.
 * @returns puts it back.
 */
export function withoutStackEnvironment(): () => void {
  const names = Object.keys(process.env).filter(
    (name) => name.startsWith('TEMPORAL_') || name === 'DATABASE_URL' || name === 'THOUGHTLOOP_DATA',
  );
  const saved = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  return () => saved.forEach(([name, value]) => (process.env[name] = value));
}
