/** Records that are few and read as a whole: regions, services, endpoints, policies. One register each, one partition. */
import type { Registers, Tables } from '../table/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { notFound } from './error.ts';
import { listRowsMax, pageRowsMax } from './limits.ts';

export interface Collection<Row> {
  get(id: string): Promise<Row | undefined>;
  /** Up to `listRowsMax`, by id. */
  list(): Promise<readonly Row[]>;
  /** Resolves with false when the id is taken. */
  create(row: Row): Promise<boolean>;
  /** Throws NOT_FOUND and what `next` throws. */
  change(id: string, next: (row: Row) => Row): Promise<Row>;
  /** Throws NOT_FOUND. */
  delete(id: string): Promise<void>;
}

const partition = 'all';

export const openCollection = <Row extends { readonly id: string }>(
  { tables }: { readonly tables: Tables },
  kind: string,
): Collection<Row> => {
  const rows: Registers<Row> = tables.registers({ name: `identity.${kind}` });
  return {
    get: (id) => rows.get(partition, id),
    async list() {
      const found: Row[] = [];
      for await (const { row } of walkRows(rows, partition, { limit: pageRowsMax })) {
        found.push(row);
        if (found.length === listRowsMax) break;
      }
      return found;
    },
    async create(row) {
      let isMine = false;
      await rows.change(partition, row.id, (current) => {
        isMine = current === undefined;
        return current ?? row;
      });
      return isMine;
    },
    async change(id, next) {
      const row = await rows.change(partition, id, (current) => {
        if (!current) throw notFound(kind, id);
        return next(current);
      });
      if (!row) throw notFound(kind, id);
      return row;
    },
    async delete(id) {
      await rows.change(partition, id, (current) => {
        if (!current) throw notFound(kind, id);
        return undefined;
      });
    },
  };
};
