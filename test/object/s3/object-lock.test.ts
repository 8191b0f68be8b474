/** Object lock: versions that cannot be deleted, by either door. */
import test, { type ExecutionContext } from 'ava';
import { serveS3, text } from './serve.ts';

const day = 86_400_000;

const locking = async (t: ExecutionContext) => {
  let nowMs = Date.UTC(2026, 10, 25);
  const s3 = await serveS3(t, { wallMs: () => nowMs });
  await s3.call('PUT', '/vault', { headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  const put = async (headers: Record<string, string> = {}): Promise<string> =>
    (await s3.call('PUT', '/vault/a', { body: 'a', headers })).headers.get('x-amz-version-id') ?? '';
  return {
    ...s3,
    put,
    later: (ms: number) => new Date(nowMs + ms).toISOString(),
    pass(ms: number) {
      nowMs += ms;
    },
    remove: (id: string, headers: Record<string, string> = {}) =>
      s3.call('DELETE', `/vault/a?versionId=${id}`, { headers }),
    retain: (id: string, mode: string, until: string, headers: Record<string, string> = {}) =>
      s3.call('PUT', `/vault/a?retention&versionId=${id}`, {
        headers,
        body: `<Retention><Mode>${mode}</Mode><RetainUntilDate>${until}</RetainUntilDate></Retention>`,
      }),
    hold: (id: string, status: string) =>
      s3.call('PUT', `/vault/a?legal-hold&versionId=${id}`, {
        body: `<LegalHold><Status>${status}</Status></LegalHold>`,
      }),
  };
};

const bypass = { 'x-amz-bypass-governance-retention': 'true' };

test('a bucket made for locks keeps versions for good', async (t) => {
  const { call } = await locking(t);
  t.is(text((await call('GET', '/vault?versioning')).xml, 'Status'), 'Enabled');
  t.is(text((await call('GET', '/vault?object-lock')).xml, 'ObjectLockEnabled'), 'Enabled');
  const suspended = '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>';
  t.is((await call('PUT', '/vault?versioning', { body: suspended })).code, 'InvalidBucketState');
  await call('PUT', '/plain');
  t.is((await call('GET', '/plain?object-lock')).code, 'ObjectLockConfigurationNotFoundError');
  const lock =
    '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>';
  t.is((await call('PUT', '/plain?object-lock', { body: lock })).code, 'InvalidBucketState');
  t.is(
    (await call('PUT', '/plain/a', { body: 'a', headers: { 'x-amz-object-lock-legal-hold': 'ON' } })).code,
    'InvalidRequest',
  );
});

test('compliance holds until its moment, for everybody, and only grows', async (t) => {
  const s3 = await locking(t);
  const id = await s3.put({
    'x-amz-object-lock-mode': 'COMPLIANCE',
    'x-amz-object-lock-retain-until-date': s3.later(10 * day),
  });
  const head = await s3.call('HEAD', '/vault/a');
  t.is(head.headers.get('x-amz-object-lock-mode'), 'COMPLIANCE');
  t.is(head.headers.get('x-amz-object-lock-retain-until-date'), s3.later(10 * day));
  t.is((await s3.remove(id)).code, 'AccessDenied');
  t.is((await s3.remove(id, bypass)).code, 'AccessDenied');
  t.is((await s3.retain(id, 'COMPLIANCE', s3.later(5 * day), bypass)).code, 'AccessDenied');
  t.is((await s3.retain(id, 'GOVERNANCE', s3.later(20 * day), bypass)).code, 'AccessDenied');
  t.is((await s3.retain(id, 'COMPLIANCE', s3.later(20 * day))).status, 200);
  const swift = await fetch(`${s3.swift.replace('AUTH_p1', 'AUTH_p1')}/vault/a?version-id=${id}`, {
    method: 'DELETE',
    headers: { 'x-auth-token': 'admin' },
  });
  t.is(swift.status, 403);
  t.is((await s3.call('DELETE', '/vault/a')).status, 204, 'a marker hides it and takes nothing away');
  s3.pass(15 * day);
  t.is((await s3.remove(id)).code, 'AccessDenied');
  s3.pass(6 * day);
  t.is((await s3.remove(id)).status, 204);
  t.is((await s3.call('GET', `/vault/a?versionId=${id}`)).code, 'NoSuchVersion');
});

test('governance is bypassed by whoever may, and says so', async (t) => {
  const s3 = await locking(t);
  const id = await s3.put();
  t.is((await s3.call('GET', `/vault/a?retention&versionId=${id}`)).code, 'NoSuchObjectLockConfiguration');
  await s3.retain(id, 'GOVERNANCE', s3.later(day));
  t.is(text((await s3.call('GET', `/vault/a?retention&versionId=${id}`)).xml, 'Mode'), 'GOVERNANCE');
  t.is((await s3.remove(id)).code, 'AccessDenied');
  t.is((await s3.retain(id, 'GOVERNANCE', s3.later(1000))).code, 'AccessDenied');
  t.is((await s3.retain(id, 'COMPLIANCE', s3.later(2 * day))).code, 'AccessDenied');
  t.is((await s3.retain(id, 'GOVERNANCE', s3.later(2 * day))).status, 200);
  t.is((await s3.retain(id, 'GOVERNANCE', s3.later(1000), bypass)).status, 200);
  t.is((await s3.remove(id, bypass)).status, 204);
});

test('a legal hold stands until it is taken off, beside any retention', async (t) => {
  const s3 = await locking(t);
  const id = await s3.put({ 'x-amz-object-lock-legal-hold': 'ON' });
  t.is((await s3.call('HEAD', '/vault/a')).headers.get('x-amz-object-lock-legal-hold'), 'ON');
  t.is((await s3.remove(id, bypass)).code, 'AccessDenied');
  t.is((await s3.hold(id, 'OFF')).status, 200);
  t.is(text((await s3.call('GET', `/vault/a?legal-hold&versionId=${id}`)).xml, 'Status'), 'OFF');
  t.is((await s3.hold(id, 'MAYBE')).code, 'MalformedXML');
  t.is((await s3.remove(id)).status, 204);
  t.is((await s3.hold(id, 'ON')).code, 'NoSuchVersion');
});

test('new versions are locked as the bucket says, by either door and in parts, unless they say otherwise', async (t) => {
  const s3 = await locking(t);
  const rule = (inner: string): string =>
    `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>${inner}</DefaultRetention></Rule></ObjectLockConfiguration>`;
  const set = (inner: string) => s3.call('PUT', '/vault?object-lock', { body: rule(inner) });
  t.is((await set('<Mode>COMPLIANCE</Mode><Days>2</Days>')).status, 200);
  t.is((await set('<Mode>COMPLIANCE</Mode><Days>2</Days><Years>1</Years>')).code, 'MalformedXML');
  t.is((await set('<Mode>COMPLIANCE</Mode><Days>0</Days>')).code, 'InvalidArgument');
  t.is(text((await s3.call('GET', '/vault?object-lock')).xml, 'Days'), '2');
  t.is((await s3.remove(await s3.put())).code, 'AccessDenied');
  const until = {
    'x-amz-object-lock-mode': 'GOVERNANCE',
    'x-amz-object-lock-retain-until-date': s3.later(day),
  };
  t.is((await s3.remove(await s3.put(until), bypass)).status, 204);
  const swift = await fetch(`${s3.swift}/vault/a`, {
    method: 'PUT',
    headers: { 'x-auth-token': 'member:p1' },
    body: 'a',
  });
  t.is((await s3.remove(swift.headers.get('x-object-version-id') ?? '', bypass)).code, 'AccessDenied');
  const upload = text((await s3.call('POST', '/vault/a?uploads')).xml, 'UploadId');
  const etag = (await s3.call('PUT', `/vault/a?partNumber=1&uploadId=${upload}`, { body: 'a' })).headers.get(
    'etag',
  );
  const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
  const done = await s3.call('POST', `/vault/a?uploadId=${upload}`, { body });
  t.is((await s3.remove(done.headers.get('x-amz-version-id') ?? '', bypass)).code, 'AccessDenied');
  await s3.call('PUT', '/plain');
  await s3.call('PUT', '/plain/copy', { headers: { 'x-amz-copy-source': '/vault/a' } });
  t.is((await s3.call('DELETE', '/plain/copy')).status, 204, 'a lock is of its version and not copied');
});

test('locks that cannot be are refused', async (t) => {
  const s3 = await locking(t);
  const put = async (headers: Record<string, string>) =>
    (await s3.call('PUT', '/vault/b', { body: 'b', headers })).code;
  const until = 'x-amz-object-lock-retain-until-date';
  t.is(await put({ 'x-amz-object-lock-mode': 'COMPLIANCE' }), 'InvalidArgument');
  t.is(await put({ 'x-amz-object-lock-mode': 'COMPLIANCE', [until]: s3.later(-1000) }), 'InvalidArgument');
  t.is(await put({ 'x-amz-object-lock-mode': 'COMPLIANCE', [until]: 'soon' }), 'InvalidArgument');
  t.is(await put({ 'x-amz-object-lock-mode': 'STRICT', [until]: s3.later(day) }), 'InvalidArgument');
  t.is(await put({ 'x-amz-object-lock-legal-hold': 'YES' }), 'InvalidArgument');
});

test('a hold that races with the deletion either comes first or finds nothing', async (t) => {
  const s3 = await locking(t);
  for (let round = 0; round < 10; round++) {
    const id = await s3.put();
    const [held, removed] = await Promise.all([s3.hold(id, 'ON'), s3.remove(id)]);
    const there = (await s3.call('GET', `/vault/a?versionId=${id}`)).status === 200;
    t.is(held.status === 200, there, `hold ${held.status}, deletion ${removed.status}`);
    t.is(removed.status === 204, !there);
  }
});
