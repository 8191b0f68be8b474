import { createHash } from 'node:crypto';
import test from 'ava';
import { access, incoming, isRefused, principal, read, type Sample, secret, signInAt } from './sign.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples". */
const emptyHash = createHash('sha256').digest('hex');
const signed = (
  headers: Record<string, string>,
  names: string,
  signature: string,
  rest: Partial<Sample> = {},
): Sample => ({
  method: 'GET',
  url: '/',
  ...rest,
  headers: {
    Host: 'examplebucket.s3.amazonaws.com',
    'x-amz-content-sha256': emptyHash,
    'x-amz-date': '20130524T000000Z',
    ...headers,
    Authorization: `AWS4-HMAC-SHA256 Credential=${access}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${names},Signature=${signature}`,
  },
});
const plain = 'host;x-amz-content-sha256;x-amz-date';
const examples = {
  get: signed(
    { Range: 'bytes=0-9' },
    'host;range;x-amz-content-sha256;x-amz-date',
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    { url: '/test.txt' },
  ),
  put: signed(
    {
      Date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    },
    'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    { method: 'PUT', url: '/test$file.text', body: 'Welcome to Amazon S3.' },
  ),
  lifecycle: signed({}, plain, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543', {
    url: '/?lifecycle',
  }),
  list: signed({}, plain, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7', {
    url: '/?max-keys=2&prefix=J',
  }),
} as const;
const atNoon = signInAt('2013-05-24T00:00:30Z');

const presigned: Sample = {
  method: 'GET',
  url: `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${access}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`,
  headers: { Host: 'examplebucket.s3.amazonaws.com' },
};

test('sign-in: the examples of the S3 documentation hold, and nothing in them can be changed', async (t) => {
  for (const [name, sample] of Object.entries(examples)) {
    const found = await atNoon(incoming(sample));
    t.is(found.principal, principal, name);
    t.is(found.region, 'us-east-1');
    t.is((await read(found.body)).toString(), String(sample.body ?? ''));
    const changed: readonly Partial<Sample>[] = [
      { method: 'DELETE' },
      { url: `${sample.url}x` },
      { url: `${sample.url}${sample.url.includes('?') ? '&' : '?'}acl` },
      { headers: { ...sample.headers, Host: 'other.s3.amazonaws.com' } },
      { headers: { ...sample.headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } },
      { headers: { ...sample.headers, 'x-amz-date': '20130524T000001Z' } },
    ];
    for (const change of changed)
      await isRefused(t, 'SignatureDoesNotMatch', () => atNoon(incoming({ ...sample, ...change })), name);
  }
});

test('sign-in: order of the query, folded space and escapes of the path do not matter, as AWS compares', async (t) => {
  const { list, put, get } = examples;
  await t.notThrowsAsync(atNoon(incoming({ ...list, url: '/?prefix=%4a&max-keys=2' })));
  await t.notThrowsAsync(atNoon(incoming({ ...put, url: '/test%24file.text' })));
  await t.notThrowsAsync(atNoon(incoming({ ...get, headers: { ...get.headers, Range: '  bytes=0-9 ' } })));
  await isRefused(t, 'SignatureDoesNotMatch', () => atNoon(incoming({ ...get, url: '//test.txt' })));
  await isRefused(t, 'SignatureDoesNotMatch', () => atNoon(incoming({ ...get, url: '/a/../test.txt' })));
});

test('sign-in: a header that nobody signed does not count when it is one of Amazon’s', async (t) => {
  const { get } = examples;
  const add = (name: string) => () => atNoon(incoming({ ...get, headers: { ...get.headers, [name]: 'x' } }));
  await isRefused(t, 'AccessDenied', add('x-amz-acl'));
  await isRefused(t, '', add('if-match'));
  const stolen = { ...presigned, headers: { ...presigned.headers, 'x-amz-copy-source': '/b/o' } };
  await isRefused(t, 'AccessDenied', () => atNoon(incoming(stolen)));
});

