import test from 'ava';
import { logName } from '../../../agent/object/access-log/log-name.ts';
import { type AccessRecord, lineOf } from '../../../agent/object/access-log/record.ts';

const record: AccessRecord = {
  owner: 'p1',
  bucket: 'reef',
  atMs: Date.parse('2026-02-06T00:00:38.700Z'),
  address: '192.0.2.3',
  requester: 'arn:aws:iam::p1:user/u1',
  requestId: 'req-1',
  operation: 'REST.GET.OBJECT',
  key: 'a b/ü".jpg',
  request: 'GET /reef/a%20b HTTP/1.1',
  status: 200,
  errorCode: undefined,
  bytesSent: 113,
  objectBytes: 113,
  totalMs: 7.4,
  turnMs: 6.6,
  referrer: undefined,
  userAgent: 'boto "3" \\',
  versionId: undefined,
  signature: 'SigV4',
  authType: 'AuthHeader',
  host: 'localhost:9701',
  isByList: false,
};

test('a line has the fields of Amazon’s in its order', (t) => {
  t.is(
    lineOf(record),
    'p1 reef [06/Feb/2026:00:00:38 +0000] 192.0.2.3 arn:aws:iam::p1:user/u1 req-1 REST.GET.OBJECT ' +
      'a%20b/%C3%BC%22.jpg "GET /reef/a%20b HTTP/1.1" 200 - 113 113 7 7 "-" "boto %223%22 %5C" - req-1 ' +
      'SigV4 - AuthHeader localhost:9701 - - -',
  );
});

test('what a sender chooses ends no field and no line', (t) => {
  const hostile = 'x" 500\n79a5 reef \\" \u2028\ud800é';
  const line = lineOf({ ...record, userAgent: hostile, referrer: hostile, host: hostile, key: '\ud800\n' });
  t.notRegex(line, /\n|\u2028/);
  t.is(line.split('"').length, 7);
  t.regex(line, /"x%22 500%0A79a5 reef %5C%22 %E2%80%A8%EF%BF%BD%C3%A9"/);
  t.true(lineOf({ ...record, userAgent: 'x'.repeat(100_000) }).length < 3_000);
});

test('logs are named by their delivery, or by the day of their events', (t) => {
  const origin = { project: 'p1', region: 'RegionOne', bucket: 'reef' };
  const at = { day: '2026-02-05', atMs: Date.parse('2026-02-06T01:02:03Z'), unique: 'AB' };
  const name = (naming?: 'SimplePrefix' | 'EventTime' | 'DeliveryTime') =>
    logName({ prefix: 'log/', naming }, origin, at);
  t.is(name(), 'log/2026-02-06-01-02-03-AB');
  t.is(name('SimplePrefix'), name());
  t.is(name('DeliveryTime'), 'log/p1/RegionOne/reef/2026/02/06/2026-02-06-01-02-03-AB');
  t.is(name('EventTime'), 'log/p1/RegionOne/reef/2026/02/05/2026-02-05-00-00-00-AB');
});
