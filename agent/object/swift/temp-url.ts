/** TempURL: `temp_url_sig` and `temp_url_expires` in the query let whoever has the address do one thing without a token. */
import { ShoalError } from '../../../proto/error.ts';
import { apiPrefix } from '../../../proto/rest/route.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Grant } from '../access-list.ts';
import type { Context } from '../context.ts';
import { accountOf, type ObjectPath } from '../name.ts';
import { isWithin, parseExpires, signedBy, signingKeys } from '../signature.ts';
import type { Ask } from './ask.ts';

/** A signature for one of these counts for the method too: who may read may look, as in Swift. */
const methodsFor: Readonly<Record<string, readonly string[]>> = {
  GET: ['GET'],
  HEAD: ['HEAD', 'GET', 'PUT', 'POST'],
  PUT: ['PUT'],
  POST: ['POST'],
  DELETE: ['DELETE'],
};
export const tempUrlMethods = Object.keys(methodsFor);

/** What would reach beyond the one object that was signed for. */
const tooMuch = ['x-object-manifest', 'x-symlink-target', 'x-copy-from'] as const;

export const refuseTempUrl = (): never => {
  throw new ShoalError('NOT_AUTHENTICATED', '401 Unauthorized: Temp URL invalid');
};

export const isTempUrl = ({ query }: Ask): boolean =>
  query.has('temp_url_sig') || query.has('temp_url_expires');

/** What is signed, for each form of the path: clients sign the one that they call, or the bare one that Swift has. */
const textsOf = (
  request: Ask,
  { project, container, object }: ObjectPath,
  expires: number,
): readonly string[] => {
  const { query } = request;
  const prefix = query.get('temp_url_prefix');
  const range = query.get('temp_url_ip_range');
  const name = `/v1/${accountOf(project)}/${container}/${prefix ?? object}`;
  const head = range === null ? '' : `ip=${range}\n`;
  return (methodsFor[request.method] ?? []).flatMap((method) =>
    [`${apiPrefix.object}${name}`, name].map(
      (path) => `${head}${method}\n${expires}\n${prefix === null ? '' : 'prefix:'}${path}`,
    ),
  );
};

/** Throws NOT_AUTHENTICATED whatever is wrong; BAD_REQUEST at a header that reaches too far. */
export const checkTempUrl = async (context: Context, request: Ask, path: ObjectPath): Promise<Grant> => {
  const { query } = request;
  const expires = parseExpires(query.get('temp_url_expires') ?? '');
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  // One for all names is one for the container's site, too.
  const isWhole = isRead && path.container !== '' && query.get('temp_url_prefix') === '';
  if ((path.object === '' && !isWhole) || expires === undefined) return refuseTempUrl();
  if (expires * 1000 <= context.runtime.clock.wallMs()) return refuseTempUrl();
  const range = query.get('temp_url_ip_range');
  if (range !== null && !isWithin(range, request.remoteAddress)) return refuseTempUrl();
  const prefix = query.get('temp_url_prefix');
  if (prefix !== null && !path.object.startsWith(prefix)) return refuseTempUrl();
  const keys = await signingKeys(context, path.project, path.container);
  const key = signedBy(query.get('temp_url_sig') ?? '', textsOf(request, path, expires), keys);
  if (!key) return refuseTempUrl();
  const header = isRead ? undefined : tooMuch.find((name) => request.headers[name] !== undefined);
  if (header) throw new ShoalError('BAD_REQUEST', `The header '${header}' is not allowed in this tempurl`);
  return {
    project: path.project,
    ...(key.scope === 'container' ? { container: path.container } : {}),
    write: !isRead,
  };
};

const quoted = (name: string): string => name.replaceAll(/[\r\n"\\]/g, '_');

/** How a browser saves it: under the last part of its name, or the one that the address asks for. */
const disposition = ({ query }: Ask, { object }: ObjectPath, own: string | undefined): string => {
  const filename = query.get('filename');
  if (query.has('inline') && filename === null) return 'inline';
  const kind = query.has('inline') ? 'inline' : 'attachment';
  if (filename === null && own !== undefined) return own;
  const name = filename ?? object.replace(/\/+$/, '').split('/').at(-1) ?? '';
  const latin = Buffer.from(quoted(name)).toString('latin1');
  return `${kind}; filename="${latin}"; filename*=UTF-8''${encodeURIComponent(name)}`;
};

/** The owner's metadata stays private, unless it is named `X-Object-Meta-Public-*`: Swift's default. */
export const asTempUrlAnswer = (request: Ask, path: ObjectPath, answer: ApiAnswer): ApiAnswer => {
  const headers = Object.entries(answer.headers ?? {}).filter(
    ([name]) => !/^x-object-meta-(?!public-)/i.test(name),
  );
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const isGood = (answer.status ?? 200) < 300;
  if (!isRead || !isGood) return { ...answer, headers: Object.fromEntries(headers) };
  const expires = parseExpires(request.query.get('temp_url_expires') ?? '') ?? 0;
  const own = headers.find(([name]) => name === 'Content-Disposition')?.[1];
  return {
    ...answer,
    headers: {
      ...Object.fromEntries(headers),
      'Content-Disposition': disposition(request, path, typeof own === 'string' ? own : undefined),
      Expires: new Date(expires * 1000).toUTCString(),
    },
  };
};
