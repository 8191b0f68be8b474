/** Lists: which domains to look into, and what a query leaves of the rows. */
import { mapLimit } from '../../base/map-limit.ts';
import type { ApiRequest, Principal } from '../../http/port.ts';
import { type Directory, everywhere } from '../directory.ts';
import { badRequest } from '../error.ts';
import { listRowsMax, readsMax } from '../limits.ts';
import { type NamedRecords, nameKey } from '../named.ts';
import { boundDomain } from '../policy.ts';
import { linkOf } from './render.ts';

type Field = string | boolean | null;

/** `enabled` without a value means true, as in Keystone. */
const isTrue = (text: string): boolean => !['0', 'false', 'no', 'off', 'n', 'f'].includes(text.toLowerCase());

const comparisons: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  contains: (value, wanted) => value.includes(wanted),
  startswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
};

/** `name__icontains` and the like; with an `i` the case does not matter. Unknown ones are ignored, as in Keystone. */
const compares = (value: Field, operator: string, wanted: string): boolean => {
  const blind = operator.startsWith('i');
  const compare = comparisons[blind ? operator.slice(1) : operator];
  if (!compare || typeof value !== 'string') return true;
  return blind ? compare(value.toLowerCase(), wanted.toLowerCase()) : compare(value, wanted);
};

const equals = (field: string, value: Field, wanted: string): boolean => {
  if (typeof value === 'boolean') return value === isTrue(wanted);
  if (value === null) return wanted === '' || wanted === 'None';
  return field === 'name' ? nameKey(value) === nameKey(wanted) : value === wanted;
};

/** `fields`: what a filter may name and where it is in a row. Unknown filters are ignored, as in Keystone. */
export const matches =
  <Row>(query: URLSearchParams, fields: Readonly<Record<string, (row: Row) => Field>>) =>
  (row: Row): boolean =>
    [...query].every(([key, wanted]) => {
      const [field = '', operator] = key.split('__');
      const read = Object.hasOwn(fields, field) ? fields[field] : undefined;
      if (!read) return true;
      return operator === undefined
        ? equals(field, read(row), wanted)
        : compares(read(row), operator, wanted);
    });

/** A query flag: `?effective`, `?effective=1`, not `?effective=0`. */
export const flag = (query: URLSearchParams, name: string): boolean => {
  const value = query.get(name);
  return value !== null && isTrue(value);
};

/** All rows that the query's `domain_id` and `name` can mean, in the caller's domain if it is bound to one. */
export const rowsFor = async <Row extends { readonly id: string; readonly name: string }>(
  directory: Directory,
  records: NamedRecords<Row>,
  query: URLSearchParams,
  caller: Principal,
): Promise<readonly Row[]> => {
  const domainId = boundDomain(caller) ?? query.get('domain_id');
  const scopes =
    domainId === null ? (await directory.domains.list(everywhere)).map(({ id }) => id) : [domainId];
  const name = query.get('name');
  const found = await mapLimit(scopes, readsMax, async (scope) => {
    if (name === null) return records.list(scope);
    const row = await records.find(scope, name);
    return row ? [row] : [];
  });
  return found.flat();
};

const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0;

/** `?limit=`: rows in a page; undefined: all. Throws BAD_REQUEST. */
const limitOf = (query: URLSearchParams): number | undefined => {
  const text = query.get('limit');
  if (text === null) return undefined;
  if (!/^[1-9]\d*$/.test(text))
    throw badRequest(`Invalid input for field 'limit': ${JSON.stringify(text)} is not a number above 0`);
  return Number(text);
};

/**
 * A list body under its key, with Keystone's word for "there were more". In pages, in order of their ids, where the query
 * has `limit` or `marker` (the last id of the page before, which may be gone by now): `next` leads on until there is no more.
 */
export const listed = <Row extends { readonly id: string }>(
  { origin, query }: Pick<ApiRequest, 'origin' | 'query'>,
  { key, path }: { readonly key: string; readonly path: string },
  rows: readonly Row[],
  show: (row: Row) => unknown,
) => {
  const [limit, marker] = [limitOf(query), query.get('marker')];
  const isPaged = limit !== undefined || marker !== null;
  const left = isPaged ? [...rows].sort(byId).filter(({ id }) => marker === null || id > marker) : rows;
  const page = left.slice(0, Math.min(limit ?? listRowsMax, listRowsMax));
  const last = page.at(-1);
  const hasMore = left.length > page.length;
  const asked = query.size === 0 ? '' : `?${query}`;
  const next = new URLSearchParams(query);
  if (last) next.set('marker', last.id);
  return {
    [key]: page.map(show),
    links: {
      self: `${linkOf(origin, path)}${asked}`,
      next: isPaged && hasMore && last ? `${linkOf(origin, path)}?${next}` : null,
      previous: null,
    },
    ...((hasMore || rows.length >= listRowsMax) && { truncated: true }),
  };
};
