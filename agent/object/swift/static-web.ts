/**
 * Static web: a container as a web site, for readers without a token (or with `X-Web-Mode: true`). Its metadata
 * says how: `Web-Index` (the page of a folder), `Web-Error` (`404` + this name is the page of a 404),
 * `Web-Listings` (a folder without a page is listed), `Web-Listings-CSS`, `Web-Directory-Type`.
 */
import { asShoalError, hasCode, ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { authorize, type Context } from '../context.ts';
import { listingNamesMax } from '../limits.ts';
import { type ObjectPath, parsePath } from '../name.ts';
import { walkObjects } from '../object-listing.ts';
import type { ContainerRow } from '../records.ts';
import { httpDate } from '../time.ts';
import { type Ask, asked, isTrue } from './ask.ts';
import { getObject, headObject } from './object.ts';

const names = ['web-index', 'web-error', 'web-listings', 'web-listings-css', 'web-directory-type'];

/** The container, when this request asks for a site and it is one. */
export const siteOf = async (context: Context, request: Ask): Promise<ContainerRow | undefined> => {
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  // An address that is signed for one object is for that alone.
  if (request.grant && !request.query.has('temp_url_prefix')) return undefined;
  if (request.principal && !isTrue(String(request.headers['x-web-mode'] ?? ''))) return undefined;
  const { project, container } = parsePath(request.params);
  if (container === '') return undefined;
  const row = await context.containers.find(project, container);
  return row && names.some((name) => row.metadata[name] !== undefined) ? row : undefined;
};

const fetchObject = (
  context: Context,
  request: Ask,
  path: ObjectPath,
  object: string,
): Promise<ApiAnswer> => {
  const { account = '' } = request.params;
  const inner: Ask = {
    ...request,
    signal: request.signal,
    params: { account, container: path.container, '*': object },
  };
  return request.method === 'HEAD' ? headObject(context, inner) : getObject(context, inner);
};

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const link = (name: string): string => encodeURIComponent(name).replaceAll('%2F', '/');

/** What a signed address hands on to the pages below it, in Swift's order; nothing otherwise. */
const signatureOf = ({ grant, query }: Ask): string => {
  if (!grant) return '';
  const names = ['temp_url_prefix', 'temp_url_expires', 'temp_url_sig', 'temp_url_ip_range'];
  const parts = names
    .filter((name) => query.has(name))
    .map((name) => `${name}=${link(query.get(name) ?? '')}`);
  return `?${[...parts, ...(query.has('inline') ? ['inline'] : [])].join('&amp;')}`;
};

/** The path as the reader has it, or what the owner calls the site. */
const labelOf = (request: Ask, path: ObjectPath, row: ContainerRow): string => {
  const label = row.metadata['web-listings-label'];
  return label ? `${label}/${path.object}` : decodeURIComponent(request.path);
};

/** Names below the folder, as a page with relative links. */
const listing = async (
  context: Context,
  request: Ask,
  path: ObjectPath,
  row: ContainerRow,
): Promise<ApiAnswer> => {
  // A signed address was found to be for all that is below the folder.
  if (!request.grant) await authorize(context, 'readContainer', path, asked(request).caller, row);
  const signature = signatureOf(request);
  const parts = { records: context.records, clock: context.runtime.clock };
  const rows: string[] = [];
  for await (const step of walkObjects(parts, row, { prefix: path.object, delimiter: '/' })) {
    const name = step.name.slice(path.object.length);
    if (name === '') continue;
    const cells =
      step.kind === 'folder' ? ['', ''] : [String(step.row.bytes), httpDate(step.row.changedAtMs)];
    rows.push(
      `<tr class="item"><td class="colname"><a href="./${escapeHtml(link(name))}${signature}">${escapeHtml(name)}</a></td>` +
        `<td class="colsize">${cells[0]}</td><td class="coldate">${cells[1]}</td></tr>`,
    );
    if (rows.length >= listingNamesMax) break;
  }
  if (rows.length === 0 && path.object !== '')
    throw new ShoalError('NOT_FOUND', `There is nothing below ${JSON.stringify(path.object)}.`);
  const title = escapeHtml(`Listing of ${labelOf(request, path, row)}`);
  const css = row.metadata['web-listings-css'];
  const up = '../'.repeat(path.object.split('/').length - 1);
  const style =
    css === undefined
      ? ''
      : `<link rel="stylesheet" type="text/css" href="${escapeHtml(/^(https?:)?\/\//.test(css) ? css : `${up}${link(css)}`)}" />`;
  const top = request.grant ? (request.query.get('temp_url_prefix') ?? '') : '';
  const parent =
    path.object.length <= top.length
      ? ''
      : `<tr><td class="colname" colspan="3"><a href="../${signature}">../</a></td></tr>`;
  return {
    status: 200,
    // Where it would be saved, as what a signed address leads to is.
    headers: {
      'Content-Type': 'text/html; charset=UTF-8',
      ...(request.grant ? { 'Content-Disposition': 'inline' } : {}),
    },
    body:
      `<!DOCTYPE html><html><head><title>${title}</title>${style}</head><body><h1>${title}</h1>` +
      `<table id="listing"><tr><th>Name</th><th>Size</th><th>Date</th></tr>${parent}${rows.join('')}</table></body></html>`,
  };
};

/** Relative links of a page need the slash. */
const redirect = (request: Ask): ApiAnswer => ({
  status: 301,
  headers: {
    'Content-Type': 'text/html; charset=UTF-8',
    Location: `${request.origin}${request.path}/${request.grant ? `?${request.query}` : ''}`,
  },
  body: '<html><h1>Moved Permanently</h1></html>',
});

/** A path that ends in a slash: its index, else a listing where that is on. */
const folder = async (
  context: Context,
  request: Ask,
  path: ObjectPath,
  row: ContainerRow,
): Promise<ApiAnswer> => {
  const index = row.metadata['web-index'];
  if (index !== undefined)
    try {
      return await fetchObject(context, request, path, `${path.object}${index}`);
    } catch (thrown) {
      if (!hasCode(thrown, 'NOT_FOUND')) throw thrown;
    }
  if (isTrue(row.metadata['web-listings'])) return listing(context, request, path, row);
  throw new ShoalError('NOT_FOUND', 'There is no page here.');
};

const page = async (
  context: Context,
  request: Ask,
  path: ObjectPath,
  row: ContainerRow,
): Promise<ApiAnswer> => {
  const isFolder = request.path.endsWith('/');
  if (path.object === '') return isFolder ? folder(context, request, path, row) : redirect(request);
  const found = await fetchObject(context, request, path, path.object).catch((thrown) => {
    if (!hasCode(thrown, 'NOT_FOUND')) throw thrown;
    return undefined;
  });
  const folderType = row.metadata['web-directory-type'] ?? 'application/directory';
  const type = found?.headers?.['Content-Type'];
  const isMark = typeof type === 'string' && type.split(';')[0]?.trim() === folderType;
  if (found && !isMark) return found;
  if (isFolder) return folder(context, request, path, row);
  const parts = { records: context.records, clock: context.runtime.clock };
  const below = await walkObjects(parts, row, { prefix: `${path.object}/` }).next();
  if (!found && below.done) throw new ShoalError('NOT_FOUND', 'There is no page here.');
  return redirect(request);
};

/** An error shows the site's own page for it, with the error's status. */
export const servePage = async (context: Context, request: Ask, row: ContainerRow): Promise<ApiAnswer> => {
  const path = parsePath(request.params);
  try {
    return await page(context, request, path, row);
  } catch (thrown) {
    const error = asShoalError(thrown);
    const name = row.metadata['web-error'];
    if (name === undefined || (error.status !== 404 && error.status !== 401)) throw thrown;
    const { range: _range, ...headers } = request.headers;
    const plain: Ask = { ...request, signal: request.signal, headers };
    const answer = await fetchObject(context, plain, path, `${error.status}${name}`).catch(() => undefined);
    if (answer === undefined) throw thrown;
    return { ...answer, status: error.status };
  }
};
