import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import { fakeContent } from '../../fake/content.ts';
import { type S3Answer, serveS3, text } from './serve.ts';

const prefix = 'x-amz-server-side-encryption';
const managed = { [prefix]: 'AES256' };
const customer = (key: Uint8Array, before = prefix) => ({
  [`${before}-customer-algorithm`]: 'AES256',
  [`${before}-customer-key`]: Buffer.from(key).toString('base64'),
  [`${before}-customer-key-md5`]: createHash('md5').update(key).digest('base64'),
});
const named = (name: string, algorithm = 'aws:kms') => ({
  [prefix]: algorithm,
  [`${prefix}-aws-kms-key-id`]: name,
});
const [mine, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const plainBytes = randomBytes(100_000);
const etag = `"${createHash('md5').update(plainBytes).digest('hex')}"`;

/** All that lies in the store, as one text. */
const open = async (t: Parameters<typeof serveS3>[0]) => {
  const content = fakeContent();
  const served = await serveS3(t, { content });
  await served.call('PUT', '/reef');
  return { ...served, content };
};

test('sse: with a managed key what lies there is not what came, at both doors it is', async (t) => {
  const { call, content, swift, objects } = await open(t);
  const put = await call('PUT', '/reef/a', { body: plainBytes, headers: managed });
  t.is(put.headers.get(prefix), 'AES256');
  t.is(put.headers.get('etag'), etag, 'the MD5 is that of the plain bytes');
  const read = await call('GET', '/reef/a');
  t.true(read.bytes.equals(plainBytes));
  t.is(read.headers.get(prefix), 'AES256');
  t.is((await call('HEAD', '/reef/a')).headers.get(prefix), 'AES256');
  const bySwift = await fetch(`${swift}/reef/a`, { headers: { 'X-Auth-Token': 'member:p1' } });
  t.true(Buffer.from(await bySwift.arrayBuffer()).equals(plainBytes));
  const container = await objects.containers.get('p1', 'reef');
  const row = await objects.records.objects.get(container.id, 'a');
  t.is(row?.seal?.kind, 'managed');
  const stored = Buffer.concat([...content.chunks.values()]);
  t.is(stored.length, plainBytes.length);
  t.false(stored.includes(plainBytes.subarray(0, 32)));
});

test('sse: equal objects of one project are kept once, encrypted or not, and a copy shares their chunks', async (t) => {
  const { call, content } = await open(t);
  await call('PUT', '/reef/a', { body: plainBytes, headers: managed });
  await call('PUT', '/reef/b', { body: plainBytes, headers: managed });
  t.is(content.chunks.size, 1);
  await call('PUT', '/reef/plain', { body: plainBytes });
  t.is(content.chunks.size, 2);
  const copied = { 'x-amz-copy-source': '/reef/a' };
  await call('PUT', '/reef/c', { headers: copied });
  t.true((await call('GET', '/reef/c')).bytes.equals(plainBytes));
  t.is(content.chunks.size, 2);
});

test('sse: a whole object that is a part moves no byte where both lie in one vault', async (t) => {
  const { call, content } = await open(t);
  const whole = randomBytes(5 * 1024 * 1024);
  for (const [name, headers] of [
    ['sealed', managed],
    ['plain', {}],
  ] as const)
    await call('PUT', `/reef/${name}`, { body: whole, headers });
  const before = content.chunks.size;
  const join = async (source: string, headers: Record<string, string>): Promise<S3Answer> => {
    const id = text((await call('POST', '/reef/big?uploads', { headers })).xml, 'UploadId');
    const from = { 'x-amz-copy-source': `/reef/${source}` };
    const made = await call('PUT', `/reef/big?partNumber=1&uploadId=${id}`, { headers: from });
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${text(made.xml, 'ETag')}</ETag></Part></CompleteMultipartUpload>`;
    await call('POST', `/reef/big?uploadId=${id}`, { body });
    return call('GET', '/reef/big');
  };
  for (const [source, headers] of [
    ['sealed', managed],
    ['plain', {}],
    ['sealed', {}],
    ['plain', managed],
  ] as const)
    t.true((await join(source, headers)).bytes.equals(whole), `${source} into ${Object.keys(headers)}`);
  t.is(content.chunks.size, before, 'all four share two ways to keep it');
});

test('sse: where the operator encrypts at rest, all that comes is, by either door', async (t) => {
  const content = fakeContent();
  const { call, swift, objects } = await serveS3(t, { content, encryptAtRest: true });
  await call('PUT', '/reef');
  t.is(text((await call('GET', '/reef?encryption')).xml, 'SSEAlgorithm'), 'AES256');
  const put = await call('PUT', '/reef/a', { body: plainBytes });
  t.is(put.headers.get(prefix), 'AES256');
  t.is(put.headers.get('etag'), etag);
  const headers = { 'X-Auth-Token': 'member:p1' };
  await fetch(`${swift}/reef/b`, { method: 'PUT', headers, body: plainBytes });
  t.is(content.chunks.size, 1);
  t.false(Buffer.concat([...content.chunks.values()]).includes(plainBytes.subarray(0, 32)));
  await fetch(`${swift}/reef/small`, { method: 'PUT', headers, body: 'a word of mine' });
  const { id } = await objects.containers.get('p1', 'reef');
  const row = await objects.records.objects.get(id, 'small');
  t.true(row?.content.kind === 'inline' && !Buffer.from(row.content.bytes).includes('word'));
  t.is((await call('GET', '/reef/small')).text, 'a word of mine');
  t.true((await call('GET', '/reef/b')).bytes.equals(plainBytes));
  const own = await call('PUT', '/reef/c', { body: plainBytes, headers: customer(mine) });
  t.is(own.headers.get(prefix), null, 'a key of the caller’s comes first');
});

test('sse: any range is read by itself', async (t) => {
  const { call } = await open(t);
  await call('PUT', '/reef/a', { body: plainBytes, headers: customer(mine) });
  for (const [start, end] of [
    [0, 0],
    [1, 16],
    [15, 17],
    [31, 99_999],
    [65_535, 65_537],
    [99_999, 99_999],
  ] as const) {
    const read = await call('GET', '/reef/a', {
      headers: { ...customer(mine), range: `bytes=${start}-${end}` },
    });
    t.is(read.status, 206);
    t.true(read.bytes.equals(plainBytes.subarray(start, end + 1)), `${start}-${end}`);
  }
});

test('sse: an object with the caller’s key opens with that key alone', async (t) => {
  const { call, swift } = await open(t);
  const put = await call('PUT', '/reef/a', { body: plainBytes, headers: customer(mine) });
  t.is(put.headers.get(`${prefix}-customer-algorithm`), 'AES256');
  t.truthy(put.headers.get(`${prefix}-customer-key-md5`));
  t.is(put.headers.get(prefix), null);
  t.true((await call('GET', '/reef/a', { headers: customer(mine) })).bytes.equals(plainBytes));
  t.is((await call('GET', '/reef/a')).code, 'InvalidRequest');
  t.is((await call('HEAD', '/reef/a')).status, 400);
  t.is((await call('GET', '/reef/a', { headers: customer(other) })).code, 'AccessDenied');
  const bySwift = await fetch(`${swift}/reef/a`, { headers: { 'X-Auth-Token': 'member:p1' } });
  t.is(bySwift.status, 403);
  await call('PUT', '/reef/plain', { body: 'x' });
  t.is((await call('GET', '/reef/plain', { headers: customer(mine) })).code, 'InvalidRequest');
});

test('sse: what came differs from the MD5 that came with it, and is refused', async (t) => {
  const { call } = await open(t);
  const md5 = createHash('md5').update('other').digest('base64');
  const headers = { ...managed, 'content-md5': md5 };
  t.is((await call('PUT', '/reef/a', { body: 'hello', headers })).code, 'BadDigest');
  t.is((await call('GET', '/reef/a')).code, 'NoSuchKey');
});

test('sse: requests that make no sense are refused', async (t) => {
  const { call } = await open(t);
  const put = async (headers: Record<string, string>) =>
    (await call('PUT', '/reef/a', { body: 'x', headers })).code;
  t.is(await put({ [prefix]: 'aws:kms:dsse' }), 'NotImplemented');
  t.is(await put({ [prefix]: 'ROT13' }), 'InvalidArgument');
  t.is(await put(named('k', 'AES256')), 'InvalidArgument');
  t.is(await put({ [`${prefix}-aws-kms-key-id`]: 'k' }), 'InvalidArgument');
  t.is(await put(named('two words')), 'InvalidArgument');
  t.is(await put({ ...named('k'), ...customer(mine) }), 'InvalidArgument');
  t.is(await put({ ...named('k'), [`${prefix}-context`]: 'e30=' }), 'NotImplemented');
  t.is(await put({ ...managed, ...customer(mine) }), 'InvalidArgument');
  t.is(await put(customer(Buffer.alloc(16))), 'InvalidArgument');
  t.is(await put({ ...customer(mine), [`${prefix}-customer-key-md5`]: 'x' }), 'InvalidArgument');
  t.is(
    await put({ ...customer(mine), [`${prefix}-customer-algorithm`]: 'AES128' }),
    'InvalidEncryptionAlgorithmError',
  );
  const { [`${prefix}-customer-key-md5`]: _, ...part } = customer(mine);
  t.is(await put(part), 'InvalidArgument');
});

test('sse: a copy takes the key of its source and brings its own', async (t) => {
  const { call } = await open(t);
  const from = { 'x-amz-copy-source': '/reef/a' };
  const source = customer(mine, 'x-amz-copy-source-server-side-encryption');
  await call('PUT', '/reef/a', { body: plainBytes, headers: customer(mine) });
  t.is((await call('PUT', '/reef/b', { headers: from })).code, 'InvalidRequest');
  t.is((await call('PUT', '/reef/b', { headers: { ...from, ...source } })).status, 200);
  t.true((await call('GET', '/reef/b')).bytes.equals(plainBytes), 'plain now');
  await call('PUT', '/reef/c', { headers: { ...from, ...source, ...customer(other) } });
  t.true((await call('GET', '/reef/c', { headers: customer(other) })).bytes.equals(plainBytes));
  await call('PUT', '/reef/d', { headers: { 'x-amz-copy-source': '/reef/b', ...managed } });
  t.is((await call('HEAD', '/reef/d')).headers.get(prefix), 'AES256');
  await call('PUT', '/reef/e', { headers: { 'x-amz-copy-source': '/reef/d' } });
  t.true((await call('GET', '/reef/e')).bytes.equals(plainBytes));
});

test('sse: parts are encrypted each for itself, and read as one', async (t) => {
  const { call } = await open(t);
  const half = randomBytes(5 * 1024 * 1024);
  for (const headers of [managed, customer(mine)]) {
    const again = headers === managed ? {} : headers;
    const made = await call('POST', '/reef/big?uploads', { headers });
    t.is(made.headers.get(Object.keys(headers)[0] ?? ''), 'AES256');
    const id = text(made.xml, 'UploadId');
    const put = (number: number, body: Uint8Array, headers: Record<string, string>): Promise<S3Answer> =>
      call('PUT', `/reef/big?partNumber=${number}&uploadId=${id}`, { body, headers });
    if (headers !== managed) {
      t.is((await put(1, half, {})).code, 'InvalidRequest');
      t.is((await put(1, half, customer(other))).code, 'InvalidRequest');
    }
    const etags = [await put(1, half, again), await put(2, plainBytes, again)].map((answer) =>
      answer.headers.get('etag'),
    );
    t.is(etags[1], etag);
    const body = `<CompleteMultipartUpload>${etags
      .map((one, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${one}</ETag></Part>`)
      .join('')}</CompleteMultipartUpload>`;
    t.is((await call('POST', `/reef/big?uploadId=${id}`, { body, headers: again })).status, 200);
    const whole = Buffer.concat([half, plainBytes]);
    t.true((await call('GET', '/reef/big', { headers: again })).bytes.equals(whole));
    const range = `bytes=${half.length - 7}-${half.length + 9}`;
    const part = await call('GET', '/reef/big', { headers: { ...again, range } });
    t.true(part.bytes.equals(whole.subarray(half.length - 7, half.length + 10)));
    if (headers === managed) {
      await call('PUT', '/reef/copy', { headers: { 'x-amz-copy-source': '/reef/big' } });
      t.true((await call('GET', '/reef/copy')).bytes.equals(whole), 'a copy knows its parts');
    }
  }
});

test('sse: a bucket encrypts what comes by either door, once it is told to', async (t) => {
  const { call, swift } = await open(t);
  t.is((await call('GET', '/reef?encryption')).code, 'ServerSideEncryptionConfigurationNotFoundError');
  const config = (algorithm: string) => ({
    body: `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>${algorithm}</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`,
  });
  await call('PUT', '/reef/before', { body: 'old' });
  t.is((await call('PUT', '/reef?encryption', config('aws:kms:dsse'))).code, 'NotImplemented');
  t.is((await call('PUT', '/reef?encryption', config('ROT13'))).code, 'MalformedXML');
  t.is((await call('PUT', '/reef?encryption', config('AES256'))).status, 200);
  t.is(text((await call('GET', '/reef?encryption')).xml, 'SSEAlgorithm'), 'AES256');
  t.is((await call('PUT', '/reef/a', { body: 'hello' })).headers.get(prefix), 'AES256');
  const headers = { 'X-Auth-Token': 'member:p1' };
  await fetch(`${swift}/reef/b`, { method: 'PUT', headers, body: 'by swift' });
  const read = await call('GET', '/reef/b');
  t.is(read.headers.get(prefix), 'AES256');
  t.is(read.text, 'by swift');
  await fetch(`${swift}/reef/before`, { method: 'COPY', headers: { ...headers, Destination: 'reef/c' } });
  t.is((await call('GET', '/reef/c')).headers.get(prefix), 'AES256');
  t.is((await call('GET', '/reef/before')).headers.get(prefix), null, 'what was there stays as it was');
  t.is((await call('DELETE', '/reef?encryption')).status, 204);
  t.is((await call('PUT', '/reef/d', { body: 'x' })).headers.get(prefix), null);
});

test('sse: each name of a key is a vault of its project, and reading needs no name', async (t) => {
  const { call, content, swift } = await open(t);
  const keyOf = (answer: S3Answer) =>
    [prefix, `${prefix}-aws-kms-key-id`].map((name) => answer.headers.get(name));
  const put = await call('PUT', '/reef/a', { body: plainBytes, headers: named('blue') });
  t.deepEqual(keyOf(put), ['aws:kms', 'blue']);
  t.is(put.headers.get('etag'), etag);
  const read = await call('GET', '/reef/a');
  t.true(read.bytes.equals(plainBytes));
  t.deepEqual(keyOf(read), ['aws:kms', 'blue']);
  t.is((await call('HEAD', '/reef/a', { headers: named('blue') })).status, 400);
  t.is((await call('GET', '/reef/a', { headers: managed })).code, 'InvalidArgument');
  await call('PUT', '/reef/b', { body: plainBytes, headers: named('blue') });
  t.is(content.chunks.size, 1, 'equal bytes of one key are kept once');
  await call('PUT', '/reef/c', { body: plainBytes, headers: named('red') });
  await call('PUT', '/reef/d', { body: plainBytes, headers: managed });
  t.is(content.chunks.size, 3, 'each key makes other bytes of them');
  t.deepEqual(keyOf(await call('PUT', '/reef/e', { body: 'x', headers: { [prefix]: 'aws:kms' } })), [
    'aws:kms',
    'alias/aws/s3',
  ]);
  const bySwift = await fetch(`${swift}/reef/c`, { headers: { 'X-Auth-Token': 'member:p1' } });
  t.true(Buffer.from(await bySwift.arrayBuffer()).equals(plainBytes));
});

test('sse: a copy lies in the vault that it asks for, or its bucket, or else its source', async (t) => {
  const { call, content } = await open(t);
  await call('PUT', '/reef/a', { body: plainBytes, headers: named('blue') });
  const copy = async (to: string, headers: Record<string, string> = {}, token = 'member:p1') => {
    await call('PUT', to, { token, headers: { 'x-amz-copy-source': '/reef/a', ...headers } });
    const { headers: told, bytes } = await call('GET', to, { token });
    t.true(bytes.equals(plainBytes), to);
    return told.get(`${prefix}-aws-kms-key-id`) ?? told.get(prefix);
  };
  t.is(await copy('/reef/same'), 'blue');
  t.is(await copy('/reef/b', named('blue')), 'blue');
  t.is(content.chunks.size, 1, 'no byte was written');
  t.is(await copy('/reef/c', named('red')), 'red');
  t.is(content.chunks.size, 2);
  t.is(await copy('/reef/d', managed), 'AES256');
  const body =
    '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>green</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>';
  t.is((await call('PUT', '/reef?encryption', { body })).status, 200);
  t.is(text((await call('GET', '/reef?encryption')).xml, 'KMSMasterKeyID'), 'green');
  t.is(await copy('/reef/e'), 'green');
  const before = content.chunks.size;
  await call('PUT', '/theirs', { token: 'member:p2' });
  await call('PUT', '/reef/a?acl', { headers: { 'x-amz-acl': 'public-read' } });
  t.is(await copy('/theirs/a', named('blue'), 'member:p2'), 'blue');
  t.is(content.chunks.size, before + 1, 'the same name of another project is another key');
});

test('sse: an upload that is to have a checksum is completed with the key that it began with', async (t) => {
  const { call } = await open(t);
  const begin = async (more = {}) =>
    text(
      (await call('POST', '/reef/big?uploads', { headers: { ...customer(mine), ...more } })).xml,
      'UploadId',
    );
  const part = (id: string | undefined) =>
    call('PUT', `/reef/big?partNumber=1&uploadId=${id}`, { body: plainBytes, headers: customer(mine) });
  const complete = async (id: string | undefined, headers = {}) => {
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
    return (await call('POST', `/reef/big?uploadId=${id}`, { body, headers })).code;
  };
  const id = await begin({ 'x-amz-checksum-algorithm': 'CRC32' });
  await part(id);
  t.is(await complete(id), 'InvalidRequest');
  t.is(await complete(id, customer(other)), 'InvalidRequest');
  t.is(await complete(id, customer(mine)), undefined);
  const plain = await begin();
  await part(plain);
  t.is(await complete(plain, customer(other)), 'InvalidRequest');
  t.is(await complete(plain), undefined, 'as Amazon has it');
});
