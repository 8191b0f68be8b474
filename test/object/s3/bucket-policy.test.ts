import test from 'ava';
import { serveS3, text, texts } from './serve.ts';

const anybody = { token: null };
const other = { token: 'member:p2' };
const arn = (path = '') => `arn:aws:s3:::reef${path}`;
const policy = (...statements: object[]) => ({
  body: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
});
const reading = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: arn('/public/*') };

test('bucket policy: it opens what it names, at both doors, and is given back as it was put', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/public/a', { body: 'hello' });
  await call('PUT', '/reef/private/a', { body: 'secret' });
  t.is((await call('GET', '/reef?policy')).code, 'NoSuchBucketPolicy');
  const put = policy(reading);
  t.is((await call('PUT', '/reef?policy', put)).status, 204);
  t.is((await call('GET', '/reef?policy')).text, put.body);
  t.is((await call('GET', '/reef/public/a', anybody)).text, 'hello');
  t.is((await call('GET', '/reef/private/a', anybody)).code, 'AccessDenied');
  t.is((await call('PUT', '/reef/public/a', { ...anybody, body: 'x' })).code, 'AccessDenied');
  t.is((await fetch(`${swift}/reef/public/a`)).status, 200);
  t.is((await fetch(`${swift}/reef/private/a`)).status, 401);
  t.is(text((await call('GET', '/reef?policyStatus')).xml, 'IsPublic'), 'true');
  t.is((await call('DELETE', '/reef?policy')).status, 204);
  t.is((await call('GET', '/reef/public/a', anybody)).code, 'AccessDenied');
});

test('bucket policy: a denial goes before owners, access lists and Swift; the owner can still take it away', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/a', { body: 'hello', headers: { 'x-amz-acl': 'public-read' } });
  const deny = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: [arn(), arn('/*')] };
  t.is((await call('PUT', '/reef?policy', policy(deny))).status, 204);
  const owner = { headers: { 'X-Auth-Token': 'member:p1' } };
  for (const who of [{}, anybody]) {
    t.is((await call('GET', '/reef/a', who)).code, 'AccessDenied');
    t.is((await call('GET', '/reef', who)).code, 'AccessDenied');
    t.is((await call('DELETE', '/reef/a', who)).code, 'AccessDenied');
  }
  t.is((await fetch(`${swift}/reef/a`, owner)).status, 403);
  t.is((await fetch(`${swift}/reef/a`, { method: 'DELETE', ...owner })).status, 403);
  t.is((await call('DELETE', '/reef?policy', other)).code, 'AccessDenied');
  t.is((await call('DELETE', '/reef?policy')).status, 204);
  t.is((await call('GET', '/reef/a')).text, 'hello');
});

test('bucket policy: each key of a bulk deletion is judged', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  for (const key of ['keep/a', 'go/a']) await call('PUT', `/reef/${key}`, { body: 'x' });
  const deny = { Effect: 'Deny', Principal: '*', Action: 's3:DeleteObject', Resource: arn('/keep/*') };
  await call('PUT', '/reef?policy', policy(deny));
  const body = '<Delete><Object><Key>keep/a</Key></Object><Object><Key>go/a</Key></Object></Delete>';
  const answer = await call('POST', '/reef?delete', { body });
  t.deepEqual(texts(answer.xml, 'Code'), ['AccessDenied']);
  t.is((await call('HEAD', '/reef/keep/a')).status, 200);
  t.is((await call('HEAD', '/reef/go/a')).status, 404);
});

test('bucket policy: conditions see the request', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/public/a', { body: 'hello' });
  const when = (Condition: object) => call('PUT', '/reef?policy', policy({ ...reading, Condition }));
  const read = async (headers = {}) => (await call('GET', '/reef/public/a', { token: null, headers })).status;
  await when({ IpAddress: { 'aws:SourceIp': '127.0.0.0/8' } });
  t.is(await read(), 200);
  await when({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } });
  t.is(await read(), 403);
  await when({ StringLike: { 'aws:Referer': 'https://reef.example/*' } });
  t.is(await read(), 403);
  t.is(await read({ referer: 'https://reef.example/page' }), 200);
  const list = {
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::p2:root' },
    Action: 's3:ListBucket',
    Resource: arn(),
    Condition: { StringEquals: { 's3:prefix': 'public/' } },
  };
  await call('PUT', '/reef?policy', policy(list));
  t.is((await call('GET', '/reef?prefix=public/', other)).status, 200);
  t.is((await call('GET', '/reef', other)).code, 'AccessDenied');
  t.is((await call('GET', '/reef?prefix=public/', { token: 'member:p3' })).code, 'AccessDenied');
  await call(
    'PUT',
    '/reef?policy',
    policy({ ...list, Condition: { StringLike: { 's3:prefix': 'public/*' } } }),
  );
  t.is((await call('GET', '/reef/public/missing', other)).code, 'NoSuchKey', 'a list would say as much');
  t.is((await call('GET', '/reef/private/missing', other)).code, 'AccessDenied');
});

