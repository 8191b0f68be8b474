import test from 'ava';
import { type S3Call, serveS3, texts } from './serve.ts';

const anybody = { token: null };
const other = { token: 'member:p2' };
const acl = (value: string): S3Call => ({ headers: { 'x-amz-acl': value } });
const allUsers = 'http://acs.amazonaws.com/groups/global/AllUsers';

test('acl: a bucket is private until it says otherwise, at once for all', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'hello' });
  for (const who of [anybody, other]) {
    t.is((await call('GET', '/reef', who)).code, 'AccessDenied');
    t.is((await call('GET', '/reef/a', who)).code, 'AccessDenied');
    t.is((await call('GET', '/reef/missing', who)).code, 'AccessDenied');
    t.is((await call('GET', '/reef?acl', who)).code, 'AccessDenied');
    t.is((await call('PUT', '/reef?acl', { ...who, ...acl('public-read') })).code, 'AccessDenied');
    t.is((await call('PUT', '/reef/a?acl', { ...who, ...acl('public-read') })).code, 'AccessDenied');
  }
  t.is((await call('PUT', '/reef?acl', acl('public-read'))).status, 200);
  t.is((await call('GET', '/reef', anybody)).status, 200);
  t.is((await call('GET', '/reef/a', anybody)).code, 'AccessDenied', 'who may list may not read');
  t.is((await call('GET', '/reef/missing', anybody)).code, 'NoSuchKey', 'and sees what is not there');
  t.is((await call('PUT', '/reef/b', { ...anybody, body: 'x' })).code, 'AccessDenied');
  await call('PUT', '/reef?acl', acl('public-read-write'));
  t.is((await call('PUT', '/reef/b', { ...anybody, body: 'x' })).status, 200);
  await call('PUT', '/reef?acl', acl('authenticated-read'));
  t.is((await call('GET', '/reef', anybody)).code, 'AccessDenied');
  t.is((await call('GET', '/reef', other)).status, 200);
  await call('PUT', '/reef?acl', acl('private'));
  t.is((await call('GET', '/reef', other)).code, 'AccessDenied');
});

test('acl: an object has its own, from its upload or later; an overwriting and a copy begin anew', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'hello', ...acl('public-read') });
  t.is((await call('GET', '/reef/a', anybody)).text, 'hello');
  t.is((await call('HEAD', '/reef/a', anybody)).status, 200);
  t.is((await call('PUT', '/reef/a', { ...anybody, body: 'x' })).code, 'AccessDenied');
  const shown = await call('GET', '/reef/a?acl');
  t.deepEqual(texts(shown.xml, 'Permission'), ['READ', 'FULL_CONTROL']);
  t.deepEqual(texts(shown.xml, 'URI'), [allUsers]);
  await call('PUT', '/reef/copy', { headers: { 'x-amz-copy-source': '/reef/a' } });
  t.is((await call('GET', '/reef/copy', anybody)).code, 'AccessDenied');
  const before = (await call('HEAD', '/reef/a')).headers.get('last-modified');
  await call('PUT', '/reef/a?acl', acl('private'));
  t.is((await call('GET', '/reef/a', anybody)).code, 'AccessDenied');
  t.is((await call('HEAD', '/reef/a')).headers.get('last-modified'), before, 'it is no change of the object');
  await call('PUT', '/reef/a?acl', { headers: { 'x-amz-grant-read': 'id="p2"' } });
  t.is((await call('GET', '/reef/a', other)).text, 'hello');
  t.is((await call('GET', '/reef/a', { token: 'member:p3' })).code, 'AccessDenied');
  await call('PUT', '/reef/a', { body: 'new' });
  t.is((await call('GET', '/reef/a', other)).code, 'AccessDenied');
});

test('acl: what a POST of Swift says about metadata leaves it as it was', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'hello', ...acl('public-read') });
  await call('PUT', '/reef/a?acl', acl('private'));
  const headers = { 'X-Auth-Token': 'member:p1', 'X-Object-Meta-Colour': 'blue' };
  t.is((await fetch(`${swift}/reef/a`, { method: 'POST', headers })).status, 202);
  t.is((await call('GET', '/reef/a', anybody)).code, 'AccessDenied');
  t.is((await call('GET', '/reef/a')).headers.get('x-amz-meta-colour'), 'blue');
});

