/** Image records: creation, look-up, change and deletion. Every decision is a compare-and-set of one register. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import type { ContentStore } from '../chunk/port.ts';
import type { Principal } from '../http/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { walkRows } from '../table/walk-rows.ts';
import { checkMayChange, checkMaySay, maySee, noImage, projectIdOf } from './access.ts';
import { deletionGraceMs, deletionsFinishedMax, listPageRows, tagsMax } from './limits.ts';
import type { Manifests } from './manifest.ts';
import { applyPatch, type Change, type PatchDraft } from './patch.ts';
import { checkTag, parseNewImage } from './properties.ts';
import { chunkUser, type ImageRow, imagePartition, type Records, statusOf } from './records.ts';

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const openImageRows = ({
  runtime,
  records,
  manifests,
  content,
}: {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly manifests: Manifests;
  readonly content: ContentStore;
}) => {
  const { images } = records;
  const { clock } = runtime;
  const log = runtime.log.with({ part: 'image' });

  /** Hidden ones included. Throws NOT_FOUND. */
  const get = async (id: string): Promise<ImageRow> => {
    const row = idPattern.test(id) ? await images.get(imagePartition, id.toLowerCase()) : undefined;
    if (!row || row.status === 'deleted') throw noImage(id);
    return row;
  };

  /** Throws NOT_FOUND. */
  const show = async (principal: Principal, id: string): Promise<ImageRow> => {
    const row = await get(id);
    if (!maySee(principal, row)) throw noImage(id);
    return row;
  };

  /** Applies a pure change to a row that the caller may change. Throws NOT_FOUND, FORBIDDEN and what `next` throws. */
  const change = async (
    principal: Principal,
    id: string,
    next: (row: ImageRow) => ImageRow,
  ): Promise<ImageRow> => {
    const { id: key } = await show(principal, id);
    const atMs = clock.wallMs();
    const row = await images.change(imagePartition, key, (old) => {
      if (!old || old.status === 'deleted') throw noImage(id);
      checkMayChange(principal, old);
      const changed = next(old);
      return changed === old ? old : { ...changed, updatedAtMs: atMs };
    });
    if (!row) throw noImage(id);
    return row;
  };

  /** The bytes of an image marked as deleted, then its row. May be run again from anywhere. */
  const finishDeletion = async (row: ImageRow): Promise<void> => {
    if (row.data) {
      const bytes = await manifests.find(row.id, row.data.upload);
      if (bytes) await content.release(bytes, chunkUser(row.id, row.data.upload));
      await manifests.delete(row.id, row.data.upload);
    }
    await images.change(imagePartition, row.id, (old) => (old?.status === 'deleted' ? undefined : old));
  };

  return {
    get,
    show,
    change,

    /** Throws BAD_REQUEST, FORBIDDEN, CONFLICT (the id is taken), TOO_LARGE. */
    async create(principal: Principal, body: Readonly<Record<string, unknown>>): Promise<ImageRow> {
      const { wishes, properties, id: wanted } = parseNewImage(body);
      if (wanted !== undefined && (typeof wanted !== 'string' || !idPattern.test(wanted)))
        throw new ShoalError(
          'BAD_REQUEST',
          `Cannot use ${JSON.stringify(wanted)} as an image id: it is a UUID`,
        );
      const id = (wanted === undefined ? newUuid() : wanted.toLowerCase()) as Uuid;
      const atMs = clock.wallMs();
      const row: ImageRow = {
        id,
        birth: newUuid(),
        name: null,
        owner: projectIdOf(principal) ?? '',
        visibility: 'shared',
        protected: false,
        hidden: false,
        containerFormat: null,
        diskFormat: null,
        minDiskGiB: 0,
        minRamMiB: 0,
        tags: [],
        ...wishes,
        status: 'queued',
        upload: null,
        data: null,
        properties,
        createdAtMs: atMs,
        updatedAtMs: atMs,
      };
      checkMaySay(principal, row, undefined);
      const stored = await images.change(imagePartition, id, (old) => {
        // A change whose answer was lost runs again: its own row is not a namesake.
        if (old && old.birth !== row.birth)
          throw new ShoalError('CONFLICT', `Image ID ${id} already exists!`);
        return row;
      });
      return stored ?? row;
    },

    /** All rows that are not deleted. Finishes a few deletions that a killed agent left. */
    async list(): Promise<readonly ImageRow[]> {
      const rows: ImageRow[] = [];
      const left: ImageRow[] = [];
      for await (const { row } of walkRows(images, imagePartition, { limit: listPageRows }))
        if (row.status !== 'deleted') rows.push(row);
        else if (clock.wallMs() - row.updatedAtMs > deletionGraceMs) left.push(row);
      for (const row of left.slice(0, deletionsFinishedMax))
        await finishDeletion(row).catch((thrown) =>
          log.warn('deletion not finished', { id: row.id, error: String(thrown) }),
        );
      return rows;
    },

    update: (principal: Principal, id: string, changes: readonly Change[], draft: PatchDraft) =>
      change(principal, id, (old) => {
        const next = applyPatch(old, changes, draft);
        checkMaySay(principal, next, old);
        if (
          statusOf(old, clock.wallMs()) !== 'queued' &&
          (next.diskFormat !== old.diskFormat || next.containerFormat !== old.containerFormat)
        )
          throw new ShoalError(
            'FORBIDDEN',
            'Attribute disk_format and container_format can be only replaced for a queued image.',
          );
        return changes.length === 0 ? old : next;
      }),

    /** Throws NOT_FOUND, FORBIDDEN (protected). An upload that is under way finds out by itself. */
    async delete(principal: Principal, id: string): Promise<ImageRow> {
      const row = await change(principal, id, (old) => {
        if (old.protected)
          throw new ShoalError('FORBIDDEN', `Image ${old.id} is protected and cannot be deleted.`);
        return { ...old, status: 'deleted', upload: null };
      });
      await finishDeletion(row).catch((thrown) => {
        // Nobody sees the image any more; a later list gives its bytes back.
        if (!hasCode(thrown, 'QUORUM_MISSED', 'CONTENDED', 'TIMEOUT', 'UNREACHABLE', 'BUSY')) throw thrown;
        log.warn('deletion not finished', { id: row.id, error: String(thrown) });
      });
      return row;
    },

    /** Throws FORBIDDEN (Glance: only an active image can be deactivated, and the other way round). */
    setActive: (principal: Principal, id: string, active: boolean) =>
      change(principal, id, (old) => {
        const wanted = active ? 'active' : 'deactivated';
        if (old.status === wanted) return old;
        if (old.status !== (active ? 'deactivated' : 'active'))
          throw new ShoalError(
            'FORBIDDEN',
            `Not allowed to ${active ? 'reactivate' : 'deactivate'} image in status '${statusOf(old, clock.wallMs())}'`,
          );
        return { ...old, status: wanted };
      }),

    addTag: (principal: Principal, id: string, tag: string) =>
      change(principal, id, (old) => {
        checkTag(tag);
        if (old.tags.includes(tag)) return old;
        if (old.tags.length >= tagsMax)
          throw new ShoalError(
            'TOO_LARGE',
            `The limit has been exceeded on the number of allowed image tags: ${tagsMax}`,
          );
        return { ...old, tags: [...old.tags, tag] };
      }),

    /** Throws NOT_FOUND when the image has no such tag. */
    removeTag: (principal: Principal, id: string, tag: string) =>
      change(principal, id, (old) => {
        if (!old.tags.includes(tag))
          throw new ShoalError('NOT_FOUND', `Image ${old.id} has no tag ${JSON.stringify(tag)}`);
        return { ...old, tags: old.tags.filter((known) => known !== tag) };
      }),
  };
};

export type ImageRows = ReturnType<typeof openImageRows>;
