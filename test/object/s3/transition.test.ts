/** Lifecycle transitions: objects that move to another storage class by themselves. */
import test, { type ExecutionContext } from 'ava';
import { isKeptAs } from '../../../agent/chunk/kept-as.ts';
import { sweepLifecycles } from '../../../agent/object/lifecycle-sweep.ts';
import { ShoalError } from '../../../proto/error.ts';
import { fakeContent } from '../../fake/content.ts';
import { serveS3, texts } from './serve.ts';

const day = 86_400_000;
const code = { data: 4, parity: 2 };
const large = 'x'.repeat(300_000);

const aging = async (t: ExecutionContext) => {
  let nowMs = Date.UTC(2026, 10, 25, 12);
  let beforeMove = async (): Promise<void> => {};
  const content = fakeContent();
  const { rekeep } = content;
  content.rekeep = async (...wanted) => {
    const moved = await rekeep(...wanted);
    await beforeMove();
    return moved;
  };
  const s3 = await serveS3(t, { wallMs: () => nowMs, content });
  const { call, objects } = s3;
  await call('PUT', '/reef');
  const rowOf = async (key: string) => {
    const container = await objects.containers.get('p1', 'reef');
    return objects.records.objects.get(container.id, key);
  };
  return {
    ...s3,
    content,
    rowOf,
    transition: (days: number, storageClass = 'STANDARD_IA') =>
      call('PUT', '/reef?lifecycle', {
        body: `<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><Prefix>log/</Prefix></Filter><Transition><Days>${days}</Days><StorageClass>${storageClass}</StorageClass></Transition></Rule></LifecycleConfiguration>`,
      }),
    /** So many days later, after a sweep. */
    async pass(days: number): Promise<number> {
      nowMs += days * day;
      return sweepLifecycles(objects, new AbortController().signal);
    },
    /** What happens between the new bytes and the row that points at them. */
    meanwhile(work: () => Promise<void>): void {
      beforeMove = work;
    },
    isCold: async (key: string): Promise<boolean> => isKeptAs((await rowOf(key))?.content ?? never(), code),
    /** Chunks that somebody uses. */
    used: (): number => [...content.users.values()].filter(({ size }) => size > 0).length,
  };
};
const never = (): never => {
  throw new Error('there is no such object');
};

test('a rule is told as it was written', async (t) => {
  const { call, transition } = await aging(t);
  t.is((await transition(30)).status, 200);
  t.true(
    (await call('GET', '/reef?lifecycle')).text.includes(
      '<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>',
    ),
  );
});

test('an object that is old enough is kept otherwise and stays the same to its readers', async (t) => {
  const s3 = await aging(t);
  const made = await s3.call('PUT', '/reef/log/a', { body: large, headers: { 'x-amz-meta-a': '1' } });
  await s3.call('PUT', '/reef/log/small', { body: 'few' });
  await s3.call('PUT', '/reef/other', { body: large });
  await s3.call('PUT', '/reef/log/a?tagging', {
    body: '<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>',
  });
  const before = await s3.call('HEAD', '/reef/log/a');
  await s3.transition(3);
  t.is(await s3.pass(2), 0);
  t.is(await s3.pass(2), 1);
  t.is(await s3.pass(2), 0, 'once is enough');
  t.true(await s3.isCold('log/a'));
  t.false(await s3.isCold('other'));
  const got = await s3.call('GET', '/reef/log/a');
  t.is(got.text, large);
  t.is(got.headers.get('etag'), made.headers.get('etag'));
  t.is(got.headers.get('last-modified'), before.headers.get('last-modified'));
  t.is(got.headers.get('x-amz-meta-a'), '1');
  t.is(got.headers.get('x-amz-storage-class'), 'STANDARD_IA');
  t.true((await s3.call('GET', '/reef/log/a?tagging')).text.includes('<Value>v</Value>'));
  t.deepEqual(texts((await s3.call('GET', '/reef')).xml, 'StorageClass'), [
    'STANDARD_IA',
    'STANDARD',
    'STANDARD',
  ]);
  t.is(s3.used(), 2, 'the old chunks were given back');
  await s3.call('DELETE', '/reef/log/a');
  t.is(s3.used(), 1, 'and so are the new ones when it goes');
});

