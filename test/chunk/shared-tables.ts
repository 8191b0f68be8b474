/** One-host tables that all hosts of a test share, and that remember which references were ever written. */
import type { LedKeys, Rows, Tables } from '../../agent/table/port.ts';
import { fakeTables } from '../fake/tables.ts';

export interface SharedTables extends Tables, LedKeys {
  /** Chunks that the user refers to now. */
  usedBy(user: string): Promise<string[]>;
  /** All who refer to any now, in order. */
  users(): Promise<string[]>;
  /** Partition keys of all ranges that were read, in order. */
  readonly ranges: string[];
  /** Called before each write of a reference; may wait or throw. */
  beforePut: (partitionKey: string, sortKey: string) => Promise<void>;
}

export const sharedTables = (): SharedTables => {
  const tables = fakeTables();
  const opened = new Map<string, Rows<unknown>>();
  const keys = new Set<string>();
  const shared: SharedTables = {
    registers: tables.registers,
    keysLed: tables.keysLed,
    ranges: [],
    beforePut: async () => {},
    rows<Row>(schema: Parameters<Tables['rows']>[0]): Rows<Row> {
      const rows = opened.get(schema.name) ?? tables.rows<unknown>(schema as never);
      opened.set(schema.name, rows);
      return {
        ...(rows as Rows<Row>),
        range(partitionKey, range) {
          shared.ranges.push(partitionKey);
          return (rows as Rows<Row>).range(partitionKey, range);
        },
        async put(partitionKey, sortKey, row) {
          await shared.beforePut(partitionKey, sortKey);
          keys.add(partitionKey);
          await rows.put(partitionKey, sortKey, row);
        },
      };
    },
    async users() {
      const rows = opened.get('chunk-ref');
      const pages = await Promise.all([...keys].map((key) => rows?.range(key, { limit: 1000 })));
      return [...new Set(pages.flatMap((page) => page?.entries.map(({ sortKey }) => sortKey) ?? []))].sort();
    },
    async usedBy(user) {
      const rows = opened.get('chunk-ref');
      const found = await Promise.all(
        [...keys].map(async (key) => ((await rows?.get(key, user)) === undefined ? [] : [key])),
      );
      return found.flat().sort();
    },
  };
  return shared;
};
