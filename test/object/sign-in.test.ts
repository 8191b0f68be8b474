import test from 'ava';
import { serveObjects } from './serve.ts';

test('sign-in: names and a password in headers give a token and the address of the account', async (t) => {
  const { api } = await serveObjects(t);
  const signIn = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${api.url}/auth/v1.0`, { headers });
  for (const headers of [
    { 'X-Auth-User': 'p1:u-p1', 'X-Auth-Key': 'secret' },
    { 'X-Storage-User': 'u-p1', 'X-Storage-Pass': 'secret' },
  ]) {
    const answer = await signIn(headers);
    t.is(answer.status, 200);
    const url = answer.headers.get('x-storage-url') ?? '';
    t.is(url, `${api.url}/v1/AUTH_p1`);
    const token = answer.headers.get('x-auth-token') ?? '';
    t.is(answer.headers.get('x-storage-token'), token);
    t.true(Number(answer.headers.get('x-auth-token-expires')) > 3000);
    t.is((await fetch(url, { headers: { 'X-Auth-Token': token } })).status, 204);
  }
  for (const headers of [
    {},
    { 'X-Auth-User': 'p1:u-p1' },
    { 'X-Auth-User': 'p1:u-p1', 'X-Auth-Key': 'wrong' },
    { 'X-Auth-User': 'p2:u-p1', 'X-Auth-Key': 'secret' },
  ]) {
    const refused = await signIn(headers);
    t.is(refused.status, 401, JSON.stringify(headers));
    t.is(refused.headers.get('x-auth-token'), null);
  }
});
