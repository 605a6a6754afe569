import type { MockActivityEnvironment } from '@temporalio/testing';
import { activityEnvironment } from './activity-environment.ts';

type Activity = (input: never) => Promise<unknown>;

/** Runs one of some activities by its name, in an environment that the test may cancel. */
export async function runActivity<Activities extends Record<Name, Activity>, Name extends keyof Activities>(
  activities: Activities,
  name: Name,
  input: Parameters<Activities[Name]>[0],
  environment: MockActivityEnvironment = activityEnvironment(),
): Promise<Awaited<ReturnType<Activities[Name]>>> {
  const body = (): Promise<unknown> => activities[name](input);
  const result = await environment.run<[], unknown, () => Promise<unknown>>(body);
  return result as Awaited<ReturnType<Activities[Name]>>;
}
