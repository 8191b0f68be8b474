/** Lists: which domains to look into, and what a query leaves of the rows. */
import { mapLimit } from '../base/map-limit.ts';
import { type Directory, everywhere } from './directory.ts';
import { listRowsMax, readsMax } from './limits.ts';
import { type NamedRecords, nameKey } from './named.ts';

/** `enabled` without a value means true, as in Keystone. */
const isTrue = (text: string): boolean => !['0', 'false', 'no', 'off', 'n', 'f'].includes(text.toLowerCase());

/** `fields`: what a filter may name and where it is in a row. Unknown filters are ignored, as in Keystone. */
export const matches =
  <Row>(query: URLSearchParams, fields: Readonly<Record<string, (row: Row) => string | boolean>>) =>
  (row: Row): boolean =>
    Object.entries(fields).every(([field, read]) => {
      const wanted = query.get(field);
      if (wanted === null) return true;
      const value = read(row);
      if (typeof value === 'boolean') return value === isTrue(wanted);
      return field === 'name' ? nameKey(value) === nameKey(wanted) : value === wanted;
    });

/** A query flag: `?effective`, `?effective=1`, not `?effective=0`. */
export const flag = (query: URLSearchParams, name: string): boolean => {
  const value = query.get(name);
  return value !== null && isTrue(value);
};

/** All rows that the query's `domain_id` and `name` can mean; a name is looked up, not searched for. */
export const rowsFor = async <Row extends { readonly id: string; readonly name: string }>(
  directory: Directory,
  records: NamedRecords<Row>,
  query: URLSearchParams,
): Promise<readonly Row[]> => {
  const domainId = query.get('domain_id');
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

/** A list body under its key, with Keystone's word for "there were more". */
export const listed = <Row>(key: string, rows: readonly Row[], show: (row: Row) => unknown) => ({
  [key]: rows.slice(0, listRowsMax).map(show),
  ...(rows.length >= listRowsMax && { truncated: true }),
});
