/**
 * CORS: a container's metadata says whose pages may use it from a browser (`Access-Control-Allow-Origin`, a list or
 * `*`), for how long that may be remembered (`-Max-Age`) and which headers they may see (`-Expose-Headers`).
 */
import { ShoalError } from '../../../proto/error.ts';
import { objectRoutes } from '../../../proto/rest/object.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Context } from '../context.ts';
import { type ObjectPath, parsePath } from '../name.ts';
import type { ContainerRow } from '../records.ts';
import type { Ask } from './ask.ts';

/** Seen by pages whatever the container says: Swift's list. */
const exposed = [
  'cache-control',
  'content-language',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
  'etag',
  'x-timestamp',
  'x-trans-id',
  'x-openstack-request-id',
];

const parts = ({ container, object }: ObjectPath): number => (container === '' ? 1 : object === '' ? 2 : 3);

const methodsOf = (path: ObjectPath): readonly string[] => {
  const all = Object.values(objectRoutes).filter(
    (route) => route.path.startsWith('/v1/') && route.path.split('/').length - 2 === parts(path),
  );
  return [...new Set(all.map((route) => route.method))].sort();
};

/** What is sent as Access-Control-Allow-Origin; undefined: this origin is not let in. */
const allowedOrigin = (row: ContainerRow | undefined, origin: string): string | undefined => {
  const allowed = (row?.metadata['access-control-allow-origin'] ?? '')
    .split(/[\s,]+/)
    .filter((item) => item !== '');
  if (allowed.includes('*')) return '*';
  return allowed.includes(origin) ? origin : undefined;
};

const findRow = async (context: Context, request: Ask): Promise<ContainerRow | undefined> => {
  const { project, container } = parsePath(request.params);
  return container === '' ? undefined : context.containers.find(project, container);
};

/** OPTIONS: what the path takes, and to a browser's question whether its page may. */
export const preflight = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const allow = methodsOf(parsePath(request.params)).join(', ');
  const { origin, 'access-control-request-method': method } = request.headers;
  const text = { 'Content-Type': 'text/html; charset=UTF-8' };
  // An account has nobody's pages to think of, as in Swift.
  const isAccount = parts(parsePath(request.params)) === 1;
  if (origin === undefined || isAccount) return { status: 200, headers: { ...text, Allow: allow }, body: '' };
  const row = await findRow(context, request);
  const allowed = allowedOrigin(row, origin);
  if (allowed === undefined || method === undefined || !allow.split(', ').includes(method))
    throw new ShoalError('NOT_AUTHENTICATED', `The origin ${origin} may not use this container so.`);
  const wanted = request.headers['access-control-request-headers'];
  const maxAge = row?.metadata['access-control-max-age'];
  return {
    status: 200,
    headers: {
      ...text,
      Allow: allow,
      'Access-Control-Allow-Origin': allowed,
      'Access-Control-Allow-Methods': allow,
      Vary: 'Origin, Access-Control-Request-Headers',
      ...(wanted === undefined ? {} : { 'Access-Control-Allow-Headers': wanted }),
      ...(maxAge === undefined ? {} : { 'Access-Control-Max-Age': maxAge }),
    },
    body: '',
  };
};

/** What the answer to a page's request adds; nothing where its origin is not let in. */
export const corsHeaders = async (
  context: Context,
  request: Ask,
  answer: ApiAnswer,
): Promise<Record<string, string>> => {
  const { origin } = request.headers;
  if (origin === undefined) return {};
  const row = await findRow(context, request).catch(() => undefined);
  const allowed = allowedOrigin(row, origin);
  if (allowed === undefined) return {};
  const own = Object.keys(answer.headers ?? {}).map((name) => name.toLowerCase());
  const more = (row?.metadata['access-control-expose-headers'] ?? '').split(/[\s,]+/);
  const names = [...exposed, ...own.filter((name) => name.startsWith('x-')), ...more].filter(
    (name) => name !== '',
  );
  return {
    'Access-Control-Allow-Origin': allowed,
    'Access-Control-Expose-Headers': [...new Set(names)].join(', '),
    ...(allowed === '*' ? {} : { Vary: 'Origin' }),
  };
};
