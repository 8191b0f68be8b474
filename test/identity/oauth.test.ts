import test, { type ExecutionContext } from 'ava';
import { parseOauth, verifyOauth } from '../../agent/identity/oauth-signature.ts';
import { oauthClient, type Pair } from './oauth-client.ts';
import { addMember, itemsOf, openHost, tokenAuth } from './world.ts';

const openAnn = async (t: ExecutionContext) => {
  const opened = await openHost(t);
  const { asAdmin, host } = opened;
  const ann = await addMember(opened, 'ann');
  const token = await host.login('ann', 'secret', 'ann-project');
  const made = await asAdmin('POST', '/v3/OS-OAUTH1/consumers', { consumer: { description: 'a printer' } });
  const consumer = made.body.consumer as unknown as Pair;
  const client = oauthClient(host, consumer);
  const give = async (roles: readonly object[] = [{ name: 'reader' }]): Promise<Pair> => {
    const asked = await client.request(ann.projectId);
    const answer = await client.authorize(asked.id, token, roles);
    return client.access(asked, String(answer.body.token?.oauth_verifier));
  };
  return { ...opened, ...ann, token, consumer, client, give };
};

test('oauth: a user lets a program act with some of the own roles, and takes that back', async (t) => {
  const { client, give, host, token, userId, projectId, consumer } = await openAnn(t);
  const access = await give();
  const answer = await client.login(access);
  t.is(answer.status, 201);
  t.like(answer.body.token, {
    methods: ['oauth1'],
    user: { id: userId },
    project: { id: projectId },
    'OS-OAUTH1': { access_token_id: access.id, consumer_id: consumer.id },
  });
  t.is(answer.body.token?.application_credential, undefined);
  t.deepEqual(
    itemsOf(answer.body.token?.roles).map(({ name }) => name),
    ['reader'],
  );
  const program = answer.headers.get('x-subject-token') ?? '';
  t.is((await host.call('GET', '/v3/auth/projects', { token: program })).status, 200);
  const path = `/v3/users/${userId}/OS-OAUTH1/access_tokens`;
  t.is(itemsOf((await host.call('GET', path, { token })).body.access_tokens).length, 1);
  const applications = await host.call('GET', `/v3/users/${userId}/application_credentials`, { token });
  t.deepEqual(applications.body.application_credentials, [] as never, 'it is none of those');
  t.is((await host.call('DELETE', `${path}/${access.id}`, { token })).status, 204);
  t.is((await host.call('GET', '/v3/auth/projects', { token: program })).status, 401);
  t.is((await client.login(access)).status, 401);
});

test('oauth: each leg is refused without its proof', async (t) => {
  const { client, give, host, token, projectId, consumer } = await openAnn(t);
  t.is((await client.request('missing')).status, 404);
  const forger = oauthClient(host, { ...consumer, secret: 'guessed' });
  t.is((await forger.request(projectId)).status, 401);
  t.is((await oauthClient(host, { id: 'missing', secret: 'x' }).request(projectId)).status, 401);
  t.is((await client.request(projectId, { oauth_timestamp: '1' })).status, 401, 'long ago');
  t.is((await host.call('POST', '/v3/OS-OAUTH1/request_token')).status, 400);

  const asked = await client.request(projectId);
  t.is((await client.access(asked, 'x')).status, 401, 'nobody has said yes');
  t.is((await client.authorize(asked.id, token, [{ name: 'admin' }])).status, 401, 'not a role of hers');
  const yes = await client.authorize(asked.id, token, [{ name: 'reader' }]);
  const verifier = String(yes.body.token?.oauth_verifier);
  t.is((await client.authorize(asked.id, token, [{ name: 'member' }])).status, 401, 'a yes is said once');
  t.is((await client.access(asked, 'wrong')).status, 401);
  t.is((await client.access({ ...asked, secret: 'wrong' }, verifier)).status, 401);
  t.is((await client.access(asked, verifier)).status, 201);
  t.is((await client.access(asked, verifier)).status, 404, 'a request token is used once');

  const access = await give();
  t.is((await forger.login(access)).status, 401);
  t.is((await client.login({ ...access, secret: 'wrong' })).status, 401);
  const asApplication = await host.call('POST', '/v3/auth/tokens', {
    body: {
      auth: {
        identity: {
          methods: ['application_credential'],
          application_credential: { id: access.id, secret: access.secret },
        },
      },
    },
  });
  t.is(asApplication.status, 401, 'its secret is no password');
});

test('oauth: what a program got makes no more of itself', async (t) => {
  const { client, give, host, userId, projectId } = await openAnn(t);
  const answer = await client.login(await give([{ name: 'member' }]));
  const program = answer.headers.get('x-subject-token') ?? '';
  const post = async (path: string, body: object) =>
    (await host.call('POST', `/v3/users/${userId}/${path}`, { token: program, body })).status;
  t.is(await post('application_credentials', { application_credential: { name: 'x' } }), 403);
  t.is(await post('credentials/OS-EC2', { tenant_id: projectId }), 403);
  const asked = await client.request(projectId);
  t.is((await client.authorize(asked.id, program, [{ name: 'member' }])).status, 403);
  const again = await host.call('POST', '/v3/auth/tokens', { body: tokenAuth(program, 'unscoped') });
  t.is(again.status, 401);
});

test('oauth: a consumer that is deleted takes its access tokens along, and time does, too', async (t) => {
  const { client, give, host, asAdmin, consumer, userId, token } = await openAnn(t);
  const [first, second] = [await give(), await give()];
  host.runtime.aheadMs += 25 * 3_600_000;
  t.is((await client.login(first)).status, 401);
  host.runtime.aheadMs = 0;
  const program = (await client.login(second)).headers.get('x-subject-token') ?? '';
  t.is((await asAdmin('DELETE', `/v3/OS-OAUTH1/consumers/${consumer.id}`)).status, 204);
  t.is((await client.login(second)).status, 401);
  t.is((await host.call('GET', '/v3/auth/projects', { token: program })).status, 401);
  const left = await host.call('GET', `/v3/users/${userId}/OS-OAUTH1/access_tokens`, { token });
  t.deepEqual(left.body.access_tokens, [] as never);
});

test('oauth signature: the example of RFC 5849', (t) => {
  const authorization =
    'OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131202", oauth_nonce="chapoH", oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"';
  const request = {
    method: 'GET',
    url: 'http://photos.example.net/photos',
    query: new URLSearchParams('file=vacation.jpg&size=original'),
    authorization,
  };
  t.true(verifyOauth(request, 'kd94hf93k423kf44', 'pfkkdhi9sl3r4s00'));
  t.false(verifyOauth(request, 'kd94hf93k423kf44', 'other'));
  t.false(verifyOauth({ ...request, method: 'POST' }, 'kd94hf93k423kf44', 'pfkkdhi9sl3r4s00'));
  t.is(parseOauth('Bearer x'), undefined);
  t.is(parseOauth('OAuth oauth_token="%zz"'), undefined);
  t.false(verifyOauth({ ...request, authorization: undefined }, 'a', 'b'));
});