test('sign-in: a signature is good for fifteen minutes, an address as long as it says', async (t) => {
  const { get } = examples;
  const at = (time: string, sample: Sample) => () => signInAt(time)(incoming(sample));
  await isRefused(t, '', at('2013-05-24T00:15:00Z', get));
  await isRefused(t, '', at('2013-05-23T23:45:00Z', get));
  await isRefused(t, 'RequestTimeTooSkewed', at('2013-05-24T00:15:01Z', get));
  await isRefused(t, 'RequestTimeTooSkewed', at('2013-05-23T23:44:59Z', get));
  await isRefused(t, '', at('2013-05-24T23:59:59Z', presigned));
  await isRefused(t, 'AccessDenied', at('2013-05-25T00:00:00Z', presigned), 'expired');
  await isRefused(t, 'AccessDenied', at('2013-05-23T23:44:59Z', presigned), 'not yet');
  for (const twice of ['X-Amz-Signature=0', 'X-Amz-Expires=9', 'X-Amz-Credential=x'])
    await isRefused(
      t,
      'AuthorizationQueryParametersError',
      at('2013-05-24T00:00:30Z', { ...presigned, url: `${presigned.url}&${twice}` }),
      twice,
    );
  const longer = { ...presigned, url: presigned.url.replace('86400', '86401') };
  await isRefused(t, 'SignatureDoesNotMatch', at('2013-05-24T00:00:00Z', longer));
  await isRefused(t, 'AccessDenied', at('2013-05-26T00:00:00Z', longer), 'expired, whoever signed it');
  const year = { ...presigned, url: presigned.url.replace('86400', '31536000') };
  await isRefused(t, 'AuthorizationQueryParametersError', at('2013-05-24T00:00:00Z', year));
});

test('sign-in: a body that is not the one that was signed throws before its end', async (t) => {
  const { put } = examples;
  const { body } = await atNoon(incoming({ ...put, body: 'Welcome to Amazon S4.' }));
  const seen: string[] = [];
  await isRefused(t, 'XAmzContentSHA256Mismatch', async () => {
    for await (const piece of body) seen.push(Buffer.from(piece).toString());
    seen.push('the end');
  });
  t.deepEqual(seen, ['Welcome to Amazon S4.']);
  const { body: _, ...empty } = put;
  await isRefused(
    t,
    'XAmzContentSHA256Mismatch',
    async () => read((await atNoon(incoming(empty))).body),
    'without a body',
  );
  const none = { ...empty, headers: { ...empty.headers, 'content-length': '0' } };
  await isRefused(t, 'XAmzContentSHA256Mismatch', () => atNoon(incoming(none)), 'with an empty one at once');
});

test('sign-in: a hash of the body is looked at where there is one to be read', async (t) => {
  const anonymous = (method: string, hash: string, body?: string) => async () => {
    const headers = { Host: 's3', 'content-length': String(body?.length ?? 0), 'x-amz-content-sha256': hash };
    const sample = { method, url: '/b/o', headers, ...(body === undefined ? {} : { body }) };
    for await (const _ of (await atNoon(incoming(sample))).body);
  };
  const right = createHash('sha256').update('hello').digest('hex');
  await isRefused(t, '', anonymous('GET', 'none'));
  await isRefused(t, '', anonymous('HEAD', right));
  await isRefused(t, '', anonymous('PUT', right, 'hello'));
  await isRefused(t, '', anonymous('PUT', right.toUpperCase(), 'hello'));
  await isRefused(t, 'XAmzContentSHA256Mismatch', anonymous('PUT', right, 'jello'));
  await isRefused(t, 'XAmzContentSHA256Mismatch', anonymous('PUT', 'none', 'hello'));
});

test('sign-in: who claims nothing is anonymous; a key that is unknown is no key', async (t) => {
  const anonymous = await atNoon(incoming({ method: 'GET', url: '/b/o', headers: { Host: 's3' } }));
  t.is(anonymous.principal, undefined);
  const unknown = { ...examples.get, headers: { ...examples.get.headers } };
  unknown.headers.Authorization = unknown.headers.Authorization?.replace(access, 'AKIANOBODY') ?? '';
  await isRefused(t, 'InvalidAccessKeyId', () => atNoon(incoming(unknown)));
});

