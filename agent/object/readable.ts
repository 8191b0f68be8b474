/**
 * What a reader of an object gets: its own bytes, those of the object that it links to, or for a large object the
 * bytes of its segments one after the other:
 *
 *   dynamic   `X-Object-Manifest: container/prefix`: all that lies below the prefix, as it is now
 *   static    a list of segments with sizes and ETags; a segment that changed since is refused, not sent
 */
import { createHash } from 'node:crypto';
import { asShoalError, hasCode, ShoalError } from '../../proto/error.ts';
import type { Caller } from './access-list.ts';
import { authorize, type Context, openPlace } from './context.ts';
import { linksMax, manifestDepthMax, segmentsMax } from './limits.ts';
import { decodeManifest, type Segment, segmentBytes, segmentPath, segmentRange } from './manifest.ts';
import { manifestHeader } from './metadata.ts';
import { encodeWhole, type ObjectPath, parseManifest } from './name.ts';
import { walkObjects } from './object-listing.ts';
import type { Place } from './object-turn.ts';
import type { ObjectRow } from './records.ts';
import { checkVersioned, markerType, nullVersion } from './versions.ts';

/** Who reads, and until when. */
export interface Reader {
  readonly context: Context;
  readonly caller: Caller;
  readonly signal: AbortSignal;
  /** For objects that were encrypted with it. */
  readonly customerKey?: Uint8Array | undefined;
}

export interface Readable {
  readonly row: ObjectRow;
  readonly bytes: number;
  /** Without quotes. */
  readonly etag: string;
  /** Joined of segments: the ETag is of a large object, and shown in quotes. */
  readonly isLarge: boolean;
  readonly changedAtMs: number;
  /** Of a static large object: the bytes of each of its segments. */
  readonly parts?: readonly number[];
  /** Pieces of the range, default all. Throws CONFLICT at a segment that is not what it was. */
  read(range: { readonly start?: number; readonly end?: number }): AsyncIterable<Uint8Array>;
}

