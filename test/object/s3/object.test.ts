/** Objects through S3: put, get, copy, delete, and what is refused. */

import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import test from 'ava';
import { serveS3, text, texts } from './serve.ts';

const md5 = (bytes: string | Uint8Array): string => createHash('md5').update(bytes).digest('hex');

test('what was put is got back, with its type, headers and metadata', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const bytes = randomBytes(100_000);
  const put = await call('PUT', '/reef/dir/ö%20+.bin', {
    body: bytes,
    headers: {
      'content-type': 'image/png',
      'cache-control': 'max-age=5',
      'content-disposition': 'attachment',
      'x-amz-meta-Colour': 'blue',
      'x-object-manifest': 'other/prefix',
    },
  });
  t.is(put.status, 200);
  t.is(put.headers.get('etag'), `"${md5(bytes)}"`);
  const got = await call('GET', '/reef/dir/%C3%B6%20%2B.bin');
  t.true(got.bytes.equals(bytes));
  t.is(got.headers.get('content-type'), 'image/png');
  t.is(got.headers.get('cache-control'), 'max-age=5');
  t.is(got.headers.get('x-amz-meta-colour'), 'blue');
  t.is(got.headers.get('x-amz-version-id'), null);
  t.is(got.headers.get('x-object-manifest'), null);
  const head = await call('HEAD', '/reef/dir/%C3%B6%20%2B.bin');
  t.is(head.headers.get('content-length'), '100000');
  t.is(head.text, '');
  await call('PUT', '/reef/plain', { body: '' });
  t.is((await call('HEAD', '/reef/plain')).headers.get('content-type'), 'binary/octet-stream');
});

test('keys are never normalised', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  for (const key of ['dir/', '/lead', 'a//b', 'a%2F..%2Fb', 'p%25', 'x'.repeat(1024)]) {
    await call('PUT', `/reef/${key}`, { body: key });
    t.is((await call('GET', `/reef/${key}`)).text, key, key);
  }
  t.is((await call('PUT', `/reef/${'x'.repeat(1025)}`, { body: '' })).code, 'KeyTooLongError');
  t.is((await call('PUT', '/reef/%00', { body: '' })).code, 'InvalidURI');
  t.is((await call('PUT', '/reef/%ff', { body: '' })).code, 'InvalidURI');
});

test('a range gives a part, one that misses is refused', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: '0123456789' });
  const part = await call('GET', '/reef/a', { headers: { range: 'bytes=2-4' } });
  t.is(part.status, 206);
  t.is(part.text, '234');
  t.is(part.headers.get('content-range'), 'bytes 2-4/10');
  t.is((await call('GET', '/reef/a', { headers: { range: 'bytes=-3' } })).text, '789');
  t.is((await call('GET', '/reef/a', { headers: { range: 'bytes=0-1,4-5' } })).text, '0123456789');
  const missed = await call('GET', '/reef/a', { headers: { range: 'bytes=10-' } });
  t.is(missed.code, 'InvalidRange');
  t.is(missed.status, 416);
  t.is(missed.headers.get('content-range'), 'bytes */10');
  t.is(text(missed.xml, 'ActualObjectSize'), '10');
});

test('conditions of a read', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const { headers } = await call('PUT', '/reef/a', { body: 'a' });
  const etag = headers.get('etag') ?? '';
  const got = async (conditions: Record<string, string>) =>
    (await call('GET', '/reef/a', { headers: conditions })).status;
  t.is(await got({ 'if-match': etag }), 200);
  t.is(await got({ 'if-match': '"other"' }), 412);
  t.is(await got({ 'if-none-match': etag }), 304);
  t.is(await got({ 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() }), 304);
  t.is(await got({ 'if-unmodified-since': new Date(0).toUTCString() }), 412);
});

