/**
 * What changes one object, one change at a time in this agent, and settles with the other hosts: the row is put,
 * then who was there before, who came meanwhile and whether the container still stands is looked at, and whatever
 * lost gives its chunks back. `objects.ts` says why that loses nothing.
 */

import { hasCode, ShoalError } from '../../proto/error.ts';
import type { Uuid } from '../../proto/ids.ts';
import { coalesce } from '../base/coalesce.ts';
import { keyedSerial } from '../base/serial.ts';
import type { ContentStore } from '../chunk/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Companion } from '../table/port.ts';
import type { BucketSettings } from './bucket-settings.ts';
import { claimVersion, settleUploads } from './claim.ts';
import { type Containers, noContainer } from './containers.ts';
import type { Asker } from './events/asker.ts';
import type { EventRule } from './events/event-rule.ts';
import type { Said, Tell } from './events/tell.ts';
import { type Decision, type Done, type Mark, openGuard } from './guard.ts';
import { keptVersions } from './kept-versions.ts';
import { changesWaitingMax, listingPageRows } from './limits.ts';
import type { ObjectPath } from './name.ts';
import { findNullVersion } from './null-version.ts';
import { type Ahead, openReadAhead } from './read-ahead.ts';
import {
  type ContainerRow,
  expiryKey,
  expiryShard,
  isExpired,
  type ObjectRow,
  type PostRow,
  postKey,
  type Records,
  withPost,
} from './records.ts';
import { openReleases } from './release.ts';
import type { Seals } from './seal.ts';
import { asVersion, versionIdAfter, versionKey } from './versions.ts';

/** Where an object is: the incarnation was looked up, and access to it checked, by the caller. */
export interface Place {
  readonly project: string;
  readonly container: string;
  readonly id: Uuid;
  readonly name: string;
  /** Of its container, when it was looked up. */
  readonly versions?: 'enabled' | 'suspended';
  /** Of its container too: there was no POST in it. */
  readonly isUnposted?: true;
  /** There was a write with a condition in it. */
  readonly isGuarded?: true;
  /** Its versions may be locked, and are so unless they say otherwise. */
  readonly locking?: NonNullable<BucketSettings['lock']>;
  /** Who is told of its changes, if anybody, ... */
  readonly rules?: readonly EventRule[];
  /** ... and who asks for them; absent: the agent itself. */
  readonly asker?: Asker;
}

/** What stands under a name. */
interface Seen {
  readonly row: ObjectRow | undefined;
  readonly posts: readonly PostRow[];
}

/** Throws when the object that is there now (undefined: none) must not be replaced. */
export type Check = (current: ObjectRow | undefined) => void;

export interface ObjectParts {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly content: ContentStore;
  readonly containers: Containers;
  readonly seals: Seals;
  readonly tell: Tell;
}

const uuidChars = 36;

