/** Server access logs through the door of S3: what is set, what is written, and what of it survives. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { memoryKeyValue } from '../../../agent/store/memory-key-value.ts';
import { fakeContent } from '../../fake/content.ts';
import { cluster } from '../../table/cluster.ts';
import { type ServedS3, serveS3, text, texts } from '../s3/serve.ts';

const logging = (target = 'logs', more = '', prefix = 'log/'): string =>
  `<BucketLoggingStatus><LoggingEnabled><TargetBucket>${target}</TargetBucket><TargetPrefix>${prefix}</TargetPrefix>${more}</LoggingEnabled></BucketLoggingStatus>`;

const lets = (more: Record<string, unknown> = {}): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'logging.s3.amazonaws.com' },
        Action: 's3:PutObject',
        Resource: 'arn:aws:s3:::logs/log/*',
        Condition: {
          ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::reef' },
          StringEquals: { 'aws:SourceAccount': 'p1' },
        },
        ...more,
      },
    ],
  });

type Parts = NonNullable<Parameters<typeof serveS3>[1]>;

/** `reef` is logged into `logs`. */
const open = async (t: ExecutionContext, parts: Parts = {}, settings = logging()): Promise<ServedS3> => {
  const served = await serveS3(t, { logPeriodMs: 20, ...parts });
  await served.call('PUT', '/reef');
  await served.call('PUT', '/logs');
  await served.call('PUT', '/logs?policy', { body: lets() });
  t.is((await served.call('PUT', '/reef?logging', { body: settings })).status, 200);
  return served;
};

const names = async ({ call }: Pick<ServedS3, 'call'>): Promise<string[]> =>
  texts((await call('GET', '/logs?list-type=2')).xml, 'Key');

/** All lines that were delivered, once `isWhole` finds what it waits for. */
const linesOnce = async (
  served: Pick<ServedS3, 'call'>,
  isWhole: (lines: readonly string[]) => boolean,
): Promise<string[]> => {
  for (;;) {
    const bodies = await Promise.all(
      (await names(served)).map(async (name) => (await served.call('GET', `/logs/${name}`)).text),
    );
    const lines = bodies.join('').split('\n').filter(Boolean);
    if (isWhole(lines)) return lines;
    await sleep(20);
  }
};

/** Operation, key and status of each. */
const told = (lines: readonly string[]): string[] =>
  lines.map((line) => {
    const [, operation, key, status, code] =
      /\S+ reef \[[^\]]+\] \S+ \S+ \S+ (\S+) (\S+) "[^"]*" (\S+) (\S+) /.exec(line) ?? [];
    return [operation, key, status, ...(code === '-' ? [] : [code])].join(' ');
  });

const has =
  (...wanted: readonly string[]) =>
  (lines: readonly string[]): boolean =>
    wanted.every((one) => told(lines).includes(one));

test('logging is told as it was set, and ends when it is taken away', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/logs');
  await call('PUT', '/logs?policy', { body: lets() });
  t.deepEqual((await call('GET', '/reef?logging')).xml.children, []);
  const grant =
    '<TargetGrants><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AuthenticatedUsers</URI></Grantee><Permission>READ</Permission></Grant></TargetGrants>';
  const by = (source: string): string =>
    `<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>${source}</PartitionDateSource></PartitionedPrefix></TargetObjectKeyFormat>`;
  t.is((await call('PUT', '/reef?logging', { body: logging('logs', grant + by('EventTime')) })).status, 200);
  const { xml } = await call('GET', '/reef?logging');
  t.is(text(xml, 'TargetBucket'), 'logs');
  t.is(text(xml, 'TargetPrefix'), 'log/');
  t.is(text(xml, 'PartitionDateSource'), 'EventTime');
  t.is(text(xml, 'Permission'), 'READ');
  const simple = '<TargetObjectKeyFormat><SimplePrefix/></TargetObjectKeyFormat>';
  t.is((await call('PUT', '/reef?logging', { body: logging('logs', simple) })).status, 200);
  t.is(texts((await call('GET', '/reef?logging')).xml, 'SimplePrefix').length, 1);
  for (const body of [
    logging('logs', by('Never')),
    logging('logs', '<LoggingType>Journal</LoggingType>'),
    '<BucketLoggingStatus><Other/></BucketLoggingStatus>',
    '<LoggingEnabled/>',
  ])
    t.is((await call('PUT', '/reef?logging', { body })).code, 'MalformedXML', body);
  t.is(
    (await call('PUT', '/reef?logging', { body: logging('logs', '', 'x'.repeat(900)) })).code,
    'InvalidArgument',
  );
  t.is((await call('PUT', '/reef?logging', { body: '<BucketLoggingStatus/>' })).status, 200);
  t.deepEqual((await call('GET', '/reef?logging')).xml.children, []);
});

