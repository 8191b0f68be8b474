/**
 * The panel's files, straight from the source tree: types are erased when the panel opens, and bare imports become
 * paths, so there is no build step and no bundle that could be older than the code. The page holds no secret;
 * whoever logs in gets what the public APIs give them.
 *
 * All that is served is listed before the first request comes: a path is looked up, never made into a file name.
 */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ShoalError } from '../../proto/error.ts';

export interface PanelFile {
  /** 200, or 304 when the caller has these bytes. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  ts: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
};

/** The libraries the page uses, by their import names; nothing else of node_modules is served. */
const libraries: readonly string[] = ['preact', 'preact/hooks', 'htm', 'htm/preact'];

/** The page runs and loads only what its own host serves, and talks to that host alone. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const root = fileURLToPath(new URL('../../', import.meta.url));

const libraryPath = (name: string): string => `panel/lib/${name}.mjs`;

/** URL path without its first slash, to file. */
const sources = (): Map<string, string> => {
  const page = globSync('agent/panel/page/*.{ts,css,svg}', { cwd: root });
  // The page's `../../../proto/` resolves to `/proto/`.
  const proto = globSync('proto/**/*.ts', { cwd: root });
  return new Map([
    ['', `${root}agent/panel/page/index.html`],
    ...page.map((file) => [file.replace('agent/', ''), root + file] as const),
    ...proto.map((file) => [file, root + file] as const),
    ...libraries.map((name) => [libraryPath(name), fileURLToPath(import.meta.resolve(name))] as const),
  ]);
};

const rewriteImports = (code: string): string =>
  code
    .replace(
      /((?:from|import)\s*)(["'])([^"'./][^"']*)\2/g,
      (whole, verb: string, quote: string, name: string) =>
        libraries.includes(name) ? `${verb}${quote}/${libraryPath(name)}${quote}` : whole,
    )
    .replace(/^\/\/# sourceMappingURL=.*$/m, '');

const load = async (file: string): Promise<PanelFile & { readonly body: Uint8Array }> => {
  const ending = file.slice(file.lastIndexOf('.') + 1);
  let body: Uint8Array = await readFile(file);
  if (ending === 'ts' || ending === 'mjs') {
    const text = new TextDecoder().decode(body);
    body = new TextEncoder().encode(rewriteImports(ending === 'ts' ? stripTypeScriptTypes(text) : text));
  }
  return {
    status: 200,
    body,
    headers: {
      'content-type': types[ending] ?? 'application/octet-stream',
      'content-length': String(body.length),
      'cache-control': 'no-cache',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      'content-security-policy': policy,
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
  };
};

/**
 * The handler takes a decoded path without its first slash, and the caller's If-None-Match. Throws NOT_FOUND.
 * Files are read once: an agent serves the panel it was started with.
 */
export const openPanel = (): ((path: string, ifNoneMatch?: string) => Promise<PanelFile>) => {
  const files = sources();
  const known = new Map<string, ReturnType<typeof load>>();
  return async (path, ifNoneMatch) => {
    const file = files.get(path);
    if (file === undefined)
      throw new ShoalError('NOT_FOUND', `Cannot show "/${path}": the panel is at /, and has no such file`);
    const loading = known.get(path) ?? load(file);
    known.set(path, loading);
    const found = await loading;
    const { 'content-length': _, ...headers } = found.headers;
    // Caches and proxies weaken tags: RFC 9110 13.1.2 compares without the W/.
    const held = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
    return held.includes(headers.etag ?? '') || held.includes('*') ? { status: 304, headers } : found;
  };
};
