/** Bucket notifications from both doors to a real webhook. */
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { serveS3, text, texts } from '../s3/serve.ts';
import { receiver, rules, until } from './receiver.ts';

const both = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];
const md5 = (body: string): string => createHash('md5').update(body).digest('hex');

const open = async (t: ExecutionContext) => {
  const hook = await receiver(t);
  const webhooks = [
    { name: 'reef', url: hook.url, token: 'coral' },
    { name: 'other', url: `${hook.url}-other` },
  ];
  const served = await serveS3(t, { webhooks, region: 'RegionOne' });
  await served.call('PUT', '/reef');
  const notify = async (body: string): Promise<void> => {
    const { status, text: said } = await served.call('PUT', '/reef?notification', { body });
    t.is(status, 200, said);
  };
  return { ...served, hook, notify };
};

test('rules are told as they were put; what shoal cannot do is refused and changes nothing', async (t) => {
  const { call, notify } = await open(t);
  t.deepEqual((await call('GET', '/reef?notification')).xml.children, []);
  const filter =
    '<Filter><S3Key><FilterRule><Name>Prefix</Name><Value>in/</Value></FilterRule>' +
    '<FilterRule><Name>suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter>';
  await notify(rules(both, { filter, arn: 'arn:minio:sqs:us-east-1:reef:webhook' }));
  const told = (await call('GET', '/reef?notification')).xml;
  t.is(text(told, 'Queue'), 'arn:minio:sqs:us-east-1:reef:webhook');
  t.deepEqual(texts(told, 'Event'), both);
  t.deepEqual(texts(told, 'Value'), ['in/', '.jpg']);
  const refused = async (body: string, code: string, who?: string): Promise<void> => {
    const asked = { body, ...(who ? { token: who } : {}) };
    t.is((await call('PUT', '/reef?notification', asked)).code, code, body);
  };
  await refused(rules(both, { arn: 'arn:shoal:sqs::nobody:webhook' }), 'InvalidArgument');
  await refused(rules(both, { arn: 'http://169.254.169.254/' }), 'InvalidArgument');
  await refused(rules(['s3:ObjectTagging:*']), 'InvalidArgument');
  await refused(rules(both, { filter: filter.replace('suffix', 'Prefix') }), 'InvalidArgument');
  await refused(rules([]), 'MalformedXML');
  await refused(rules(both).replaceAll('Queue', 'CloudFunction'), 'NotImplemented');
  await refused(rules(both), 'AccessDenied', 'member:p2');
  t.deepEqual((await call('GET', '/reef?notification')).xml, told);
});

