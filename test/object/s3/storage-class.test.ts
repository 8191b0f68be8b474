/** S3's storage classes: what an object is kept as, and how lists tell it. */
import test from 'ava';
import { isKeptAs } from '../../../agent/chunk/kept-as.ts';
import { fakeContent } from '../../fake/content.ts';
import { serveS3, texts } from './serve.ts';

const code = { data: 4, parity: 2 };
const large = 'x'.repeat(300_000);
const cold = { 'x-amz-storage-class': 'STANDARD_IA' };

const serve = async (t: Parameters<typeof serveS3>[0]) => {
  const s3 = await serveS3(t);
  await s3.call('PUT', '/reef');
  return {
    ...s3,
    async isCold(key: string): Promise<boolean> {
      const container = await s3.objects.containers.get('p1', 'reef');
      const row = await s3.objects.records.objects.get(container.id, key);
      return row !== undefined && isKeptAs(row.content, code);
    },
    classes: async (query: string): Promise<string[]> =>
      texts((await s3.call('GET', `/reef?${query}`)).xml, 'StorageClass'),
  };
};

test('an object of class STANDARD_IA is coded, and says its class wherever it is shown', async (t) => {
  const { call, isCold, classes } = await serve(t);
  const put = await call('PUT', '/reef/cold', { body: large, headers: cold });
  t.is(put.status, 200);
  t.is(put.headers.get('x-amz-storage-class'), 'STANDARD_IA');
  await call('PUT', '/reef/hot', { body: large });
  t.true(await isCold('cold'));
  t.false(await isCold('hot'));
  for (const query of ['', 'list-type=2', 'versions'])
    t.deepEqual(await classes(query), ['STANDARD_IA', 'STANDARD'], query);
  const got = await call('GET', '/reef/cold');
  t.is(got.headers.get('x-amz-storage-class'), 'STANDARD_IA');
  t.is(got.text, large);
  t.is((await call('HEAD', '/reef/hot')).headers.get('x-amz-storage-class'), null);
  const attributes = await call('GET', '/reef/cold?attributes', {
    headers: { 'x-amz-object-attributes': 'StorageClass' },
  });
  t.true(attributes.text.includes('<StorageClass>STANDARD_IA</StorageClass>'));
});

test('the parts of an upload are kept as its class says, and the object has it', async (t) => {
  const { call, isCold, classes } = await serve(t);
  const made = await call('POST', '/reef/parts?uploads', { headers: cold });
  const [id] = texts(made.xml, 'UploadId');
  const part = await call('PUT', `/reef/parts?partNumber=1&uploadId=${id}`, { body: large });
  t.deepEqual(await classes('uploads'), ['STANDARD_IA']);
  const etag = part.headers.get('etag');
  await call('POST', `/reef/parts?uploadId=${id}`, {
    body: `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`,
  });
  t.true(await isCold('parts'));
  t.deepEqual(await classes(''), ['STANDARD_IA']);
});

test('a copy has the class that it asks for, and STANDARD where it asks for none', async (t) => {
  const { call, isCold, classes } = await serve(t);
  await call('PUT', '/reef/a', { body: large });
  const copy = (to: string, from: string, headers = {}) =>
    call('PUT', `/reef/${to}`, { headers: { 'x-amz-copy-source': `/reef/${from}`, ...headers } });
  t.is((await copy('b', 'a', cold)).status, 200);
  t.is((await copy('c', 'b')).status, 200);
  t.is((await copy('a', 'a')).code, 'InvalidRequest');
  t.is((await copy('a', 'a', cold)).status, 200);
  t.deepEqual(await classes(''), ['STANDARD_IA', 'STANDARD_IA', 'STANDARD']);
  t.deepEqual(await Promise.all(['a', 'b', 'c'].map(isCold)), [true, true, false]);
  for (const key of ['a', 'b', 'c']) t.is((await call('GET', `/reef/${key}`)).text, large);
});

test('a class that is none, or that there are too few hosts for, is refused', async (t) => {
  const { call } = await serveS3(t, { content: { ...fakeContent(), codes: () => [] } });
  await call('PUT', '/reef');
  for (const name of ['GLACIER', 'STANDARD_IA', 'ONEZONE_IA'])
    t.is(
      (await call('PUT', '/reef/a', { body: 'a', headers: { 'x-amz-storage-class': name } })).code,
      'InvalidStorageClass',
    );
  t.is(
    (await call('PUT', '/reef/a', { body: 'a', headers: { 'x-amz-storage-class': 'STANDARD' } })).status,
    200,
  );
});
