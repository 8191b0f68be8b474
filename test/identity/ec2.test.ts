import { createHash, createHmac } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { signedAtMs, verifyEc2, verifyS3 } from '../../agent/identity/ec2-signature.ts';
import { addMember, itemsOf, openHost } from './world.ts';

const openAnn = async (t: ExecutionContext) => {
  const opened = await openHost(t);
  const { host, asAdmin } = opened;
  const ann = await addMember(opened, 'ann');
  const token = await host.login('ann', 'secret', 'ann-project');
  const keys = `/v3/users/${ann.userId}/credentials/OS-EC2`;
  const made = await host.call('POST', keys, { token, body: { tenant_id: ann.projectId } });
  const { access, secret } = made.body.credential as unknown as { access: string; secret: string };
  const service = await addMember(opened, 'swift', 'service');
  const serviceToken = await host.login('swift', 'secret', 'swift-project');
  return { ...opened, ...ann, asAdmin, token, keys, made, access, secret, service, serviceToken };
};

const stringToSign = (atMs = Date.now()) => `GET\n\n\n${new Date(atMs).toUTCString()}\n/bucket/reef.jpg`;
const s3Request = (access: string, secret: string, text = stringToSign()) => ({
  credentials: {
    access,
    token: Buffer.from(text).toString('base64url'),
    signature: createHmac('sha1', secret).update(text).digest('base64'),
  },
});

test('ec2: a key is made for one’s project, listed, shown and deleted by its owner', async (t) => {
  const { host, keys, made, token, access, userId, projectId, serviceToken } = await openAnn(t);
  t.is(made.status, 201);
  t.like(made.body.credential, { user_id: userId, tenant_id: projectId, trust_id: null });
  t.is(itemsOf((await host.call('GET', keys, { token })).body.credentials).length, 1);
  t.is((await host.call('GET', `${keys}/${access}`, { token })).status, 200);
  t.is((await host.call('GET', `${keys}/${access}`, { token: serviceToken })).status, 403);
  t.is((await host.call('POST', keys, { token, body: { tenant_id: 'missing' } })).status, 404);
  t.is((await host.call('DELETE', `${keys}/${access}`, { token })).status, 204);
  t.is((await host.call('GET', `${keys}/${access}`, { token })).status, 404);
});

test('ec2: the S3 door gets the secret and who calls, until the key, the role or the user is gone', async (t) => {
  const { world, host, keys, token, access, secret, userId, projectId, roleId, asAdmin } = await openAnn(t);
  const other = await world.host();
  for (const at of [host, other]) {
    const found = await at.identity.ec2Secret(access);
    t.is(found?.secret, secret);
    t.like(found?.principal, { user: { id: userId }, methods: ['ec2credential'] });
    t.is(found?.principal.scope.kind === 'project' && found.principal.scope.id, projectId);
    t.deepEqual(found?.principal.roles.map(({ name }) => name).sort(), ['member', 'reader']);
  }
  t.is(await host.identity.ec2Secret('missing'), undefined);
  const role = `/v3/projects/${projectId}/users/${userId}/roles/${roleId}`;
  await asAdmin('DELETE', role);
  t.is(await other.identity.ec2Secret(access), undefined, 'no role is left');
  await asAdmin('PUT', role);
  t.is((await other.identity.ec2Secret(access))?.secret, secret);
  await asAdmin('PATCH', `/v3/projects/${projectId}`, { project: { enabled: false } });
  t.is(await other.identity.ec2Secret(access), undefined, 'the project is disabled');
  await asAdmin('PATCH', `/v3/projects/${projectId}`, { project: { enabled: true } });
  await asAdmin('PATCH', `/v3/users/${userId}`, { user: { password: 'another' } });
  t.is((await other.identity.ec2Secret(access))?.secret, secret, 'a new password is no matter of keys');
  const again = await host.login('ann', 'another', 'ann-project');
  t.is((await host.call('DELETE', `${keys}/${access}`, { token })).status, 401);
  await host.call('DELETE', `${keys}/${access}`, { token: again });
  t.is(await other.identity.ec2Secret(access), undefined);
});

test('ec2: a key that is bound to an application credential has its roles and ends with it', async (t) => {
  const { host, token, userId, keys, projectId } = await openAnn(t);
  const path = `/v3/users/${userId}/application_credentials`;
  const application = await host.call('POST', path, {
    token,
    body: { application_credential: { name: 'a', unrestricted: true } },
  });
  const { id, secret } = application.body.application_credential ?? {};
  const entered = await host.call('POST', '/v3/auth/tokens', {
    body: {
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: { id: String(id), secret: String(secret) },
        },
      },
    },
  });
  const program = entered.headers.get('x-subject-token') ?? '';
  const key = await host.call('POST', keys, { token: program, body: { tenant_id: projectId } });
  const access = String(key.body.credential?.access);
  const found = await host.identity.ec2Secret(access);
  t.is(found?.principal.applicationCredential?.id, String(id));
  await host.call('DELETE', `${path}/${id}`, { token });
  t.is(await host.identity.ec2Secret(access), undefined);
});

