/** Objects in parts: what is made of them, what is refused, and that nothing is left behind. */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import test from 'ava';
import type { Uuid } from '../../../proto/ids.ts';
import { MiB } from '../../../proto/units.ts';
import { fakeContent } from '../../fake/content.ts';
import { type ServedS3, serveS3, text, texts } from './serve.ts';

const md5 = (bytes: Uint8Array): Buffer => createHash('md5').update(bytes).digest();
const crc32Of = (bytes: Uint8Array): string => {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four.toString('base64');
};
const etagOf = (...parts: readonly Uint8Array[]): string =>
  `"${md5(Buffer.concat(parts.map(md5))).toString('hex')}-${parts.length}"`;

const begin = async (
  { call }: ServedS3,
  key = 'big',
  headers: Record<string, string> = {},
): Promise<string> => text((await call('POST', `/reef/${key}?uploads`, { headers })).xml, 'UploadId') ?? '';
const put = ({ call }: ServedS3, id: string, number: number, body: Uint8Array, key = 'big') =>
  call('PUT', `/reef/${key}?partNumber=${number}&uploadId=${id}`, { body });
const complete = (
  { call }: ServedS3,
  id: string,
  parts: readonly (readonly [number, Uint8Array])[],
  headers: Record<string, string> = {},
) =>
  call('POST', `/reef/big?uploadId=${id}`, {
    headers,
    body: `<CompleteMultipartUpload>${parts
      .map(
        ([number, body]) =>
          `<Part><PartNumber>${number}</PartNumber><ETag>"${md5(body).toString('hex')}"</ETag></Part>`,
      )
      .join('')}</CompleteMultipartUpload>`,
  });

const uses = ({ content }: ServedS3): number =>
  [...content.users.values()].reduce((sum, users) => sum + users.size, 0);

const [a, b, c] = [randomBytes(5 * MiB), randomBytes(5 * MiB), randomBytes(100)];

test('parts that came in any order are one object, with S3’s ETag and no byte moved', async (t) => {
  const served = await serveS3(t);
  const { call } = served;
  await call('PUT', '/reef');
  const id = await begin(served, 'big', { 'content-type': 'image/png', 'x-amz-meta-colour': 'blue' });
  await put(served, id, 7, c);
  t.is((await put(served, id, 1, a)).headers.get('etag'), `"${md5(a).toString('hex')}"`);
  await put(served, id, 3, b);
  t.is((await call('GET', '/reef/big')).code, 'NoSuchKey');
  const before = uses(served);
  const done = await complete(served, id, [
    [1, a],
    [3, b],
    [7, c],
  ]);
  t.is(text(done.xml, 'ETag'), etagOf(a, b, c));
  t.is(uses(served), before);
  const got = await call('GET', '/reef/big');
  t.true(got.bytes.equals(Buffer.concat([a, b, c])));
  t.is(got.headers.get('etag'), etagOf(a, b, c));
  t.is(got.headers.get('content-type'), 'image/png');
  t.is(got.headers.get('x-amz-meta-colour'), 'blue');
  t.true(
    (
      await call('GET', '/reef/big', { headers: { range: `bytes=${5 * MiB - 10}-${5 * MiB + 9}` } })
    ).bytes.equals(Buffer.concat([a.subarray(-10), b.subarray(0, 10)])),
  );
  t.deepEqual(texts((await call('GET', '/reef')).xml, 'Size'), [String(10 * MiB + 100)]);
  const part = await call('GET', '/reef/big?partNumber=3');
  t.true(part.bytes.equals(c));
  t.is(part.headers.get('x-amz-mp-parts-count'), '3');
  t.is((await call('GET', '/reef/big?partNumber=4')).code, 'InvalidPartNumber');
  const both = { headers: { range: 'bytes=0-1' } };
  t.is((await call('GET', '/reef/big?partNumber=3', both)).code, 'InvalidRequest');
  t.deepEqual(texts((await call('GET', '/reef?uploads')).xml, 'UploadId'), []);
});