test('an object in parts moves whole, and its parts are told as before', async (t) => {
  const s3 = await aging(t);
  const [id] = texts((await s3.call('POST', '/reef/log/parts?uploads')).xml, 'UploadId');
  const parts: string[] = [];
  for (const number of [1, 2]) {
    const body = String(number).repeat(5 * 1024 * 1024);
    const { headers } = await s3.call('PUT', `/reef/log/parts?partNumber=${number}&uploadId=${id}`, { body });
    parts.push(`<Part><PartNumber>${number}</PartNumber><ETag>${headers.get('etag')}</ETag></Part>`);
  }
  await s3.call('POST', `/reef/log/parts?uploadId=${id}`, {
    body: `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`,
  });
  const before = await s3.call('GET', '/reef/log/parts?partNumber=2');
  await s3.transition(1);
  t.is(await s3.pass(3), 1);
  t.true(await s3.isCold('log/parts'));
  const after = await s3.call('GET', '/reef/log/parts?partNumber=2');
  t.is(after.headers.get('etag'), before.headers.get('etag'));
  t.true(after.bytes.equals(before.bytes));
  await s3.call('DELETE', '/reef/log/parts');
  t.is(s3.used(), 0);
});

test('what was overwritten or deleted while it moved is not brought back, and nothing is left of the move', async (t) => {
  const s3 = await aging(t);
  for (const key of ['log/a', 'log/b']) await s3.call('PUT', `/reef/${key}`, { body: large + key });
  await s3.transition(1);
  let isFirst = true;
  s3.meanwhile(async () => {
    if (isFirst) await s3.call('PUT', '/reef/log/a', { body: 'new' });
    else await s3.call('DELETE', '/reef/log/b');
    isFirst = false;
  });
  t.is(await s3.pass(3), 0);
  t.is((await s3.call('GET', '/reef/log/a')).text, 'new');
  t.is((await s3.call('GET', '/reef/log/b')).code, 'NoSuchKey');
  t.is(s3.used(), 0);
});

test('a move that fails leaves the object as it is, and the next sweep makes it', async (t) => {
  const s3 = await aging(t);
  for (const key of ['log/a', 'log/b']) await s3.call('PUT', `/reef/${key}`, { body: large + key });
  await s3.transition(1);
  const { rekeep } = s3.content;
  let failures = 1;
  s3.content.rekeep = async (...wanted) => {
    if (failures-- > 0) throw new ShoalError('QUORUM_MISSED', 'too few hosts');
    return rekeep(...wanted);
  };
  t.is(await s3.pass(3), 1, 'the other one moves');
  t.false(await s3.isCold('log/a'));
  t.is((await s3.call('GET', '/reef/log/a')).text, `${large}log/a`);
  t.is(await s3.pass(1), 1);
  t.true(await s3.isCold('log/a'));
});

test('buckets with versions take no transition, and one that gets them later moves nothing', async (t) => {
  const s3 = await aging(t);
  await s3.call('PUT', '/reef/log/a', { body: large });
  await s3.transition(1);
  await s3.call('PUT', '/reef?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  });
  t.is(await s3.pass(3), 0);
  t.false(await s3.isCold('log/a'));
  t.is((await s3.transition(1)).code, 'NotImplemented');
});

test('a copy of an object that has moved has chunks of its own', async (t) => {
  const s3 = await aging(t);
  await s3.call('PUT', '/reef/log/a', { body: large });
  await s3.transition(1);
  await s3.pass(3);
  const headers = { 'x-amz-copy-source': '/reef/log/a', 'x-amz-storage-class': 'STANDARD_IA' };
  t.is((await s3.call('PUT', '/reef/copy', { headers })).status, 200);
  await s3.call('DELETE', '/reef/log/a');
  t.is((await s3.call('GET', '/reef/copy')).text, large);
  t.is((await s3.rowOf('copy'))?.heldBy, undefined);
  await s3.call('DELETE', '/reef/copy');
  t.is(s3.used(), 0);
});
