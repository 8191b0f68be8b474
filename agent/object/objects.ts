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
import { keyedSerial } from '../base/serial.ts';
import type { Content, ContentStore } from '../chunk/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { type Containers, noContainer } from './containers.ts';
import { changesWaitingMax, listingPageRows, objectBytesMax, racesMax } from './limits.ts';
import {
  chunkUser,
  isExpired,
  type ObjectFacts,
  type ObjectRow,
  type PostRow,
  postKey,
  type Records,
  withPost,
} from './records.ts';

/** Where an object is: the incarnation was looked up, and access to it checked, by the caller. */
export interface Place {
  readonly project: string;
  readonly container: string;
  readonly id: Uuid;
  readonly name: string;
}

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
}

const noObject = (name: string): ShoalError =>
  new ShoalError('NOT_FOUND', `There is no object ${JSON.stringify(name)}.`);

export const openObjectRows = ({
  runtime,
  records,
  content,
  containers,
}: {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly content: ContentStore;
  readonly containers: Containers;
}) => {
  const { objects, posts } = records;
  const turns = keyedSerial('changes of object', changesWaitingMax);
  const log = runtime.log.with({ part: 'object' });

  /** What fails here is an unused reference, which costs room and nothing else. */
  const release = async (bytes: Content, upload: Uuid): Promise<void> => {
    if (bytes.kind === 'inline') return;
    await content
      .release(bytes, chunkUser(upload))
      .catch((thrown) => log.warn('chunks not released', { upload, error: String(thrown) }));
  };

  const postsOf = async (place: Place): Promise<readonly PostRow[]> => {
    const prefix = postKey(place.name, '' as Uuid);
    const page = await posts.range(place.id, { prefix, limit: listingPageRows });
    return page.entries.map((entry) => entry.row);
  };

  /** The row with its post, expired or not, and all posts that stand under its name. */
  const look = async (place: Place): Promise<{ row: ObjectRow | undefined; posts: readonly PostRow[] }> => {
    const [row, said] = await Promise.all([objects.get(place.id, place.name), postsOf(place)]);
    const post = said.find((candidate) => candidate.upload === row?.upload);
    return { row: row && withPost(row, post), posts: said };
  };

  const dropPosts = async (id: Uuid, name: string, said: readonly { upload: Uuid }[]): Promise<void> => {
    await Promise.all(said.map(({ upload }) => posts.delete(id, postKey(name, upload)))).catch((thrown) =>
      log.warn('posts not removed', { name, error: String(thrown) }),
    );
  };

  /** Puts the row and settles with everyone who changed container or object at the same time. */
  const commit = (place: Place, row: ObjectRow): Promise<void> =>
    turns.run(`${place.id}/${place.name}`, async () => {
      const before = await look(place);
      await objects.put(place.id, place.name, row);
      const [stands, after] = await Promise.all([
        containers.confirm(place.project, place.container, place.id),
        row.content.kind === 'chunks' ? objects.get(place.id, place.name) : row,
      ]);
      if (!stands) {
        await objects.delete(place.id, place.name);
        await release(row.content, row.upload);
        throw noContainer(place.container);
      }
      if (after?.upload !== row.upload) await release(row.content, row.upload);
      if (before.row) await release(before.row.content, before.row.upload);
      await dropPosts(place.id, place.name, before.posts);
    });

  const find = async (place: Place): Promise<ObjectRow | undefined> => {
    const { row } = await look(place);
    return row && !isExpired(row, runtime.clock.wallMs()) ? row : undefined;
  };

  const get = async (place: Place): Promise<ObjectRow> => {
    const row = await find(place);
    if (!row) throw noObject(place.name);
    return row;
  };

  return {
    find,
    /** Throws NOT_FOUND. */
    get,

    /** Throws UNPROCESSABLE, TOO_LARGE, ABORTED, NOT_FOUND (no container any more); nothing is left of it then. */
    async put(place: Place, upload: Upload): Promise<ObjectRow> {
      const id = newUuid();
      const written = await content.write(upload.source, {
        user: chunkUser(id),
        bytesMax: upload.bytesMax ?? objectBytesMax,
        digests: ['md5'],
        signal: upload.signal,
      });
      const md5 = written.digests.md5 ?? '';
      const fault =
        upload.bytes !== undefined && upload.bytes !== written.length
          ? new ShoalError('ABORTED', `Cannot store ${written.length} bytes: ${upload.bytes} were announced`)
          : upload.md5 !== undefined && upload.md5 !== md5
            ? new ShoalError('UNPROCESSABLE', `The MD5 of what came is ${md5}, the ETag says ${upload.md5}`)
            : undefined;
      if (fault) {
        await release(written.content, id);
        throw fault;
      }
      const row: ObjectRow = {
        ...upload.facts,
        changedAtMs: runtime.clock.wallMs(),
        upload: id,
        content: written.content,
        bytes: written.length,
        md5,
      };
      await commit(place, row);
      return row;
    },

    /** A second object with the same chunks; no byte moves. Throws NOT_FOUND, CONTENDED. */
    async copy(
      from: Place,
      to: Place,
      factsOf: (source: ObjectRow) => NewFacts,
    ): Promise<{ source: ObjectRow; row: ObjectRow }> {
      for (let attempt = 0; attempt < racesMax; attempt++) {
        const source = await get(from);
        const upload = newUuid();
        const facts = factsOf(source);
        if (source.content.kind === 'chunks') {
          await content.retain(source.content, chunkUser(upload));
          // Still the same upload: its chunks had a user the whole time.
          const now = await objects.get(from.id, from.name);
          if (now?.upload !== source.upload) {
            await release(source.content, upload);
            continue;
          }
        }
        const row: ObjectRow = { ...source, ...facts, upload, changedAtMs: runtime.clock.wallMs() };
        await commit(to, row);
        return { source, row };
      }
      throw new ShoalError(
        'CONTENDED',
        `Cannot copy ${JSON.stringify(from.name)}: it is overwritten all the time`,
      );
    },

    /** Replaces metadata and kept headers. Throws NOT_FOUND. */
    async post(place: Place, factsOf: (old: ObjectRow) => NewFacts): Promise<void> {
      const row = await get(place);
      const key = postKey(place.name, row.upload);
      const facts = { ...factsOf(row), changedAtMs: runtime.clock.wallMs() };
      await posts.put(place.id, key, { ...facts, upload: row.upload });
      const now = await objects.get(place.id, place.name);
      // Replaced meanwhile: the post is void, as if it had come before the new upload.
      if (now?.upload !== row.upload) await posts.delete(place.id, key);
    },

    /** Throws NOT_FOUND; an expired object is removed and not found. */
    delete: (place: Place): Promise<void> =>
      turns.run(`${place.id}/${place.name}`, async () => {
        const { row, posts: said } = await look(place);
        if (!row) throw noObject(place.name);
        await objects.delete(place.id, place.name);
        await release(row.content, row.upload);
        await dropPosts(place.id, place.name, said);
        if (isExpired(row, runtime.clock.wallMs())) throw noObject(place.name);
      }),

    /** Removes what expired in a container that is gone: nobody can put anything there any more. */
    async clear(id: Uuid): Promise<void> {
      for (;;) {
        const page = await objects.range(id, { limit: listingPageRows });
        for (const { sortKey, row } of page.entries) {
          await objects.delete(id, sortKey);
          await release(row.content, row.upload);
          await dropPosts(id, sortKey, [row]);
        }
        if (!page.more) return;
      }
    },

    read: (row: ObjectRow, range: { start?: number; end?: number }, signal: AbortSignal) =>
      content.read(row.content, { ...range, signal }),
  };
};

export type ObjectRows = ReturnType<typeof openObjectRows>;