test('bucket policy: tags of an object decide, those of the version that is meant', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef?versioning', {
    body: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  });
  const put = (tags: string) => call('PUT', '/reef/a', { body: tags, headers: { 'x-amz-tagging': tags } });
  const first = (await put('security=public')).headers.get('x-amz-version-id');
  const tagged = {
    ...reading,
    Action: ['s3:GetObject', 's3:GetObjectVersion'],
    Resource: arn('/*'),
    Condition: { StringEquals: { 's3:ExistingObjectTag/security': 'public' } },
  };
  t.is((await call('PUT', '/reef?policy', policy(tagged))).status, 204);
  t.is((await call('GET', '/reef/a', anybody)).text, 'security=public');
  t.is((await fetch(`${swift}/reef/a`)).status, 200);
  await put('security=private');
  t.is((await call('GET', '/reef/a', anybody)).code, 'AccessDenied');
  t.is((await fetch(`${swift}/reef/a`)).status, 401);
  t.is((await call('GET', `/reef/a?versionId=${first}`, anybody)).status, 200);
  t.is((await call('GET', '/reef/missing', anybody)).code, 'AccessDenied');
});

test('bucket policy: tags that a request brings decide, in headers, a body or a form', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const writing = {
    ...{
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:PutObject', 's3:PutObjectTagging'],
      Resource: arn('/*'),
    },
    Condition: {
      StringEquals: { 's3:RequestObjectTag/security': 'public' },
      'ForAllValues:StringEquals': { 's3:RequestObjectTagKeys': ['security'] },
    },
  };
  t.is((await call('PUT', '/reef?policy', policy(writing))).status, 204);
  const put = async (tagging: string) =>
    (await call('PUT', '/reef/a', { ...anybody, body: 'x', headers: { 'x-amz-tagging': tagging } })).status;
  t.is(await put('security=private'), 403);
  t.is(await put('security=public&more=x'), 403);
  t.is(await put('security=public'), 200);
  const body = (value: string) =>
    `<Tagging><TagSet><Tag><Key>security</Key><Value>${value}</Value></Tag></TagSet></Tagging>`;
  t.is((await call('PUT', '/reef/a?tagging', { ...anybody, body: body('private') })).status, 403);
  t.is((await call('PUT', '/reef/a?tagging', { ...anybody, body: body('public') })).status, 200);
  const form = (value: string) => ({
    ...anybody,
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: ['key"\r\n\r\nb', `tagging"\r\n\r\n${body(value)}`, 'file"; filename="a"\r\n\r\nhello']
      .map((part) => `--x\r\nContent-Disposition: form-data; name="${part}\r\n`)
      .join('')
      .concat('--x--\r\n'),
  });
  t.is((await call('POST', '/reef', form('private'))).status, 403);
  t.is((await call('POST', '/reef', form('public'))).status, 204);
  const untag = { Effect: 'Allow', Principal: '*', Action: 's3:DeleteObjectTagging', Resource: arn('/*') };
  t.is((await call('DELETE', '/reef/a?tagging', anybody)).status, 403, 'to take tags off is another action');
  await call('PUT', '/reef?policy', policy(untag));
  t.is((await call('DELETE', '/reef/a?tagging', anybody)).status, 204);
});

test('bucket policy: what is no policy is refused and changes nothing', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  t.is((await call('PUT', '/reef?policy', { body: '{' })).code, 'MalformedPolicy');
  const { Principal: _, ...nobody } = reading;
  t.is(
    (await call('PUT', '/reef?policy', policy({ ...nobody, NotPrincipal: { AWS: 'p2' } }))).code,
    'MalformedPolicy',
  );
  t.is(
    (await call('PUT', '/reef?policy', policy({ ...reading, Resource: 'arn:aws:s3:::x/*' }))).code,
    'MalformedPolicy',
  );
  t.is((await call('PUT', '/reef?policy', { body: 'x'.repeat(30_000) })).code, 'MaxMessageLengthExceeded');
  t.is((await call('GET', '/reef?policy')).code, 'NoSuchBucketPolicy');
  t.is((await call('PUT', '/reef?policy', { ...other, ...policy(reading) })).code, 'AccessDenied');
});

