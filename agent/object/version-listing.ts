/** All versions of a container's objects: by name, and of one name the newest first. Expired ones are left out. */
import type { Uuid } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Page } from '../table/port.ts';
import { listingPageRows } from './limits.ts';
import { findNullVersion } from './null-version.ts';
import { isExpired, type ObjectRow, type Records } from './records.ts';
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
}

const lowest = (a: string | undefined, b: string | undefined): string | undefined => {
  if (a === undefined || b === undefined) return a ?? b;
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0 ? a : b;
};

/** Rows of a range one by one, with a look at the next. */
const cursor = (range: (after: string | undefined) => Promise<Page<ObjectRow>>, from: string | undefined) => {
  let page: Page<ObjectRow> | undefined;
  let [at, after] = [0, from];
  const peek = async (): Promise<{ key: string; row: ObjectRow } | undefined> => {
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

export async function* walkVersions(
  { records, clock }: { readonly records: Records; readonly clock: Clock },
  id: Uuid,
  { prefix, marker, versionMarker, endMarker }: VersionWalk,
): AsyncGenerator<ListedVersion, void, undefined> {
  const shared = {
    ...(endMarker ? { before: endMarker } : {}),
    ...(prefix ? { prefix } : {}),
    limit: listingPageRows,
  };
  const rangeOf = (table: 'objects' | 'versions') => (after: string | undefined) =>
    records[table].range(id, { ...shared, ...(after ? { after } : {}) });
  const inName = marker && versionMarker ? marker : undefined;
  const current = cursor(rangeOf('objects'), marker);
  /** Before all others, unless another has taken its place. */
  const behindNull = async (name: string): Promise<string> => {
    const shownNow = await records.objects.get(id, name);
    const isShown = shownNow !== undefined && shownNow.versionId === undefined;
    return (isShown ? undefined : (await findNullVersion(records, id, name))?.sortKey) ?? `${name}\0`;
  };
  const olderThan = async (name: string): Promise<string> =>
    versionMarker === undefined
      ? // Behind all versions of the name, whose keys go on with NUL and a digit, and before any longer name.
        `${name}\0\u{10FFFF}`
      : versionMarker === nullVersion
        ? behindNull(name)
        : versionKey(name, versionMarker);
  const kept = cursor(rangeOf('versions'), marker && (await olderThan(marker)));
  const isSeen = (row: ObjectRow): boolean => !isExpired(row, clock.wallMs());

  for (;;) {
    const [object, version] = await Promise.all([current.peek(), kept.peek()]);
    const name = lowest(object?.key, version && nameOfVersionKey(version.key));
    if (name === undefined) return;
    const isCurrent = object?.key === name;
    if (isCurrent) current.skip();
    const shown = isCurrent ? object.row : name === inName ? await records.objects.get(id, name) : undefined;
    if (isCurrent && object.row.versionId === undefined && isSeen(object.row))
      yield { name, row: object.row, versionId: nullVersion, isLatest: true };
    let isFirst = name !== inName;
    for (;;) {
      const next = await kept.peek();
      if (!next || nameOfVersionKey(next.key) !== name) break;
      kept.skip();
      const { isMarker = false } = next.row;
      const isLatest = shown ? shown.versionId === next.row.versionId : isMarker && isFirst;
      isFirst = false;
      if (isSeen(next.row)) yield { name, row: next.row, versionId: shownVersionId(next.row), isLatest };
    }
  }
}