test('a completed upload is completed once more without harm, and gone for all else', async (t) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef');
  const id = await begin(served);
  await put(served, id, 1, c);
  await complete(served, id, [[1, c]]);
  t.is(text((await complete(served, id, [[1, c]])).xml, 'ETag'), etagOf(c));
  t.true((await served.call('GET', '/reef/big')).bytes.equals(c));
  t.is((await put(served, id, 2, c)).code, 'NoSuchUpload');
  t.is((await served.call('DELETE', `/reef/big?uploadId=${id}`)).code, 'NoSuchUpload');
  t.true((await served.call('GET', '/reef/big')).bytes.equals(c));
  await served.call('PUT', '/reef/big', { body: 'new' });
  t.is((await complete(served, id, [[1, c]])).code, 'NoSuchUpload');
  t.is((await served.call('GET', '/reef/big')).text, 'new');
  t.is(uses(served), 0);
});

test('parts that were not meant, replaced or aborted give their room back, and so does the object', async (t) => {
  const served = await serveS3(t);
  const { call } = served;
  await call('PUT', '/reef');
  const id = await begin(served);
  await put(served, id, 1, b);
  await put(served, id, 1, a);
  await put(served, id, 2, c);
  await put(served, id, 9, b);
  t.is(
    text(
      (
        await complete(served, id, [
          [1, a],
          [2, c],
        ])
      ).xml,
      'ETag',
    ),
    etagOf(a, c),
  );
  t.true((await call('GET', '/reef/big')).bytes.equals(Buffer.concat([a, c])));
  t.is(uses(served), 3);
  const other = await begin(served);
  await put(served, other, 1, b);
  t.is((await call('DELETE', `/reef/big?uploadId=${other}`)).status, 204);
  t.is((await call('DELETE', `/reef/big?uploadId=${other}`)).code, 'NoSuchUpload');
  t.is(uses(served), 3);
  await call('DELETE', '/reef/big');
  t.is(uses(served), 0);
});

test('a completion that does not fit is refused, and the upload goes on', async (t) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef');
  const id = await begin(served);
  await put(served, id, 1, c);
  await put(served, id, 2, b);
  t.is(
    (
      await complete(served, id, [
        [2, b],
        [1, c],
      ])
    ).code,
    'InvalidPartOrder',
  );
  t.is(
    (
      await complete(served, id, [
        [1, c],
        [2, b],
      ])
    ).code,
    'EntityTooSmall',
  );
  t.is((await complete(served, id, [[1, a]])).code, 'InvalidPart');
  t.is((await complete(served, id, [])).code, 'MalformedXML');
  t.is((await served.call('POST', `/reef/big?uploadId=${id}`)).code, 'MalformedXML');
  t.is((await complete(served, 'none', [[1, a]])).code, 'NoSuchUpload');
  t.is((await put(served, id, 0, c)).code, 'InvalidArgument');
  t.is((await put(served, id, 10_001, c)).code, 'InvalidArgument');
  await served.call('PUT', '/reef/big', { body: 'there' });
  t.is((await complete(served, id, [[2, b]], { 'if-none-match': '*' })).code, 'PreconditionFailed');
  t.is((await served.call('GET', '/reef/big')).text, 'there');
  await put(served, id, 3, a);
  t.is(
    text(
      (
        await complete(served, id, [
          [2, b],
          [3, a],
        ])
      ).xml,
      'ETag',
    ),
    etagOf(b, a),
  );
});

test('uploads and their parts are listed, page by page', async (t) => {
  const served = await serveS3(t);
  const { call } = served;
  await call('PUT', '/reef');
  const ids = [await begin(served, 'a/1'), await begin(served, 'a/2'), await begin(served, 'b')];
  const all = (await call('GET', '/reef?uploads')).xml;
  t.deepEqual(texts(all, 'Key'), ['a/1', 'a/2', 'b']);
  t.deepEqual(texts(all, 'UploadId'), ids);
  const first = (await call('GET', '/reef?uploads&max-uploads=2')).xml;
  t.is(text(first, 'IsTruncated'), 'true');
  const next = `key-marker=${text(first, 'NextKeyMarker')}&upload-id-marker=${text(first, 'NextUploadIdMarker')}`;
  t.deepEqual(texts((await call('GET', `/reef?uploads&${next}`)).xml, 'Key'), ['b']);
  const folded = (await call('GET', '/reef?uploads&delimiter=/')).xml;
  t.deepEqual(texts(folded, 'Key'), ['b']);
  const id = ids[2] ?? '';
  for (const number of [1, 2, 3]) await put(served, id, number, c, 'b');
  await put(served, id, 2, randomBytes(7), 'b');
  const parts = (await call('GET', `/reef/b?uploadId=${id}&max-parts=2`)).xml;
  t.deepEqual(texts(parts, 'PartNumber'), ['1', '2']);
  t.deepEqual(texts(parts, 'Size'), ['100', '7']);
  const rest = (
    await call('GET', `/reef/b?uploadId=${id}&part-number-marker=${text(parts, 'NextPartNumberMarker')}`)
  ).xml;
  t.deepEqual(texts(rest, 'PartNumber'), ['3']);
  t.is((await call('GET', '/reef/b?uploadId=none')).code, 'NoSuchUpload');
});

