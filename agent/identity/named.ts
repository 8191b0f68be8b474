/**
 * Records with an id and a name that is unique in its scope, whatever its case: domains and roles (one scope),
 * projects and users (one scope per domain). Two registers carry one record, and no transaction spans both:
 *
 *     name   (scope, "demo")  -> { id, nonce }      who claims the name
 *     record (scope, id)      -> { tag, row }       what it is; the row's name decides
 *
 * A claim alone is worth nothing: the name is taken only while the record that the claim points at exists and
 * bears it. So whatever kill -9 leaves, the next claimant can settle:
 *
 *   create   claim the name, then write the record if there is none
 *   rename   read the tag, claim the new name, write the record if its tag is still that one, release the old name
 *   delete   remove the record, release the name
 *   take     a claim without its record: spoil the slow creator's last step, then swap the claim. Spoiling is
 *            a compare-and-set on the very register that the creator must change: an absent record becomes a void
 *            one, a present record gets a new tag. Then either the creator was first (its record bears the name:
 *            the taker is refused) or the taker was (the creator finds its record spoiled and is refused).
 *
 * The tag is read before the claim is made: a taker who saw the claim spoils after that, so a writer whose tag
 * still holds was not spoiled by anyone who saw this claim. The nonce makes each claim new, so that a taker can
 * not swap a claim that was made again in between. Both are random and serve as proof "this change was mine"
 * when an answer was lost and the register is asked again.
 *
 * Left behind by kill -9: a claim (settled by the next claimant), a place or a void record (no meaning, some
 * 50 bytes each). Nothing blocks a name.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Registers, Tables } from '../table/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { notFound } from './error.ts';
import { changeTriesMax, claimPatienceMs, listRowsMax, pageRowsMax } from './limits.ts';

export interface Named {
  readonly id: string;
  readonly name: string;
}

interface Slot<Row> {
  readonly tag: string;
  /** null: spoiled before it was written. */
  readonly row: Row | null;
}

interface Claim {
  readonly id: string;
  readonly nonce: string;
}

export interface NamedRecords<Row extends Named> {
  /** Linearizable. */
  get(scope: string, id: string): Promise<Row | undefined>;
  /** The scope that an id was created in: it never changes. */
  scopeOf(id: string): Promise<string | undefined>;
  /** By name, in any case. */
  find(scope: string, name: string): Promise<Row | undefined>;
  /** Up to `listRowsMax`, by id. */
  list(scope: string): Promise<readonly Row[]>;
  /** Throws CONFLICT when the name or the id is taken. */
  create(scope: string, row: Row): Promise<void>;
  /** `next` is pure and may be called again; what it throws comes out. Throws NOT_FOUND, CONFLICT. */
  change(scope: string, id: string, next: (row: Row) => Row): Promise<Row>;
  /** `check` may throw to keep the record; it sees nothing older than what is deleted. Throws NOT_FOUND. */
  delete(scope: string, id: string, check?: (row: Row) => void | Promise<void>): Promise<Row>;
  /** The record, or none for good: a creation of this id that is under way fails. */
  settleId(scope: string, id: string): Promise<Row | undefined>;
}

/** Keystone compares names as MySQL does: without case. */
export const nameKey = (name: string): string => name.normalize('NFC').toLowerCase();

