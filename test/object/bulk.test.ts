import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { MiB } from '../../proto/units.ts';
import { serveObjects } from './serve.ts';

const run = promisify(execFile);

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
  t.is((await call('POST', '/c/o?bulk-delete', { headers: json, body: '/c/none' })).status, 200);
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

/** An archive as a client makes it. */
const archive = async (flag: '' | 'z' | 'j', files: Readonly<Record<string, string>>): Promise<Buffer> => {
  const folder = await mkdtemp(join(tmpdir(), 'bulk-'));
  try {
    for (const [name, body] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), body);
    }
    const { stdout } = await run('tar', [`-c${flag}f`, '-', '-C', folder, '.'], {
      encoding: 'buffer',
      maxBuffer: 64 * MiB,
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
};

test('bulk upload: each file of an archive becomes an object, its first folder a container', async (t) => {
  const { call } = await serveObjects(t);
  for (const [kind, flag] of [
    ['tar', ''],
    ['tar.gz', 'z'],
    ['tar.bz2', 'j'],
  ] as const) {
    const large = `${kind} `.repeat(100_000);
    const body = await archive(flag, { [`${flag}c/a.html`]: 'A', [`${flag}c/dir/b`]: large });
    const answer = await call('PUT', `?extract-archive=${kind}`, { body, headers: json });
    t.is(answer.status, 200, kind);
    t.like(await answer.json(), { 'Number Files Created': 2, 'Response Status': '201 Created', Errors: [] });
    t.is(await (await call('GET', `/${flag}c/dir/b`)).text(), large);
    t.is((await call('HEAD', `/${flag}c/a.html`)).headers.get('content-type'), 'text/html');
  }
});

test('bulk upload: below a container and a prefix it goes there', async (t) => {
  const { call } = await serveObjects(t);
  const body = await archive('', { 'x/y': '1' });
  await call('PUT', '/c?extract-archive=tar', { body });
  await call('PUT', '/c/pre/fix?extract-archive=tar', { body });
  t.is(await (await call('GET', '/c')).text(), 'pre/fix/x/y\nx/y\n');
});

test('bulk upload: what is no archive, or one that nobody may put here, creates nothing', async (t) => {
  const { call, content } = await serveObjects(t);
  const send = async (kind: string, body: string | Uint8Array, token?: string | null) => {
    const answer = await call('PUT', `/c?extract-archive=${kind}`, {
      body,
      headers: json,
      ...(token === undefined ? {} : { token }),
    });
    return answer.status === 200 ? ((await answer.json()) as Record<string, unknown>) : answer.status;
  };
  t.is(await send('zip', 'x'), 400);
  for (const kind of ['tar', 'tar.gz', 'tar.bz2'])
    t.like(
      await send(kind, 'nonsense'.repeat(200)),
      { 'Response Status': '400 Bad Request', 'Number Files Created': 0 },
      kind,
    );
  t.like(await send('tar', ''), { 'Response Status': '400 Bad Request' });
  const good = await archive('', { a: 'x'.repeat(30_000) });
  t.like(await send('tar', good.subarray(0, 20_000)), { 'Number Files Created': 0 });
  t.is(await send('tar', good, null), 401);
  t.like(await send('tar', good, 'member:p2'), { Errors: [['a', '403 Forbidden']] });
  t.is(content.chunks.size, 0);
});

test('bulk upload: a bzip2 that swells without end is cut off', async (t) => {
  const { call } = await serveObjects(t);
  const { stdout } = await run('sh', ['-c', 'head -c 400000000 /dev/zero | bzip2 -9'], {
    encoding: 'buffer',
    maxBuffer: MiB,
  });
  const answer = await call('PUT', '/c?extract-archive=tar.bz2', { body: stdout, headers: json });
  t.like(await answer.json(), { 'Response Status': '400 Bad Request', 'Number Files Created': 0 });
});
