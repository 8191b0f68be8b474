import { createHmac } from 'node:crypto';
import test from 'ava';
import type { ShoalError } from '../../../proto/error.ts';
import type { Sample } from './sign.ts';
import { access, incoming, isRefused, read, secret, signInAt } from './sign.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html: 66,560 times `a`. */
const size = 66_560;
const chunk = (text: string, signature: string) =>
  `${text.length.toString(16)};chunk-signature=${signature}\r\n${text}\r\n`;
const names =
  'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class';
const sealed = [
  chunk('a'.repeat(65_536), 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648'),
  chunk('a'.repeat(1024), '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497'),
  chunk('', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'),
];
const authorization = (signedHeaders: string, signature: string) =>
  `AWS4-HMAC-SHA256 Credential=${access}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`;
const put: Sample = {
  method: 'PUT',
  url: '/examplebucket/chunkObject.txt',
  headers: {
    Host: 's3.amazonaws.com',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'Content-Encoding': 'aws-chunked',
    'x-amz-decoded-content-length': String(size),
    'content-length': '66824',
    Authorization: authorization(names, '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9'),
  },
  body: sealed.join(''),
};
const trailerNames =
  'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer';
const trailered = [
  chunk('a'.repeat(65_536), 'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2'),
  chunk('a'.repeat(1024), '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7'),
  '0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n',
  'x-amz-checksum-crc32c:sOO8/Q==\r\n',
  'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n',
];
const putTrailer: Sample = {
  ...put,
  headers: {
    Host: 's3.amazonaws.com',
    'x-amz-date': '20130524T000000Z',
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    'Content-Encoding': 'aws-chunked',
    'x-amz-decoded-content-length': String(size),
    'x-amz-trailer': 'x-amz-checksum-crc32c',
    Authorization: authorization(
      trailerNames,
      '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
    ),
  },
  body: trailered.join(''),
};
const signIn = signInAt('2013-05-24T00:00:30Z');
const upload = async (sample: Sample) => {
  const found = await signIn(incoming(sample));
  return { ...found, bytes: found.bytes, whole: await read(found.body) };
};

test('aws-chunked: the example of the documentation, however it is cut', async (t) => {
  for (const pieceBytes of [65_536, 1000, 7]) {
    const { whole, bytes, headers } = await upload({ ...put, pieceBytes });
    t.is(bytes, size);
    t.true(whole.equals(Buffer.alloc(size, 'a')));
    t.is(headers['content-encoding'], undefined, 'it is how the body travelled, not what it is');
  }
});

test('aws-chunked: the example with a trailer gives its checksum once it has ended', async (t) => {
  const found = await signIn(incoming({ ...putTrailer, pieceBytes: 1000 }));
  t.like(found.checksum, { name: 'CRC32C', value: '' });
  t.is((await read(found.body)).length, size);
  t.is(found.checksum?.value, 'sOO8/Q==');
});

test('aws-chunked: a byte, a chunk or a signature that is changed, left out, repeated or moved is refused', async (t) => {
  const [first = '', second = '', last = ''] = sealed;
  const bodies = {
    'a byte': [first.replace('aa', 'ab'), second, last],
    'a signature': [first.replace('=a', '=b'), second, last],
    moved: [second, first, last],
    repeated: [first, first, last],
    unsigned: [first, second.replace(/;[^\r]*/, ''), last],
    'another end': [first, second, last.replace('=b', '=c')],
  };
  for (const [why, body] of Object.entries(bodies)) {
    const headers = { ...put.headers, 'x-amz-decoded-content-length': String(size) };
    const isNone = why === 'repeated' || why === 'unsigned';
    await isRefused(
      t,
      isNone ? 'IncompleteBody' : 'SignatureDoesNotMatch',
      () => upload({ ...put, headers, body: body.join('') }),
      why,
    );
  }
  const broken = (from: string, to: string) => () =>
    upload({ ...putTrailer, body: trailered.join('').replace(from, to) });
  await isRefused(t, 'SignatureDoesNotMatch', broken('sOO8', 'sOO9'));
  await isRefused(
    t,
    'SignatureDoesNotMatch',
    broken('x-amz-trailer-signature:d', 'x-amz-trailer-signature:e'),
  );
  await isRefused(t, 'IncompleteBody', broken(trailered.slice(3).join(''), '\r\n'), 'no trailer at all');
});

test('aws-chunked: a sender that goes away or lies about its length leaves nothing', async (t) => {
  const [first = '', second = '', last = ''] = sealed;
  for (const body of [first, first + second, first + second.slice(0, 500), ''])
    await isRefused(t, 'IncompleteBody', () => upload({ ...put, body }), String(body.length));
  await isRefused(t, 'IncompleteBody', () => upload({ ...put, body: first.slice(0, 40) }));
  const cut = { ...putTrailer.headers, 'content-length': '0' };
  await isRefused(t, 'IncompleteBody', () => upload({ ...putTrailer, headers: cut, body: '' }));
  await isRefused(t, 'IncompleteBody', () => upload({ ...put, body: `${first}zz\r\n` }));
  await isRefused(t, 'SignatureDoesNotMatch', () =>
    upload({ ...put, body: first.replace('10000;', '0ffff;') }),
  );
  await isRefused(t, 'IncompleteBody', () => upload({ ...put, body: `${'0'.repeat(5000)}1\r\n` }));
  await isRefused(t, 'MalformedTrailerError', () =>
    upload({ ...put, body: `${first}${second}${last.slice(0, -2)}${'x\r\n'.repeat(50)}` }),
  );
});

const unsigned = (body: string, trailer = 'x-amz-checksum-crc32', length = 5): Sample => ({
  method: 'PUT',
  url: '/b/o',
  headers: {
    host: 's3',
    'content-encoding': 'gzip,aws-chunked',
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x-amz-decoded-content-length': String(length),
    'x-amz-trailer': trailer,
  },
  body,
});

test('aws-chunked: without signatures the checksum behind the body is all there is', async (t) => {
  const whole = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n';
  const found = await upload(unsigned(whole));
  t.is(found.whole.toString(), 'hello');
  t.is(found.headers['content-encoding'], 'gzip');
  t.is(found.checksum?.value, 'NhCmhg==');
  await isRefused(
    t,
    '',
    () => upload(unsigned(whole.replace('\r\n\r\n', '\n\r\n\r\n'))),
    'as some clients end',
  );
  await isRefused(t, 'BadDigest', () => upload(unsigned(whole.replace('hello', 'jello'))));
  await isRefused(t, 'MalformedTrailerError', () => upload(unsigned('5\r\nhello\r\n0\r\n\r\n')));
  await isRefused(t, 'IncompleteBody', () => upload(unsigned(whole, 'x-amz-checksum-crc32', 6)));
  await isRefused(t, 'IncompleteBody', () => upload(unsigned(whole, 'x-amz-checksum-crc32', 4)));
  await isRefused(t, 'MissingContentLength', () => {
    const { headers, ...rest } = unsigned(whole);
    const { 'x-amz-decoded-content-length': _, ...bare } = headers;
    return upload({ ...rest, headers: bare });
  });
});

test('aws-chunked: of trailers those count that were announced, and of a name the last', async (t) => {
  const body = (...trailers: string[]) =>
    `5\r\nhello\r\n0\r\n${trailers.map((one) => `${one}\r\n`).join('')}\r\n`;
  const [good, bad] = ['x-amz-checksum-crc32:NhCmhg==', 'x-amz-checksum-crc32:AAAAAA=='];
  await isRefused(t, '', () => upload(unsigned(body(bad, good))));
  await isRefused(t, 'BadDigest', () => upload(unsigned(body(good, bad))));
  await isRefused(t, 'MalformedTrailerError', () => upload(unsigned(body(good, 'more: x'))));
  await isRefused(t, 'MalformedTrailerError', () => upload(unsigned(body(good), 'x-amz-checksum-sha1')));
  await isRefused(t, 'InvalidRequest', () => upload(unsigned(body('x-amz-checksum-crc32:sailor'))));
  await isRefused(t, '', () => upload(unsigned(body(good), 'x-amz-checksum-crc32,,')));
  for (const names of [
    'content-md5',
    'x-amz-checksum-crc32, ,',
    ',x-amz-checksum-crc32',
    'x-amz-checksum-crc32,x-amz-checksum-sha1',
  ])
    await isRefused(t, 'InvalidRequest', () => upload(unsigned(body(good), names)), names);
});

test('aws-chunked: lines end with CR LF, an empty one ends the trailers, and what is behind it is nobody’s', async (t) => {
  const whole = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n';
  for (const end of ['', '\r\n', '\r\n\r\n', '\r\nmore: x\r\n', '\r\n\xff\0junk'])
    await isRefused(t, '', () => upload(unsigned(whole + end)), JSON.stringify(end));
  for (const cut of [whole.slice(0, -1), whole.slice(0, -2), `${whole.slice(0, -2)}\n`, `${whole}\r`])
    await isRefused(t, 'IncompleteBody', () => upload(unsigned(cut)), JSON.stringify(cut));
  for (const odd of [whole.replaceAll('\r', ''), whole.replaceAll('\n', ''), whole.replace('o\r', 'o')])
    await isRefused(t, 'IncompleteBody', () => upload(unsigned(odd)), JSON.stringify(odd));
  await isRefused(t, 'MalformedTrailerError', () => upload(unsigned(whole.replace('0\r\n', '0\r\n\r\n'))));
});

test('aws-chunked: only a signature in the headers of version 4 knows chunks', async (t) => {
  const body = '5\r\nhello\r\n0\r\n\r\n';
  const presigned = (more: Record<string, string>): Sample => {
    const amz = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', ...more };
    const lines = Object.entries(amz).map(([name, value]) => `${name}:${value}\n`);
    const signed = createHmac('sha1', secret).update(`PUT\n\n\n1400000000\n${lines.join('')}/b/o`);
    const signature = encodeURIComponent(signed.digest('base64'));
    return {
      method: 'PUT',
      url: `/b/o?AWSAccessKeyId=${access}&Expires=1400000000&Signature=${signature}`,
      headers: { host: 's3', ...amz },
      body,
    };
  };
  await isRefused(t, 'MissingContentLength', () => upload(presigned({})));
  const same = { 'x-amz-decoded-content-length': String(body.length) };
  await isRefused(t, 'XAmzContentSHA256Mismatch', () => upload(presigned(same)));
  const decoded = { 'x-amz-decoded-content-length': '5' };
  await isRefused(t, 'IncompleteBody', () => upload(presigned(decoded)));
  const plain = await upload(presigned({ 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }));
  t.is(plain.whole.toString(), body, 'as it came');
});

test('aws-chunked: whoever signs a chunk otherwise is told what was signed, of the head too', async (t) => {
  const [first = '', second = '', last = ''] = sealed;
  const body = [first.replace('=a', '=b'), second, last].join('');
  const error = await t.throwsAsync(upload({ ...put, body }));
  const { fields } = (error as ShoalError).details as { fields: Record<string, string> };
  t.is(fields.AWSAccessKeyId, access);
  t.regex(fields.StringToSign ?? '', /^AWS4-HMAC-SHA256-PAYLOAD\n/);
  t.regex(fields.StringToSignBytes ?? '', /^41 57 53 34 2d/);
  t.regex(fields.CanonicalRequest ?? '', /^PUT\n\/examplebucket\/chunkObject.txt\n/);
  t.regex(fields.CanonicalRequestBytes ?? '', /^50 55 54 0a 2f/);
});

test('aws-chunked: what an SDK says of its checksum has to be so', async (t) => {
  const framed = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n';
  const { headers, ...rest } = unsigned(framed);
  const saying =
    (more: Record<string, string>, body: string = framed) =>
    () =>
      upload({ ...rest, body, headers: { ...headers, ...more } });
  const plain = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-length': '5' };
  const sdk = (name: string) => ({ 'x-amz-sdk-checksum-algorithm': name });
  await isRefused(t, '', saying(sdk('crc32')));
  await isRefused(t, 'InvalidRequest', saying(sdk('SHA256')));
  await isRefused(t, 'InvalidRequest', saying({ 'x-amz-checksum-crc32': 'NhCmhg==' }), 'in both places');
  await isRefused(t, 'MalformedTrailerError', saying(plain, 'hello'), 'a body without chunks has no trailer');
  const { 'x-amz-trailer': _, ...bare } = headers;
  const whole = (more: Record<string, string>) => () =>
    upload({ ...rest, body: 'hello', headers: { ...bare, ...plain, ...more } });
  await isRefused(t, '', whole({ ...sdk('CRC32'), 'x-amz-checksum-crc32': 'NhCmhg==' }));
  await isRefused(t, 'InvalidRequest', whole(sdk('CRC32')), 'and sends none');
  await isRefused(t, 'InvalidRequest', whole({ 'x-amz-checksum-crc33': 'NhCmhg==' }));
  const other = await upload({ ...rest, body: 'hello', headers: { ...bare, ...plain } });
  t.is(other.headers['content-encoding'], 'gzip', 'said of a body that did not come in chunks');
});

test('aws-chunked: space around the parameters of a chunk means nothing, other parameters are none', async (t) => {
  const { signChunks } = await import('./sign-chunks.ts');
  const seed = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
  const body = signChunks(seed, ['a'.repeat(size)]);
  const spaced = body.replaceAll(/;chunk-signature=([\da-f]+)/g, ' ; chunk-signature = $1 ');
  await isRefused(t, '', () => upload({ ...put, body: spaced }));
  await isRefused(t, 'IncompleteBody', () =>
    upload({ ...put, body: body.replaceAll('\r\n0;', '\r\n0;more=x;') }),
  );
  await isRefused(t, 'SignatureDoesNotMatch', () =>
    upload({ ...put, body: body.replace(/=[\da-f]+/, '=none') }),
  );
});

test('aws-chunked: a chunk that is longer than it says is no chunk', async (t) => {
  await isRefused(t, 'IncompleteBody', () => upload(unsigned('4\r\nhello\r\n0\r\n\r\n')));
});

test('aws-chunked: signed chunks below 8 KiB are refused, save the last', async (t) => {
  const headers = { ...put.headers };
  const { signChunks } = await import('./sign-chunks.ts');
  const seed = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
  const body = signChunks(seed, ['a'.repeat(size - 20), 'a'.repeat(10), 'a'.repeat(10)]);
  await isRefused(t, 'InvalidChunkSizeError', () => upload({ ...put, headers, body }));
  const fine = signChunks(seed, ['a'.repeat(size - 10), 'a'.repeat(10)]);
  await isRefused(t, '', () => upload({ ...put, headers, body: fine }));
});
