/**
 * Looking up, deleting and bringing back versions of an object. The two doors differ in what a deletion means: Swift
 * takes a version away and nothing comes in its place; S3 shows the newest version that is left.
 */
import { ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import { removalName } from './events/event-rule.ts';
import type { Lock } from './lock.ts';
import { openLocks } from './locks.ts';
import { findNullVersion } from './null-version.ts';
import type { Check, ObjectParts, ObjectTurns, Place } from './object-turn.ts';
import { isExpired, type ObjectRow, postKey, withPost } from './records.ts';
import { asVersion, markerType, nullVersion, shownVersionId, versionIdOf, versionKey } from './versions.ts';

export const noObject = (name: string): ShoalError =>
  new ShoalError('NOT_FOUND', `There is no object ${JSON.stringify(name)}.`);

/** A deletion, as a version. */
export const markerOf = (upload: Uuid, atMs: number): ObjectRow & { readonly versionId: string } => ({
  contentType: markerType,
  kept: {},
  metadata: {},
  deleteAtSeconds: null,
  changedAtMs: atMs,
  upload,
  content: { kind: 'inline', bytes: new Uint8Array() },
  bytes: 0,
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  versionId: versionIdOf(upload, atMs),
  isMarker: true,
});

export interface VersionDeletion {
  /** Show the newest version that is left. */
  readonly promotes: boolean;
  /** The caller may delete what a governance lock keeps. */
  readonly bypasses?: boolean;
}

export interface DeletedVersion {
  readonly versionId: string;
  readonly isMarker: boolean;
}

export const openObjectVersions = (
  { runtime, records }: Pick<ObjectParts, 'runtime' | 'records'>,
  { run, look, replace, tell, inOrder, versionsOf, giveUp, release, dropPosts, dropNull }: ObjectTurns,
) => {
  const { objects, posts, versions } = records;
  const locks = openLocks({ records, clock: runtime.clock });

  const findCurrent = async (place: Place): Promise<ObjectRow | undefined> => {
    const { row } = await look(place);
    return row && !isExpired(row, runtime.clock.wallMs()) ? row : undefined;
  };

  /** A version that is no object's has no row whose stamp would order it: that of its own row does. */
  const tellRemoval = async (place: Place, version: ObjectRow): Promise<void> => {
    if (!place.rules) return;
    const key = versionKey(place.name, asVersion(version).versionId);
    const { stamp } = await versions.getForPut(place.id, key);
    await tell(place, { name: removalName(place, false), row: version }, stamp());
  };

  const newestOf = async ({ id, name }: Place): Promise<ObjectRow | undefined> =>
    (await versions.range(id, { prefix: `${name}\0`, limit: 1 })).entries[0]?.row;

  /** Markers too. */
  const lookUp = async (place: Place, versionId: string): Promise<ObjectRow | undefined> => {
    const current = versionId === nullVersion ? await findCurrent(place) : undefined;
    if (current && current.versionId === undefined) return current;
    const row =
      versionId === nullVersion
        ? (await findNullVersion(records, place.id, place.name))?.row
        : await versions.get(place.id, versionKey(place.name, versionId));
    return row && withPost(row, await posts.get(place.id, postKey(place.name, row.upload)));
  };

  const nothing = async (): Promise<[]> => [];

  /** The object shows the newest of its versions, or nothing where that is a deletion. */
  const promote = async (place: Place): Promise<void> => {
    const [now, newest] = await Promise.all([objects.get(place.id, place.name), newestOf(place)]);
    const shown = newest?.isMarker ? undefined : newest;
    if ((now && now.versionId === undefined) || now?.upload === shown?.upload) return;
    await replace(place, async ({ row }) => (row?.upload === now?.upload ? shown : row), nothing);
  };

  return {
    /** No markers. */
    async findVersion(place: Place, versionId: string): Promise<ObjectRow | undefined> {
      const row = await lookUp(place, versionId);
      return row?.isMarker ? undefined : row;
    },

    /** The version, or the deletion that hides the object where none is named. */
    async findMarker(place: Place, versionId: string | undefined): Promise<ObjectRow | undefined> {
      if (place.versions === undefined) return undefined;
      const row = await (versionId === undefined ? newestOf(place) : lookUp(place, versionId));
      return row?.isMarker ? row : undefined;
    },

    /** Throws NOT_FOUND, FORBIDDEN when the version is locked. */
    deleteVersion: (
      place: Place,
      versionId: string,
      { promotes, bypasses = false }: VersionDeletion,
    ): Promise<DeletedVersion> =>
      run(place, async () => {
        const [version, { row: current }] = await Promise.all([lookUp(place, versionId), look(place)]);
        if (!version) throw noObject(place.name);
        await locks.seal(place, version, bypasses);
        if (version.upload === current?.upload)
          await replace(
            place,
            async ({ row }) => (row?.upload === version.upload ? undefined : row),
            nothing,
          );
        if (version.versionId !== undefined)
          await versions.delete(place.id, versionKey(place.name, version.versionId));
        if (promotes) await promote(place);
        await release(place, version);
        await dropPosts(place.id, place.name, [version]);
        await locks.unseal(place, version);
        await tellRemoval(place, version);
        return { versionId, isMarker: version.isMarker === true };
      }),

    lockOf: (place: Place, version: ObjectRow): Promise<Lock | undefined> => locks.get(place, version),

    /** Throws NOT_FOUND, and what `change` throws. */
    async changeLock(
      place: Place,
      versionId: string | undefined,
      change: (old: Lock, nowMs: number) => Lock,
    ): Promise<ObjectRow> {
      const version = await (versionId === undefined ? findCurrent(place) : lookUp(place, versionId));
      if (!version || version.isMarker) throw noObject(place.name);
      const id = shownVersionId(version);
      await locks.change(
        place,
        version,
        change,
        async () => (await lookUp(place, id))?.upload === version.upload,
      );
      return version;
    },

    /** S3's deletion where versions are kept: the object need not be there. Resolves with the marker's id. */
    hide: (place: Place, check?: Check): Promise<string> =>
      run(place, async () => {
        const keeps = place.versions === 'enabled';
        const plain = markerOf(newUuid(), runtime.clock.wallMs());
        const { before, mark, stamp } = await replace(
          place,
          async ({ row }) => {
            check?.(row);
            return undefined;
          },
          async (decision) => {
            if (!keeps) await dropNull(place);
            return versionsOf(place, [keeps ? decision.before.row : undefined, decision.mark?.marker]);
          },
          async ({ row }) => {
            const marker = await inOrder(place, plain, row);
            return { marker: keeps ? marker : { ...marker, isNull: true }, keeps };
          },
        );
        const marker = mark?.marker ?? plain;
        if (!keeps) await giveUp(place, place, before);
        await tell(place, { name: removalName(place, true), row: marker }, stamp);
        return keeps ? shownVersionId(marker) : nullVersion;
      }),

    /** Makes an older version the current one. Throws NOT_FOUND. */
    restore: (place: Place, versionId: string): Promise<ObjectRow> =>
      run(place, async () => {
        const row = await lookUp(place, versionId);
        if (!row || row.isMarker) throw noObject(place.name);
        if (row.versionId === undefined) return row;
        const { before, stamp } = await replace(
          place,
          async () => row,
          async ({ before: { row: old } }) => (place.versions === 'enabled' ? versionsOf(place, [old]) : []),
        );
        await giveUp(place, place, before);
        await tell(place, { name: 'ObjectCreated:Copy', row }, stamp);
        return row;
      }),
  };
};

export type ObjectVersions = ReturnType<typeof openObjectVersions>;
