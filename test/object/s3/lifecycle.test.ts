/** Lifecycle rules: read, written, and obeyed. */
import test, { type ExecutionContext } from 'ava';
import { sweepLifecycles } from '../../../agent/object/lifecycle-sweep.ts';
import { serveS3, text, texts } from './serve.ts';

const day = 86_400_000;

const aging = async (t: ExecutionContext) => {
  let nowMs = Date.UTC(2026, 10, 25, 12);
  const s3 = await serveS3(t, { wallMs: () => nowMs });
  const { call, objects } = s3;
  await call('PUT', '/reef');
  const put = async (key: string, headers: Record<string, string> = {}, body = 'x'): Promise<string> =>
    (await call('PUT', `/reef/${key}`, { body, headers })).headers.get('x-amz-version-id') ?? '';
  return {
    ...s3,
    put,
    rules: (...rules: string[]) =>
      call('PUT', '/reef?lifecycle', {
        body: `<LifecycleConfiguration>${rules.map((rule) => `<Rule><Status>Enabled</Status>${rule}</Rule>`).join('')}</LifecycleConfiguration>`,
      }),
    /** So many days later, after a sweep. */
    async pass(days: number): Promise<number> {
      nowMs += days * day;
      return sweepLifecycles(objects, new AbortController().signal);
    },
    keys: async (): Promise<string[]> => texts((await call('GET', '/reef')).xml, 'Key'),
    versions: async (): Promise<string[]> =>
      (await call('GET', '/reef?versions')).xml.children
        .filter(({ name }) => name === 'Version' || name === 'DeleteMarker')
        .map((one) => (one.name === 'Version' ? (text(one, 'VersionId') ?? '') : 'marker')),
    versioned: () =>
      call('PUT', '/reef?versioning', {
        body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
      }),
  };
};

const prefix = (text: string): string => `<Filter><Prefix>${text}</Prefix></Filter>`;
const after = (days: number): string => `<Expiration><Days>${days}</Days></Expiration>`;

test('rules are told as they were written, old form and new, and taken away', async (t) => {
  const { call, rules } = await aging(t);
  t.is((await call('GET', '/reef?lifecycle')).code, 'NoSuchLifecycleConfiguration');
  const and =
    '<Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><ObjectSizeGreaterThan>0</ObjectSizeGreaterThan></And></Filter>';
  const more =
    '<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>';
  t.is(
    (
      await rules(
        `<ID>new</ID>${and}${after(1)}${more}`,
        `<ID>old</ID><Prefix>b/</Prefix><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>`,
      )
    ).status,
    200,
  );
  const told = (await call('GET', '/reef?lifecycle')).text;
  t.true(told.includes(and) && told.includes(after(1)) && told.includes(more));
  t.true(told.includes('<ID>old</ID><Status>Enabled</Status><Prefix>b/</Prefix>'));
  t.is((await call('DELETE', '/reef?lifecycle')).status, 204);
  t.is((await call('GET', '/reef?lifecycle')).code, 'NoSuchLifecycleConfiguration');
});

test('rules that cannot be are refused', async (t) => {
  const { rules } = await aging(t);
  t.is((await rules(prefix('a'))).code, 'InvalidRequest');
  t.is((await rules(`<ID>${'a'.repeat(256)}</ID>${prefix('a')}${after(1)}`)).code, 'InvalidArgument');
  t.is((await rules(`<ID>${'a'.repeat(255)}</ID>${prefix('a')}${after(1)}`)).status, 200);
  t.is((await rules(`${prefix('a')}${after(0)}`)).code, 'InvalidArgument');
  t.is(
    (await rules(`<ID>a</ID>${prefix('a')}${after(1)}`, `<ID>a</ID>${prefix('b')}${after(1)}`)).code,
    'InvalidArgument',
  );
  t.is(
    (await rules(`${prefix('a')}<Expiration><Date>2027-01-01T05:00:00Z</Date></Expiration>`)).code,
    'InvalidArgument',
  );
  t.is(
    (await rules(`${prefix('a')}<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>`))
      .code,
    'InvalidStorageClass',
  );
  t.is(
    (await rules(`${prefix('a')}<Transition><StorageClass>STANDARD_IA</StorageClass></Transition>`)).code,
    'MalformedXML',
  );
  t.is((await rules(after(1))).code, 'MalformedXML');
  t.is((await rules()).code, 'MalformedXML');
});

