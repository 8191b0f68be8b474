import { globSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import test from 'ava';
import { openPanel } from '../../agent/panel/serve.ts';

const panel = openPanel();
const textOf = async (path: string): Promise<string> => new TextDecoder().decode((await panel(path)).body);
const importsIn = (code: string): string[] =>
  [...code.matchAll(/(?:from|import)\s*["']([^"']+)["']/g)].map((match) => match[1] ?? '');

test('panel: every import of every page leads to a file that is served, and none stays bare', async (t) => {
  const seen = new Set<string>();
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const name of importsIn(await textOf(path))) {
      t.regex(name, /^[./]/, `${name} in ${path}`);
      await visit(new URL(name, `http://host/${path}`).pathname.slice(1));
    }
  };
  await visit('panel/page/main.ts');
  const pages = globSync('agent/panel/page/*.ts').map((file) => file.replace('agent/', ''));
  t.deepEqual(
    pages.filter((path) => !seen.has(path)),
    [],
  );
  for (const library of ['preact', 'preact/hooks', 'htm', 'htm/preact'])
    t.true(seen.has(`panel/lib/${library}.mjs`), library);
  t.true(seen.has('proto/rest/route.ts'));
});

test('panel: the page names only scripts, styles and images of its own, and holds no script in itself', async (t) => {
  const page = await textOf('');
  const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  t.true(named.length >= 3);
  for (const path of named) t.is((await panel(path.slice(1))).status, 200, path);
  const sheets = [...page.matchAll(/rel="stylesheet" href="\/([^"]+)"/g)].map((match) => match[1]);
  t.deepEqual(
    sheets.toSorted(),
    globSync('agent/panel/page/*.css')
      .map((file) => file.replace('agent/', ''))
      .toSorted(),
  );
  t.notRegex(page, /<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/);
});

test('panel: what leaves is JavaScript without types, or what it was', async (t) => {
  const code = await textOf('panel/page/session.ts');
  t.notRegex(code, /interface |: string/);
  t.notThrows(() => stripTypeScriptTypes(code));
  t.regex(await textOf('panel/page/style.css'), /^\/\*/);
  t.regex(await textOf('panel/page/icon.svg'), /^<svg/);
});

for (const path of [
  'panel/page/index.html',
  'panel/page/nothing.ts',
  'panel/page/../serve.ts',
  'panel/page/..%2fserve.ts',
  'panel/page/../../main.ts',
  'panel/page/',
  'panel/serve.ts',
  'panel/lib/libp2p.mjs',
  'panel/lib/preact.mjs/../../../package.json',
  'panel/lib/constructor.mjs',
  'proto/../package.json',
  'proto/../agent/main.ts',
  'proto/',
  'agent/main.ts',
  'node_modules/preact/package.json',
  'package.json',
  '/etc/passwd',
  '../../../etc/passwd',
  'panel/page/main.ts\0.css',
  '__proto__',
])
  test(`panel: "${encodeURI(path)}" is no file of the panel`, async (t) => {
    await t.throwsAsync(panel(path), { code: 'NOT_FOUND', message: /Cannot show/ });
  });

test('panel: a file may not be framed, sniffed, or run what its host does not serve', async (t) => {
  for (const path of [
    '',
    'panel/page/main.ts',
    'panel/page/style.css',
    'panel/page/icon.svg',
    'panel/lib/htm.mjs',
  ]) {
    const { status, headers, body } = await panel(path);
    t.is(status, 200);
    t.is(headers['content-length'], String(body?.length));
    t.is(headers['x-content-type-options'], 'nosniff');
    t.is(headers['referrer-policy'], 'no-referrer');
    const policy = headers['content-security-policy'] ?? '';
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ])
      t.true(policy.split('; ').includes(part), `${part} for ${path}`);
    t.notRegex(policy, /unsafe|\*|data:|blob:/);
  }
  t.is((await panel('')).headers['content-type'], 'text/html; charset=utf-8');
  t.is((await panel('panel/page/main.ts')).headers['content-type'], 'text/javascript; charset=utf-8');
  t.is((await panel('panel/lib/htm.mjs')).headers['content-type'], 'text/javascript; charset=utf-8');
  t.is((await panel('panel/page/icon.svg')).headers['content-type'], 'image/svg+xml');
});

test('panel: whoever holds a file gets its tag and no bytes; another tag gets the bytes', async (t) => {
  const { headers } = await panel('panel/page/main.ts');
  const tag = headers.etag ?? '';
  t.regex(tag, /^"[\w-]{22}"$/);
  t.is(headers['cache-control'], 'no-cache');
  for (const held of [tag, `W/${tag}`, `"old", ${tag}`, '*']) {
    const answer = await panel('panel/page/main.ts', held);
    t.is(answer.status, 304, held);
    t.is(answer.body, undefined);
    t.is(answer.headers.etag, tag);
    t.is(answer.headers['content-length'], undefined);
  }
  for (const held of ['"old"', '', tag.slice(1, -1), (await panel('panel/page/live.ts')).headers.etag])
    t.is((await panel('panel/page/main.ts', held)).status, 200, held);
});
