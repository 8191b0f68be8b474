/**
 * Tables whose every operation first passes a hook: it may wait, note or throw, as a network and kill -9 do. What it
 * returns runs after a change and may throw too: the change is done and nobody hears of it.
 */
import type { Registers, Rows, Tables } from '../../agent/table/port.ts';

export interface Operation {
  readonly table: string;
  readonly verb: 'get' | 'put' | 'delete' | 'range' | 'tally' | 'change';
  readonly partitionKey: string;
  readonly sortKey: string;
}

type After = () => void;
export type Hook = (operation: Operation) => undefined | After | Promise<undefined | After>;

export const hookedTables = (inner: Tables, hook: Hook): Tables => ({
  rows<Row>(schema: { readonly name: string }): Rows<Row> {
    const rows: Rows<Row> = inner.rows(schema);
    const pass = (verb: Operation['verb'], partitionKey: string, sortKey = '') =>
      hook({ table: schema.name, verb, partitionKey, sortKey });
    return {
      async get(partitionKey, sortKey) {
        await pass('get', partitionKey, sortKey);
        return rows.get(partitionKey, sortKey);
      },
      async put(partitionKey, sortKey, row) {
        await pass('put', partitionKey, sortKey);
        return rows.put(partitionKey, sortKey, row);
      },
      async getForPut(partitionKey, sortKey) {
        await pass('get', partitionKey, sortKey);
        const { row, put, stamp } = await rows.getForPut(partitionKey, sortKey);
        return {
          row,
          stamp,
          async put(next) {
            await pass('put', partitionKey, sortKey);
            await put(next);
          },
        };
      },
      async putAt(partitionKey, sortKey, row, stamp, along) {
        await pass(row === undefined ? 'delete' : 'put', partitionKey, sortKey);
        return rows.putAt(partitionKey, sortKey, row, stamp, along);
      },
      companion: rows.companion,
      digest: rows.digest,
      async delete(partitionKey, sortKey) {
        await pass('delete', partitionKey, sortKey);
        return rows.delete(partitionKey, sortKey);
      },
      async range(partitionKey, range) {
        await pass('range', partitionKey);
        return rows.range(partitionKey, range);
      },
      async tally(partitionKey) {
        await pass('tally', partitionKey);
        return rows.tally(partitionKey);
      },
    };
  },
  registers<Row>(schema: { readonly name: string }): Registers<Row> {
    const registers: Registers<Row> = inner.registers(schema);
    return {
      async get(partitionKey, sortKey) {
        await hook({ table: schema.name, verb: 'get', partitionKey, sortKey });
        return registers.get(partitionKey, sortKey);
      },
      async change(partitionKey, sortKey, next) {
        const after = await hook({ table: schema.name, verb: 'change', partitionKey, sortKey });
        const row = await registers.change(partitionKey, sortKey, next);
        after?.();
        return row;
      },
      async range(partitionKey, range) {
        await hook({ table: schema.name, verb: 'range', partitionKey, sortKey: '' });
        return registers.range(partitionKey, range);
      },
    };
  },
});

/** Lets two hosts open the same table of one fake. */
export const sharedTables = (inner: Tables): Tables => {
  const open = new Map<string, unknown>();
  const once = <Made>(name: string, make: () => Made): Made => {
    const found = (open.get(name) as Made | undefined) ?? make();
    open.set(name, found);
    return found;
  };
  return {
    rows: (schema) => once(schema.name, () => inner.rows(schema)),
    registers: (schema) => once(schema.name, () => inner.registers(schema)),
  };
};