export const openObjectTurns = ({ runtime, records, content, containers, tell }: ObjectParts) => {
  const { objects, posts, versions } = records;
  const turns = keyedSerial('changes of object', changesWaitingMax);
  const log = runtime.log.with({ part: 'object' });
  const guard = openGuard(records);
  const readAhead = openReadAhead({ records, containers, clock: runtime.clock });
  const run = <T>(place: Place, work: () => Promise<T>): Promise<T> =>
    turns.run(`${place.id}/${place.name}`, () => work().finally(() => readAhead.changed(place)));

  const { release, releaseContent } = openReleases({ runtime, records, content });

  const postsOf = async (place: Place): Promise<readonly PostRow[]> => {
    const prefix = postKey(place.name, '' as Uuid);
    const page = await posts.range(place.id, { prefix, limit: listingPageRows });
    return page.entries.map((entry) => entry.row);
  };

  /** The row with its post, expired or not, and all posts that stand under its name. */
  const withPosts = async (place: Place, reading: Promise<ObjectRow | undefined>): Promise<Seen> => {
    const [row, said] = await Promise.all([reading, place.isUnposted ? [] : postsOf(place)]);
    let post = said.find((candidate) => candidate.upload === row?.upload);
    // Versions keep their posts, so there may be more than a page of them.
    if (!post && row && said.length === listingPageRows)
      post = await posts.get(place.id, postKey(place.name, row.upload));
    return { row: row && withPost(row, post), posts: said };
  };
  /**
   * For readers: many who want one object at once share the next read of its row. The list of chunks in that of 5 GiB is 0.3 MB,
   * which a thousand readers would else hold a thousand times.
   */
  const readShared = coalesce((key: string) =>
    objects.get(key.slice(0, uuidChars) as Uuid, key.slice(uuidChars)),
  );
  const look = (place: Place): Promise<Seen> => withPosts(place, objects.get(place.id, place.name));

  /**
   * `look` for who knows the container's name alone: the row is read at once, along with the container's own register,
   * where that name is believed to lead. The place, once it is known, says whether it did.
   */
  const lookAhead = ({ project, container, object }: ObjectPath): ((place: Place) => Promise<Seen>) => {
    const id = containers.lastIncarnation(project, container);
    if (id === undefined) return look;
    const reading = readShared(`${id}${object}`);
    // Nobody may come to wait for it.
    reading.catch(() => {});
    return (place) => (place.id === id ? withPosts(place, reading) : look(place));
  };

  const dropPosts = async (id: Uuid, name: string, said: readonly { upload: Uuid }[]): Promise<void> => {
    await Promise.all(said.map(({ upload }) => posts.delete(id, postKey(name, upload)))).catch((thrown) =>
      log.warn('posts not removed', { name, error: String(thrown) }),
    );
  };

  const versionsOf = ({ name }: Place, rows: readonly (ObjectRow | undefined)[]): readonly Companion[] =>
    keptVersions(records, name, rows);

  /** While versioning is suspended there is one version `null`, and a new one takes the place of the old. */
  const dropNull = async (place: Pick<Place, 'id' | 'name'>): Promise<void> => {
    const found = await findNullVersion(records, place.id, place.name);
    if (!found) return;
    await versions.delete(place.id, found.sortKey);
    await release(place, found.row);
  };

  /** Gives back what was replaced or removed, unless it lives on as a version. */
  const giveUp = async (
    place: Place,
    container: Pick<ContainerRow, 'versions'>,
    before: Seen,
  ): Promise<void> => {
    const { row } = before;
    // Turned on while this went on: another host may have kept the row as a version.
    const isKept =
      row?.versionId !== undefined || place.versions === 'enabled' || container.versions === 'enabled';
    if (row && !isKept) await release(place, row);
    const isOld = ({ upload }: PostRow): boolean => !isKept && upload === row?.upload;
    const dropped = container.versions === undefined ? before.posts : before.posts.filter(isOld);
    await dropPosts(place.id, place.name, dropped);
  };

  /** Parts stay their upload's: it can be completed again, or aborted. */
  const undo = (place: Place, row: ObjectRow): Promise<void> =>
    row.parts || row.long ? Promise.resolve() : release(place, row);

  /** A version stands behind all that were there when it came, whatever the clocks of hosts say. */
  const inOrder = async <Row extends ObjectRow>(
    { id, name }: Place,
    row: Row,
    current: ObjectRow | undefined,
  ): Promise<Row> => {
    if (row.versionId === undefined) return row;
    const newest = current ?? (await versions.range(id, { prefix: `${name}\0`, limit: 1 })).entries[0]?.row;
    if (!newest || newest.upload === row.upload) return row;
    return { ...row, versionId: versionIdAfter(asVersion(newest).versionId, row.versionId) };
  };

  /** What is on disk before an object's row is; resolves with what is written along with it. */
  const prepare = async (place: Place, { before, row }: Decision<Seen>): Promise<readonly Companion[]> => {
    if (!row) return [];
    await expireLater(place, row);
    if (place.versions === 'suspended') await dropNull(place);
    return place.versions === 'enabled' ? versionsOf(place, [before.row, row]) : [];
  };

  /** Puts or deletes an object's row in sight of what is there, as its container wants it to be decided. */
  const replace = async (
    place: Place,
    judge: (before: Seen) => Promise<ObjectRow | undefined>,
    first: (decision: Decision<Seen>) => Promise<readonly Companion[]> = (decision) =>
      prepare(place, decision),
    markOf: (before: Seen) => Promise<Mark | undefined> = async () => undefined,
    ahead?: Ahead,
  ): Promise<Done<Seen>> => {
    if (place.isGuarded)
      return guard.replace(place, (reading) => withPosts(place, reading), judge, first, markOf);
    const held = readAhead.held(place, ahead);
    const before = await withPosts(
      place,
      held.then(({ row }) => row),
    );
    const row = await judge(before);
    const mark = row ? undefined : await markOf(before);
    const along = await first({ before, row, mark });
    const stamp = (await held).stamp();
    await objects.putAt(place.id, place.name, row, stamp, along);
    return { before, row, mark, stamp };
  };

  /** The first write with a condition came meanwhile and may not have seen this one: it is put again, behind it. */
  const putAgain = (place: Place, row: ObjectRow): Promise<unknown> =>
    replace({ ...place, isGuarded: true }, async (before) => {
      if (before.row?.upload === row.upload) return row;
      throw new ShoalError(
        'CONTENDED',
        `Cannot tell whether ${JSON.stringify(place.name)} was replaced: try again`,
      );
    });

  /** Puts the row and settles with everyone who changed container or object at the same time. */
  const commit = (
    wanted: Place,
    made: ObjectRow,
    how: Said['name'],
    check?: Check,
    ahead?: Ahead,
  ): Promise<ObjectRow> =>
    run(wanted, async () => {
      if (check && !wanted.isGuarded) await containers.guard(wanted.project, wanted.container, wanted.id);
      const place: Place = check ? { ...wanted, isGuarded: true } : wanted;
      const judge = async (seen: Seen): Promise<ObjectRow> => {
        try {
          check?.(seen.row && isExpired(seen.row, runtime.clock.wallMs()) ? undefined : seen.row);
        } catch (thrown) {
          await undo(place, made);
          throw thrown;
        }
        const row = await inOrder(place, made, seen.row);
        await claimVersion(content, place, row);
        return row;
      };
      const {
        before,
        row = made,
        stamp,
      } = await replace(place, judge, undefined, undefined, ahead).catch(async (thrown) => {
        // Others were always first: nothing was decided.
        if (place.isGuarded && hasCode(thrown, 'CONTENDED', 'BUSY')) await undo(place, made);
        throw thrown;
      });
      const [stands, after] = await Promise.all([
        containers.confirm(place.project, place.container, place.id),
        row.content.kind === 'chunks' ? objects.get(place.id, place.name) : row,
        tell(place, { name: how, row }, stamp),
      ]);
      if (!stands) {
        await objects.delete(place.id, place.name);
        if (row.versionId) await versions.delete(place.id, versionKey(place.name, row.versionId));
        await undo(place, row);
        throw noContainer(place.container);
      }
      if (stands.isGuarded && !place.isGuarded) await putAgain(place, row);
      if (after?.upload !== row.upload && row.versionId === undefined) await release(place, row);
      // The very same once more: a completion of parts that was tried again.
      if (before.row?.upload !== row.upload) await giveUp(place, stands, before);
      return row;
    });

  /** Before the row itself, so that nothing expires unseen; a note without a row is looked at once, for nothing. */
  const expireLater = async (
    { project, container, id, name }: Place,
    { upload, deleteAtSeconds }: Pick<ObjectRow, 'upload' | 'deleteAtSeconds'>,
  ): Promise<void> => {
    if (deleteAtSeconds === null) return;
    const note = { project, container, id, name, upload };
    await records.expiry.put(expiryShard(upload), expiryKey(deleteAtSeconds, upload), note);
  };

  return {
    run,
    tell,
    look,
    lookAhead,
    readAhead: readAhead.begin,
    commit,
    replace,
    inOrder,
    expireLater,
    versionsOf,
    giveUp,
    settled: settleUploads({ content, log }),
    release,
    releaseContent,
    dropPosts,
    dropNull,
  };
};

export type ObjectTurns = ReturnType<typeof openObjectTurns>;
