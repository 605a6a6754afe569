import { expect, it } from 'vitest';
import { misfitReason } from '../../scripts/versions/misfit-reason.ts';

const wrapped = (difference: string): string =>
  'Replay failed with a nondeterminism error. Details: Failure { failure: Some(Failure { message: ' +
  `"[TMPRL1100] Nondeterminism error: ${difference}", source: "", stack_trace: "" }) }`;

it('the reason is the difference without the structures around it', () => {
  expect(misfitReason(wrapped("Activity type of 'a' does not match 'b'"))).toBe(
    "Activity type of 'a' does not match 'b'",
  );
});

it('of a dumped event the reason has number and kind', () => {
  const event =
    'HistoryEvent { event_id: 12, event_time: Some(Timestamp { seconds: 1, nanos: 2 }), event_type: ' +
    'UpsertWorkflowSearchAttributes, version: 0, attributes: Some(Attributes { fields: {\\"a\\": 1} }) }';
  expect(misfitReason(wrapped(`Child workflow machine does not handle this event: ${event}`))).toBe(
    'Child workflow machine does not handle this event: event 12, UpsertWorkflowSearchAttributes',
  );
});

it('another error is its first line', () => {
  expect(misfitReason('history is empty\n    at somewhere')).toBe('history is empty');
});