/** One of the objects that make a large one. */
interface Part {
  readonly bytes: number;
  open(range: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
}

export interface Found {
  readonly path: ObjectPath;
  readonly place: Place;
  readonly row: ObjectRow;
  /** Led here by a symbolic link. */
  readonly isLinked: boolean;
}

const conflict = (why: string): ShoalError => new ShoalError('CONFLICT', why);

/** As Swift words it, with where links have led. */
const linkConflict = (why: string, path?: ObjectPath): ShoalError =>
  new ShoalError('CONFLICT', why, {
    details: { isReason: true, ...(path && { headers: { 'Content-Location': encodeWhole(path) } }) },
  });

/** The same refusal, and what was refused: the caller asked for a link to it. */
const ledTo = (path: ObjectPath, cause: unknown): ShoalError => {
  const { code, message, details } = asShoalError(cause);
  return new ShoalError(code, message, {
    details: { ...details, headers: { 'Content-Location': encodeWhole(path) } },
    cause,
  });
};

const lookUp = async (
  { context, caller }: Pick<Reader, 'context' | 'caller'>,
  path: ObjectPath,
  versionId: string | undefined,
): Promise<Pick<Found, 'place' | 'row'>> => {
  if (versionId === undefined) {
    const ahead = context.objects.getAhead(path);
    const { place } = await openPlace(context, 'readObject', path, caller);
    return { place, row: await ahead(place) };
  }
  return lookUpVersion({ context, caller }, path, versionId);
};

/** A container's list lets nobody in to what was overwritten or deleted: that is the account's alone, as in Swift. */
const lookUpVersion = async (
  { context, caller }: Pick<Reader, 'context' | 'caller'>,
  path: ObjectPath,
  versionId: string,
): Promise<Pick<Found, 'place' | 'row'>> => {
  const { place } = await openPlace(context, 'readObject', path, caller);
  if (versionId !== nullVersion) await authorize(context, 'readAccount', path, caller);
  checkVersioned(place, versionId);
  const marker = await context.objects.findMarker(place, versionId);
  if (marker)
    throw new ShoalError('NOT_FOUND', `There is no object ${JSON.stringify(path.object)}.`, {
      details: { headers: { 'X-Object-Version-Id': versionId, 'Content-Type': markerType } },
    });
  return { place, row: await context.objects.get(place, versionId) };
};

export interface FindOptions {
  readonly versionId?: string | undefined;
  /** Through which links: all (the default), none, or those that are fixed to an ETag. */
  readonly follow?: boolean | 'fixed';
  /** What a fixed link says of the first object: its own ETag (of a large one its manifest's), or what it is fixed to itself. */
  readonly etag?: string;
}

/**
 * The object under the path, and through links what they stand for. Throws NOT_FOUND, CONFLICT for links that go
 * in circles or whose fixed target changed, and what opening a container throws.
 */
export const findObject = async (
  reader: Pick<Reader, 'context' | 'caller'>,
  from: ObjectPath,
  { versionId, follow = true, etag }: FindOptions = {},
): Promise<Found> => {
  let path = from;
  let fixed = etag;
  for (let links = 0; links <= linksMax; links++) {
    const { place, row } = await lookUp(reader, path, links === 0 ? versionId : undefined).catch((thrown) => {
      throw links === 0 ? thrown : ledTo(path, thrown);
    });
    const { link } = row;
    const goesOn = link !== undefined && (follow === 'fixed' ? link.fixed !== undefined : follow);
    const shown = (goesOn ? link.fixed?.etag : undefined) ?? row.md5;
    if (fixed !== undefined && fixed !== shown)
      throw linkConflict(
        goesOn
          ? 'X-Symlink-Target-Etag headers do not match'
          : `Object Etag '${shown}' does not match X-Symlink-Target-Etag header '${fixed}'`,
        path,
      );
    if (!goesOn) return { path, place, row, isLinked: links > 0 };
    path = link;
    fixed = link.fixed?.etag;
  }
  throw linkConflict(`Too many levels of symbolic links, maximum allowed is ${linksMax}`);
};

const readParts = (parts: readonly Part[], bytes: number): Readable['read'] =>
  async function* read({ start = 0, end = bytes }) {
    let at = 0;
    for (const part of parts) {
      const from = Math.max(0, start - at);
      const to = Math.min(part.bytes, end - at);
      if (from < to) yield* part.open({ start: from, end: to });
      at += part.bytes;
    }
  };

/** Throws CONFLICT when there are more than can be joined, and what opening their container throws. */
const dynamicRows = async (
  reader: Reader,
  project: string,
  manifest: string,
): Promise<readonly ObjectRow[]> => {
  const { context, caller } = reader;
  const { container, prefix } = parseManifest(manifest);
  const { place } = await openPlace(context, 'readObject', { project, container, object: prefix }, caller);
  const parts = { records: context.records, clock: context.runtime.clock };
  const segments: ObjectRow[] = [];
  for await (const step of walkObjects(parts, place, { prefix })) {
    if (step.kind === 'name') segments.push(step.row);
    if (segments.length > segmentsMax)
      throw conflict(`Cannot join more than ${segmentsMax} segments of ${manifest}`);
  }
  return segments;
};

/** The ETag of a large object: the MD5 of its segments' ETags. */
export const joinedEtag = (etags: readonly string[]): string =>
  createHash('md5').update(etags.join('')).digest('hex');

const dynamic = async (
  reader: Reader,
  project: string,
  row: ObjectRow,
  manifest: string,
  depth: number,
): Promise<Readable> => {
  const rows = await dynamicRows(reader, project, manifest);
  const parts = rows.map(
    (segment): Part => ({
      bytes: segment.large?.bytes ?? segment.bytes,
      async *open(range) {
        // A segment that is itself dynamic counts as it lies there, as in Swift's container listing.
        const thing = segment.large
          ? await openStatic(reader, project, segment, depth + 1)
          : plain(reader, segment);
        yield* thing.read(range);
      },
    }),
  );
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return {
    row,
    bytes,
    etag: joinedEtag(rows.map(({ large, md5 }) => large?.etag ?? md5)),
    isLarge: true,
    changedAtMs: rows.reduce((newest, { changedAtMs }) => Math.max(newest, changedAtMs), row.changedAtMs),
    read: readParts(parts, bytes),
  };
};

/** Whatever is wrong with one: the large object cannot be read as it is. Swift's words. */
const brokenSegment = (cause?: unknown): ShoalError =>
  new ShoalError('CONFLICT', 'There was a conflict when trying to complete your request.', { cause });

const openSegment = async (
  reader: Reader,
  project: string,
  name: string,
  depth: number,
): Promise<Readable> => {
  try {
    const { row, path } = await findObject(reader, { project, ...segmentPath(name) });
    return await openReadable(reader, path.project, row, depth + 1);
  } catch (thrown) {
    if (hasCode(thrown, 'NOT_FOUND', 'FORBIDDEN', 'NOT_AUTHENTICATED', 'CONFLICT'))
      throw brokenSegment(thrown);
    throw thrown;
  }
};

const staticPart = (reader: Reader, project: string, segment: Segment, depth: number): Part => ({
  bytes: segmentBytes(segment),
  async *open({ start, end }) {
    if ('data' in segment) {
      yield Buffer.from(segment.data, 'base64').subarray(start, end);
      return;
    }
    const thing = await openSegment(reader, project, segment.name, depth);
    if (thing.etag !== segment.hash || thing.bytes !== segment.bytes) throw brokenSegment();
    const offset = segmentRange(segment)?.start ?? 0;
    yield* thing.read({ start: offset + start, end: offset + end });
  },
});

/** The segments as they were checked when the manifest was stored. */
export const manifestOf = async (reader: Reader, row: ObjectRow): Promise<readonly Segment[]> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of reader.context.objects.read(row, {}, reader.signal))
    pieces.push(Uint8Array.from(piece));
  return decodeManifest(Buffer.concat(pieces).toString());
};

const openStatic = async (
  reader: Reader,
  project: string,
  row: ObjectRow,
  depth: number,
): Promise<Readable> => {
  if (depth >= manifestDepthMax)
    throw conflict(`Large objects within each other: at most ${manifestDepthMax}`);
  const segments = await manifestOf(reader, row);
  const bytes = row.large?.bytes ?? 0;
  return {
    row,
    bytes,
    parts: segments.map(segmentBytes),
    etag: row.large?.etag ?? row.md5,
    isLarge: true,
    changedAtMs: row.changedAtMs,
    read: readParts(
      segments.map((segment) => staticPart(reader, project, segment, depth)),
      bytes,
    ),
  };
};

/** The bytes of the row itself: of a large object its manifest. */
export const plain = ({ context, signal, customerKey }: Reader, row: ObjectRow): Readable => ({
  row,
  bytes: row.bytes,
  etag: row.md5,
  isLarge: false,
  changedAtMs: row.changedAtMs,
  read: (range) => context.objects.read(row, range, signal, customerKey),
});

/** @param depth how many large objects this one lies in. */
export const openReadable = async (
  reader: Reader,
  project: string,
  row: ObjectRow,
  depth = 0,
): Promise<Readable> => {
  const manifest = row.kept[manifestHeader];
  if (row.large) return openStatic(reader, project, row, depth);
  if (manifest !== undefined) return dynamic(reader, project, row, manifest, depth);
  return plain(reader, row);
};