test('objects go at the midnight after their days, by prefix, tag and size', async (t) => {
  const s3 = await aging(t);
  await s3.put('log/a');
  await s3.put('keep/a');
  await s3.put('tagged', { 'x-amz-tagging': 'life=short&x=y' });
  await s3.put('other', { 'x-amz-tagging': 'life=long' });
  await s3.put('big', {}, 'x'.repeat(2000));
  await s3.rules(
    prefix('log/') + after(1),
    `<Filter><Tag><Key>life</Key><Value>short</Value></Tag></Filter>${after(3)}`,
    `<Filter><ObjectSizeGreaterThan>1000</ObjectSizeGreaterThan></Filter>${after(5)}`,
  );
  t.is(await s3.pass(1), 0);
  t.is(await s3.pass(0.5), 1);
  t.deepEqual(await s3.keys(), ['big', 'keep/a', 'other', 'tagged']);
  t.is(await s3.pass(2), 1);
  t.deepEqual(await s3.keys(), ['big', 'keep/a', 'other']);
  await s3.put('log/b');
  t.is(await s3.pass(2), 2);
  t.deepEqual(await s3.keys(), ['keep/a', 'other']);
});

test('readers and writers are told when an object goes, and by which rule', async (t) => {
  const { call, rules, put } = await aging(t);
  const told = async (key: string, method = 'HEAD', asked = {}) =>
    (await call(method, `/reef/${key}`, asked)).headers.get('x-amz-expiration');
  t.is(await told('a', 'PUT', { body: 'x' }), null);
  await rules(
    `<ID>late</ID>${prefix('a')}${after(9)}`,
    `<ID>a few</ID>${prefix('a')}${after(1)}`,
    `<ID>tagged</ID><Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>${after(3)}`,
  );
  const first = 'expiry-date="Fri, 27 Nov 2026 00:00:00 GMT", rule-id="a%20few"';
  t.is(await told('a'), first, 'the first, at midnight');
  t.is(await told('a', 'GET'), first);
  t.is(await told('a1', 'PUT', { body: 'x' }), first);
  t.is(await told('a2', 'PUT', { headers: { 'x-amz-copy-source': '/reef/a' } }), first);
  t.is(await told('b', 'PUT', { body: 'x' }), null);
  await put('b', { 'x-amz-tagging': 'k=v' });
  t.regex((await told('b')) ?? '', /29 Nov 2026.*tagged/);
  await rules(
    `${prefix('a')}<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>`,
  );
  t.is(await told('a'), null);
  await rules(`${prefix('a')}${after(1)}`);
  t.is((await call('DELETE', '/reef?lifecycle')).status, 204);
  t.is(await told('a'), null);
});

test('a rule with a date, and one that is off', async (t) => {
  const s3 = await aging(t);
  await s3.put('a');
  await s3.put('b');
  await s3.call('PUT', '/reef?lifecycle', {
    body: `<LifecycleConfiguration><Rule><ID>1</ID><Status>Enabled</Status>${prefix('a')}<Expiration><Date>2026-12-01T00:00:00Z</Date></Expiration></Rule><Rule><ID>2</ID><Status>Disabled</Status>${prefix('b')}${after(1)}</Rule></LifecycleConfiguration>`,
  });
  t.is(await s3.pass(5), 0);
  t.is(await s3.pass(1), 1);
  t.deepEqual(await s3.keys(), ['b']);
});