test('acl: grants as XML are kept and told, the owner’s own always', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const grant = (grantee: string, permission: string) =>
    `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ${grantee}</Grantee><Permission>${permission}</Permission></Grant>`;
  const body = (grants: string, owner = 'p1') =>
    `<AccessControlPolicy><Owner><ID>${owner}</ID></Owner><AccessControlList>${grants}</AccessControlList></AccessControlPolicy>`;
  const p2 = (permission: string) => grant('xsi:type="CanonicalUser"><ID>p2</ID>', permission);
  const put = (grants: string, owner?: string) => call('PUT', '/reef?acl', { body: body(grants, owner) });
  t.is((await put(p2('READ') + p2('READ_ACP'))).status, 200);
  t.is((await call('GET', '/reef', other)).status, 200);
  const shown = await call('GET', '/reef?acl', other);
  t.deepEqual(texts(shown.xml, 'Permission'), ['READ', 'READ_ACP']);
  t.is((await call('PUT', '/reef?acl', { ...other, ...acl('public-read') })).code, 'AccessDenied');
  t.is((await put(p2('FULL_CONTROL'))).status, 200);
  t.is((await call('PUT', '/reef?acl', { ...other, ...acl('private') })).status, 200);
  t.is((await call('GET', '/reef', other)).code, 'AccessDenied', 'it gave its own right away');
  t.is((await put(p2('EVERYTHING'))).code, 'MalformedACLError');
  t.is((await put(p2('READ'), 'p2')).code, 'AccessDenied', 'another owner');
  t.is(
    (await put(grant('x="y"><EmailAddress>a@b</EmailAddress>', 'READ'))).code,
    'UnresolvableGrantByEmailAddress',
  );
  t.is((await put(grant('x="y"><URI>http://nobody</URI>', 'READ'))).code, 'InvalidArgument');
  t.is((await put(p2('READ').repeat(101))).code, 'MalformedACLError');
  t.is((await call('PUT', '/reef?acl', { body: '<Acl/>' })).code, 'MalformedACLError');
  t.is((await call('PUT', '/reef?acl', acl('secret'))).code, 'InvalidArgument');
  const both = { headers: { 'x-amz-acl': 'private', 'x-amz-grant-read': 'id=p2' } };
  t.is((await call('PUT', '/reef?acl', both)).code, 'InvalidRequest');
  t.is((await call('PUT', '/reef?acl')).code, 'MissingSecurityHeader');
});

test('acl: the lists of Swift and the grants of S3 are one thing about one container', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'hello' });
  const post = (headers: Record<string, string>) =>
    fetch(`${swift}/reef`, { method: 'POST', headers: { 'X-Auth-Token': 'member:p1', ...headers } });
  await post({ 'X-Container-Read': '.r:*,.rlistings,p2:*' });
  t.is((await call('GET', '/reef/a', anybody)).text, 'hello');
  t.is((await call('GET', '/reef', anybody)).status, 200);
  const shown = await call('GET', '/reef?acl');
  t.deepEqual(texts(shown.xml, 'URI'), [allUsers]);
  t.deepEqual(texts(shown.xml, 'ID'), ['p1', 'p2', 'p1']);
  await call('PUT', '/reef?acl', acl('private'));
  t.is((await fetch(`${swift}/reef/a`)).status, 401, 'private for both');
  await call('PUT', '/reef?acl', { headers: { 'x-amz-grant-read': `uri="${allUsers}"` } });
  t.is((await fetch(`${swift}/reef`)).status, 200, 'listed by Swift too');
  t.is((await fetch(`${swift}/reef/a`)).status, 401);
  await post({ 'X-Remove-Container-Read': 'x' });
  t.is((await fetch(`${swift}/reef`)).status, 401);
  t.is((await call('GET', '/reef', anybody)).code, 'AccessDenied');
});

