/** Tags of objects and buckets, and an object's attributes. */
import { createHash } from 'node:crypto';
import test from 'ava';
import { serveS3, text, texts } from './serve.ts';

const tagging = (tags: Record<string, string>): string =>
  `<Tagging><TagSet>${Object.entries(tags)
    .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
    .join('')}</TagSet></Tagging>`;

test('an object comes with tags, gets others, and loses them; its time and bytes stay', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', {
    body: 'a',
    headers: { 'x-amz-tagging': 'colour=blue&a%20b=c%2B', 'x-amz-meta-x': 'y' },
  });
  const tags = async (path = '/reef/a?tagging'): Promise<string[]> => {
    const { xml } = await call('GET', path);
    return texts(xml, 'Key').map((key, at) => `${key}=${texts(xml, 'Value')[at]}`);
  };
  t.deepEqual(await tags(), ['a b=c+', 'colour=blue'], 'by name');
  const head = await call('HEAD', '/reef/a');
  t.is(head.headers.get('x-amz-tagging-count'), '2');
  t.is((await call('PUT', '/reef/a?tagging', { body: tagging({ shape: 'round' }) })).status, 200);
  t.deepEqual(await tags(), ['shape=round']);
  const after = await call('GET', '/reef/a');
  t.is(after.text, 'a');
  t.is(after.headers.get('last-modified'), head.headers.get('last-modified'));
  t.is(after.headers.get('x-amz-meta-x'), 'y');
  await fetch(`${swift}/reef/a`, {
    method: 'POST',
    headers: { 'x-auth-token': 'member:p1', 'x-object-meta-z': 'z' },
  });
  t.deepEqual(await tags(), ['shape=round'], 'a POST of Swift’s does not touch them');
  await call('PUT', '/reef/b', { headers: { 'x-amz-copy-source': '/reef/a' } });
  t.deepEqual(await tags('/reef/b?tagging'), ['shape=round']);
  await call('PUT', '/reef/b', {
    headers: { 'x-amz-copy-source': '/reef/b', 'x-amz-tagging-directive': 'REPLACE', 'x-amz-tagging': 'x=y' },
  });
  t.deepEqual(await tags('/reef/b?tagging'), ['x=y']);
  t.is((await call('DELETE', '/reef/a?tagging')).status, 204);
  t.deepEqual(await tags(), []);
  await call('PUT', '/reef/b', { body: 'anew' });
  t.deepEqual(await tags('/reef/b?tagging'), []);
  t.is((await call('PUT', '/reef/none?tagging', { body: tagging({}) })).code, 'NoSuchKey');
  t.is(
    (await call('PUT', '/reef/a?tagging', { token: 'member:p2', body: tagging({}) })).code,
    'AccessDenied',
  );
});

test('each version has its own', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  });
  const id = (await call('PUT', '/reef/a', { body: '1', headers: { 'x-amz-tagging': 'n=1' } })).headers.get(
    'x-amz-version-id',
  );
  await call('PUT', '/reef/a', { body: '2' });
  await call('PUT', `/reef/a?tagging&versionId=${id}`, { body: tagging({ n: 'one' }) });
  t.is(text((await call('GET', `/reef/a?tagging&versionId=${id}`)).xml, 'Value'), 'one');
  t.is(text((await call('GET', '/reef/a?tagging')).xml, 'Value'), undefined);
});

test('tags that cannot be are refused', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'a' });
  const refused = async (body: string) => (await call('PUT', '/reef/a?tagging', { body })).code;
  t.is(
    await refused(tagging(Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`k${at}`, 'v'])))),
    'InvalidTag',
  );
  t.is(await refused(tagging({ ['x'.repeat(129)]: 'v' })), 'InvalidTag');
  t.is(await refused(tagging({ k: 'x'.repeat(257) })), 'InvalidTag');
  t.is(await refused(tagging({ 'aws:k': 'v' })), 'InvalidTag');
  t.is(await refused(tagging({ k: '{}' })), 'InvalidTag');
  t.is(await refused('<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>'), 'MalformedXML');
  t.is(
    (await call('PUT', '/reef/a', { body: 'a', headers: { 'x-amz-tagging': 'a=1&a=2' } })).code,
    'InvalidTag',
  );
});

test('a bucket has tags of its own', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  t.is((await call('GET', '/reef?tagging')).code, 'NoSuchTagSet');
  t.is((await call('PUT', '/reef?tagging', { body: tagging({ team: 'reef' }) })).status, 204);
  t.is(text((await call('GET', '/reef?tagging')).xml, 'Value'), 'reef');
  t.is((await call('DELETE', '/reef?tagging')).status, 204);
  t.is((await call('GET', '/reef?tagging')).code, 'NoSuchTagSet');
});

test('attributes are told when they are asked for', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const sha256 = createHash('sha256').update('hello').digest('base64');
  await call('PUT', '/reef/a', { body: 'hello', headers: { 'x-amz-checksum-sha256': sha256 } });
  const asked = (attributes: string, key = 'a') =>
    call('GET', `/reef/${key}?attributes`, { headers: { 'x-amz-object-attributes': attributes } });
  const { xml } = await asked('ETag,Checksum,ObjectSize,ObjectParts');
  t.is(text(xml, 'ETag'), createHash('md5').update('hello').digest('hex'));
  t.is(text(xml, 'ChecksumSHA256'), sha256);
  t.is(text(xml, 'ObjectSize'), '5');
  t.is(text(xml, 'StorageClass'), undefined);
  t.is(text(xml, 'ObjectParts'), undefined);
  t.is((await asked('Colour')).code, 'InvalidArgument');
  const id = text((await call('POST', '/reef/b?uploads')).xml, 'UploadId');
  const etag = (await call('PUT', `/reef/b?partNumber=4&uploadId=${id}`, { body: 'hello' })).headers.get(
    'etag',
  );
  const body = `<CompleteMultipartUpload><Part><PartNumber>4</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
  await call('POST', `/reef/b?uploadId=${id}`, { body });
  const parts = (await asked('ObjectParts', 'b')).xml;
  t.is(text(parts, 'PartsCount'), '1');
  t.is(text(parts, 'PartNumber'), '4');
});
