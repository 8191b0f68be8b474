/** Buckets: one namespace with Swift's containers, one name space for all accounts. */
import { request } from 'node:http';
import test from 'ava';
import { type ServedS3, serveS3, text, texts } from './serve.ts';

test('a bucket is made, looked at, listed and deleted', async (t) => {
  const { call } = await serveS3(t);
  const made = await call('PUT', '/reef-photos');
  t.is(made.status, 200);
  t.is(made.headers.get('location'), '/reef-photos');
  t.truthy(made.headers.get('x-amz-request-id'));
  t.is((await call('HEAD', '/reef-photos')).status, 200);
  const { xml } = await call('GET', '/');
  t.deepEqual(texts(xml, 'Name'), ['reef-photos']);
  t.regex(text(xml, 'CreationDate') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  t.is((await call('DELETE', '/reef-photos')).status, 204);
  t.is((await call('HEAD', '/reef-photos')).status, 404);
  t.is((await call('DELETE', '/reef-photos')).code, 'NoSuchBucket');
});

test('its location is what its maker wished, and nothing by default', async (t) => {
  const { call } = await serveS3(t);
  const body =
    '<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>';
  await call('PUT', '/far', { body });
  await call('PUT', '/near');
  t.is((await call('GET', '/far?location')).xml.text, 'eu-west-1');
  t.is((await call('GET', '/near?location')).xml.text, '');
  t.is(
    (await call('PUT', '/wrong', { body: body.replace('eu-west-1', 'not a place') })).code,
    'InvalidLocationConstraint',
  );
  t.is((await call('PUT', '/wrong', { body: '<Other/>' })).code, 'MalformedXML');
});

test('a name that could be no host name is refused, and a name that is taken too', async (t) => {
  const { call } = await serveS3(t);
  for (const name of ['ab', 'Upper', 'under_score', '1.2.3.4', '-dash', 'dot.', 'a..b', 'x'.repeat(64)])
    t.is((await call('PUT', `/${name}`)).code, 'InvalidBucketName', name);
  await call('PUT', '/mine');
  t.is((await call('PUT', '/mine', { token: 'member:p2' })).code, 'BucketAlreadyExists');
  t.deepEqual(texts((await call('GET', '/', { token: 'member:p2' })).xml, 'Name'), []);
});

test('its owner may make a bucket again, unless that would change it or it is not in the first region', async (t) => {
  const { call, swift } = await serveS3(t);
  const makeAgain = async (name: string, headers = {}, body = '') =>
    (await call('PUT', `/${name}`, { headers, body })).code;
  await call('PUT', '/mine');
  t.is(await makeAgain('mine'), undefined);
  t.is(await makeAgain('mine', { 'x-amz-acl': 'private' }), undefined);
  t.is(await makeAgain('mine', { 'x-amz-acl': 'public-read' }), 'BucketAlreadyOwnedByYou');
  t.is(await makeAgain('mine', { 'x-amz-bucket-object-lock-enabled': 'true' }), 'BucketAlreadyOwnedByYou');
  t.is(await makeAgain('mine', { 'x-amz-object-ownership': 'ObjectWriter' }), 'BucketAlreadyOwnedByYou');
  await fetch(`${swift}/mine`, {
    method: 'POST',
    headers: { 'x-auth-token': 'member:p1', 'x-container-read': '.r:*' },
  });
  t.is(await makeAgain('mine'), 'BucketAlreadyOwnedByYou');
  const far =
    '<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>';
  await call('PUT', '/far', { body: far });
  t.is(await makeAgain('far', {}, far), 'BucketAlreadyOwnedByYou');
  t.is(await makeAgain('far'), 'BucketAlreadyOwnedByYou');
});

test('a name is free again once its bucket is gone, by whichever door', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/again');
  await fetch(`${swift}/again`, { method: 'DELETE', headers: { 'x-auth-token': 'member:p1' } });
  t.is((await call('PUT', '/again', { token: 'member:p2' })).status, 200);
});