test('acl: a new bucket may come with one', async (t) => {
  const { call } = await serveS3(t);
  t.is((await call('PUT', '/open', acl('public-read'))).status, 200);
  t.is((await call('GET', '/open', anybody)).status, 200);
  const enforced = { 'x-amz-object-ownership': 'BucketOwnerEnforced' };
  const both = { headers: { ...enforced, 'x-amz-acl': 'public-read' } };
  t.is((await call('PUT', '/shut', both)).code, 'InvalidBucketAclWithObjectOwnership');
  t.is((await call('PUT', '/shut', { headers: enforced })).status, 200);
  t.is((await call('PUT', '/shut?acl', acl('public-read'))).code, 'AccessControlListNotSupported');
  t.is(
    (await call('PUT', '/shut/a', { body: 'x', ...acl('public-read') })).code,
    'AccessControlListNotSupported',
  );
  t.is((await call('PUT', '/shut/a', { body: 'x', ...acl('bucket-owner-full-control') })).status, 200);
  for (const path of ['/shut?acl', '/shut/a?acl', '/shut/b'])
    t.is((await call('PUT', path, acl('private'))).code, 'AccessControlListNotSupported', path);
});

test('acl: a caller who expects another owner is refused, even where the public may read', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'hello', ...acl('public-read') });
  const expecting = (name: string, owner: string) => ({
    headers: { [`x-amz-${name}expected-bucket-owner`]: owner },
  });
  t.is((await call('GET', '/reef/a', expecting('', 'p1'))).text, 'hello');
  t.is((await call('GET', '/reef/a', expecting('', 'p2'))).code, 'AccessDenied');
  t.is((await call('HEAD', '/reef', expecting('', 'p2'))).status, 403);
  await call('PUT', '/other', { token: 'member:p2' });
  const copy = (owner: string) => ({
    token: 'member:p2',
    headers: { ...expecting('source-', owner).headers, 'x-amz-copy-source': '/reef/a' },
  });
  t.is((await call('PUT', '/other/a', copy('p3'))).code, 'AccessDenied');
  t.is((await call('PUT', '/other/a', copy('p1'))).status, 200);
});

test('acl: a list of its own tells just what it was given, and its owner may do all the same', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'hello' });
  const told = async (path: string) => texts((await call('GET', path)).xml, 'Permission');
  const list = (inner: string) =>
    `<AccessControlPolicy><Owner><ID>p1</ID></Owner><AccessControlList>${inner}</AccessControlList></AccessControlPolicy>`;
  const own = '<Grant><Grantee><ID>p1</ID></Grantee><Permission>READ</Permission></Grant>';
  for (const path of ['/reef?acl', '/reef/a?acl']) {
    t.deepEqual(await told(path), ['FULL_CONTROL']);
    t.is((await call('PUT', path, { body: list(own) })).status, 200);
    t.deepEqual(await told(path), ['READ']);
    t.is((await call('PUT', path, { body: list('') })).status, 200);
    t.deepEqual(await told(path), []);
    await call('PUT', path, { headers: { 'x-amz-grant-write-acp': 'id=p2' } });
    t.deepEqual(await told(path), ['WRITE_ACP']);
  }
  t.is((await call('GET', '/reef/a')).text, 'hello');
  await call('PUT', '/reef/a?acl', acl('private'));
  t.deepEqual(await told('/reef/a?acl'), ['FULL_CONTROL']);
  await call('PUT', '/reef/b', { body: 'x', headers: { 'x-amz-grant-read': 'id=p2' } });
  t.deepEqual(await told('/reef/b?acl'), ['READ']);
  await call('PUT', '/reef/b', { body: 'y' });
  t.deepEqual(await told('/reef/b?acl'), ['FULL_CONTROL']);
  await call('PUT', '/reef?acl', { body: list(own) });
  const rule =
    '<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>';
  t.is((await call('PUT', '/reef?ownershipControls', { body: rule })).status, 200, 'nobody else is in it');
});

