/**
 * Objects that come in parts, each through whichever host and in any order. The register says whose the parts are:
 *
 *   open ── parts come ── closing ── the object's row is put ── register gone: the parts are the object's
 *     \____________________________________________ abort ──── register gone, or says so to who closed it: the parts are given back
 *
 *  - Each part has an upload of its own, so giving one back never touches another, and two of the same number stand
 *    side by side until the object is complete: who completes it names the ones that are meant.
 *  - A part is put first and the register read then; a completion closes the register first and reads the parts
 *    then. So a part that was acknowledged is seen, and one that came too late is given back by one of the two.
 *  - Whoever gives back an object's parts removes the register first (`object-turn.ts`): a completion that is tried
 *    again after a crash finds no register rather than chunks that are gone.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import type { ContentStore } from '../chunk/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { claimPart, settleUploads } from './claim.ts';
import { type Containers, noContainer } from './containers.ts';
import { listingPageRows, partListBytesMax } from './limits.ts';
import { packParts } from './long-parts.ts';
import type { Check, Place } from './object-turn.ts';
import type { ObjectRows } from './objects.ts';
import { joinContents } from './part-contents.ts';
import { listedBytes, noUpload, openParts } from './parts.ts';
import {
  type Checksum,
  chunkUser,
  type MultipartRow,
  multipartKey,
  type ObjectPart,
  type ObjectRow,
  type PartRow,
  type Records,
} from './records.ts';
import { type Opener, type Seal, sealBytes } from './seal.ts';

export interface NewPart {
  readonly number: number;
  readonly source: AsyncIterable<Uint8Array>;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly md5?: string | undefined;
  readonly checksum?: (() => Checksum | undefined) | undefined;
  /** Where the upload wants checksums of this name. Throws where another came; undefined: that one came. */
  sum(name: string): Pick<NewPart, 'source' | 'checksum'> | undefined;
  readonly signal: AbortSignal;
  /** Told how the upload is encrypted; throws where the key that came is another. */
  open(seal: Seal | undefined): Opener | undefined;
}

/** What is made of the parts. */
export interface Joined {
  /** In order; throws what the door says of parts that do not fit. */
  choose(parts: readonly PartRow[]): readonly PartRow[];
  etagOf(parts: readonly PartRow[]): string;
  checksumOf(parts: readonly PartRow[]): Checksum | undefined;
  readonly check?: Check | undefined;
}

/** Of an object whose parts list their chunks themselves. */
const unlisted: PartRow['content'] = { kind: 'chunks', chunks: [] };

const listedPart = ({ number, upload, content, bytes, checksum }: PartRow): ObjectPart => ({
  ...{ number, upload, bytes },
  chunks: content.kind === 'chunks' ? content.chunks.length : 0,
  ...(checksum && { checksum }),
});