test('a container is a bucket and a bucket a container', async (t) => {
  const { call, swift } = await serveS3(t);
  const headers = { 'x-auth-token': 'member:p1' };
  await fetch(`${swift}/Old_Container`, { method: 'PUT', headers });
  await fetch(`${swift}/Old_Container/a.txt`, {
    method: 'PUT',
    headers: { ...headers, 'x-object-meta-colour': 'blue', 'content-type': 'text/plain' },
    body: 'from swift',
  });
  const seen = await call('GET', '/Old_Container/a.txt');
  t.is(seen.text, 'from swift');
  t.is(seen.headers.get('x-amz-meta-colour'), 'blue');
  await call('PUT', '/Old_Container/b.txt', { body: 'from s3', headers: { 'x-amz-meta-shape': 'round' } });
  const back = await fetch(`${swift}/Old_Container/b.txt`, { headers });
  t.is(await back.text(), 'from s3');
  t.is(back.headers.get('x-object-meta-shape'), 'round');
});

test('one with objects is kept', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/full');
  await call('PUT', '/full/a', { body: 'a' });
  t.is((await call('DELETE', '/full')).code, 'BucketNotEmpty');
  await call('DELETE', '/full/a');
  t.is((await call('DELETE', '/full')).status, 204);
});

test('a stranger, a reader and nobody get AccessDenied where they may not', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/mine');
  await call('PUT', '/mine/a', { body: 'secret' });
  for (const token of ['member:p2', null])
    for (const [method, path] of [
      ['GET', '/mine/a'],
      ['GET', '/mine'],
      ['PUT', '/mine/a'],
      ['DELETE', '/mine/a'],
      ['DELETE', '/mine'],
      ['GET', '/mine/none'],
    ] as const) {
      const refused = await call(method, path, { token, ...(method === 'PUT' ? { body: 'x' } : {}) });
      t.is(refused.code, 'AccessDenied', `${token} ${method} ${path}`);
      t.is(refused.status, 403);
      t.is(refused.headers.get('www-authenticate'), null);
    }
  t.is((await call('GET', '/', { token: null })).code, 'AccessDenied');
  t.is((await call('GET', '/mine/a', { token: 'reader:p1' })).text, 'secret');
  t.is((await call('PUT', '/mine/b', { token: 'reader:p1', body: 'x' })).code, 'AccessDenied');
  t.is((await call('GET', '/none', { token: 'member:p2' })).code, 'NoSuchBucket');
});

const withHost = ({ port }: ServedS3, host: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, headers: { host, 'x-test-token': 'member:p1' } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });

test('the bucket may stand in the host name', async (t) => {
  const served = await serveS3(t);
  await served.call('PUT', '/reef.photos');
  await served.call('PUT', '/reef.photos/a/b', { body: 'x' });
  t.is(await withHost(served, 'reef.photos.s3.example.org', '/a/b'), 200);
  t.is(await withHost(served, `reef.photos.localhost:${served.port}`, '/a/b'), 200);
  t.is(await withHost(served, 's3.example.org', '/reef.photos/a/b'), 200);
  t.is(await withHost(served, 'other.s3.example.org', '/a/b'), 404);
});

test('what S3 has and shoal has not is NotImplemented, and never another call', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/mine');
  await call('PUT', '/mine/a', { body: 'a' });
  for (const [method, path] of [
    ['GET', '/mine?metrics'],
    ['PUT', '/mine?inventory'],
    ['DELETE', '/mine?analytics'],
    ['GET', '/mine/a?torrent'],
    ['PUT', '/mine/a?restore'],
    ['DELETE', '/mine/a?select'],
  ] as const) {
    const refused = await call(method, path, method === 'PUT' ? { body: 'x' } : {});
    t.is(refused.code, 'NotImplemented', path);
    t.is(refused.status, 501);
  }
  t.is((await call('GET', '/mine/a')).text, 'a');
  t.is((await call('PATCH', '/mine/a')).code, 'MethodNotAllowed');
});

test('settings that a bucket cannot have are told as never set, and cannot be set', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/mine');
  t.is(text((await call('GET', '/mine?requestPayment')).xml, 'Payer'), 'BucketOwner');
  for (const name of ['accelerate']) {
    const answer = await call('GET', `/mine?${name}`);
    t.is(answer.status, 200, name);
    t.is(answer.xml.children.length, 0, name);
  }
  t.is((await call('GET', '/mine?replication')).code, 'ReplicationConfigurationNotFoundError');
  t.is((await call('GET', '/mine?website')).code, 'NoSuchWebsiteConfiguration');
  for (const name of ['accelerate', 'replication', 'requestPayment'])
    t.is((await call('PUT', `/mine?${name}`, { body: '<A/>' })).code, 'NotImplemented', name);
  t.is((await call('GET', '/mine?accelerate', { token: 'member:p2' })).code, 'AccessDenied');
});