test('a reader may say how the answer is headed, nobody may', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'a' });
  const path =
    '/reef/a?response-content-type=text/x&response-content-disposition=attachment%3B%20filename%3Db';
  const got = await call('GET', path);
  t.is(got.headers.get('content-type'), 'text/x');
  t.is(got.headers.get('content-disposition'), 'attachment; filename=b');
  await fetch(`${swift}/reef`, {
    method: 'POST',
    headers: { 'x-auth-token': 'member:p1', 'x-container-read': '.r:*' },
  });
  t.is((await call('GET', '/reef/a', { token: null })).text, 'a');
  t.is((await call('GET', path, { token: null })).code, 'InvalidRequest');
});

test('what is missing is named', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const none = await call('GET', '/reef/none');
  t.is(none.code, 'NoSuchKey');
  t.is(text(none.xml, 'Key'), 'none');
  t.is((await call('HEAD', '/reef/none')).status, 404);
  t.is((await call('GET', '/none/none')).code, 'NoSuchBucket');
  t.is((await call('PUT', '/none/none', { body: 'x' })).code, 'NoSuchBucket');
  t.is((await call('GET', '/reef/none?versionId=nonsense')).code, 'InvalidArgument');
  t.is((await call('DELETE', '/reef/none')).status, 204);
});

test('a body that is not what its checksums say leaves nothing', async (t) => {
  const { call, content } = await serveS3(t);
  await call('PUT', '/reef');
  const body = randomBytes(50_000);
  const wrong = createHash('md5').update('other').digest('base64');
  t.is((await call('PUT', '/reef/a', { body, headers: { 'content-md5': wrong } })).code, 'BadDigest');
  t.is(
    (await call('PUT', '/reef/a', { body, headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } })).code,
    'BadDigest',
  );
  t.is(
    (await call('PUT', '/reef/a', { body, headers: { 'content-md5': 'nonsense' } })).code,
    'InvalidDigest',
  );
  t.is((await call('GET', '/reef/a')).code, 'NoSuchKey');
  t.is(content.chunks.size, 0);
});

test('a checksum is kept and told to who asks', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const sha256 = createHash('sha256').update('hello').digest('base64');
  const put = await call('PUT', '/reef/a', { body: 'hello', headers: { 'x-amz-checksum-sha256': sha256 } });
  t.is(put.headers.get('x-amz-checksum-sha256'), sha256);
  t.is((await call('GET', '/reef/a')).headers.get('x-amz-checksum-sha256'), null);
  const asked = await call('GET', '/reef/a', { headers: { 'x-amz-checksum-mode': 'ENABLED' } });
  t.is(asked.headers.get('x-amz-checksum-sha256'), sha256);
});

test('If-None-Match * lets one of many writers through, If-Match only who knows the object', async (t) => {
  const { call, content } = await serveS3(t);
  await call('PUT', '/reef');
  const body = randomBytes(50_000);
  const first = { body, headers: { 'if-none-match': '*' } };
  const answers = await Promise.all(Array.from({ length: 8 }, () => call('PUT', '/reef/a', first)));
  t.is(answers.filter(({ status }) => status === 200).length, 1);
  t.is(answers.filter(({ code, status }) => code === 'PreconditionFailed' && status === 412).length, 7);
  t.is(
    [...content.users.values()].reduce((sum, users) => sum + users.size, 0),
    1,
  );
  const etag = `"${md5(body)}"`;
  t.is(
    (await call('PUT', '/reef/a', { body: 'b', headers: { 'if-match': '"other"' } })).code,
    'PreconditionFailed',
  );
  t.is((await call('PUT', '/reef/a', { body: 'b', headers: { 'if-match': etag } })).status, 200);
  t.is((await call('PUT', '/reef/none', { body: 'b', headers: { 'if-match': etag } })).code, 'NoSuchKey');
  const unless = (etags: string) =>
    call('PUT', '/reef/a', { body: 'b', headers: { 'if-none-match': etags } });
  t.is((await unless(etag)).status, 200, 'it is another by now');
  t.is((await unless(`${etag}, "${md5(Buffer.from('b'))}"`)).code, 'PreconditionFailed');
});

