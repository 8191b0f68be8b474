/**
 * Containers. Creation, change and deletion are decided at one register; a deletion and a PUT into the container
 * settle between them who was first:
 *
 *   DELETE   mark closing ── look for objects ── still my mark? gone : 409
 *   PUT                    put row ── read the register: open? done. closing? take the mark off. gone? undo, 404
 *
 * Whoever reads second sees what the other wrote first, so an object that was acknowledged is never swallowed by
 * a deletion that found the container empty. A mark left by a killed agent hinders nobody.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Tally } from '../table/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { incarnationsKeptMax, listingPageRows, talliesInFlightMax } from './limits.ts';
import type { ContainerRow, Records } from './records.ts';

export interface NamedContainer extends ContainerRow {
  readonly name: string;
}

export const noContainer = (name: string): ShoalError =>
  new ShoalError('NOT_FOUND', `There is no container ${JSON.stringify(name)}.`);

type Counted = Pick<ContainerRow, 'id' | 'versions'>;

/** What a caller may set. Undefined: as it was. */
export type ContainerChange = (old: ContainerRow | undefined) => Partial<ContainerRow>;

export const openContainers = (
  { records, clock }: { readonly records: Records; readonly clock: Clock },
  /** Has the incarnation an object that can be seen, or a version? */
  holdsObjects: (row: ContainerRow) => Promise<boolean>,
) => {
  const { containers, objects, versions } = records;

  /** Incarnations as they were last looked up here. */
  const incarnations = new Map<string, Uuid>();
  const nameOf = (project: string, name: string): string => `${project}/${name}`;

  const find = async (project: string, name: string): Promise<ContainerRow | undefined> => {
    const row = await containers.get(project, name);
    const key = nameOf(project, name);
    if (!row) incarnations.delete(key);
    else if (incarnations.get(key) !== row.id) {
      if (incarnations.size >= incarnationsKeptMax)
        incarnations.delete(incarnations.keys().next().value ?? key);
      incarnations.set(key, row.id);
    }
    return row;
  };

  const get = async (project: string, name: string): Promise<ContainerRow> => {
    const row = await find(project, name);
    if (!row) throw noContainer(name);
    return row;
  };

  return {
    find,
    get,
    /** A guess. Undefined: it was not looked up here for a long time. */
    lastIncarnation: (project: string, name: string): Uuid | undefined =>
      incarnations.get(nameOf(project, name)),

    /** Changes one that exists already. */
    async create(project: string, name: string, change: ContainerChange): Promise<{ created: boolean }> {
      const id = newUuid();
      const atMs = clock.wallMs();
      const row = await containers.change(project, name, (old) => {
        const base = old ?? {
          id,
          createdAtMs: atMs,
          changedAtMs: atMs,
          metadata: {},
          readList: '',
          writeList: '',
          closing: null,
          isUnposted: true as const,
        };
        return { ...base, changedAtMs: atMs, ...change(old), closing: null };
      });
      return { created: row?.id === id };
    },

    /** Throws NOT_FOUND. */
    async update(project: string, name: string, change: ContainerChange): Promise<void> {
      const atMs = clock.wallMs();
      await containers.change(project, name, (old) => {
        if (!old) throw noContainer(name);
        return { ...old, changedAtMs: atMs, ...change(old) };
      });
    },

    /** From now on changes of objects are decided at registers. Throws NOT_FOUND. */
    async guard(project: string, name: string, id: Uuid): Promise<void> {
      await containers.change(project, name, (old) => {
        if (old?.id !== id) throw noContainer(name);
        return old.isGuarded ? old : { ...old, isGuarded: true };
      });
    },

    /** From now on posts are looked for. Throws NOT_FOUND. */
    async expectPosts(project: string, name: string, id: Uuid): Promise<void> {
      await containers.change(project, name, (old) => {
        if (old?.id !== id) throw noContainer(name);
        const { isUnposted: _no, ...row } = old;
        return old.isUnposted ? row : old;
      });
    },

    /** Throws NOT_FOUND, or CONFLICT when it is not empty or someone put an object into it meanwhile. */
    async delete(project: string, name: string): Promise<Uuid> {
      const token = newUuid();
      const marked = await containers.change(project, name, (old) => {
        if (!old) throw noContainer(name);
        return { ...old, closing: token };
      });
      if (!marked) throw noContainer(name);
      if (await holdsObjects(marked)) {
        await containers
          .change(project, name, (old) => (old?.closing === token ? { ...old, closing: null } : old))
          .catch((thrown) => {
            // The mark hinders nobody; the answer is the same.
            if (!hasCode(thrown, 'QUORUM_MISSED', 'CONTENDED')) throw thrown;
          });
        throw new ShoalError('CONFLICT', 'There was a conflict when trying to complete your request.', {
          details: { reason: 'the container is not empty' },
        });
      }
      await containers.change(project, name, (old) => {
        if (old && old.closing !== token)
          throw new ShoalError('CONFLICT', `Cannot delete container ${JSON.stringify(name)}: it is in use`);
        return undefined;
      });
      return marked.id;
    },

    /** After a row was put: does the incarnation still stand? Calls off a deletion that is under way. */
    async confirm(project: string, name: string, id: Uuid): Promise<ContainerRow | undefined> {
      const now = await find(project, name);
      if (now?.id !== id) return undefined;
      if (now.closing === null) return now;
      const reopened = await containers.change(project, name, (old) =>
        old?.id === id ? { ...old, closing: null } : old,
      );
      return reopened?.id === id ? reopened : undefined;
    },

    /** In byte order of their names, all of them or those of a range. */
    async *walk(
      project: string,
      range: { marker?: string; endMarker?: string; prefix?: string; reverse?: boolean } = {},
    ): AsyncGenerator<NamedContainer, void, undefined> {
      for await (const { sortKey, row } of walkRows(containers, project, {
        ...(range.marker ? { after: range.marker } : {}),
        ...(range.endMarker ? { before: range.endMarker } : {}),
        ...(range.prefix ? { prefix: range.prefix } : {}),
        ...(range.reverse ? { reverse: true } : {}),
        limit: listingPageRows,
      }))
        yield { ...row, name: sortKey };
    },

    /** Objects and bytes of each, versions' bytes included, counted by the owners of its rows. */
    tallies: (rows: Iterable<Counted> | AsyncIterable<Counted>): Promise<Tally[]> =>
      mapLimit(rows, talliesInFlightMax, async ({ id, versions: kept }) => {
        if (kept === undefined) return objects.tally(id);
        const [current, all] = await Promise.all([objects.tally(id), versions.tally(id)]);
        return { rows: current.rows, weight: current.weight + all.weight };
      }),
  };
};

export type Containers = ReturnType<typeof openContainers>;
