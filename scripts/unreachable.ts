const CONNECTION_CODES = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
];

/** gRPC status codes: 4 = deadline exceeded, 14 = unavailable. */
const GRPC_UNREACHABLE = [4, 14];

/** Whether an error is a connection that was refused or lost. */
export function isConnectionLost(error: unknown): boolean {
  return some(error, ({ code }) => typeof code === 'string' && CONNECTION_CODES.includes(code));
}

/** Whether an error, of whatever part of the stack, says that the part does not answer. */
export function isUnreachable(error: unknown): boolean {
  return (
    isConnectionLost(error) || some(error, ({ code }) => typeof code === 'number' && GRPC_UNREACHABLE.includes(code))
  );
}

/** Looks at an error, its causes, and, of a host with several addresses, the error of each. */
function some(error: unknown, fits: (error: { readonly code?: unknown }) => boolean): boolean {
  if (!(error instanceof Error)) return false;
  const { errors } = error as { errors?: unknown };
  return (
    fits(error as { code?: unknown }) ||
    (Array.isArray(errors) && errors.some((one) => some(one, fits))) ||
    some(error.cause, fits)
  );
}

/** What an error says. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Errors of several addresses at once have no message of their own, only a code.
  return error.message !== '' ? error.message : ((error as NodeJS.ErrnoException).code ?? error.name);
}
