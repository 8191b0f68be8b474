/**
 * All versions of a container's objects: by name, and of one name the newest first, or all of it backwards. What expired is
 * shown as long as it is kept: a version is until it is deleted, and only what has the name itself goes by its time.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Page, TableRange } from '../table/port.ts';
import { listingPageRows } from './limits.ts';
import { findNullVersion } from './null-version.ts';
import { isExpired, type ObjectRow, type PostRow, type Records, withPost } from './records.ts';
import { nameOfVersionKey, nullVersion, shownVersionId, versionKey } from './versions.ts';

export interface ListedVersion {
  readonly name: string;
  readonly row: ObjectRow;
  /** `null` for one from before versioning. */
  readonly versionId: string;
  /** What GET shows now; or the marker that hides the object. */
  readonly isLatest: boolean;
}

export interface VersionWalk {
  readonly prefix?: string | undefined;
  /** Names after this one; with `versionMarker` the older versions of this one too. */
  readonly marker?: string | undefined;
  readonly versionMarker?: string | undefined;
  readonly endMarker?: string | undefined;
  readonly reverse?: boolean;
  /** Show what POSTs said later. They are read along, so only for who shows it. */
  readonly withPosts?: boolean;
}

/** Behind all keys that begin with the name and NUL, and before any longer name. */
const behind = (name: string): string => `${name}\0\u{10FFFF}`;

/** Which of two names comes first? Negative: `a`. */
const ordering =
  (reverse: boolean) =>
  (a: string, b: string): number =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)) * (reverse ? -1 : 1);

/** Rows of a range one by one, with a look at the next. */
const cursor = <Row>(range: (after: string | undefined) => Promise<Page<Row>>, from: string | undefined) => {
  let page: Page<Row> | undefined;
  let [at, after] = [0, from];
  const peek = async (): Promise<{ key: string; row: Row } | undefined> => {
    while (!page || (at >= page.entries.length && page.more)) {
      page = await range(after);
      at = 0;
      after = page.entries.at(-1)?.sortKey ?? after;
    }
    const entry = page.entries[at];
    return entry && { key: entry.sortKey, row: entry.row };
  };
  const skip = (): void => {
    at += 1;
  };
  return { peek, skip };
};

/** What was posted to the versions of one name after the other, by their uploads. */
const postsByName = (said: ReturnType<typeof cursor<PostRow>>, order: (a: string, b: string) => number) =>
  async function postsTo(name: string): Promise<ReadonlyMap<Uuid, PostRow>> {
    const found = new Map<Uuid, PostRow>();
    for (;;) {
      const next = await said.peek();
      const place = next === undefined ? 1 : order(nameOfVersionKey(next.key), name);
      if (next === undefined || place > 0) return found;
      if (place === 0) found.set(next.row.upload, next.row);
      said.skip();
    }
  };

export async function* walkVersions(
  { records, clock }: { readonly records: Records; readonly clock: Clock },
  id: Uuid,
  { prefix, marker, versionMarker, endMarker, reverse = false, withPosts = false }: VersionWalk,
): AsyncGenerator<ListedVersion, void, undefined> {
  const order = ordering(reverse);
  const shared = { ...(prefix ? { prefix } : {}), reverse, limit: listingPageRows };
  const rangeOf =
    <Row>(
      table: { range(id: string, wanted: TableRange): Promise<Page<Row>> },
      before: string | undefined = endMarker,
    ) =>
    (after: string | undefined) =>
      table.range(id, { ...shared, ...(before ? { before } : {}), ...(after ? { after } : {}) });
  // Keys with more behind the name stand above it: backwards they are met before it.
  const keysEnd = endMarker && (reverse ? behind(endMarker) : endMarker);
  const keysFrom = marker && (reverse ? behind(marker) : marker);
  const inName = marker && versionMarker ? marker : undefined;
  const current = cursor(rangeOf(records.objects), marker);
  /** Newer than all others, unless another has taken its place. */
  const nullKey = async (name: string): Promise<string> => {
    const shownNow = await records.objects.get(id, name);
    const isShown = shownNow !== undefined && shownNow.versionId === undefined;
    return (isShown ? undefined : (await findNullVersion(records, id, name))?.sortKey) ?? `${name}\0`;
  };
  const keyOf = async (name: string): Promise<string> => {
    if (versionMarker === undefined) return reverse ? `${name}\0` : behind(name);
    return versionMarker === nullVersion ? nullKey(name) : versionKey(name, versionMarker);
  };
  const kept = cursor(rangeOf(records.versions, keysEnd), marker && (await keyOf(marker)));
  const postsTo = postsByName(cursor(rangeOf(records.posts, keysEnd), keysFrom), order);
  const isSeen = (row: ObjectRow): boolean => !isExpired(row, clock.wallMs());

  for (;;) {
    const [object, version] = await Promise.all([current.peek(), kept.peek()]);
    const names = [object?.key, version && nameOfVersionKey(version.key)].filter(
      (name) => name !== undefined,
    );
    const [name] = names.sort(order);
    if (name === undefined) return;
    const isCurrent = object?.key === name;
    if (isCurrent) current.skip();
    const stored = isCurrent ? object.row : name === inName ? await records.objects.get(id, name) : undefined;
    const shown = stored && isSeen(stored) ? stored : undefined;
    const posts = withPosts ? await postsTo(name) : undefined;
    const listed = (row: ObjectRow, isLatest: boolean): ListedVersion => ({
      name,
      row: withPost(row, posts?.get(row.upload)),
      versionId: shownVersionId(row),
      isLatest,
    });
    // Newer than all versions that are kept, so the first forwards and the last backwards.
    const isDue = isCurrent || (reverse && versionMarker !== nullVersion);
    const bare = isDue && shown?.versionId === undefined ? shown : undefined;
    if (bare && !reverse) yield listed(bare, true);
    let isFirst = name !== inName;
    for (;;) {
      const next = await kept.peek();
      if (!next || nameOfVersionKey(next.key) !== name) break;
      kept.skip();
      const following = reverse ? await kept.peek() : undefined;
      const isNewest = reverse ? !following || nameOfVersionKey(following.key) !== name : isFirst;
      const { isMarker = false } = next.row;
      const isLatest = shown ? shown.versionId === next.row.versionId : isMarker && isNewest;
      isFirst = false;
      yield listed(next.row, isLatest);
    }
    if (bare && reverse) yield listed(bare, true);
  }
}