test('a target lets logs in by its policy or its access list, and its owner’s buckets alone', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/logs');
  await call('PUT', '/theirs', { token: 'member:p2', headers: { 'x-amz-acl': 'log-delivery-write' } });
  const refused = async (target = 'logs', token = 'member:p1'): Promise<string | undefined> =>
    (await call('PUT', '/reef?logging', { body: logging(target), token })).code;
  t.is(await refused('none'), 'InvalidTargetBucketForLogging');
  t.is(await refused('theirs'), 'InvalidTargetBucketForLogging');
  t.is(await refused(), 'InvalidTargetBucketForLogging', 'nobody let it in');
  for (const wrong of [
    { Principal: '*' },
    { Principal: { AWS: '*' } },
    { Principal: { AWS: 'logging.s3.amazonaws.com' } },
    { Action: 's3:GetObject' },
    { Resource: 'arn:aws:s3:::logs/elsewhere/*' },
    { Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:::other' } } },
    { Condition: { StringEquals: { 'aws:SourceAccount': 'p2' } } },
  ]) {
    t.is((await call('PUT', '/logs?policy', { body: lets(wrong) })).status, 204);
    t.is(await refused(), 'InvalidTargetBucketForLogging', JSON.stringify(wrong));
  }
  await call('PUT', '/logs?policy', { body: lets() });
  t.is((await call('GET', '/logs?policyStatus')).text.includes('<IsPublic>false</IsPublic>'), true);
  t.is(await refused('logs', 'member:p2'), 'AccessDenied');
  t.is(await refused(), undefined);
  await call('DELETE', '/logs?policy');
  t.is(await refused(), 'InvalidTargetBucketForLogging');
  await call('PUT', '/logs?acl', { headers: { 'x-amz-acl': 'log-delivery-write' } });
  t.is(await refused(), undefined);
  const denies = lets({ Effect: 'Deny', Principal: '*', Condition: {} });
  await call('PUT', '/logs?policy', { body: denies });
  t.is(await refused(), 'InvalidTargetBucketForLogging', 'a denial of everybody is one of logs too');
  await call('DELETE', '/logs?policy');
  await call('PUT', '/locked', {
    headers: { 'x-amz-bucket-object-lock-enabled': 'true', 'x-amz-acl': 'log-delivery-write' },
  });
  t.is(await refused('locked'), undefined);
  await call('PUT', '/locked?object-lock', {
    body: '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>',
  });
  t.is(await refused('locked'), 'InvalidTargetBucketForLogging');
});

test('requests of all kinds are written down, those that were refused too', async (t) => {
  const served = await open(t);
  const { call } = served;
  await call('PUT', '/reef/a%20b', { body: 'coral', headers: { 'user-agent': 'diver "1"' } });
  await call('GET', '/reef/a%20b', { headers: { range: 'bytes=1-2' } });
  await call('HEAD', '/reef/a%20b');
  await call('GET', '/reef/none');
  await call('GET', '/reef?list-type=2');
  await call('GET', '/reef/a%20b', { token: 'member:p2' });
  await call('PUT', '/reef/copy', { headers: { 'x-amz-copy-source': '/reef/a%20b' } });
  await call('POST', '/reef?delete', {
    body: '<Delete><Object><Key>copy</Key></Object><Object><Key>gone</Key></Object></Delete>',
  });
  const upload = text((await call('POST', '/reef/parts?uploads')).xml, 'UploadId');
  await call('PUT', `/reef/parts?uploadId=${upload}&partNumber=1`, { body: 'part' });
  await call('DELETE', `/reef/parts?uploadId=${upload}`);
  await fetch(`${served.url}/reef/a%20b`, { method: 'OPTIONS', headers: { origin: 'http://a.example' } });
  const lines = await linesOnce(
    served,
    has(
      'REST.PUT.OBJECT a%20b 200',
      'REST.GET.OBJECT a%20b 206',
      'REST.HEAD.OBJECT a%20b 200',
      'REST.GET.OBJECT none 404 NoSuchKey',
      'REST.GET.BUCKET - 200',
      'REST.GET.OBJECT a%20b 403 AccessDenied',
      'REST.COPY.OBJECT copy 200',
      'REST.COPY.OBJECT_GET a%20b 200',
      'REST.POST.MULTI_OBJECT_DELETE - 200',
      'BATCH.DELETE.OBJECT copy 204',
      'BATCH.DELETE.OBJECT gone 204',
      'REST.POST.UPLOADS parts 200',
      'REST.PUT.PART parts 200',
      'REST.DELETE.UPLOAD parts 204',
      'REST.OPTIONS.PREFLIGHT a%20b 400 BadRequest',
    ),
  );
  const put = lines.find((line) => line.includes('REST.PUT.OBJECT')) ?? '';
  t.regex(
    put,
    /^p1 reef \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] \S+ arn:aws:iam::p1:user\/u-p1 req-\S+ REST\.PUT\.OBJECT a%20b "PUT \/reef\/a%20b HTTP\/1\.1" 200 - - 5 \d+ - "-" "diver %221%22" - req-\S+ - - - 127\.0\.0\.1:\d+ - - -$/,
  );
  const read = lines.find((line) => line.includes('" 206 ')) ?? '';
  t.regex(read, /" 206 - 2 5 \d+ \d+ "-"/);
  for (const line of lines) t.is(line.replaceAll(/"[^"]*"|\[[^\]]*\]/g, 'x').split(' ').length, 26, line);
});

test('the log says what only an access list allowed', async (t) => {
  const served = await open(t);
  const { call } = served;
  await call('PUT', '/reef/open', { body: 'x', headers: { 'x-amz-acl': 'public-read' } });
  await call('GET', '/reef/open', { token: null });
  await call('GET', '/reef/open');
  const isRead = (line: string): boolean => line.includes('REST.GET.OBJECT open');
  const lines = (await linesOnce(served, (all) => all.filter(isRead).length === 2)).filter(isRead);
  const ofNobody = (line: string): boolean => /\] \S+ - req-/.test(line);
  const [stranger = '', owner = ''] = [lines.find(ofNobody), lines.find((line) => !ofNobody(line))];
  t.regex(stranger, /\] \S+ - req-.* Yes$/);
  t.regex(owner, /arn:aws:iam::p1:user\/u-p1 .* -$/);
});

