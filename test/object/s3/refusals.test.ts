/** What the journal hears of refused sign-ins, however many there are. */
import test from 'ava';
import { refusedKeysMax } from '../../../agent/object/s3/limits.ts';
import { openRefusals } from '../../../agent/object/s3/refusals.ts';
import { type S3Code, s3Error } from '../../../agent/object/s3/s3-error.ts';
import type { RequestId } from '../../../proto/ids.ts';
import { fakeJournal } from '../serve.ts';

const open = () => {
  const journal = fakeJournal();
  const due = new Set<() => void>();
  const timers = {
    after(_ms: number, work: () => void) {
      due.add(work);
      return () => void due.delete(work);
    },
    sleep: () => Promise.resolve(),
  };
  const refusals = openRefusals({ runtime: { timers }, journal });
  const refuse = (access: string | undefined, code: S3Code = 'SignatureDoesNotMatch'): void =>
    refusals.note(s3Error(code), { access, address: '192.0.2.1', requestId: 'r' as RequestId });
  const minute = (): void => {
    const all = [...due];
    due.clear();
    for (const work of all) work();
  };
  const told = () =>
    journal.events.map(({ target, outcome, detail }) => [target, outcome, detail?.code, detail?.count ?? 1]);
  return { refusals, refuse, minute, told, due };
};

test('the first refusal of a key is told at once, more of them once a minute', (t) => {
  const { refuse, minute, told, due } = open();
  for (let time = 0; time < 1000; time++) refuse('guessed');
  refuse('other', 'InvalidAccessKeyId');
  t.deepEqual(told(), [
    ['guessed', 'refused', 'SignatureDoesNotMatch', 1],
    ['other', 'refused', 'InvalidAccessKeyId', 1],
  ]);
  refuse('guessed', 'RequestTimeTooSkewed');
  minute();
  t.deepEqual(told().slice(2), [['guessed', 'refused', 'RequestTimeTooSkewed', 1000]]);
  minute();
  t.is(told().length, 3);
  t.is(due.size, 0);
});

test('who tries ever new keys fills neither journal nor memory', (t) => {
  const { refuse, minute, told, due } = open();
  for (let key = 0; key < 10_000; key++) refuse(`key-${key}`);
  t.is(due.size, refusedKeysMax + 1);
  t.is(told().length, refusedKeysMax + 1);
  minute();
  t.deepEqual(told().at(-1), ['*', 'refused', 'SignatureDoesNotMatch', 10_000 - refusedKeysMax - 1]);
});

test('what nobody claimed, what failed besides and what nobody could tell is no refusal', (t) => {
  const { refuse, refusals, told } = open();
  refuse(undefined, 'AccessDenied');
  refuse('key', 'InvalidDigest');
  refuse('key', 'ServiceUnavailable');
  t.deepEqual(told(), []);
  refuse('', 'AuthorizationHeaderMalformed');
  refuse('', 'AuthorizationHeaderMalformed');
  refusals.stop();
  t.deepEqual(
    told().map(([target, , , count]) => [target, count]),
    [
      ['*', 1],
      ['*', 1],
    ],
  );
});
