import { isGrpcServiceError } from '@temporalio/client';

/** gRPC's number for something that there is none of. */
const NOT_FOUND = 5;

/** Whether Temporal answered that there is no such thing. */
export function isNotFound(error: unknown): boolean {
  return isGrpcServiceError(error) && Number(error.code) === NOT_FOUND;
}
