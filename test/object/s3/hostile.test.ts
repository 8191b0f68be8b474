/** Requests that no client means: each gets one refusal in S3's shape, and changes nothing. */
import { connect } from 'node:net';
import test from 'ava';
import { parseXml } from '../../../agent/object/s3/xml-reader.ts';
import { serveS3, text, texts } from './serve.ts';

const crlf = (...lines: readonly string[]): string => lines.join('\r\n');
const sender = 'Host: localhost\r\nX-Test-Token: member:p1';

/** What comes back until the server ends the connection. */
const send = (port: number, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.on('data', (piece) => {
      answer += piece;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });

test('what is no HTTP, or too much of it, is refused in XML too', async (t) => {
  const { call, port } = await serveS3(t);
  await call('PUT', '/reef');
  const put = `PUT /reef/a HTTP/1.1\r\n${sender}`;
  const refusals: readonly (readonly [string, string])[] = [
    ['BadRequest', '\x16\x03\x01\x02\x00\x01'],
    ['BadRequest', crlf(`BREW /reef/a HTTP/1.1`, sender, '', '')],
    ['BadRequest', crlf(`GET /reef/a HTTP/1.1`, sender, 'no colon', '', '')],
    ['BadRequest', crlf(put, 'Content-Length: -5', '', 'x')],
    ['BadRequest', crlf(put, 'Content-Length: 1', 'Content-Length: 2', '', 'xy')],
    ['BadRequest', crlf(put, 'Content-Length: 1', 'Transfer-Encoding: chunked', '', '1', 'x', '0', '', '')],
    ['BadRequest', crlf(put, 'Transfer-Encoding: chunked', '', 'zz', 'x', '0', '', '')],
    ['BadRequest', crlf('CONNECT reef:1 HTTP/1.1', sender, '', '')],
    ['RequestHeaderSectionTooLarge', crlf(put, `X-Amz-Meta-A: ${'a'.repeat(40_000)}`, '', '')],
    ['RequestHeaderSectionTooLarge', `GET /${'a'.repeat(40_000)} HTTP/1.1\r\n${sender}\r\n\r\n`],
    ['InvalidArgument', 'GET /reef HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ];
  for (const [code, bytes] of refusals) {
    const [head = '', body = ''] = (await send(port, bytes)).split('\r\n\r\n');
    t.regex(head, /^HTTP\/1\.1 400 /, JSON.stringify(bytes.slice(0, 80)));
    t.is(text(parseXml(body), 'Code'), code, JSON.stringify(bytes.slice(0, 80)));
    t.truthy(text(parseXml(body), 'RequestId'));
  }
  t.deepEqual(texts((await call('GET', '/reef')).xml, 'Key'), []);
});

test('names, numbers and documents that cannot be are refused by name, and change nothing', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'coral' });
  const refusals: readonly (readonly [string, string, string, Parameters<typeof call>[2]?])[] = [
    ['InvalidURI', 'PUT', '/reef/%ff%fe', { body: 'x' }],
    ['InvalidURI', 'PUT', '/reef/%ed%a0%80', { body: 'x' }],
    ['InvalidURI', 'PUT', '/reef/%c0%af', { body: 'x' }],
    ['InvalidURI', 'PUT', '/reef/%zz', { body: 'x' }],
    ['InvalidURI', 'PUT', '/reef/a%00b', { body: 'x' }],
    ['KeyTooLongError', 'PUT', `/reef/${'k'.repeat(1025)}`, { body: 'x' }],
    ['KeyTooLongError', 'PUT', '/reef/c', { headers: { 'x-amz-copy-source': `/reef/${'k'.repeat(1025)}` } }],
    ['InvalidArgument', 'GET', '/reef?prefix=%ff'],
    ['InvalidArgument', 'GET', '/reef?acl&policy'],
    ['InvalidArgument', 'PUT', '/reef?versioning&tagging', { body: '<Tagging/>' }],
    ['InvalidArgument', 'GET', '/reef?max-keys=-1'],
    ['InvalidArgument', 'GET', '/reef?max-keys=99999999999999999999'],
    ['InvalidArgument', 'GET', '/reef?list-type=2&continuation-token=!'],
    ['InvalidArgument', 'GET', '/reef/a?versionId=../../x'],
    ['InvalidArgument', 'GET', '/reef/a?partNumber=-1'],
    ['InvalidArgument', 'PUT', '/reef/a?partNumber=0&uploadId=x', { body: 'x' }],
    ['NoSuchUpload', 'PUT', '/reef/a?partNumber=1&uploadId=%2e%2e', { body: 'x' }],
    ['InvalidRange', 'GET', '/reef/a', { headers: { range: 'bytes=99-' } }],
    ['InvalidRange', 'GET', '/reef/a', { headers: { range: 'bytes=-0' } }],
    ['InvalidBucketName', 'PUT', '/UPPER'],
    ['InvalidBucketName', 'PUT', `/${'b'.repeat(300)}`],
    ['MissingRequestBodyError', 'PUT', '/reef?versioning'],
    ['MalformedXML', 'PUT', '/reef?versioning', { body: '<a' }],
    ['MalformedXML', 'PUT', '/reef?versioning', { body: '<a>'.repeat(10_000) }],
    ['MalformedXML', 'PUT', '/reef?tagging', { body: `<Tagging>${'<a/>'.repeat(100_000)}</Tagging>` }],
    [
      'MalformedXML',
      'PUT',
      '/reef?tagging',
      { body: '<!DOCTYPE a [<!ENTITY b "c">]><Tagging>&b;</Tagging>' },
    ],
    ['MalformedXML', 'PUT', '/reef?tagging', { body: Buffer.from('<Tagging/>', 'utf16le') }],
    ['MalformedXML', 'POST', '/reef?delete', { body: '<Delete><Object><Key>a&#0;b</Key></Object></Delete>' }],
    ['InvalidArgument', 'PUT', '/reef/a?acl', { headers: { 'x-amz-acl': 'nope' } }],
    ['InvalidTag', 'PUT', '/reef/b', { body: 'x', headers: { 'x-amz-tagging': 'a=b&a=c' } }],
    ['InvalidDigest', 'PUT', '/reef/b', { body: 'x', headers: { 'content-md5': '!' } }],
    ['BadDigest', 'PUT', '/reef/b', { body: 'x', headers: { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' } }],
    ['MetadataTooLarge', 'PUT', '/reef/b', { body: 'x', headers: { 'x-amz-meta-a': 'v'.repeat(3000) } }],
  ];
  for (const [code, method, path, asked] of refusals)
    t.is((await call(method, path, asked)).code, code, `${method} ${path.slice(0, 80)}`);
  t.deepEqual(texts((await call('GET', '/reef')).xml, 'Key'), ['a']);
  t.is((await call('GET', '/reef/a')).text, 'coral');
});

test('odd names are names: each is its own object and is given back as it came', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const names = ['//x//', 'a//b', 'a/', '%01%7f%0a%0d', '%20', '%25', '%3F', 'k'.repeat(1024), '%EF%BF%BD'];
  for (const name of names) t.is((await call('PUT', `/reef/${name}`, { body: name })).status, 200, name);
  for (const name of names) t.is((await call('GET', `/reef/${name}`)).text, name);
  const { xml } = await call('GET', '/reef?encoding-type=url');
  t.deepEqual(
    texts(xml, 'Key').map(decodeURIComponent).sort(),
    names.map((name) => decodeURIComponent(name)).sort(),
  );
});
