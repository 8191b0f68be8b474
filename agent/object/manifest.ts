/**
 * The manifest of a static large object: what a client sends (`path`, `etag`, `size_bytes`, `range`, or `data` for
 * bytes within the manifest itself), and what is kept of it once each segment was looked up. Swift's field names.
 */
import { createHash } from 'node:crypto';
import { ShoalError } from '../../proto/error.ts';
import { type ByteRange, parseRange } from './byte-range.ts';
import { manifestSegmentsMax } from './limits.ts';
import { parseCopyPath } from './name.ts';

/** One entry as the client sent it. */
export type Wanted =
  | { readonly data: string }
  | {
      readonly path: string;
      readonly etag?: string | null;
      readonly size_bytes?: number | null;
      /** `first-last`, `first-` or `-last`, as in a Range header. */
      readonly range?: string | null;
    };

/** One entry as it is kept. */
export type Segment =
  | { readonly data: string }
  | {
      /** `/container/object`. */
      readonly name: string;
      /** Of the whole segment. */
      readonly bytes: number;
      readonly hash: string;
      readonly content_type: string;
      readonly last_modified: string;
      /** `first-last`, both included. */
      readonly range?: string;
      readonly sub_slo?: true;
    };

const known = ['path', 'etag', 'size_bytes', 'range', 'data'];

const fault = (item: unknown): string | undefined => {
  if (typeof item !== 'object' || item === null) return 'is not an object';
  const entry: Readonly<Record<string, unknown>> = { ...item };
  const strange = Object.keys(entry).find((key) => !known.includes(key));
  if (strange !== undefined) return `has an unknown key ${JSON.stringify(strange)}`;
  if ('data' in entry) {
    if (Object.keys(entry).length > 1) return 'has data and other keys';
    if (typeof entry.data !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(entry.data))
      return 'has data that is no base64';
    return undefined;
  }
  const { path, etag, size_bytes: size, range } = entry;
  if (typeof path !== 'string') return 'has no path';
  if (!/^\/*[^/]+\/./s.test(path)) return 'has a path that is not /container/object';
  if (etag !== undefined && etag !== null && typeof etag !== 'string') return 'has an etag that is no text';
  if (size !== undefined && size !== null && !(Number.isInteger(size) && Number(size) >= 1))
    return 'has a size_bytes that is no number above 0';
  if (range !== undefined && range !== null && !(typeof range === 'string' && /^(\d+-\d*|-\d+)$/.test(range)))
    return 'has an invalid range';
  return undefined;
};

/** Throws BAD_REQUEST and says each fault, TOO_LARGE never: the body was bounded before. */
export const parseWanted = (text: string): readonly Wanted[] => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ShoalError('BAD_REQUEST', 'Manifest must be valid JSON.\n', { cause });
  }
  if (!Array.isArray(value)) throw new ShoalError('BAD_REQUEST', 'Manifest must be a list.\n');
  if (value.length === 0 || value.length > manifestSegmentsMax)
    throw new ShoalError('BAD_REQUEST', `Manifest must have 1 to ${manifestSegmentsMax} segments.\n`);
  const faults = value.flatMap((item, index) => {
    const why = fault(item);
    return why === undefined ? [] : [`Index ${index}: ${why}`];
  });
  if (faults.length > 0) throw new ShoalError('BAD_REQUEST', `${faults.join('\n')}\n`);
  if (value.every((item) => 'data' in item))
    throw new ShoalError('BAD_REQUEST', 'Inline data segments require at least one object-backed segment.\n');
  return value;
};

/** Only what `encodeManifest` wrote comes in here. */
export const decodeManifest = (text: string): readonly Segment[] => JSON.parse(text);
export const encodeManifest = (segments: readonly Segment[]): string => JSON.stringify(segments);

export const segmentPath = (name: string): { readonly container: string; readonly object: string } => {
  const [container = '', ...rest] = name.replace(/^\/+/, '').split('/');
  return { container, object: rest.join('/') };
};
/** As `segmentPath`, for what a client sent. Throws BAD_REQUEST, PRECONDITION_FAILED. */
export const wantedPath = (path: string): { readonly container: string; readonly object: string } =>
  parseCopyPath('path', encodeURIComponent(path.replace(/^\/+/, '')));

export const rangeWithin = (range: string, bytes: number): ByteRange | undefined =>
  parseRange(`bytes=${range}`, bytes)?.[0];

export const segmentRange = (segment: Segment): ByteRange | undefined =>
  'data' in segment || segment.range === undefined ? undefined : rangeWithin(segment.range, segment.bytes);

/** What it gives to the large object. */
export const segmentBytes = (segment: Segment): number => {
  if ('data' in segment) return Buffer.from(segment.data, 'base64').length;
  const range = segmentRange(segment);
  return range ? range.end - range.start : segment.bytes;
};

/** What it gives to the large object's ETag: Swift's rule. */
export const segmentEtag = (segment: Segment): string => {
  if ('data' in segment) return createHash('md5').update(Buffer.from(segment.data, 'base64')).digest('hex');
  return segment.range === undefined ? segment.hash : `${segment.hash}:${segment.range};`;
};

/** `format=raw`: what a client may PUT again. */
export const rawManifest = (segments: readonly Segment[]): string =>
  JSON.stringify(
    segments.map((segment) =>
      'data' in segment
        ? segment
        : {
            path: segment.name,
            etag: segment.hash,
            size_bytes: segment.bytes,
            ...(segment.range === undefined ? {} : { range: segment.range }),
          },
    ),
  );
