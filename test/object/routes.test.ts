import test from 'ava';
import { objectRoutes } from '../../proto/rest/object.ts';
import { apiPrefix } from '../../proto/rest/route.ts';
import { serveObjects } from './serve.ts';

/** What each route answers, in an order in which each can succeed. */
const expected: Readonly<Record<keyof typeof objectRoutes, number>> = {
  showInfo: 200,
  askInfo: 200,
  signIn: 200,
  checkHealth: 200,
  showCrossDomain: 200,
  askAccount: 200,
  askContainer: 200,
  askObject: 200,
  createAccount: 405,
  deleteAccount: 405,
  updateAccount: 204,
  createContainer: 201,
  updateContainer: 204,
  headContainer: 204,
  putObject: 201,
  headObject: 200,
  getObject: 200,
  updateObject: 202,
  copyObject: 201,
  listObjects: 200,
  listContainers: 200,
  headAccount: 204,
  deleteObject: 204,
  deleteContainer: 409,
};

test('routes: every route of Object Storage is served as its table says', async (t) => {
  const { call, api } = await serveObjects(t);
  t.deepEqual(Object.keys(expected).sort(), Object.keys(objectRoutes).sort());
  for (const name of Object.keys(expected) as (keyof typeof objectRoutes)[]) {
    const { method, path } = objectRoutes[name];
    const filled = path.replace(':account', 'AUTH_p1').replace(':container', 'c').replace('*', 'o');
    const answer = await call(method, `${api.url}${apiPrefix.object}${filled}`, {
      headers: {
        ...(method === 'COPY' ? { Destination: 'c/p' } : {}),
        ...(name === 'signIn' ? { 'X-Auth-User': 'p1:u-p1', 'X-Auth-Key': 'secret' } : {}),
      },
      ...(method === 'PUT' ? { body: '1' } : {}),
    });
    await answer.arrayBuffer();
    t.is(answer.status, expected[name], name);
    t.truthy(answer.headers.get('x-trans-id'), name);
  }
});

test('routes: unknown methods and paths are refused in Swift’s words', async (t) => {
  const { call, api } = await serveObjects(t);
  const patch = await call('PATCH', '/c');
  t.is(patch.status, 405);
  t.true((patch.headers.get('allow') ?? '').includes('PUT'));
  const none = await call('GET', `${api.url}/object-store/v2/x`);
  t.is(none.status, 404);
  t.regex(await none.text(), /^<html><h1>Not Found<\/h1>/);
});