test('a copy moves no byte, and keeps or replaces what is said about it', async (t) => {
  const { call, content } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/other');
  const bytes = randomBytes(50_000);
  await call('PUT', '/reef/a%20b', {
    body: bytes,
    headers: { 'x-amz-meta-colour': 'blue', 'content-type': 'text/x' },
  });
  const copied = await call('PUT', '/other/c', { headers: { 'x-amz-copy-source': '/reef/a%20b' } });
  t.is(text(copied.xml, 'ETag'), `"${md5(bytes)}"`);
  t.is(content.chunks.size, 1);
  const got = await call('GET', '/other/c');
  t.true(got.bytes.equals(bytes));
  t.is(got.headers.get('x-amz-meta-colour'), 'blue');
  t.is(got.headers.get('content-type'), 'text/x');
  const replace = {
    'x-amz-copy-source': 'other/c',
    'x-amz-metadata-directive': 'REPLACE',
    'x-amz-meta-shape': 'round',
  };
  t.is((await call('PUT', '/other/c', { headers: replace })).status, 200);
  const anew = await call('GET', '/other/c');
  t.true(anew.bytes.equals(bytes));
  t.is(anew.headers.get('x-amz-meta-colour'), null);
  t.is(anew.headers.get('x-amz-meta-shape'), 'round');
  t.is(
    (await call('PUT', '/other/c', { headers: { 'x-amz-copy-source': 'other/c' } })).code,
    'InvalidRequest',
  );
  t.is((await call('PUT', '/other/c', { headers: { 'x-amz-copy-source': 'other/none' } })).code, 'NoSuchKey');
  t.is(
    (await call('PUT', '/other/c', { headers: { 'x-amz-copy-source': 'other' } })).code,
    'InvalidArgument',
  );
  const conditional = {
    'x-amz-copy-source': 'other/c',
    'x-amz-copy-source-if-none-match': `"${md5(bytes)}"`,
  };
  t.is((await call('PUT', '/other/d', { headers: conditional })).code, 'PreconditionFailed');
  t.is(
    (await call('PUT', '/other/d', { token: 'member:p2', headers: { 'x-amz-copy-source': 'other/c' } })).code,
    'AccessDenied',
  );
  const partly = { 'x-amz-copy-source': '/reef/a', range: 'bytes=0-1' };
  t.is((await call('PUT', '/reef/part', { headers: partly })).code, 'InvalidArgument');
});

test('many are deleted at once, and each says how it went', async (t) => {
  const { call, url } = await serveS3(t);
  await call('PUT', '/reef');
  for (const key of ['a', 'b', '%26']) await call('PUT', `/reef/${key}`, { body: key });
  const wanted = (...keys: string[]): string =>
    keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('');
  const some = await call('POST', '/reef?delete', {
    body: `<Delete>${wanted('a', '&amp;', 'none')}</Delete>`,
  });
  t.deepEqual(texts(some.xml, 'Key'), ['a', '&', 'none']);
  t.deepEqual(texts((await call('GET', '/reef')).xml, 'Key'), ['b']);
  const long = 'x'.repeat(1025);
  const quiet = await call('POST', '/reef?delete', {
    body: `<Delete><Quiet>true</Quiet>${wanted('b', long)}</Delete>`,
  });
  t.deepEqual(texts(quiet.xml, 'Code'), ['KeyTooLongError']);
  t.deepEqual(texts(quiet.xml, 'Deleted'), []);
  t.is(
    (await call('POST', '/reef?delete', { body: `<Delete>${wanted(...Array(1001).fill('a'))}</Delete>` }))
      .code,
    'MalformedXML',
  );
  const damaged = { body: `<Delete>${wanted('b')}</Delete>`, headers: { 'content-md5': '' } };
  t.is((await call('POST', '/reef?delete', damaged)).code, 'InvalidDigest');
  const headers = { 'x-test-token': 'member:p1' };
  const unchecked = await fetch(`${url}/reef?delete`, { method: 'POST', body: damaged.body, headers });
  t.regex(await unchecked.text(), /<Code>InvalidRequest<.*Content-MD5 OR x-amz-checksum-\*/);
  const stranger = { body: `<Delete>${wanted('a')}</Delete>`, token: 'member:p2' };
  t.deepEqual(texts((await call('POST', '/reef?delete', stranger)).xml, 'Code'), ['AccessDenied']);
});