test('a part is copied from an object, or from a range of one', async (t) => {
  const served = await serveS3(t);
  const { call, content } = served;
  await call('PUT', '/reef');
  await call('PUT', '/reef/source', { body: a });
  const id = await begin(served);
  const copy = (number: number, headers: Record<string, string>) =>
    call('PUT', `/reef/big?partNumber=${number}&uploadId=${id}`, {
      headers: { 'x-amz-copy-source': '/reef/source', ...headers },
    });
  const chunks = content.chunks.size;
  t.is(text((await copy(1, {})).xml, 'ETag'), `"${md5(a).toString('hex')}"`);
  t.is(content.chunks.size, chunks);
  const tail = a.subarray(10, 60);
  t.is(
    text((await copy(2, { 'x-amz-copy-source-range': 'bytes=10-59' })).xml, 'ETag'),
    `"${md5(tail).toString('hex')}"`,
  );
  t.is((await copy(3, { 'x-amz-copy-source-range': 'bytes=10-' })).code, 'InvalidArgument');
  t.is((await copy(3, { 'x-amz-copy-source-range': `bytes=10-${5 * MiB}` })).code, 'InvalidRange');
  await complete(served, id, [
    [1, a],
    [2, tail],
  ]);
  await call('DELETE', '/reef/source');
  t.true((await call('GET', '/reef/big')).bytes.equals(Buffer.concat([a, tail])));
  await call('PUT', '/reef/copy', { headers: { 'x-amz-copy-source': '/reef/big' } });
  await call('DELETE', '/reef/big');
  t.true((await call('GET', '/reef/copy')).bytes.equals(Buffer.concat([a, tail])));
});

test('a part is not copied from an object that goes before its chunks have another user', async (t) => {
  const content = fakeContent();
  let meanwhile = async (): Promise<unknown> => undefined;
  const retain: typeof content.retain = async (what, user) => {
    await meanwhile();
    await content.retain(what, user);
  };
  const served = await serveS3(t, { content: { ...content, retain } });
  const { call } = served;
  await call('PUT', '/reef');
  await call('PUT', '/reef/source', { body: a });
  const id = await begin(served);
  const copy = () =>
    call('PUT', `/reef/big?partNumber=1&uploadId=${id}`, {
      headers: { 'x-amz-copy-source': '/reef/source' },
    });
  const usersOf = () => [...content.users.values()].reduce((sum, users) => sum + users.size, 0);
  meanwhile = () => call('PUT', '/reef/source', { body: b });
  t.is((await copy()).code, 'SlowDown');
  meanwhile = () => call('DELETE', '/reef/source');
  t.is((await copy()).code, 'SlowDown');
  t.is(usersOf(), 0);
  t.is((await copy()).code, 'NoSuchKey');
});

test('checksums of parts are joined', async (t) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef');
  const sha = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
  const id = await begin(served, 'big', { 'x-amz-checksum-algorithm': 'SHA256' });
  for (const [number, body] of [
    [1, a],
    [2, c],
  ] as const)
    await served.call('PUT', `/reef/big?partNumber=${number}&uploadId=${id}`, {
      body,
      headers: { 'x-amz-checksum-sha256': sha(body).toString('base64') },
    });
  const wanted = `${sha(Buffer.concat([sha(a), sha(c)])).toString('base64')}-2`;
  t.is(
    text(
      (
        await complete(served, id, [
          [1, a],
          [2, c],
        ])
      ).xml,
      'ChecksumSHA256',
    ),
    wanted,
  );
  const got = await served.call('HEAD', '/reef/big', { headers: { 'x-amz-checksum-mode': 'ENABLED' } });
  t.is(got.headers.get('x-amz-checksum-sha256'), wanted);
});