test('a bucket that is not logged writes nothing, nor does one after its logging ended', async (t) => {
  const served = await open(t);
  const { call } = served;
  await call('PUT', '/quiet');
  await call('PUT', '/quiet/a', { body: 'x' });
  await call('PUT', '/reef/a', { body: 'x' });
  const lines = await linesOnce(served, has('REST.PUT.OBJECT a 200'));
  t.false(lines.some((line) => line.includes('quiet')));
  await call('PUT', '/reef?logging', { body: '<BucketLoggingStatus/>' });
  const before = await names(served);
  await call('PUT', '/reef/b', { body: 'x' });
  await sleep(200);
  t.deepEqual(await names(served), before);
});

/** Two agents over the same rows: hosts of one cluster, or one before and after its end. */
const twoLives = async (t: ExecutionContext): Promise<[Parts, Parts]> => {
  const { hosts } = await cluster(t);
  const content = fakeContent();
  const [one, two] = hosts.map(({ tables }) => ({ tables, content }));
  if (!one || !two) throw new Error('there are three hosts');
  return [one, two];
};

test('what a host that ends had not delivered it delivers when it is back', async (t) => {
  const keyValue = memoryKeyValue();
  const [before, after] = await twoLives(t);
  const first = await open(t, { keyValue, ...before, logPeriodMs: 3_600_000 });
  await first.call('PUT', '/reef/a', { body: 'x' });
  t.deepEqual(await names(first), []);
  await first.stop();
  const second = await serveS3(t, { keyValue, ...after, logPeriodMs: 20 });
  t.true((await linesOnce(second, has('REST.PUT.OBJECT a 200'))).length > 0);
  await second.stop();
  t.deepEqual([...keyValue.range({})], [], 'and keeps nothing of it');
});

test('each host gives its own lines away, and names never meet', async (t) => {
  const [here, there] = await twoLives(t);
  const one = await open(t, here);
  const two = await serveS3(t, { ...there, logPeriodMs: 20 });
  await Promise.all([
    one.call('PUT', '/reef/one', { body: 'x' }),
    two.call('PUT', '/reef/two', { body: 'x' }),
  ]);
  const lines = await linesOnce(one, has('REST.PUT.OBJECT one 200', 'REST.PUT.OBJECT two 200'));
  t.is(lines.filter((line) => line.includes('REST.PUT.OBJECT')).length, 2);
});

test('a target that lets nothing in any more gets nothing; that is told once', async (t) => {
  const served = await open(t);
  const { call, journal } = served;
  await call('PUT', '/reef/a', { body: 'x' });
  await linesOnce(served, has('REST.PUT.OBJECT a 200'));
  await call('DELETE', '/logs?policy');
  const before = await names(served);
  const refusals = () => journal.events.filter(({ action }) => action === 'access-log.refused');
  for (let count = 0; refusals().length === 0; count += 1) {
    await call('PUT', `/reef/b${count}`, { body: 'x' });
    await sleep(20);
  }
  await call('PUT', '/reef/c', { body: 'x' });
  await sleep(100);
  t.is(refusals().length, 1);
  t.is(refusals()[0]?.target, 'p1/reef');
  t.deepEqual(await names(served), before);
});