test('sign-in: claims that cannot be are refused in S3’s words', async (t) => {
  const { get } = examples;
  const claim = (Authorization: string) => () =>
    atNoon(incoming({ ...get, headers: { ...get.headers, Authorization } }));
  const whole = get.headers.Authorization ?? '';
  await isRefused(t, 'InvalidArgument', claim('Bearer abc'));
  await isRefused(t, 'InvalidArgument', claim('AWS4-HMAC-SHA256'));
  await isRefused(t, 'AuthorizationHeaderMalformed', claim('AWS4-HMAC-SHA256 x'));
  await isRefused(t, 'AuthorizationHeaderMalformed', claim(whole.replace('/s3/', '/ec2/')));
  await isRefused(t, 'AuthorizationHeaderMalformed', claim(whole.replace('aws4_request', 'aws5_request')));
  await isRefused(t, 'AuthorizationHeaderMalformed', claim(whole.replace('/20130524/', '/20130525/')));
  await isRefused(t, 'AuthorizationHeaderMalformed', claim(whole.replace('=host;', '=')));
  await isRefused(t, 'AuthorizationHeaderMalformed', claim(whole.replace('Signature=f0', 'Signature=F0')));
  await isRefused(t, 'SignatureDoesNotMatch', claim(whole.replace('/us-east-1/', '/RegionOne/')));
  await isRefused(t, 'InvalidArgument', claim('AWS key'));
  t.is((await claim('')()).principal, undefined, 'an empty header claims nothing');
  const both = { ...presigned, headers: { ...presigned.headers, Authorization: whole } };
  await isRefused(t, 'InvalidArgument', () => atNoon(incoming(both)));
  const { 'x-amz-date': _, ...undated } = get.headers;
  await isRefused(t, 'AccessDenied', () => atNoon(incoming({ ...get, headers: undated })));
  const { 'x-amz-content-sha256': __, ...unhashed } = get.headers;
  await isRefused(t, 'InvalidRequest', () => atNoon(incoming({ ...get, headers: unhashed })));
  const bare = presigned.url.replace(/&X-Amz-Expires=\d+/, '');
  await isRefused(t, 'AuthorizationQueryParametersError', () =>
    atNoon(incoming({ ...presigned, url: bare })),
  );
});

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html, "Examples". */
const old: readonly Sample[] = [
  {
    method: 'GET',
    url: '/photos/puppy.jpg',
    headers: {
      Host: 'johnsmith.s3.amazonaws.com',
      Date: 'Tue, 27 Mar 2007 19:36:42 +0000',
      Authorization: `AWS ${access}:bWq2s1WEIj+Ydj0vQ697zp+IXMU=`,
    },
  },
  {
    method: 'PUT',
    url: '/photos/puppy.jpg',
    headers: {
      Host: 'johnsmith.s3.amazonaws.com',
      Date: 'Tue, 27 Mar 2007 21:15:45 +0000',
      'Content-Type': 'image/jpeg',
      Authorization: `AWS ${access}:MyyxeRY7whkBe+bq8fHCL/2kKUg=`,
    },
  },
  {
    method: 'GET',
    url: '/?prefix=photos&max-keys=50&marker=puppy',
    headers: {
      Host: 'johnsmith.s3.amazonaws.com',
      Date: 'Tue, 27 Mar 2007 19:42:41 +0000',
      Authorization: `AWS ${access}:htDYFYduRNen8P9ZfE/s9SuKy0U=`,
    },
  },
  {
    method: 'GET',
    url: '/?acl',
    headers: {
      Host: 'johnsmith.s3.amazonaws.com',
      Date: 'Tue, 27 Mar 2007 19:44:46 +0000',
      Authorization: `AWS ${access}:c2WLPFtWHVgbEmeEG93a4cG37dM=`,
    },
  },
];

test('sign-in: signatures of version 2 as the documentation has them, in virtual-host style', async (t) => {
  for (const sample of old) {
    const signIn = signInAt(sample.headers.Date ?? '');
    const found = await signIn(incoming({ ...sample, hostBucket: 'johnsmith' }));
    t.is(found.principal, principal);
    await isRefused(t, 'SignatureDoesNotMatch', () => signIn(incoming({ ...sample, hostBucket: 'other' })));
    await isRefused(t, 'SignatureDoesNotMatch', () =>
      signIn(
        incoming({ ...sample, hostBucket: 'johnsmith', headers: { ...sample.headers, 'x-amz-acl': 'p' } }),
      ),
    );
    await isRefused(t, 'RequestTimeTooSkewed', () =>
      signInAt('2007-03-28T00:00:00Z')(incoming({ ...sample, hostBucket: 'johnsmith' })),
    );
  }
});

test('sign-in: the key is asked for each time, so one that is gone opens no door', async (t) => {
  let isThere = true;
  const { openSignIn } = await import('../../../agent/object/s3/sign-in.ts');
  const signIn = openSignIn({
    clock: { wallMs: () => Date.parse('2013-05-24T00:00:30Z') },
    secretOf: async () => (isThere ? { secret, principal } : undefined),
  });
  await t.notThrowsAsync(signIn(incoming(examples.get)));
  isThere = false;
  await isRefused(t, 'InvalidAccessKeyId', () => signIn(incoming(examples.get)));
});

test('sign-in: a key with access rules does what they allow', async (t) => {
  const { openSignIn } = await import('../../../agent/object/s3/sign-in.ts');
  const rules = [{ service: 'object-store', method: 'GET', path: '/test.txt' }];
  const signIn = openSignIn({
    clock: { wallMs: () => Date.parse('2013-05-24T00:00:30Z') },
    secretOf: async () => ({ secret, principal: { ...principal, accessRules: rules } }),
  });
  await t.notThrowsAsync(signIn(incoming(examples.get)));
  await isRefused(t, 'AccessDenied', () => signIn(incoming(examples.lifecycle)));
});
