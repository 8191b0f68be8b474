/**
 * The panel's files, straight from the source tree: types are erased when a file is first asked for, and bare
 * imports become paths, so there is no build step and no bundle that could be older than the code. The page holds
 * no secret; whoever logs in gets what the public APIs give them.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ShoalError } from '../../proto/error.ts';

export interface PanelFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
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

const libraryPath = (name: string): string => `/panel/lib/${name}.mjs`;

const rewriteImports = (code: string): string =>
  code
    .replace(
      /((?:from|import)\s*)(["'])([^"'./][^"']*)\2/g,
      (whole, verb: string, quote: string, name: string) =>
        libraries.includes(name) ? `${verb}${quote}${libraryPath(name)}${quote}` : whole,
    )
    .replace(/^\/\/# sourceMappingURL=.*$/m, '');

/** Where a URL path leads: the page's own files, `proto/` which they import, and the few libraries. */
const sourceOf = (path: string): string | undefined => {
  if (path === '') return `${root}agent/panel/page/index.html`;
  const [, page] = /^panel\/page\/([\w-]+\.(?:ts|css|svg))$/.exec(path) ?? [];
  if (page) return `${root}agent/panel/page/${page}`;
  // The page's `../../../proto/` resolves to this.
  const [, proto] = /^proto\/((?:[\w-]+\/)*[\w-]+\.ts)$/.exec(path) ?? [];
  if (proto) return `${root}proto/${proto}`;
  const [, library] = /^panel\/lib\/([\w/]+)\.mjs$/.exec(path) ?? [];
  return library && libraries.includes(library) ? fileURLToPath(import.meta.resolve(library)) : undefined;
};

/** Throws NOT_FOUND. Files are read once: an agent serves the panel it was started with. */
export const openPanel = (): ((path: string) => Promise<PanelFile>) => {
  const known = new Map<string, Promise<PanelFile>>();
  const load = async (path: string, file: string): Promise<PanelFile> => {
    const ending = file.slice(file.lastIndexOf('.') + 1);
    let body: Uint8Array = await readFile(file);
    if (ending === 'ts' || ending === 'mjs') {
      const text = new TextDecoder().decode(body);
      body = new TextEncoder().encode(rewriteImports(ending === 'ts' ? stripTypeScriptTypes(text) : text));
    }
    return {
      body,
      headers: {
        'content-type': types[ending] ?? 'application/octet-stream',
        'content-length': String(body.length),
        'cache-control': 'no-cache',
        etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        ...(path === '' && { 'content-security-policy': policy }),
      },
    };
  };
  return async (path) => {
    const file = sourceOf(path);
    if (file === undefined) throw new ShoalError('NOT_FOUND', `Cannot show "/${path}": the panel is at /`);
    const found = known.get(path) ?? load(path, file);
    known.set(path, found);
    return found;
  };
};