test('ec2: a service exchanges a signature for a token, nobody else', async (t) => {
  const { host, access, secret, serviceToken, token, projectId } = await openAnn(t);
  const ask = (body: unknown, by = serviceToken, path = '/v3/s3tokens') =>
    host.call('POST', path, { token: by, body });
  const answer = await ask(s3Request(access, secret));
  t.is(answer.status, 200);
  t.like(answer.body.token, {
    methods: ['ec2credential'],
    project: { id: projectId },
    user: { name: 'ann' },
  });
  const issued = answer.headers.get('x-subject-token') ?? '';
  t.is((await host.call('GET', '/v3/auth/projects', { token: issued })).status, 200);
  t.is((await ask(s3Request(access, secret), token)).status, 403, 'a presigned link opens no account');
  t.is((await ask(s3Request(access, 'wrong'))).status, 401);
  t.is((await ask(s3Request('missing', secret))).status, 404);
  t.is((await ask({})).status, 401);
  const params = {
    SignatureVersion: '2',
    SignatureMethod: 'HmacSHA256',
    AWSAccessKeyId: access,
    Action: 'DescribeInstances',
    Timestamp: new Date().toISOString(),
  };
  const query = (fields: Record<string, string>) =>
    Object.keys(fields)
      .sort()
      .map((name) => `${name}=${encodeURIComponent(fields[name] ?? '')}`)
      .join('&');
  const ec2 = (fields: Record<string, string>, host = 'cloud:8773', signedHost = host) => ({
    ec2Credentials: {
      access,
      host,
      verb: 'GET',
      path: '/',
      params: fields,
      signature: createHmac('sha256', secret)
        .update(['GET', signedHost, '/', query(fields)].join('\n'))
        .digest('base64'),
    },
  });
  t.is((await ask(ec2(params), serviceToken, '/v3/ec2tokens')).status, 200);
  t.is((await ask(ec2(params, 'cloud:8773', 'cloud'), serviceToken, '/v3/ec2tokens')).status, 200, 'no port');
  const old = { ...params, Timestamp: new Date(Date.now() - 16 * 60_000).toISOString() };
  t.is((await ask(ec2(old), serviceToken, '/v3/ec2tokens')).status, 401, 'too old');
});

test('ec2 signature: the example of the AWS documentation', (t) => {
  // https://docs.aws.amazon.com/IAM/latest/UserGuide: ListUsers, 20150830
  const request = {
    host: 'iam.amazonaws.com',
    verb: 'GET',
    path: '/',
    params: { Action: 'ListUsers', Version: '2010-05-08' },
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      'X-Amz-Date': '20150830T123600Z',
      Authorization:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    },
    body_hash: createHash('sha256').update('').digest('hex'),
    signature: '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  };
  const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
  t.true(verifyEc2(secret, request));
  t.false(verifyEc2(secret, { ...request, verb: 'POST' }));
  t.false(verifyEc2('other', request));
  t.is(signedAtMs(request), Date.UTC(2015, 7, 30, 12, 36));
});

test('ec2 signature: S3 in versions 1 and 4; nonsense is no signature', (t) => {
  const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html: GET object
  const text = [
    'AWS4-HMAC-SHA256',
    '20130524T000000Z',
    '20130524/us-east-1/s3/aws4_request',
    '7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972',
  ].join('\n');
  const v4 = {
    token: Buffer.from(text).toString('base64url'),
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  };
  t.true(verifyS3(secret, v4));
  t.false(verifyS3(secret, { ...v4, signature: v4.signature.toUpperCase() }));
  t.false(
    verifyS3(secret, { ...v4, token: Buffer.from(text.replace('/s3/', '/ec2/')).toString('base64url') }),
  );
  t.false(verifyS3(secret, {}));
  t.false(verifyS3(secret, { token: 7, signature: 7 }));
  t.false(verifyEc2(secret, {}));
  t.false(verifyEc2(secret, { params: { SignatureVersion: '9' }, signature: '' }));
  t.false(verifyEc2(secret, { headers: { Authorization: 'AWS4-HMAC-SHA256 nothing' }, signature: 'x' }));
  t.true(Number.isNaN(signedAtMs({ params: { Timestamp: 'yesterday' } })));
});