test('a destination is tested, then told of each change of both doors, as S3 tells it', async (t) => {
  const { call, hook, notify, swift } = await open(t);
  await notify(rules(both));
  await until('the test', () => hook.received.length === 1);
  t.is(hook.received[0]?.event.Event, 's3:TestEvent');
  t.is(hook.received[0]?.authorization, 'Bearer coral');
  await call('PUT', '/reef/a%20b%2Bü/c', { body: 'coral' });
  await call('PUT', '/reef/copy', { headers: { 'x-amz-copy-source': '/reef/a%20b%2B%C3%BC/c' } });
  await call('DELETE', '/reef/copy');
  await call('DELETE', '/reef/never-there');
  const headers = { 'x-auth-token': 'member:p1' };
  await fetch(`${swift}/reef/by-swift`, { method: 'PUT', headers, body: 'swift' });
  await fetch(`${swift}/reef/by-swift`, { method: 'DELETE', headers });
  const upload = text((await call('POST', '/reef/parts?uploads')).xml, 'UploadId');
  await call('PUT', `/reef/parts?uploadId=${upload}&partNumber=1`, { body: 'part' });
  await call('POST', `/reef/parts?uploadId=${upload}`, {
    body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${md5('part')}</ETag></Part></CompleteMultipartUpload>`,
  });
  await until('all events', () => hook.told().length === 6);
  t.deepEqual(hook.told().sort(), [
    'ObjectCreated:CompleteMultipartUpload parts',
    'ObjectCreated:Copy copy',
    'ObjectCreated:Put a+b%2B%C3%BC/c',
    'ObjectCreated:Put by-swift',
    'ObjectRemoved:Delete by-swift',
    'ObjectRemoved:Delete copy',
  ]);
  const all = hook.received.flatMap(({ event }) => event.Records ?? []);
  const put = all.find(({ s3 }) => s3.object.key.endsWith('/c'));
  t.is(put?.awsRegion, 'RegionOne');
  t.is(put?.userIdentity.principalId, 'u-p1');
  t.is(put?.requestParameters.sourceIPAddress, '127.0.0.1');
  t.deepEqual(put?.s3.bucket.arn, 'arn:aws:s3:::reef');
  t.is(put?.s3.configurationId, 'all');
  t.is(put?.s3.object.size, 5);
  t.is(put?.s3.object.eTag, md5('coral'));
  const ofSwift = all.filter(({ s3 }) => s3.object.key === 'by-swift');
  t.deepEqual(
    ofSwift
      .toSorted((a, b) => (a.s3.object.sequencer < b.s3.object.sequencer ? -1 : 1))
      .map((one) => one.eventName),
    ['ObjectCreated:Put', 'ObjectRemoved:Delete'],
  );
});

test('only what a rule asks for is told, to whom it names', async (t) => {
  const { call, hook, notify } = await open(t);
  const filter =
    '<Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule>' +
    '<FilterRule><Name>suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter>';
  const first = rules(['s3:ObjectCreated:Put'], { filter });
  const second = rules(['s3:ObjectRemoved:*'], { id: 'second', arn: 'arn:shoal:sqs::other:webhook' });
  await notify(
    first.replace('</NotificationConfiguration>', '') + second.replace('<NotificationConfiguration>', ''),
  );
  for (const key of ['in/a.jpg', 'in/a.png', 'out/a.jpg', 'in/.jpg']) {
    await call('PUT', `/reef/${key}`, { body: 'x' });
    await call('DELETE', `/reef/${key}`);
  }
  await until('all events', () => hook.told().length === 6);
  const at = (path: string): string[] =>
    hook.received
      .filter((one) => one.path === path)
      .flatMap(({ event }) => (event.Records ?? []).map(({ s3 }) => s3.object.key))
      .sort();
  t.deepEqual(at('/hook'), ['in/.jpg', 'in/a.jpg']);
  t.deepEqual(at('/hook-other'), ['in/.jpg', 'in/a.jpg', 'in/a.png', 'out/a.jpg']);
});

test('where versions are kept a deletion is a marker, and each event names its version', async (t) => {
  const { call, hook, notify } = await open(t);
  const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  await call('PUT', '/reef?versioning', { body });
  await notify(rules(both));
  const version = (await call('PUT', '/reef/a', { body: 'x' })).headers.get('x-amz-version-id');
  const marker = (await call('DELETE', '/reef/a')).headers.get('x-amz-version-id');
  await call('DELETE', `/reef/a?versionId=${version}`);
  await until('all events', () => hook.told().length === 3);
  const all = hook.received.flatMap(({ event }) => event.Records ?? []);
  t.deepEqual(
    all.map(({ eventName, s3 }) => [eventName, s3.object.versionId]),
    [
      ['ObjectCreated:Put', version],
      ['ObjectRemoved:DeleteMarkerCreated', marker],
      ['ObjectRemoved:Delete', version],
    ],
  );
  t.deepEqual(
    all.map(({ s3 }) => s3.object.sequencer),
    all.map(({ s3 }) => s3.object.sequencer).toSorted(),
  );
});

test('what expires is told as S3’s lifecycle tells it', async (t) => {
  const { call, hook, notify, swift, objects } = await open(t);
  await notify(rules(['s3:LifecycleExpiration:*']));
  const headers = { 'x-auth-token': 'member:p1', 'x-delete-after': '1' };
  await fetch(`${swift}/reef/soon`, { method: 'PUT', headers, body: 'x' });
  await until('it is gone', async () => (await call('HEAD', '/reef/soon')).status === 404);
  const { removeExpired } = await import('../../../agent/object/expirer.ts');
  await removeExpired(objects, new AbortController().signal);
  await until('the event', () => hook.told().length === 1);
  t.deepEqual(hook.told(), ['LifecycleExpiration:Delete soon']);
});

test('a receiver that is down for a while misses nothing, and an upload does not wait for it', async (t) => {
  const { call, hook, notify } = await open(t);
  await notify(rules(both));
  await until('the test', () => hook.received.length === 1);
  await hook.down();
  for (let number = 0; number < 20; number++) await call('PUT', `/reef/${number}`, { body: 'x' });
  t.is(hook.told().length, 0);
  await hook.up();
  await until('all events', () => hook.told().length >= 20);
  t.is(new Set(hook.told()).size, 20);
});

test('events of one object are sent one after the other, failures repeated, refusals given up', async (t) => {
  const { call, hook, notify, journal } = await open(t);
  await notify(rules(both));
  await until('the test', () => hook.received.length === 1);
  let failures = 2;
  let together = 0;
  hook.answers(async ({ event }) => {
    const key = event.Records?.[0]?.s3.object.key;
    if (key === 'bad') return 422;
    t.is(together, 0);
    together += 1;
    await new Promise((resolve) => setTimeout(resolve, 5));
    together -= 1;
    return failures-- > 0 ? 503 : 200;
  });
  for (let turn = 0; turn < 10; turn++) await call('PUT', '/reef/a', { body: String(turn) });
  await call('PUT', '/reef/bad', { body: 'x' });
  await until('all events', () => hook.told().length === 10);
  const sequencers = hook.received
    .flatMap(({ event }) => event.Records ?? [])
    .map(({ s3 }) => s3.object.sequencer);
  t.deepEqual(sequencers, sequencers.toSorted());
  await until('it is given up', () => journal.events.some(({ action }) => action === 'event.drop'));
});

test('nobody is led elsewhere: a redirect counts as a failure', async (t) => {
  const { call, hook, notify } = await open(t);
  await notify(rules(both));
  await until('the test', () => hook.received.length === 1);
  hook.answers(() => 307);
  await call('PUT', '/reef/a', { body: 'x' });
  const before = hook.asked();
  await until('two attempts', () => hook.asked() >= before + 2);
  hook.answers(() => 200);
  await until('it comes', () => hook.told().length === 1);
  t.true(hook.received.every(({ path }) => path === '/hook'));
});

test('once its rules are gone a bucket tells nobody, and what it had to tell is told', async (t) => {
  const { call, hook, notify } = await open(t);
  await notify(rules(both));
  await until('the test', () => hook.received.length === 1);
  hook.answers(() => 503);
  await call('PUT', '/reef/a', { body: 'x' });
  await notify('<NotificationConfiguration/>');
  await call('PUT', '/reef/b', { body: 'x' });
  hook.answers(() => 200);
  await until('the first', () => hook.told().length === 1);
  t.deepEqual(hook.told(), ['ObjectCreated:Put a']);
});