test('metadata beyond 2 KB, other storage classes and encryption are refused', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const put = (headers: Record<string, string>) => call('PUT', '/reef/a', { body: 'a', headers });
  t.is((await put({ 'x-amz-meta-a': 'x'.repeat(2048) })).code, 'MetadataTooLarge');
  t.is((await put({ 'x-amz-storage-class': 'GLACIER' })).code, 'InvalidStorageClass');
  t.is((await put({ 'x-amz-storage-class': 'STANDARD' })).status, 200);
  t.is((await put({ 'x-amz-server-side-encryption': 'aws:kms:dsse' })).code, 'NotImplemented');
});

test('large objects of Swift are shown with an ETag that is no MD5, by which conditions hold', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/segments/1', { body: 'one' });
  await call('PUT', '/reef/segments/2', { body: 'two' });
  const put = (path: string, headers: Record<string, string>, body = '') =>
    fetch(`${swift}${path}`, { method: 'PUT', headers: { 'x-auth-token': 'member:p1', ...headers }, body });
  await put('/reef/dynamic', { 'x-object-manifest': 'reef/segments/' });
  const list = [{ path: '/reef/segments/1' }, { path: '/reef/segments/2' }];
  await put('/reef/static?multipart-manifest=put', {}, JSON.stringify(list));
  for (const key of ['/reef/dynamic', '/reef/static']) {
    const got = await call('GET', key);
    t.is(got.text, 'onetwo');
    const etag = got.headers.get('etag') ?? '';
    t.regex(etag, /^"[0-9a-f]{32}-N"$/);
    t.is((await call('GET', key, { headers: { 'if-match': etag } })).status, 200);
    t.is((await call('HEAD', key, { headers: { 'if-none-match': etag } })).status, 304);
  }
  const listed = texts((await call('GET', '/reef?prefix=static')).xml, 'ETag');
  t.deepEqual(listed, [(await call('HEAD', '/reef/static')).headers.get('etag') ?? '']);
  const etag = listed[0] ?? '';
  t.is((await call('PUT', '/reef/static', { body: 'x', headers: { 'if-match': etag } })).status, 200);
});

test('If-Match of a deletion: only what the caller knows goes, one by one or many at once', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const etag = (await call('PUT', '/reef/a', { body: 'one' })).headers.get('etag') ?? '';
  const remove = (match: string, key = 'a') =>
    call('DELETE', `/reef/${key}`, { headers: { 'if-match': match } });
  t.is((await remove('"0123456789abcdef0123456789abcdef"')).code, 'PreconditionFailed');
  t.is((await call('GET', '/reef/a')).text, 'one');
  t.is((await remove('*', 'nothing')).code, 'NoSuchKey');
  t.is((await remove(etag)).status, 204);
  t.is((await remove(etag)).code, 'NoSuchKey');
  t.is((await call('PUT', '/reef/a', { body: 'x', headers: { 'if-none-match': '*' } })).status, 200);
  t.is((await remove('*')).status, 204);
  for (const key of ['a', 'b']) await call('PUT', `/reef/${key}`, { body: 'one' });
  const many = await call('POST', '/reef?delete', {
    body: `<Delete><Object><Key>a</Key><ETag>${etag}</ETag></Object><Object><Key>b</Key><ETag>other</ETag></Object></Delete>`,
  });
  t.deepEqual(texts(many.xml, 'Code'), ['PreconditionFailed']);
  t.deepEqual(texts(many.xml, 'Key'), ['a', 'b']);
  t.is((await call('GET', '/reef/b')).text, 'one');
  await call('PUT', '/reef?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  });
  t.is((await remove('other', 'b')).code, 'PreconditionFailed');
  t.is((await remove(etag, 'b')).headers.get('x-amz-delete-marker'), 'true');
  t.is((await remove('*', 'b')).code, 'PreconditionFailed', 'a deletion hides it');
  t.is((await remove('*', 'never')).code, 'NoSuchKey');
});

