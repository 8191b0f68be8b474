/**
 * What an application credential was limited to: calls, each named by service, method and a pattern of the path.
 * `*` and `{name}` stand for one segment, `**` for any number of them, as in Keystone.
 */
import { ShoalError } from '../../proto/error.ts';
import { type ApiName, apiPrefix } from '../../proto/rest/route.ts';
import type { Principal } from './port.ts';

/** The service types of the catalog. */
const serviceOf: Readonly<Record<ApiName, string>> = {
  identity: 'identity',
  compute: 'compute',
  image: 'image',
  object: 'object-store',
  cluster: 'shoal-cluster',
};

const isOne = (part: string): boolean => part === '*' || /^\{[^/]+\}$/.test(part);

/**
 * Both in segments. On a mismatch only the last `**` takes one more: what an earlier one could take it can, too.
 * So the time is the product of the lengths, whatever a hostile pattern looks like.
 */
const fits = (pattern: readonly string[], path: readonly string[]): boolean => {
  let [at, next] = [0, 0];
  let any: { readonly pattern: number; path: number } | undefined;
  while (at < path.length) {
    const part = pattern[next];
    if (part === '**') {
      any = { pattern: next + 1, path: at };
      next += 1;
    } else if (part !== undefined && (isOne(part) || part === path[at])) {
      at += 1;
      next += 1;
    } else if (any) {
      any.path += 1;
      at = any.path;
      next = any.pattern;
    } else return false;
  }
  return pattern.slice(next).every((part) => part === '**');
};

export const matchesPath = (pattern: string, path: string): boolean =>
  fits(pattern.split('/'), path.replace(/(?<=.)\/+$/, '').split('/'));

/** `path` with the prefix of its API, or without: rules are written either way. Throws NOT_AUTHENTICATED, as Keystone's middleware. */
export const checkAccessRules = (
  { accessRules }: Pick<Principal, 'accessRules'>,
  api: ApiName,
  method: string,
  path: string,
): void => {
  if (!accessRules) return;
  const below = path.startsWith(`${apiPrefix[api]}/`) ? path.slice(apiPrefix[api].length) : path;
  const allowed = accessRules.some(
    (rule) =>
      rule.service === serviceOf[api] &&
      rule.method === method &&
      (matchesPath(rule.path, below) || matchesPath(rule.path, path)),
  );
  if (!allowed)
    throw new ShoalError(
      'NOT_AUTHENTICATED',
      `Cannot ${method} ${path} with this application credential: none of its access rules allows it.`,
    );
};
