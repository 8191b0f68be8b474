/** Versions: kept, listed, brought back, deleted; the version null; deletion markers. */
import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { type ServedS3, serveS3, text, texts } from './serve.ts';

const set = ({ call }: ServedS3, status: string) =>
  call('PUT', '/reef?versioning', {
    body: `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`,
  });

const served = async (t: ExecutionContext) => {
  const s3 = await serveS3(t);
  await s3.call('PUT', '/reef');
  return s3;
};

const idOf = (answer: { readonly headers: Headers }): string => answer.headers.get('x-amz-version-id') ?? '';
const put = async ({ call }: ServedS3, key: string, body: string | Uint8Array): Promise<string> =>
  idOf(await call('PUT', `/reef/${key}`, { body }));

/** `key version`, `key marker`, the newest with a star. */
const listed = async ({ call }: ServedS3, query = ''): Promise<string[]> =>
  (await call('GET', `/reef?versions${query}`)).xml.children
    .filter(({ name }) => name === 'Version' || name === 'DeleteMarker')
    .map(
      (one) =>
        `${text(one, 'Key')} ${one.name === 'Version' ? text(one, 'VersionId') : 'marker'}${text(one, 'IsLatest') === 'true' ? '*' : ''}`,
    );

test('a bucket never had versions, has them, or has stopped making them', async (t) => {
  const s3 = await served(t);
  t.is(text((await s3.call('GET', '/reef?versioning')).xml, 'Status'), undefined);
  t.is(await put(s3, 'a', 'a'), '');
  for (const status of ['Enabled', 'Suspended']) {
    t.is((await set(s3, status)).status, 200);
    t.is(text((await s3.call('GET', '/reef?versioning')).xml, 'Status'), status);
  }
  t.is((await set(s3, 'Off')).code, 'MalformedXML');
  t.is((await s3.call('PUT', '/reef?versioning', { body: '<A/>' })).code, 'MalformedXML');
});

test('every version is read, copied and deleted by its id, and the newest that is left is shown', async (t) => {
  const s3 = await served(t);
  const { call } = s3;
  await set(s3, 'Enabled');
  const [first, second, third] = [await put(s3, 'a', '1'), await put(s3, 'a', '2'), await put(s3, 'a', '3')];
  t.deepEqual(await listed(s3), [`a ${third}*`, `a ${second}`, `a ${first}`]);
  const old = await call('GET', `/reef/a?versionId=${first}`);
  t.is(old.text, '1');
  t.is(idOf(old), first);
  t.is(idOf(await call('HEAD', '/reef/a')), third);
  const copied = await call('PUT', '/reef/b', {
    headers: { 'x-amz-copy-source': `/reef/a?versionId=${second}` },
  });
  t.is(copied.headers.get('x-amz-copy-source-version-id'), second);
  t.is((await call('GET', '/reef/b')).text, '2');
  await call('DELETE', '/reef/b');
  t.is(idOf(await call('DELETE', `/reef/a?versionId=${third}`)), third);
  t.is((await call('GET', '/reef/a')).text, '2');
  await call('DELETE', `/reef/a?versionId=${first}`);
  t.is((await call('GET', '/reef/a')).text, '2');
  await call('DELETE', `/reef/a?versionId=${second}`);
  t.is((await call('GET', '/reef/a')).code, 'NoSuchKey');
  t.is((await call('GET', `/reef/a?versionId=${second}`)).code, 'NoSuchVersion');
  t.is((await call('DELETE', `/reef/a?versionId=${second}`)).status, 204);
});

test('a deletion is a marker, and taking the marker away brings the object back', async (t) => {
  const s3 = await served(t);
  const { call } = s3;
  await set(s3, 'Enabled');
  const id = await put(s3, 'a', '1');
  const deleted = await call('DELETE', '/reef/a');
  const marker = idOf(deleted);
  t.is(deleted.headers.get('x-amz-delete-marker'), 'true');
  t.deepEqual(await listed(s3), ['a marker*', `a ${id}`]);
  t.deepEqual(texts((await call('GET', '/reef')).xml, 'Key'), []);
  const hidden = await call('GET', '/reef/a');
  t.is(hidden.code, 'NoSuchKey');
  t.is(hidden.headers.get('x-amz-delete-marker'), 'true');
  t.is(idOf(hidden), marker);
  const asked = await call('GET', `/reef/a?versionId=${marker}`);
  t.is(asked.code, 'MethodNotAllowed');
  t.is(asked.headers.get('allow'), 'DELETE');
  t.is((await call('GET', `/reef/a?versionId=${id}`)).text, '1');
  t.is((await call('DELETE', '/reef')).code, 'BucketNotEmpty');
  const gone = await call('DELETE', `/reef/a?versionId=${marker}`);
  t.is(gone.headers.get('x-amz-delete-marker'), 'true');
  t.is((await call('GET', '/reef/a')).text, '1');
  t.is((await call('DELETE', '/reef/none')).headers.get('x-amz-delete-marker'), 'true');
  t.deepEqual(await listed(s3, '&prefix=none'), ['none marker*']);
});