test('a deletion may ask for a size and a time, of an object, a version, or many', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const [sizeOf, timeOf] = ['x-amz-if-match-size', 'x-amz-if-match-last-modified-time'];
  const remove = (headers: Record<string, string>, path = 'a') =>
    call('DELETE', `/reef/${path}`, { headers });
  const many = async (more: string): Promise<string[]> => {
    const body = `<Delete><Object><Key>a</Key>${more}</Object></Delete>`;
    return texts((await call('POST', '/reef?delete', { body })).xml, 'Code');
  };
  const put = async (): Promise<{ version: string; modified: string }> => {
    const version = (await call('PUT', '/reef/a', { body: 'one' })).headers.get('x-amz-version-id') ?? '';
    const modified = (await call('HEAD', '/reef/a')).headers.get('last-modified') ?? '';
    return { version, modified };
  };
  const old = 'Thu, 01 Jan 2015 00:00:00 GMT';
  const { modified } = await put();
  t.is((await remove({ [sizeOf]: '4' })).code, 'PreconditionFailed');
  t.is((await remove({ [timeOf]: old })).code, 'PreconditionFailed');
  t.is((await remove({ [timeOf]: modified, [sizeOf]: '4' })).code, 'PreconditionFailed');
  for (const odd of [{ [sizeOf]: '-3' }, { [sizeOf]: 'x' }, { [timeOf]: 'yesterday' }])
    t.is((await remove(odd)).code, 'InvalidArgument', JSON.stringify(odd));
  t.deepEqual(await many('<Size>4</Size>'), ['PreconditionFailed']);
  t.deepEqual(await many(`<LastModifiedTime>${old}</LastModifiedTime>`), ['PreconditionFailed']);
  t.is(
    (
      await call('POST', '/reef?delete', {
        body: '<Delete><Object><Key>a</Key><Size>x</Size></Object></Delete>',
      })
    ).code,
    'InvalidArgument',
  );
  t.is((await call('GET', '/reef/a')).text, 'one');
  t.is((await remove({ [timeOf]: modified, [sizeOf]: '3' })).status, 204);
  t.is((await remove({ [sizeOf]: '4' })).status, 204, 'what is not there is gone');
  await put();
  t.deepEqual(await many('<Size>3</Size>'), []);
  await call('PUT', '/reef?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  });
  const { version } = await put();
  t.is((await remove({ [sizeOf]: '4' }, `a?versionId=${version}`)).code, 'PreconditionFailed');
  t.is((await remove({ [sizeOf]: '3' })).headers.get('x-amz-delete-marker'), 'true');
  t.is((await remove({ [sizeOf]: '3' })).code, 'PreconditionFailed', 'a deletion hides it');
  t.is((await remove({ [sizeOf]: '3' }, `a?versionId=${version}`)).status, 204);
  t.is((await remove({ [sizeOf]: '3' }, `a?versionId=${version}`)).status, 204);
});

test('whoever stores an object says how long it is, if only that it is empty', async (t) => {
  const { call, port } = await serveS3(t);
  await call('PUT', '/reef');
  const put = (length: string) =>
    new Promise<string>((resolve) => {
      let answer = '';
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          `PUT /reef/a HTTP/1.1\r\nHost: h\r\nX-Test-Token: member:p1\r\nConnection: close\r\n${length}\r\n`,
        ),
      );
      socket.on('data', (piece) => {
        answer += piece;
      });
      socket.on('close', () => resolve(answer));
    });
  t.regex(await put(''), /^HTTP\/1.1 411 [\s\S]*MissingContentLength/);
  t.is((await call('HEAD', '/reef/a')).status, 404);
  t.regex(await put('Content-Length: 0\r\n'), /^HTTP\/1.1 200 /);
});