export const openNamed = <Row extends Named>(
  { runtime, tables }: { readonly runtime: Runtime; readonly tables: Tables },
  settings: { readonly kind: string; readonly taken: (row: Row, scope: string) => ShoalError },
): NamedRecords<Row> => {
  const { kind, taken } = settings;
  const records: Registers<Slot<Row>> = tables.registers({ name: `identity.${kind}` });
  const names: Registers<Claim> = tables.registers({ name: `identity.${kind}-name` });
  const places: Registers<string> = tables.registers({ name: `identity.${kind}-place` });
  const nonce = (): string => Buffer.from(runtime.chance.bytes(9)).toString('base64url');
  const bears = (slot: Slot<Row> | undefined, key: string): boolean =>
    slot?.row != null && nameKey(slot.row.name) === key;

  /** Does the holder of a claim bear the name? If not, its last step is spoiled and it never will by this claim. */
  const settle = async (scope: string, id: string, key: string): Promise<boolean> => {
    if (bears(await records.get(scope, id), key)) return true;
    await runtime.timers.sleep(claimPatienceMs);
    const tag = nonce();
    const slot = await records.change(scope, id, (current) => {
      if (current === undefined) return { tag, row: null };
      return current.row === null || bears(current, key) ? current : { ...current, tag };
    });
    return bears(slot, key);
  };

  const claim = async (scope: string, row: Row): Promise<void> => {
    const key = nameKey(row.name);
    const mine: Claim = { id: row.id, nonce: nonce() };
    let beaten: string | undefined;
    for (let tries = 0; tries < changeTriesMax; tries += 1) {
      const seen = beaten;
      const after = await names.change(scope, key, (current) =>
        current === undefined || current.id === row.id || current.nonce === seen ? mine : current,
      );
      if (after?.nonce === mine.nonce) return;
      if (!after) continue;
      if (await settle(scope, after.id, key)) throw taken(row, scope);
      beaten = after.nonce;
    }
    throw new ShoalError('CONTENDED', `Cannot take the name "${row.name}": too many ask for it at once`);
  };

  const release = async (scope: string, name: string, id: string): Promise<void> => {
    await names.change(scope, nameKey(name), (current) => (current?.id === id ? undefined : current));
  };

  const mustStand = async (
    scope: string,
    id: string,
  ): Promise<{ readonly tag: string; readonly row: Row }> => {
    const slot = await records.get(scope, id);
    if (!slot?.row) throw notFound(kind, id);
    return { tag: slot.tag, row: slot.row };
  };

  return {
    async get(scope, id) {
      return (await records.get(scope, id))?.row ?? undefined;
    },
    scopeOf: (id) => places.get(id, ''),
    async find(scope, name) {
      const key = nameKey(name);
      const claimed = await names.get(scope, key);
      const slot = claimed && (await records.get(scope, claimed.id));
      return bears(slot, key) ? (slot?.row ?? undefined) : undefined;
    },
    async list(scope) {
      const rows: Row[] = [];
      for await (const { row } of walkRows(records, scope, { limit: pageRowsMax })) {
        if (row.row) rows.push(row.row);
        if (rows.length === listRowsMax) break;
      }
      return rows;
    },
    async create(scope, row) {
      const tag = nonce();
      await places.change(row.id, '', (current) => current ?? scope);
      await claim(scope, row);
      const after = await records.change(scope, row.id, (current) => current ?? { tag, row });
      if (after?.tag !== tag) throw taken(row, scope);
    },
    async change(scope, id, next) {
      for (let tries = 0; tries < changeTriesMax; tries += 1) {
        const seen = await mustStand(scope, id);
        const row = next(seen.row);
        const renamed = nameKey(row.name) !== nameKey(seen.row.name);
        if (renamed) await claim(scope, row);
        const tag = nonce();
        const after = await records.change(scope, id, (current) =>
          current?.tag === seen.tag ? { tag, row } : current,
        );
        if (after?.tag !== tag) continue;
        if (renamed) await release(scope, seen.row.name, id);
        return row;
      }
      throw new ShoalError('CONTENDED', `Cannot change ${kind} "${id}": too many change it at once`);
    },
    async delete(scope, id, check) {
      for (let tries = 0; tries < changeTriesMax; tries += 1) {
        const seen = await mustStand(scope, id);
        await check?.(seen.row);
        const after = await records.change(scope, id, (current) =>
          current?.tag === seen.tag ? undefined : current,
        );
        if (after?.row) continue;
        await release(scope, seen.row.name, id);
        await places.change(id, '', () => undefined);
        return seen.row;
      }
      throw new ShoalError('CONTENDED', `Cannot delete ${kind} "${id}": too many change it at once`);
    },
    async settleId(scope, id) {
      const tag = nonce();
      const slot = await records.change(scope, id, (current) => current ?? { tag, row: null });
      return slot?.row ?? undefined;
    },
  };
};