test('the version null is the one from without versions: one at most, by that name for good', async (t) => {
  const s3 = await served(t);
  const { call, content } = s3;
  const big = (letter: string): string => letter.repeat(20_000);
  await put(s3, 'a', big('1'));
  await set(s3, 'Enabled');
  t.is(idOf(await call('GET', '/reef/a')), 'null');
  const second = await put(s3, 'a', big('2'));
  t.deepEqual(await listed(s3), [`a ${second}*`, 'a null']);
  t.is((await call('GET', '/reef/a?versionId=null')).text, big('1'));
  await set(s3, 'Suspended');
  t.is(await put(s3, 'a', big('3')), '', 'S3 tells it to readers alone');
  t.is(idOf(await call('HEAD', '/reef/a')), 'null');
  t.deepEqual(await listed(s3), ['a null*', `a ${second}`]);
  t.is((await call('GET', '/reef/a')).text, big('3'));
  t.is(content.chunks.size, 2);
  t.is(idOf(await call('DELETE', '/reef/a')), 'null');
  t.deepEqual(await listed(s3), ['a marker*', `a ${second}`]);
  t.is(content.chunks.size, 1);
  await put(s3, 'a', big('4'));
  t.deepEqual(await listed(s3), ['a null*', `a ${second}`]);
  await call('DELETE', '/reef/a?versionId=null');
  t.is((await call('GET', '/reef/a')).text, big('2'));
  await call('DELETE', `/reef/a?versionId=${second}`);
  t.is((await call('DELETE', '/reef')).status, 204);
  t.is(content.chunks.size, 0);
});

test('versions are listed page by page, past the version null too, and below folders', async (t) => {
  const s3 = await served(t);
  const { call } = s3;
  await put(s3, 'a', '1');
  await set(s3, 'Enabled');
  for (const key of ['a', 'a', 'b/1', 'b/1', 'b/2', 'c']) await put(s3, key, 'x');
  await call('DELETE', '/reef/c');
  const all = await listed(s3);
  t.is(all.length, 8);
  const seen: string[] = [];
  for (let more = ''; ; ) {
    const page = `&max-keys=1${more}`;
    const { xml } = await call('GET', `/reef?versions${page}`);
    seen.push(...(await listed(s3, page)));
    if (text(xml, 'IsTruncated') !== 'true') break;
    more = `&key-marker=${text(xml, 'NextKeyMarker')}&version-id-marker=${text(xml, 'NextVersionIdMarker')}`;
  }
  t.deepEqual(seen, all);
  const { xml } = await call('GET', '/reef?versions&delimiter=/');
  t.deepEqual(texts(xml, 'Key'), ['a', 'a', 'a', 'c', 'c']);
  const folders = xml.children.filter(({ name }) => name === 'CommonPrefixes');
  t.deepEqual(
    folders.map((folder) => text(folder, 'Prefix')),
    ['b/'],
  );
  t.is((await call('GET', '/reef?versions&version-id-marker=null')).code, 'InvalidArgument');
});

test('many versions and markers are deleted at once', async (t) => {
  const s3 = await served(t);
  const { call } = s3;
  await set(s3, 'Enabled');
  const first = await put(s3, 'a', '1');
  await put(s3, 'b', '1');
  const body = `<Delete><Object><Key>a</Key><VersionId>${first}</VersionId></Object><Object><Key>b</Key></Object><Object><Key>b</Key><VersionId>nonsense</VersionId></Object></Delete>`;
  const { xml } = await call('POST', '/reef?delete', { body });
  t.deepEqual(texts(xml, 'DeleteMarker'), ['true']);
  t.deepEqual(texts(xml, 'Code'), ['InvalidArgument']);
  t.is((await call('GET', '/reef/a')).code, 'NoSuchKey');
  t.is((await listed(s3)).length, 2);
});

test('an object in parts is a version like any other', async (t) => {
  const s3 = await served(t);
  const { call, content } = s3;
  await set(s3, 'Enabled');
  const before = await put(s3, 'a', '1');
  const id = text((await call('POST', '/reef/a?uploads')).xml, 'UploadId');
  const body = randomBytes(20_000);
  const etag = (await call('PUT', `/reef/a?partNumber=1&uploadId=${id}`, { body })).headers.get('etag');
  const parts = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
  const done = await call('POST', `/reef/a?uploadId=${id}`, { body: parts });
  t.deepEqual(await listed(s3), [`a ${idOf(done)}*`, `a ${before}`]);
  await put(s3, 'a', '3');
  t.true((await call('GET', `/reef/a?versionId=${idOf(done)}`)).bytes.equals(body));
  await call('DELETE', `/reef/a?versionId=${idOf(done)}`);
  t.is(content.chunks.size, 0);
});

test('Swift lists and reads the same versions', async (t) => {
  const s3 = await served(t);
  await set(s3, 'Enabled');
  const ids = [await put(s3, 'a', '1'), await put(s3, 'a', '2')];
  const headers = { 'x-auth-token': 'member:p1' };
  const items = (await (await fetch(`${s3.swift}/reef?versions`, { headers })).json()) as {
    version_id: string;
  }[];
  t.deepEqual(
    items.map((item) => item.version_id),
    ids.toReversed(),
  );
  t.is(await (await fetch(`${s3.swift}/reef/a?version-id=${ids[0]}`, { headers })).text(), '1');
});