test('a bucket that goes takes what was never completed with it', async (t) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef');
  const id = await begin(served);
  await put(served, id, 1, a);
  t.is((await served.call('DELETE', '/reef')).status, 204);
  t.is(uses(served), 0);
  t.is((await put(served, id, 2, c)).code, 'NoSuchBucket');
});

test('a part that races with the abort, and completions that race, leave nothing behind', async (t) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef');
  for (let round = 0; round < 5; round++) {
    const id = await begin(served);
    await Promise.all([
      put(served, id, 1, b),
      put(served, id, 2, c),
      served.call('DELETE', `/reef/big?uploadId=${id}`),
    ]);
    t.is(uses(served), 0);
  }
  const ids = await Promise.all([begin(served), begin(served), begin(served)]);
  await Promise.all(ids.map((id) => put(served, id, 1, a)));
  const answers = await Promise.all(ids.map((id) => complete(served, id, [[1, a]])));
  t.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  t.true((await served.call('GET', '/reef/big')).bytes.equals(a));
  t.is(uses(served), 2);
});

test('Swift shows one with an ETag that is no MD5, and deletes it as a large object or a plain one', async (t) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef');
  const headers = { 'x-auth-token': 'member:p1' };
  for (const query of ['', '?multipart-manifest=delete']) {
    const id = await begin(served);
    await put(served, id, 1, c);
    await complete(served, id, [[1, c]]);
    const got = await fetch(`${served.swift}/reef/big`, { headers });
    t.true(Buffer.from(await got.arrayBuffer()).equals(c));
    t.is(got.headers.get('etag'), etagOf(c));
    t.is(got.headers.get('x-static-large-object'), 'False');
    t.true((await fetch(`${served.swift}/reef/big${query}`, { method: 'DELETE', headers })).ok);
    t.is((await served.call('GET', '/reef/big')).code, 'NoSuchKey');
  }
  t.is(uses(served), 0);
});

test('parts have the checksum that their upload wants, computed where none came; the whole is held to what is said', async (t) => {
  const served = await serveS3(t);
  const { call } = served;
  await call('PUT', '/reef');
  await call('PUT', '/reef/source', { body: b });
  const sha = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
  const id = await begin(served, 'big', { 'x-amz-checksum-algorithm': 'SHA256' });
  const first = await put(served, id, 1, a);
  t.is(first.headers.get('x-amz-checksum-sha256'), sha(a).toString('base64'));
  const copied = await call('PUT', `/reef/big?partNumber=2&uploadId=${id}`, {
    headers: { 'x-amz-copy-source': '/reef/source' },
  });
  t.is(copied.status, 200);
  const other = await call('PUT', `/reef/big?partNumber=3&uploadId=${id}`, {
    body: c,
    headers: { 'x-amz-checksum-crc32': crc32Of(c) },
  });
  t.is(other.code, 'InvalidRequest');
  const all = [
    [1, a],
    [2, b],
  ] as const;
  t.is((await complete(served, id, all, { 'x-amz-checksum-type': 'FULL_OBJECT' })).code, 'InvalidRequest');
  t.is((await complete(served, id, all, { 'x-amz-mp-object-size': '7' })).code, 'InvalidRequest');
  const done = await complete(served, id, all, { 'x-amz-mp-object-size': String(a.length + b.length) });
  t.is(text(done.xml, 'ChecksumSHA256'), `${sha(Buffer.concat([sha(a), sha(b)])).toString('base64')}-2`);
  t.is(text(done.xml, 'ChecksumType'), 'COMPOSITE');
  const part = await call('GET', '/reef/big?partNumber=2', { headers: { 'x-amz-checksum-mode': 'ENABLED' } });
  t.is(part.headers.get('x-amz-checksum-sha256'), sha(b).toString('base64'));
  t.is(part.headers.get('x-amz-checksum-type'), 'COMPOSITE', 'what that of the object is');
  const whole = await begin(served, 'big', {
    'x-amz-checksum-algorithm': 'CRC32',
    'x-amz-checksum-type': 'FULL_OBJECT',
  });
  await put(served, whole, 1, a);
  await put(served, whole, 2, c);
  const joined = await complete(served, whole, [
    [1, a],
    [2, c],
  ]);
  t.is(text(joined.xml, 'ChecksumCRC32'), crc32Of(Buffer.concat([a, c])));
});