export const openMultiparts = ({
  runtime,
  records,
  content,
  containers,
  objects,
  listBytesMax = partListBytesMax,
}: {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly content: ContentStore;
  readonly containers: Containers;
  readonly objects: ObjectRows;
  /** Of the list of chunks that an object's row may hold. */
  readonly listBytesMax?: number | undefined;
}) => {
  const { multiparts } = records;
  const parts = openParts({ runtime, records, content });
  const settled = settleUploads({ content, log: runtime.log.with({ part: 'multipart' }) });

  const get = async ({ id, name }: Place, upload: string): Promise<MultipartRow> => {
    const row = await multiparts.get(id, multipartKey(name, upload));
    if (!row || row.isAborted) throw noUpload(upload);
    return row;
  };

  const remove = (id: Uuid, name: string, upload: string): Promise<unknown> =>
    multiparts.change(id, multipartKey(name, upload), () => undefined);

  /** The object stands. Two that complete one upload do the same, so who finds the register gone was second to that. */
  const finish = async (place: Place, row: ObjectRow): Promise<void> => {
    const left = await multiparts.change(place.id, multipartKey(place.name, row.upload), (now) =>
      now?.isAborted ? now : undefined,
    );
    if (left) {
      // While it was put together: the abort has given back the parts.
      await objects.dropUpload(place, row.upload);
      throw noUpload(row.upload);
    }
    await parts.dropAll(row.upload, row);
  };

  const findJoined = async (place: Place, upload: string): Promise<ObjectRow | undefined> => {
    const row = await objects.find(place);
    if (row?.upload !== upload) return undefined;
    await finish(place, row);
    return row;
  };

  return {
    get,
    walkParts: parts.walk,

    /** Throws NOT_FOUND when the container is gone. */
    async create(
      place: Place,
      made: Pick<
        MultipartRow,
        'facts' | 'initiator' | 'checksum' | 'lock' | 'seal' | 'storageClass' | 'code'
      >,
    ): Promise<MultipartRow> {
      const upload = newUuid();
      const row = { ...made, upload, name: place.name, startedAtMs: runtime.clock.wallMs() };
      await multiparts.change(place.id, multipartKey(place.name, upload), () => row);
      if (await containers.confirm(place.project, place.container, place.id)) return row;
      await remove(place.id, place.name, upload);
      throw noContainer(place.container);
    },

    /** Throws NOT_FOUND, UNPROCESSABLE, ABORTED, TOO_LARGE; nothing is left of the part then. */
    async put(place: Place, uploadId: string, part: NewPart): Promise<PartRow> {
      const { upload, seal, code, checksum: asked } = await get(place, uploadId);
      const id = newUuid();
      const opener = part.open(seal);
      const { source, checksum: came } = (asked && part.sum(asked.name)) ?? part;
      const sealing = opener && !opener.vault ? sealBytes(opener.key, id, source) : undefined;
      const written = await content.write(sealing?.source ?? source, {
        user: chunkUser(id),
        claim: claimPart(place, upload, { number: part.number, upload: id }),
        bytesMax: part.bytesMax,
        inlineBytesMax: 0,
        digests: sealing ? [] : ['md5'],
        vault: opener?.vault,
        code,
        signal: part.signal,
      });
      return settled(id, async () => {
        const md5 = sealing?.md5() ?? written.digests.md5 ?? '';
        const fault =
          part.bytes !== written.length
            ? new ShoalError('ABORTED', `Cannot store ${written.length} bytes: ${part.bytes} were announced`)
            : part.md5 !== undefined && part.md5 !== md5
              ? new ShoalError('UNPROCESSABLE', `The MD5 of what came is ${md5}, the header says ${part.md5}`)
              : undefined;
        if (fault) {
          await content.release(written.content, chunkUser(id));
          throw fault;
        }
        const checksum = came?.();
        return parts.keep(place, upload, {
          number: part.number,
          upload: id,
          content: written.content,
          bytes: written.length,
          md5,
          ...(checksum && { checksum }),
          atMs: runtime.clock.wallMs(),
        });
      });
    },

    /**
     * A whole object as a part: its chunks get another user, no byte moves. They lie in the upload's vault, or both in
     * none. Throws CONTENDED when the object went before its chunks had another user: they may go with it.
     */
    async share(
      place: Place,
      uploadId: string,
      number: number,
      source: Pick<ObjectRow, 'content' | 'bytes' | 'md5'>,
      stands: () => Promise<boolean>,
    ): Promise<PartRow> {
      const { upload } = await get(place, uploadId);
      const id = newUuid();
      await content.retain(source.content, chunkUser(id), claimPart(place, upload, { number, upload: id }));
      return settled(id, async () => {
        if (!(await stands())) {
          await content.release(source.content, chunkUser(id));
          throw new ShoalError('CONTENDED', 'Cannot copy the part: its source was replaced meanwhile');
        }
        const { bytes, md5 } = source;
        return parts.keep(place, upload, {
          ...{ number, upload: id, content: source.content, bytes, md5 },
          atMs: runtime.clock.wallMs(),
        });
      });
    },

    /** Once more is the same. Throws NOT_FOUND, and what `choose` and `check` throw: it is open again then. */
    async complete(place: Place, uploadId: string, joined: Joined): Promise<ObjectRow> {
      const before = await findJoined(place, uploadId);
      if (before) return before;
      const key = multipartKey(place.name, uploadId);
      try {
        const open = await multiparts.change(place.id, key, (row) => {
          if (!row || row.isAborted) throw noUpload(uploadId);
          return row.isClosing ? row : { ...row, isClosing: true };
        });
        if (!open) throw noUpload(uploadId);
        const all: PartRow[] = [];
        let bytesListed = 0;
        for await (const part of parts.walk(open.upload)) {
          bytesListed += listedBytes(part);
          all.push(bytesListed > listBytesMax ? { ...part, content: unlisted } : part);
        }
        const chosen = joined.choose(all);
        const isLong = bytesListed > listBytesMax;
        const checksum = joined.checksumOf(chosen);
        const row = await objects.join(
          place,
          {
            upload: open.upload,
            content: isLong ? unlisted : joinContents(chosen.map((part) => part.content)),
            bytes: chosen.reduce((sum, { bytes }) => sum + bytes, 0),
            md5: joined.etagOf(chosen),
            ...(isLong ? { long: packParts(open.upload, chosen) } : { parts: chosen.map(listedPart) }),
            ...(checksum && { checksum }),
            ...(open.lock && { lock: open.lock }),
            ...(open.storageClass && { storageClass: open.storageClass }),
            ...(open.seal && {
              seal:
                open.seal.kind === 'managed'
                  ? open.seal
                  : isLong
                    ? open.seal
                    : { ...open.seal, parts: chosen.map(({ upload, bytes }) => ({ upload, bytes })) },
            }),
          },
          open.facts,
          joined.check,
        );
        await finish(place, row);
        return row;
      } catch (thrown) {
        // The same call on another host may have been first, and has taken the parts.
        const done = hasCode(thrown, 'QUORUM_MISSED') ? undefined : await findJoined(place, uploadId);
        if (done) return done;
        if (thrown instanceof ShoalError && !thrown.retryable)
          await multiparts.change(place.id, key, (row) => {
            if (!row || row.isAborted) return row;
            const { isClosing: _closing, ...reopened } = row;
            return reopened;
          });
        throw thrown;
      }
    },

    /** Throws NOT_FOUND. */
    async abort(place: Place, uploadId: string): Promise<void> {
      const { upload } = await get(place, uploadId);
      const done = await objects.find(place);
      if (done?.upload === upload) {
        await finish(place, done);
        throw noUpload(uploadId);
      }
      let wasThere = false;
      await multiparts.change(place.id, multipartKey(place.name, upload), (row) => {
        wasThere = row !== undefined && !row.isAborted;
        // Whoever puts it together has to know.
        return row?.isClosing ? { ...row, isAborted: true } : undefined;
      });
      if (!wasThere) throw noUpload(uploadId);
      await parts.dropAll(upload);
    },

    /** All of a container that is gone. */
    async clear(id: Uuid): Promise<void> {
      for (;;) {
        const page = await multiparts.range(id, { limit: listingPageRows });
        for (const { row } of page.entries) {
          await remove(id, row.name, row.upload);
          await parts.dropAll(row.upload);
        }
        if (!page.more) return;
      }
    },
  };
};

export type Multiparts = ReturnType<typeof openMultiparts>;
