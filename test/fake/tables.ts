/** One-host tables in memory: the port's meaning without the cluster. `test/conform/tables.ts` holds it to the real ones. */
import type {
  Companion,
  LedKeys,
  Page,
  Registers,
  Rows,
  TableRange,
  Tables,
} from '../../agent/table/port.ts';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { compareStamps, type Stamp } from '../../proto/stamp.ts';

const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const pageOf = <Row>(rows: ReadonlyMap<string, Row> | undefined, range: TableRange): Page<Row> => {
  const keys = [...(rows?.keys() ?? [])].sort(compareKeys);
  if (range.reverse) keys.reverse();
  const sign = range.reverse ? -1 : 1;
  const inside = keys.filter(
    (key) =>
      (range.after === undefined || sign * compareKeys(key, range.after) > 0) &&
      (range.before === undefined || sign * compareKeys(key, range.before) < 0) &&
      (range.prefix === undefined || key.startsWith(range.prefix)),
  );
  const entries = inside
    .slice(0, range.limit)
    .map((sortKey) => ({ sortKey, row: structuredClone(rows?.get(sortKey) as Row) }));
  return { entries, more: inside.length > entries.length };
};

export const fakeTables = (): Tables & LedKeys => {
  /** One clock for all tables: a companion has the stamp of the row that brings it. */
  let count = 0;
  /** By table: takes a companion. */
  const groups = new Map<string, Map<string, ReadonlyMap<string, unknown>>>();
  const takers = new Map<string, (partitionKey: string, companion: Companion, stamp: Stamp) => void>();
  return {
    rows<Row>(schema: { name: string; weight?(row: Row): number }): Rows<Row> {
      const parts = new Map<string, Map<string, Row>>();
      groups.set(schema.name, parts);
      const part = (key: string): Map<string, Row> => {
        const found = parts.get(key) ?? new Map<string, Row>();
        parts.set(key, found);
        return found;
      };
      /** Of the newest put of each row, deletions included. */
      const stamps = new Map<string, Stamp>();
      const nextStamp = (): Stamp => ({ wallMs: 0, count: ++count, host: 'fake' as HostId });
      const write = (partitionKey: string, sortKey: string, row: Row | undefined, stamp: Stamp): void => {
        const name = JSON.stringify([partitionKey, sortKey]);
        const newest = stamps.get(name);
        if (newest && compareStamps(newest, stamp) > 0) return;
        stamps.set(name, stamp);
        if (row === undefined) parts.get(partitionKey)?.delete(sortKey);
        else part(partitionKey).set(sortKey, structuredClone(row));
      };
      const rows = codec<Row>(schema.name);
      takers.set(schema.name, (partitionKey, { sortKey, value }, stamp) =>
        write(partitionKey, sortKey, value ? rows.decode(value) : undefined, stamp),
      );
      return {
        get: async (partitionKey, sortKey) => structuredClone(parts.get(partitionKey)?.get(sortKey)),
        put: async (partitionKey, sortKey, row) => write(partitionKey, sortKey, row, nextStamp()),
        async getForPut(partitionKey, sortKey) {
          const stamp = nextStamp();
          return {
            row: structuredClone(parts.get(partitionKey)?.get(sortKey)),
            put: async (row) => write(partitionKey, sortKey, row, nextStamp()),
            stamp: () => stamp,
          };
        },
        async putAt(partitionKey, sortKey, row, stamp, along = []) {
          for (const companion of along) {
            if (!companion.table.startsWith(`${schema.name}/`))
              throw new ShoalError('BAD_REQUEST', `"${companion.table}" is no sub-table of "${schema.name}"`);
            takers.get(companion.table)?.(partitionKey, companion, stamp);
          }
          write(partitionKey, sortKey, row, stamp);
        },
        companion: (sortKey, row) => ({
          ...{ table: schema.name, sortKey, weight: row === undefined ? 0 : (schema.weight?.(row) ?? 0) },
          value: row === undefined ? null : rows.encode(row),
        }),
        delete: async (partitionKey, sortKey) => write(partitionKey, sortKey, undefined, nextStamp()),
        range: async (partitionKey, range) => pageOf(parts.get(partitionKey), range),
        // Every put counts, as every stamp does.
        digest: async (partitionKey) =>
          [...stamps]
            .filter(([name]) => JSON.parse(name)[0] === partitionKey)
            .map(([name, stamp]) => `${name} ${stamp.count}`)
            .sort()
            .join(),
        tally: async (partitionKey) => {
          const rows = [...(parts.get(partitionKey)?.values() ?? [])];
          return {
            rows: rows.length,
            weight: rows.reduce((sum, row) => sum + (schema.weight?.(row) ?? 0), 0),
          };
        },
      };
    },
    async *keysLed(table) {
      for (const [key, rows] of groups.get(table) ?? []) if (rows.size > 0) yield key;
    },
    registers<Row>(): Registers<Row> {
      const parts = new Map<string, Map<string, Row>>();
      return {
        get: async (partitionKey, sortKey) => structuredClone(parts.get(partitionKey)?.get(sortKey)),
        async change(partitionKey, sortKey, next) {
          const rows = parts.get(partitionKey) ?? new Map<string, Row>();
          const row = next(structuredClone(rows.get(sortKey)));
          if (row === undefined) rows.delete(sortKey);
          else rows.set(sortKey, structuredClone(row));
          parts.set(partitionKey, rows);
          return row;
        },
        range: async (partitionKey, range) => pageOf(parts.get(partitionKey), range),
      };
    },
  };
};
