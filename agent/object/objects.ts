/**
 * Objects: upload, look-up, POST, deletion, copy. A row is replaced whole and the last writer wins; what must not
 * be lost between two writers is the other's bytes:
 *
 *  - The chunks of an upload are used by that upload alone (`object:<id>`), so releasing one never touches another.
 *  - A writer releases what it replaced (read just before its put) and, when a read after its put shows somebody
 *    else, its own. Writers in one agent take turns, so only two hosts within the same few milliseconds can miss
 *    each other; what stays then is an unused reference, never a missing chunk.
 *  - A put whose outcome is unknown (QUORUM_MISSED) releases nothing: its row may yet appear.
 */
import { ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import type { Code } from '../../proto/policy.ts';
import { claimUpload } from './claim.ts';
import type { Said } from './events/tell.ts';
import { objectBytesMax, racesMax } from './limits.ts';
import type { Lock } from './lock.ts';
import { defaultLock } from './locks.ts';
import { partsOf, readLong } from './long-parts.ts';
import type { ObjectPath } from './name.ts';
import { openObjectMoves } from './object-moves.ts';
import { openObjectPosts } from './object-posts.ts';
import { openObjectRemovals } from './object-removals.ts';
import { type Check, type ObjectParts, openObjectTurns, type Place } from './object-turn.ts';
import { noObject, openObjectVersions } from './object-versions.ts';
import type { StorageClass } from './policy.ts';
import type { Ahead } from './read-ahead.ts';
import {
  type Checksum,
  chunkUser,
  isExpired,
  type Link,
  type ObjectFacts,
  type ObjectRow,
} from './records.ts';
import { type Opener, type Range, sealBytes, unsealBytes } from './seal.ts';
import { versionIdOf } from './versions.ts';

export type NewFacts = Omit<ObjectFacts, 'changedAtMs'>;

export interface Upload {
  readonly source: AsyncIterable<Uint8Array>;
  readonly facts: NewFacts;
  /** What the client said it would send. */
  readonly bytes?: number;
  /** MD5 that the client expects, lower-case hex. */
  readonly md5?: string;
  readonly bytesMax?: number;
  readonly signal: AbortSignal;
  /** Looked at in the moment before the row is put. */
  readonly check?: Check;
  /** What makes it more than its bytes. */
  readonly kind?: Pick<ObjectRow, 'large' | 'link' | 'lock'>;
  /** What those are told who hear of changes. Default `ObjectCreated:Put`. */
  readonly how?: Said['name'];
  readonly storageClass?: StorageClass | undefined;
  /** What it is kept as; undefined: copies. */
  readonly code?: Code | undefined;
  /** Encrypts it on its way. */
  readonly opener?: Opener | undefined;
  /** Asked once the source has ended: it may come behind the bytes. */
  readonly checksum?: (() => Checksum | undefined) | undefined;
  /** What it is about to replace, as `readAhead` began to read it. */
  readonly ahead?: Ahead | undefined;
}

export interface CopyOptions {
  readonly versionId?: string | undefined;
  readonly check?: Check | undefined;
  readonly lock?: Lock | undefined;
  readonly storageClass?: StorageClass | undefined;
  /** In place of the source's. */
  readonly link?: Link | undefined;
}

export const openObjectRows = (parts: ObjectParts) => {
  const { runtime, records, content } = parts;
  const stores = { parts: records.parts, content };
  const turns = openObjectTurns(parts);
  const { look, lookAhead, readAhead, commit, settled, releaseContent } = turns;

  const newVersion = (place: Place, upload: Uuid, atMs: number): Pick<ObjectRow, 'versionId' | 'lock'> => {
    if (place.versions !== 'enabled') return {};
    const lock = defaultLock(place.locking?.retention, atMs);
    return { versionId: versionIdOf(upload, atMs), ...(lock && { lock }) };
  };

  const seen = ({ row }: { readonly row: ObjectRow | undefined }): ObjectRow | undefined =>
    row && !isExpired(row, runtime.clock.wallMs()) ? row : undefined;

  const find = async (place: Place): Promise<ObjectRow | undefined> => seen(await look(place));

  const changes = openObjectVersions(parts, turns);
  const { findVersion, deleteVersion } = changes;

  /** `versionId` undefined: the current one. */
  const get = async (place: Place, versionId?: string): Promise<ObjectRow> => {
    const row = await (versionId === undefined ? find(place) : findVersion(place, versionId));
    if (!row) throw noObject(place.name);
    return row;
  };

  return {
    ...changes,
    ...openObjectRemovals(parts, turns, deleteVersion),
    ...openObjectMoves(parts, turns),
    ...openObjectPosts(parts, turns, get),
    find,
    /** For the `put` of a small object, at a time when its container is not known yet. */
    readAhead,
    /** Throws NOT_FOUND. */
    get,
    /** `get` in two steps, for who does not know the place yet: begun now, it ends there. See `lookAhead`. */
    getAhead(path: ObjectPath): (place: Place) => Promise<ObjectRow> {
      const ending = lookAhead(path);
      return async (place) => {
        const row = seen(await ending(place));
        if (!row) throw noObject(place.name);
        return row;
      };
    },

    /** Throws UNPROCESSABLE, TOO_LARGE, ABORTED, NOT_FOUND (no container any more); nothing is left of it then. */
    async put(place: Place, upload: Upload): Promise<ObjectRow> {
      const id = newUuid();
      const { opener } = upload;
      const sealing = opener && !opener.vault ? sealBytes(opener.key, '', upload.source) : undefined;
      const written = await content.write(sealing?.source ?? upload.source, {
        user: chunkUser(id),
        claim: claimUpload(place),
        bytesMax: upload.bytesMax ?? objectBytesMax,
        digests: sealing ? [] : ['md5'],
        vault: opener?.vault,
        code: upload.code,
        signal: upload.signal,
      });
      return settled(id, async () => {
        const md5 = sealing?.md5() ?? written.digests.md5 ?? '';
        const fault =
          upload.bytes !== undefined && upload.bytes !== written.length
            ? new ShoalError(
                'ABORTED',
                `Cannot store ${written.length} bytes: ${upload.bytes} were announced`,
              )
            : upload.md5 !== undefined && upload.md5 !== md5
              ? new ShoalError('UNPROCESSABLE', `The MD5 of what came is ${md5}, the ETag says ${upload.md5}`)
              : undefined;
        if (fault) {
          await releaseContent(written.content, id);
          throw fault;
        }
        const atMs = runtime.clock.wallMs();
        const checksum = upload.checksum?.();
        const row: ObjectRow = {
          ...upload.facts,
          ...newVersion(place, id, atMs),
          ...upload.kind,
          ...(opener && { seal: opener.seal }),
          ...(checksum && { checksum }),
          ...(upload.storageClass && { storageClass: upload.storageClass }),
          changedAtMs: atMs,
          upload: id,
          content: written.content,
          bytes: written.length,
          md5,
        };
        // On what was there before a version, or before chunks, more hangs.
        const ahead =
          place.versions === undefined && row.content.kind === 'inline' ? upload.ahead : undefined;
        return commit(place, row, upload.how ?? 'ObjectCreated:Put', upload.check, ahead);
      });
    },

    /** An object whose bytes are there already, as those of its parts. Throws NOT_FOUND, and what the check throws. */
    async join(
      place: Place,
      made: Pick<
        ObjectRow,
        | 'upload'
        | 'content'
        | 'bytes'
        | 'md5'
        | 'parts'
        | 'long'
        | 'checksum'
        | 'lock'
        | 'seal'
        | 'storageClass'
      >,
      facts: NewFacts,
      check?: Check,
    ): Promise<ObjectRow> {
      const atMs = runtime.clock.wallMs();
      const row = { ...facts, ...newVersion(place, made.upload, atMs), ...made, changedAtMs: atMs };
      return commit(place, row, 'ObjectCreated:CompleteMultipartUpload', check);
    },

    /** A second object with the same chunks; no byte moves. Throws NOT_FOUND, CONTENDED. */
    async copy(
      from: Place,
      to: Place,
      factsOf: (source: ObjectRow) => NewFacts,
      { versionId, check, lock, storageClass, link }: CopyOptions = {},
    ): Promise<{ source: ObjectRow; row: ObjectRow }> {
      for (let attempt = 0; attempt < racesMax; attempt++) {
        const source = await get(from, versionId);
        if (source.long)
          throw new ShoalError(
            'TOO_LARGE',
            `Cannot copy ${JSON.stringify(from.name)} in one piece: copy its parts`,
          );
        const upload = newUuid();
        const facts = factsOf(source);
        await content.retain(source.content, chunkUser(upload), claimUpload(to));
        const stored = await settled(upload, async () => {
          if (source.content.kind === 'chunks') {
            // Still the same upload, kept as it was: its chunks had a user the whole time.
            const now = await (versionId === undefined ? find(from) : findVersion(from, versionId));
            if (now?.upload !== source.upload || now.heldBy !== source.heldBy) {
              await releaseContent(source.content, upload);
              return undefined;
            }
          }
          const atMs = runtime.clock.wallMs();
          const {
            versionId: _old,
            isNull: _null,
            parts: _parts,
            heldBy: _held,
            lock: _lock,
            owner: _owner,
            grants: _grants,
            grantsAreAll: _areAll,
            storageClass: _class,
            ...bare
          } = source;
          const row: ObjectRow = {
            ...bare,
            ...facts,
            ...newVersion(to, upload, atMs),
            ...(lock && { lock }),
            ...(storageClass && { storageClass }),
            ...(link && { link }),
            upload,
            changedAtMs: atMs,
          };
          return commit(to, row, 'ObjectCreated:Copy', check);
        });
        if (stored) return { source, row: stored };
      }
      throw new ShoalError(
        'CONTENDED',
        `Cannot copy ${JSON.stringify(from.name)}: it is overwritten all the time`,
      );
    },

    /** Throws FORBIDDEN, at once, where it is encrypted with a key that did not come. */
    read(
      row: ObjectRow,
      range: Range,
      signal: AbortSignal,
      customerKey?: Uint8Array,
    ): AsyncIterable<Uint8Array> {
      const opener = row.seal && parts.seals.open(row.seal, customerKey);
      const stored = (part: Range) => {
        const options = { ...part, vault: opener?.vault, signal };
        return row.long ? readLong(stores, row.long, options) : content.read(row.content, options);
      };
      if (!opener || opener.vault) return stored(range);
      const sealed = opener.seal.parts ?? partsOf(row);
      return unsealBytes(opener.key, sealed, row.bytes, range, stored);
    },
  };
};

export type ObjectRows = ReturnType<typeof openObjectRows>;