test('an object whose list of chunks does not fit its row is read, asked about and deleted as any other', async (t) => {
  const served = await serveS3(t, { listBytesMax: 500 });
  const { call, swift } = served;
  await call('PUT', '/reef');
  const id = await begin(served);
  for (const [number, body] of [
    [2, c],
    [2, a],
    [5, b],
    [9, c],
  ] as const)
    await put(served, id, number, body);
  const all = [
    [2, a],
    [5, b],
    [9, c],
  ] as const;
  const whole = Buffer.concat([a, b, c]);
  const unused = uses(served);
  t.is((await complete(served, id, all)).status, 200);
  // The part that was sent twice counts once.
  t.is(uses(served), unused - 1);
  t.is((await complete(served, id, all)).status, 200);
  t.is((await complete(served, id, all.slice(0, 2))).code, 'NoSuchUpload', 'once, of some parts');
  t.true((await call('GET', '/reef/big')).bytes.equals(whole));
  const headers = { 'x-auth-token': 'member:p1' };
  t.true(Buffer.from(await (await fetch(`${swift}/reef/big`, { headers })).arrayBuffer()).equals(whole));
  const across = await call('GET', '/reef/big', { headers: { range: 'bytes=5242870-10485765' } });
  t.true(across.bytes.equals(whole.subarray(5242870, 10485766)));
  const third = await call('GET', '/reef/big?partNumber=3');
  t.true(third.bytes.equals(c));
  t.is(third.headers.get('x-amz-mp-parts-count'), '3');
  const attributes = await call('GET', '/reef/big?attributes', {
    headers: { 'x-amz-object-attributes': 'ObjectParts,ObjectSize' },
  });
  t.deepEqual(texts(attributes.xml, 'PartNumber'), ['2', '5', '9']);
  t.is(text(attributes.xml, 'ObjectSize'), String(whole.length));
  const moved = await fetch(`${swift}/reef/copy`, {
    method: 'PUT',
    headers: { ...headers, 'x-copy-from': '/reef/big' },
  });
  t.is(moved.status, 413);
  const copied = await begin(served, 'copy');
  const part = await call('PUT', `/reef/copy?partNumber=1&uploadId=${copied}`, {
    headers: { 'x-amz-copy-source': '/reef/big' },
  });
  t.is(text(part.xml, 'ETag'), `"${md5(whole).toString('hex')}"`);
  await call('DELETE', `/reef/copy?uploadId=${copied}`);
  await call('PUT', '/reef/big', { body: 'small' });
  t.is(uses(served), 0);
  t.is((await served.objects.records.parts.range(id as Uuid, { limit: 10 })).entries.length, 0);
});

test('a long object with the caller’s key opens part by part, and as a version it is given back with it', async (t) => {
  const served = await serveS3(t, { listBytesMax: 500 });
  const { call } = served;
  await call('PUT', '/reef');
  const key = randomBytes(32);
  const prefix = 'x-amz-server-side-encryption-customer-';
  const headers = {
    [`${prefix}algorithm`]: 'AES256',
    [`${prefix}key`]: key.toString('base64'),
    [`${prefix}key-md5`]: md5(key).toString('base64'),
  };
  await call('PUT', '/reef?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  });
  const id = await begin(served, 'big', headers);
  for (const [number, body] of [
    [1, a],
    [2, b],
  ] as const)
    await call('PUT', `/reef/big?partNumber=${number}&uploadId=${id}`, { body, headers });
  const done = await complete(
    served,
    id,
    [
      [1, a],
      [2, b],
    ],
    headers,
  );
  t.is(done.status, 200);
  await call('PUT', '/reef/big', { body: 'newer' });
  const version = `/reef/big?versionId=${done.headers.get('x-amz-version-id')}`;
  const range = { ...headers, range: 'bytes=5242875-5242884' };
  const got = await call('GET', version, { headers: range });
  t.true(got.bytes.equals(Buffer.concat([a, b]).subarray(5242875, 5242885)));
  t.is((await call('GET', version)).status, 400);
  await call('DELETE', version);
  t.is(uses(served), 0);
});
