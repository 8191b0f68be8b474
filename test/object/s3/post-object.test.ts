import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { signV2 } from '../../../agent/object/s3/sign/signature-v2.ts';
import { serveS3, text } from './serve.ts';
import { access, secret } from './sign.ts';

const nowMs = Date.UTC(2026, 10, 25, 3, 5);
const wallMs = () => nowMs;

const conditions = [
  { bucket: 'reef' },
  ['starts-with', '$key', 'forms/'],
  ['content-length-range', 2, 10],
] as const;
const encode = (document: unknown) => Buffer.from(JSON.stringify(document)).toString('base64');
const signed = (more: readonly unknown[] = [], expiration = '2026-11-25T03:10:00Z') => {
  const policy = encode({ expiration, conditions: [...conditions, ...more] });
  return { policy, awsaccesskeyid: access, signature: signV2(secret, policy) };
};

/** As browsers write it: the file is the last. */
const form = (
  fields: Record<string, string>,
  file: string | undefined = 'hello',
  fileName = 'C:\\my\\a.txt',
) => {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--reef\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const last =
    file === undefined
      ? ''
      : `--reef\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: text/plain\r\n\r\n${file}\r\n`;
  return {
    token: null,
    headers: { 'content-type': 'multipart/form-data; boundary=reef' },
    body: `${parts.join('')}${last}--reef--\r\n`,
  };
};

const open = async (t: Parameters<typeof serveS3>[0]) => {
  const served = await serveS3(t, { wallMs });
  await served.call('PUT', '/reef');
  const post = (...given: Parameters<typeof form>) => served.call('POST', '/reef', form(...given));
  return { ...served, post };
};

test('post object: a page with a signed policy stores a file, with what its fields say', async (t) => {
  const { call, post } = await open(t);
  const fields = signed([
    { 'Content-Type': 'text/plain' },
    { 'x-amz-meta-colour': 'blü' },
    { acl: 'public-read' },
  ]);
  const more = { 'Content-Type': 'text/plain', 'x-amz-meta-colour': 'blü', acl: 'public-read' };
  const answer = await post({ key: `forms/$\{filename}`, ...more, ...fields });
  t.is(answer.status, 204, answer.text);
  t.is(answer.headers.get('etag'), '"5d41402abc4b2a76b9719d911017c592"');
  const read = await call('GET', '/reef/forms/a.txt', { token: null });
  t.is(read.text, 'hello');
  t.is(read.headers.get('content-type'), 'text/plain');
  t.is(Buffer.from(read.headers.get('x-amz-meta-colour') ?? '', 'latin1').toString(), 'blü');
});

test('post object: forms that boto3 made are taken, in both versions', async (t) => {
  const { posts } = JSON.parse(readFileSync(new URL('./botocore.json', import.meta.url), 'utf8')) as {
    posts: { name: string; fields: Record<string, string> }[];
  };
  t.is(posts.length, 2);
  const { call, post, journal } = await open(t);
  for (const { name, fields } of posts) {
    t.is((await post(fields, name, name)).status, 204, name);
    t.is((await call('GET', `/reef/forms/${name}`)).text, name);
    t.is((await post({ ...fields, key: 'other/x' }, name)).code, 'AccessDenied');
    const changed = { ...fields, policy: fields.policy?.replace('ey', 'eY') ?? '' };
    t.is((await post(changed, name)).code, 'SignatureDoesNotMatch');
  }
  const refused = journal.events.filter(({ outcome }) => outcome === 'refused');
  t.like(refused, [{ action: 's3.sign-in', target: access, actor: null, detail: { address: '127.0.0.1' } }]);
});

test('post object: the answer is what the page asked for', async (t) => {
  const { post } = await open(t);
  const ask = (field: string, value: string) =>
    post({ key: 'forms/a b', [field]: value, ...signed([['starts-with', `$${field}`, '']]) });
  const made = await ask('success_action_status', '201');
  t.is(made.status, 201);
  t.regex(made.text, /<PostResponse><Location>/, 'in no namespace');
  t.is(text(made.xml, 'Key'), 'forms/a b');
  t.is(text(made.xml, 'Bucket'), 'reef');
  t.regex(text(made.xml, 'Location') ?? '', /\/reef\/forms\/a%20b$/);
  t.is((await ask('success_action_status', '200')).status, 200);
  t.is((await ask('success_action_status', '500')).status, 204);
  const sent = await ask('success_action_redirect', 'https://reef.example/done?x=1');
  t.is(sent.status, 303);
  t.is(
    sent.headers.get('location'),
    'https://reef.example/done?x=1&bucket=reef&key=forms%2Fa+b&etag=%225d41402abc4b2a76b9719d911017c592%22',
  );
  t.is((await ask('success_action_redirect', 'javascript:alert(1)')).status, 204);
});

