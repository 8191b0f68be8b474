/** Which role implies which. Few and read with every token, so all are one partition and one copy. */
import type { Rows, Tables } from '../table/port.ts';
import { inferencesMax } from './limits.ts';

/** From a role's id to those that it implies directly. */
export type Inferences = ReadonlyMap<string, readonly string[]>;

export interface InferenceRules {
  all(): Promise<Inferences>;
  has(priorId: string, impliedId: string): Promise<boolean>;
  /** Idempotent. */
  add(priorId: string, impliedId: string): Promise<void>;
  remove(priorId: string, impliedId: string): Promise<void>;
}

const partition = 'all';
const keyOf = (priorId: string, impliedId: string): string => `${priorId}/${impliedId}`;

export const openInferences = ({ tables }: { readonly tables: Tables }): InferenceRules => {
  const rows: Rows<{ readonly given: true }> = tables.rows({ name: 'identity.implied' });
  return {
    async all() {
      const found = new Map<string, string[]>();
      const { entries } = await rows.range(partition, { limit: inferencesMax });
      for (const { sortKey } of entries) {
        const [priorId = '', impliedId = ''] = sortKey.split('/');
        found.set(priorId, [...(found.get(priorId) ?? []), impliedId]);
      }
      return found;
    },
    has: async (priorId, impliedId) => (await rows.get(partition, keyOf(priorId, impliedId))) !== undefined,
    add: (priorId, impliedId) => rows.put(partition, keyOf(priorId, impliedId), { given: true }),
    remove: (priorId, impliedId) => rows.delete(partition, keyOf(priorId, impliedId)),
  };
};

/** The roles themselves and all that they imply, over any number of steps. A circle ends where it began. */
export const withImplied = (rules: Inferences, roleIds: Iterable<string>): ReadonlySet<string> => {
  const all = new Set<string>(roleIds);
  // A Set that grows while it is walked is walked to its new end.
  for (const id of all) for (const implied of rules.get(id) ?? []) all.add(implied);
  return all;
};