test('where versions are kept an object goes behind a marker, versions and lone markers by rules of their own', async (t) => {
  const s3 = await aging(t);
  await s3.versioned();
  const [, second, third] = [await s3.put('a'), await s3.put('a'), await s3.put('a')];
  const last = await s3.put('a');
  await s3.rules(
    `${prefix('')}${after(2)}<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>`,
  );
  t.is(await s3.pass(1.5), 1);
  t.deepEqual(await s3.versions(), [last, third, second]);
  t.is(await s3.pass(1), 2);
  t.deepEqual(
    await s3.versions(),
    ['marker', last, third],
    'the last is not current any more, so one more is too many',
  );
  t.deepEqual(await s3.keys(), []);
  await s3.rules(
    `${prefix('')}<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>`,
  );
  t.is(await s3.pass(3), 3);
  t.deepEqual(await s3.versions(), []);
  t.is((await s3.call('DELETE', '/reef')).status, 204);
});

test('a locked version outlives its rules', async (t) => {
  const s3 = await aging(t);
  await s3.call('PUT', '/vault', { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  const id = (
    await s3.call('PUT', '/vault/a', { body: 'x', headers: { 'x-amz-object-lock-legal-hold': 'ON' } })
  ).headers.get('x-amz-version-id');
  await s3.call('PUT', '/vault/a', { body: 'y' });
  await s3.call('PUT', '/vault?lifecycle', {
    body: `<LifecycleConfiguration><Rule><Status>Enabled</Status>${prefix('')}<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>`,
  });
  t.is(await s3.pass(10), 0);
  t.is((await s3.call('GET', `/vault/a?versionId=${id}`)).text, 'x');
});

test('an upload that was never completed is aborted', async (t) => {
  const s3 = await aging(t);
  const id = text((await s3.call('POST', '/reef/a?uploads')).xml, 'UploadId');
  await s3.call('PUT', `/reef/a?partNumber=1&uploadId=${id}`, { body: 'x' });
  await s3.rules(
    `${prefix('')}<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload>`,
  );
  t.is(await s3.pass(1), 0);
  t.is(await s3.pass(2), 1);
  t.deepEqual(texts((await s3.call('GET', '/reef?uploads')).xml, 'UploadId'), []);
  t.is(s3.content.chunks.size, 0);
});

test('of hosts that look at once one sweeps, and rules of a bucket that is gone go with it', async (t) => {
  const s3 = await aging(t);
  await s3.put('a');
  await s3.rules(`${prefix('')}${after(1)}`);
  const sweeps = Promise.all([s3.pass(3), s3.pass(0), s3.pass(0)]);
  t.deepEqual((await sweeps).sort(), [0, 0, 1]);
  await s3.call('DELETE', '/reef');
  t.is(await s3.pass(1), 0);
  t.is((await s3.objects.records.lifecycles.range('rules', { limit: 10 })).entries.length, 0);
});

test('a sweep that was noted by a clock far ahead holds up no later one', async (t) => {
  const s3 = await aging(t);
  await s3.rules(`${prefix('')}${after(30)}`);
  await s3.pass(400);
  // That host is gone again; the day that it noted is far away.
  await s3.pass(-400);
  await s3.put('a');
  t.is(await s3.pass(5), 0);
  t.is(await s3.pass(27), 1);
});

test('a bucket is swept once a day, and anew when it gets other rules', async (t) => {
  const s3 = await aging(t);
  await s3.put('a');
  await s3.put('b/b');
  const sweptAtMs = async (): Promise<number | undefined> =>
    (await s3.objects.records.lifecycles.range('rules', { limit: 1 })).entries[0]?.row.sweptAtMs;
  await s3.rules(`${prefix('a')}${after(1)}`);
  // At noon, in the evening, and after midnight.
  t.is(await s3.pass(2), 1);
  const atNoon = await sweptAtMs();
  t.is(await s3.pass(0.3), 0);
  t.is(await sweptAtMs(), atNoon);
  t.is(await s3.pass(0.25), 0);
  t.not(await sweptAtMs(), atNoon);
  await s3.rules(`${prefix('b')}${after(1)}`);
  t.is(await s3.pass(0.3), 1);
});