test('post object: what the policy does not allow is refused and leaves nothing', async (t) => {
  const { call, post } = await open(t);
  const key = 'forms/a';
  const code = async (...given: Parameters<typeof form>) => (await post(...given)).code;
  t.is(await code({ key: 'else/a', ...signed() }), 'AccessDenied');
  t.is(await code({ key, ...signed([], '2026-11-25T03:04:59Z') }), 'AccessDenied', 'expired');
  t.is(await code({ key, ...signed([{ bucket: 'other' }]) }), 'AccessDenied');
  const anyBucket = encode({ expiration: '2026-11-25T03:10:00Z', conditions: conditions.slice(1) });
  const unnamed = { policy: anyBucket, awsaccesskeyid: access, signature: signV2(secret, anyBucket) };
  t.is(await code({ key, ...unnamed }), 'AccessDenied', 'a policy for no bucket');
  t.is(await code({ key, acl: 'public-read', ...signed() }), 'AccessDenied', 'a field that nobody signed');
  t.is(await code({ key, 'x-ignore-me': 'x', ...signed() }), undefined);
  t.is(await code({ key, ...signed() }, 'x'), 'EntityTooSmall');
  t.is(await code({ key: 'forms/b', ...signed() }, 'x'.repeat(11)), 'EntityTooLarge');
  t.is(await code({ key, ...signed(), signature: 'AAAA' }), 'SignatureDoesNotMatch');
  t.is(await code({ key, ...signed(), awsaccesskeyid: 'nobody' }), 'InvalidAccessKeyId');
  t.is(await code({ key }), 'AccessDenied', 'nobody signed it and the bucket is private');
  const { policy: _, ...bare } = signed();
  t.is(await code({ key, ...bare }), 'InvalidArgument');
  t.is((await call('GET', '/reef/forms/b')).code, 'NoSuchKey');
});

test('post object: what is no form, no policy or has no file is refused', async (t) => {
  const { call, post } = await open(t);
  const key = 'forms/a';
  const sign = (policy: string) => ({
    key,
    policy,
    awsaccesskeyid: access,
    signature: signV2(secret, policy),
  });
  const expiration = '2026-11-25T03:10:00Z';
  for (const policy of [
    'x',
    encode([]),
    encode({ expiration }),
    encode({ expiration: 'soon', conditions: [] }),
    encode({ expiration, conditions: [{}] }),
    encode({ expiration, conditions: [['ends-with', '$key', 'x']] }),
    encode({ expiration, conditions: [['eq', 'key', 'x']] }),
    encode({ expiration, conditions: [{ key: 1 }] }),
    encode({ expiration, conditions: [['content-length-range', 'a', 'b']] }),
    encode({ expiration, conditions: [['content-length-range', { toString: 1 }, 1]] }),
    encode({ expiration, conditions: [[{ toString: 1 }, '$key', 'x']] }),
  ])
    t.is((await post(sign(policy))).code, 'InvalidPolicyDocument', policy);
  t.is((await post({ ...signed() })).code, 'InvalidArgument', 'no key');
  t.is((await post({ key, ...signed() }, undefined)).code, undefined, 'the default file');
  const noFile = form({ key, ...signed() }, '');
  t.is(
    (await call('POST', '/reef', { ...noFile, body: noFile.body.replace('name="file"', 'name="x"') })).code,
    'InvalidArgument',
  );
  t.is((await call('POST', '/reef', { ...noFile, body: 'nonsense' })).code, 'MalformedPOSTRequest');
  t.is((await call('POST', '/reef', { token: null, body: 'x' })).code, 'PreconditionFailed');
  t.is(
    (await post({ key, 'x-ignore': 'y'.repeat(30_000), ...signed() })).code,
    'MaxPostPreDataLengthExceededError',
  );
});

test('post object: anybody may post to a bucket that is open for writing', async (t) => {
  const { call, post } = await open(t);
  await call('PUT', '/reef?acl', { headers: { 'x-amz-acl': 'public-read-write' } });
  t.is((await post({ key: 'x' })).status, 204);
  const v4 = createHmac('sha256', 'x').digest('hex');
  t.is((await post({ key: 'x', 'x-amz-signature': v4 })).code, 'InvalidArgument', 'a signature of nothing');
});

test('post object: a form brings tags, a checksum and a key as a PUT does', async (t) => {
  const { call, post } = await open(t);
  const free = (...names: string[]) => signed(names.map((name) => ['starts-with', `$${name}`, '']));
  const tagging = '<Tagging><TagSet><Tag><Key>colour</Key><Value>blue</Value></Tag></TagSet></Tagging>';
  t.is((await post({ key: 'forms/a', tagging, ...free('tagging') })).status, 204);
  t.is(text((await call('GET', '/reef/forms/a?tagging')).xml, 'Value'), 'blue');
  t.is((await post({ key: 'forms/b', tagging: '<Tag/>', ...free('tagging') })).code, 'MalformedXML');

  const sum = 'x-amz-checksum-crc32';
  const summed = await post({ key: 'forms/a', [sum]: 'NhCmhg==', ...free(sum) });
  t.is(summed.headers.get(sum), 'NhCmhg==');
  const headers = { 'x-amz-checksum-mode': 'ENABLED' };
  t.is((await call('HEAD', '/reef/forms/a', { headers })).headers.get(sum), 'NhCmhg==');
  t.is((await post({ key: 'forms/b', [sum]: 'AAAAAA==', ...free(sum) })).code, 'BadDigest');
  t.is((await post({ key: 'forms/b', [sum]: 'sailor', ...free(sum) })).code, 'InvalidRequest');
  t.is((await call('HEAD', '/reef/forms/b')).status, 404);

  const sse = 'x-amz-server-side-encryption';
  const sealed = await post({ key: 'forms/a', [sse]: 'AES256', ...free(sse) });
  t.is(sealed.headers.get(sse), 'AES256');
  t.is((await call('GET', '/reef/forms/a')).text, 'hello');
});