test('acl: an object is its writer’s where the bucket lets it be; the bucket’s owner reads and removes it all the same', async (t) => {
  const { call } = await serveS3(t);
  const rule = (ownership: string) => ({
    body: `<OwnershipControls><Rule><ObjectOwnership>${ownership}</ObjectOwnership></Rule></OwnershipControls>`,
  });
  await call('PUT', '/reef', acl('public-read-write'));
  const put = (key: string, name?: string) =>
    call('PUT', `/reef/${key}`, { ...other, body: key, ...(name === undefined ? {} : acl(name)) });
  const owner = async (key: string, who: S3Call = {}) => {
    const { xml } = await call('GET', `/reef/${key}?acl`, who);
    return [texts(xml, 'ID')[0], ...texts(xml, 'Permission')];
  };
  await put('a');
  t.deepEqual(await owner('a', other), ['p2', 'FULL_CONTROL']);
  t.is((await call('GET', '/reef/a', other)).text, 'a', 'who wrote it reads it');
  t.is((await call('GET', '/reef/a', { token: 'member:p3' })).code, 'AccessDenied');
  t.is((await call('GET', '/reef/a')).text, 'a');
  await put('b', 'bucket-owner-read');
  t.deepEqual(await owner('b'), ['p2', 'READ', 'FULL_CONTROL']);
  t.is((await call('PUT', '/reef/b?acl', { ...other, ...acl('public-read') })).status, 200, 'and opens it');
  t.is((await call('GET', '/reef/b', anybody)).text, 'b');
  t.deepEqual(texts((await call('GET', '/reef')).xml, 'ID'), ['p2', 'p2']);
  await call('PUT', '/reef/copy', { headers: { 'x-amz-copy-source': '/reef/a' } });
  t.deepEqual(await owner('copy'), ['p1', 'FULL_CONTROL'], 'a copy is of whoever makes it');

  await call('PUT', '/reef?ownershipControls', rule('BucketOwnerPreferred'));
  await put('c', 'bucket-owner-full-control');
  t.deepEqual(await owner('c'), ['p1', 'FULL_CONTROL']);
  const id = texts((await call('POST', '/reef/d?uploads', other)).xml, 'UploadId')[0];
  t.is(texts((await call('GET', `/reef/d?uploadId=${id}`)).xml, 'ID').at(-1), 'p2');

  const owners = async () => new Set(texts((await call('GET', '/reef')).xml, 'ID'));
  // More than twice, so that the listing is kept.
  for (let round = 0; round < 3; round++) t.deepEqual(await owners(), new Set(['p2', 'p1']));
  await call('PUT', '/reef?acl', acl('private'));
  t.is((await call('PUT', '/reef?ownershipControls', rule('BucketOwnerEnforced'))).status, 200);
  t.deepEqual(await owners(), new Set(['p1']));
  t.is((await call('GET', '/reef/a', other)).code, 'AccessDenied', 'nobody else owns anything any more');
  t.deepEqual(await owner('a'), ['p1', 'FULL_CONTROL']);
  t.is((await call('DELETE', '/reef/a')).status, 204);
});

test('acl: nothing is granted to an account that is none', async (t) => {
  const { call } = await serveS3(t, {
    domainOf: async (project) => (project === 'p9' ? undefined : 'default'),
  });
  const to = (project: string) => ({ body: 'x', headers: { 'x-amz-grant-read': `id=${project}` } });
  t.is((await call('PUT', '/none', { headers: to('p9').headers })).code, 'InvalidArgument');
  await call('PUT', '/reef');
  t.is((await call('PUT', '/reef/a', to('p9'))).code, 'InvalidArgument');
  t.is((await call('PUT', '/reef/a', to('p2'))).status, 200);
  for (const path of ['/reef?acl', '/reef/a?acl']) {
    t.is((await call('PUT', path, { headers: to('p9').headers })).code, 'InvalidArgument', path);
    t.is((await call('PUT', path, { headers: to('p2').headers })).status, 200, path);
  }
});
