/** Static large objects: a manifest is checked against its segments, stored, and deleted with them. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { mapLimit } from '../base/map-limit.ts';
import { segmentsInFlightMax } from './limits.ts';
import {
  encodeManifest,
  rangeWithin,
  type Segment,
  segmentBytes,
  segmentEtag,
  type Wanted,
  wantedPath,
} from './manifest.ts';
import type { ObjectPath } from './name.ts';
import { findObject, joinedEtag, manifestOf, openReadable, type Reader } from './readable.ts';
import { isJoined } from './records.ts';
import { listingTime } from './time.ts';

export interface Manifest {
  /** What is stored. */
  readonly text: string;
  readonly large: { readonly bytes: number; readonly etag: string };
}

/** A segment, and what is wrong with it. */
export type Fault = [path: string, why: string];

/** Refusals that are one segment's fault and are told together. */
const isFault = (thrown: unknown): thrown is ShoalError =>
  hasCode(
    thrown,
    'NOT_FOUND',
    'FORBIDDEN',
    'NOT_AUTHENTICATED',
    'CONFLICT',
    'BAD_REQUEST',
    'PRECONDITION_FAILED',
  );

const reasonOf: Partial<Record<ShoalError['code'], string>> = {
  NOT_FOUND: '404 Not Found',
  FORBIDDEN: '403 Forbidden',
  NOT_AUTHENTICATED: '401 Unauthorized',
  CONFLICT: '409 Conflict',
};

const lookUp = async (reader: Reader, to: ObjectPath, wanted: Wanted): Promise<Segment | string> => {
  if ('data' in wanted) return wanted;
  const path = { project: to.project, ...wantedPath(wanted.path) };
  const name = `/${path.container}/${path.object}`;
  if (path.container === to.container && path.object === to.object)
    return 'Manifest object name cannot be one of its own segments';
  const { row, path: target } = await findObject(reader, path);
  const thing = await openReadable(reader, target.project, row);
  if (thing.bytes < 1) return 'Too Small; each segment must be at least 1 byte.';
  const size = wanted.size_bytes ?? undefined;
  if (size !== undefined && size !== thing.bytes) return 'Size Mismatch';
  const etag = wanted.etag?.replaceAll('"', '').toLowerCase();
  if (etag && etag !== thing.etag) return 'Etag Mismatch';
  const range = wanted.range ? rangeWithin(wanted.range, thing.bytes) : undefined;
  if (wanted.range && !range) return 'Unsatisfiable Range';
  // A range over all of it is none, as in Swift.
  const isWhole = !range || (range.start === 0 && range.end === thing.bytes);
  return {
    name,
    bytes: thing.bytes,
    hash: thing.etag,
    content_type: row.contentType,
    last_modified: listingTime(row.changedAtMs),
    ...(isWhole ? {} : { range: `${range.start}-${range.end - 1}` }),
    ...(row.large ? { sub_slo: true as const } : {}),
  };
};

/** Looks at every segment. Throws BAD_REQUEST that names all that do not fit. */
export const checkManifest = async (
  reader: Reader,
  to: ObjectPath,
  wanted: readonly Wanted[],
): Promise<Manifest> => {
  const looked = await mapLimit(
    wanted,
    segmentsInFlightMax,
    (item) =>
      lookUp(reader, to, item).catch((thrown) => {
        if (!isFault(thrown)) throw thrown;
        return reasonOf[thrown.code] ?? thrown.message;
      }),
    reader.signal,
  );
  const faults = wanted.flatMap((item, index): Fault[] => {
    const found = looked[index];
    return typeof found === 'string' ? [['path' in item ? item.path : 'data', found]] : [];
  });
  if (faults.length > 0)
    throw new ShoalError('BAD_REQUEST', `Errors:\n${faults.map((fault) => fault.join(', ')).join('\n')}\n`, {
      details: { faults },
    });
  const segments = looked.filter((found) => typeof found !== 'string');
  return {
    text: encodeManifest(segments),
    large: {
      bytes: segments.reduce((sum, segment) => sum + segmentBytes(segment), 0),
      etag: joinedEtag(segments.map(segmentEtag)),
    },
  };
};

/** Paths of all segments, those of large objects among them included, each before what refers to it. */
export async function* segmentPaths(
  reader: Reader,
  path: ObjectPath,
  versionId?: string,
): AsyncGenerator<ObjectPath> {
  const { row } = await findObject(reader, path, { follow: false, versionId });
  // Clients take an object that S3 put together for a large one, and it has no segments.
  if (isJoined(row)) {
    yield path;
    return;
  }
  if (!row.large)
    throw new ShoalError('BAD_REQUEST', `Cannot delete ${JSON.stringify(path.object)}: Not an SLO manifest`);
  for (const segment of await manifestOf(reader, row)) {
    if ('data' in segment) continue;
    const inner = { project: path.project, ...wantedPath(segment.name) };
    if (segment.sub_slo) yield* innerPaths(reader, inner);
    else yield inner;
  }
  yield path;
}

/** What was a large object once may be gone or something else now: then it counts as a plain one. */
async function* innerPaths(reader: Reader, path: ObjectPath): AsyncGenerator<ObjectPath> {
  const isLarge = await findObject(reader, path, { follow: false }).then(
    ({ row }) => row.large !== undefined,
    (thrown) => {
      if (hasCode(thrown, 'NOT_FOUND')) return false;
      throw thrown;
    },
  );
  if (isLarge) yield* segmentPaths(reader, path);
  else yield path;
}
