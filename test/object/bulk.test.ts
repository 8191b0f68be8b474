import test from 'ava';
import { serveObjects } from './serve.ts';

const json = { Accept: 'application/json', 'Content-Type': 'text/plain' };

test('bulk delete: objects and empty containers go, and what did not is told', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/full');
  await call('PUT', '/full/o', { body: '1' });
  await call('PUT', '/c/a%20b', { body: '1' });
  await call('PUT', '/c/x', { body: '1' });
  const body = ['/c/a%20b', 'c/x', '', '/c/none', '/full', '/c', '/nowhere/x'].join('\n');
  const answer = await call('POST', '?bulk-delete', { headers: json, body });
  t.is(answer.status, 200);
  t.like(await answer.json(), {
    'Number Deleted': 3,
    'Number Not Found': 2,
    'Response Status': '400 Bad Request',
    Errors: [['/full', '409 Conflict']],
  });
  t.is(await (await call('GET', '')).text(), 'full\n');
  const plain = await call('DELETE', '?bulk-delete=1', {
    body: '/full/o\n',
    headers: { Accept: 'text/plain' },
  });
  t.regex(await plain.text(), /Number Deleted: 1\n.*Response Status: 200 OK/s);
  const xml = await call('POST', '?bulk-delete', { body: '/full', headers: { Accept: 'text/xml' } });
  t.regex(await xml.text(), /<number_deleted>1<\/number_deleted>/);
});

test('bulk delete: an empty list, a name that is none and a stranger are refused in the answer', async (t) => {
  const { call } = await serveObjects(t);
  await call('PUT', '/c');
  await call('PUT', '/c/o', { body: '1' });
  const empty = await call('POST', '?bulk-delete', { headers: json, body: '' });
  t.like(await empty.json(), { 'Response Status': '400 Bad Request', 'Number Deleted': 0 });
  const bad = await call('POST', '?bulk-delete', { headers: json, body: '/c/%zz\n' });
  t.like(await bad.json(), { Errors: [['/c/%zz', '412 Precondition Failed']] });
  const stranger = await call('POST', '?bulk-delete', { token: 'member:p2', headers: json, body: '/c/o\n' });
  t.like(await stranger.json(), { Errors: [['/c/o', '403 Forbidden']], 'Number Deleted': 0 });
  t.is((await call('POST', '?bulk-delete', { headers: { Accept: 'image/png' }, body: '/c/o' })).status, 406);
  t.is(await (await call('GET', '/c')).text(), 'o\n');
});