const block = (flags: Record<string, boolean>) => ({
  body: `<PublicAccessBlockConfiguration>${Object.entries(flags)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join('')}</PublicAccessBlockConfiguration>`,
});

test('public access block: what is blocked is refused, what stood counts for nothing', async (t) => {
  const { call, swift } = await serveS3(t);
  await call('PUT', '/reef');
  await call('PUT', '/reef/public/a', { body: 'hello', headers: { 'x-amz-acl': 'public-read' } });
  await fetch(`${swift}/reef`, {
    method: 'POST',
    headers: { 'X-Auth-Token': 'member:p1', 'X-Container-Read': '.r:*,.rlistings' },
  });
  t.is((await call('GET', '/reef?publicAccessBlock')).code, 'NoSuchPublicAccessBlockConfiguration');
  t.is((await call('PUT', '/reef?publicAccessBlock', block({ IgnorePublicAcls: true }))).status, 200);
  t.is((await call('GET', '/reef/public/a', anybody)).code, 'AccessDenied');
  t.is((await fetch(`${swift}/reef/public/a`)).status, 401);
  t.is((await fetch(`${swift}/reef`)).status, 401);
  await call('PUT', '/reef?policy', policy(reading));
  t.is((await call('GET', '/reef/public/a', anybody)).text, 'hello', 'a policy is another matter');
  await call(
    'PUT',
    '/reef?publicAccessBlock',
    block({ RestrictPublicBuckets: true, IgnorePublicAcls: true }),
  );
  t.is((await call('GET', '/reef/public/a', anybody)).code, 'AccessDenied');
  await call('PUT', '/reef?publicAccessBlock', block({ BlockPublicAcls: true, BlockPublicPolicy: true }));
  const open = { 'x-amz-acl': 'public-read' };
  t.is((await call('PUT', '/reef?acl', { headers: open })).code, 'AccessDenied');
  t.is((await call('PUT', '/reef/b', { body: 'x', headers: open })).code, 'AccessDenied');
  t.is((await call('PUT', '/reef?policy', policy(reading))).code, 'AccessDenied');
  const told = await call('GET', '/reef?publicAccessBlock');
  t.is(text(told.xml, 'BlockPublicAcls'), 'true');
  t.is(text(told.xml, 'IgnorePublicAcls'), 'false');
  t.is((await call('PUT', '/reef?publicAccessBlock', { body: '<X/>' })).code, 'MalformedXML');
  t.is((await call('DELETE', '/reef?publicAccessBlock')).status, 204);
  t.is((await call('PUT', '/reef?acl', { headers: open })).status, 200);
});

test('ownership controls: told as they were put; enforced ones switch access lists off', async (t) => {
  const { call } = await serveS3(t);
  await call('PUT', '/reef');
  const rule = (ownership: string) => ({
    body: `<OwnershipControls><Rule><ObjectOwnership>${ownership}</ObjectOwnership></Rule></OwnershipControls>`,
  });
  t.is((await call('GET', '/reef?ownershipControls')).code, 'OwnershipControlsNotFoundError');
  await call('PUT', '/reef/a', { body: 'hello', headers: { 'x-amz-acl': 'public-read' } });
  t.is((await call('PUT', '/reef?ownershipControls', rule('BucketOwnerEnforced'))).status, 200);
  t.is(text((await call('GET', '/reef?ownershipControls')).xml, 'ObjectOwnership'), 'BucketOwnerEnforced');
  t.is((await call('GET', '/reef/a', anybody)).code, 'AccessDenied');
  t.is(
    (await call('PUT', '/reef?acl', { headers: { 'x-amz-acl': 'public-read' } })).code,
    'AccessControlListNotSupported',
  );
  t.is((await call('PUT', '/reef?ownershipControls', rule('Nobody'))).code, 'MalformedXML');
  t.is((await call('DELETE', '/reef?ownershipControls')).status, 204);
  t.is((await call('GET', '/reef/a', anybody)).text, 'hello');
});
