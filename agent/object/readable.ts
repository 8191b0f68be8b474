/**
 * What GET sends: an object's own bytes, or for a dynamic large object (a manifest, `X-Object-Manifest:
 * container/prefix`) the bytes of all objects below that prefix, in the order of their names, as they are now.
 */
import { createHash } from 'node:crypto';
import { ShoalError } from '../../proto/error.ts';
import type { ApiRequest } from '../http/port.ts';
import { asked, type Context, openContainer } from './context.ts';
import { factHeaders } from './facts.ts';
import { segmentsMax } from './limits.ts';
import { manifestHeader } from './metadata.ts';
import { parseManifest } from './name.ts';
import { walkObjects } from './object-listing.ts';
import type { ObjectRow } from './records.ts';
import { httpDate, httpSeconds } from './time.ts';

export interface Readable {
  readonly bytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedSeconds: number;
  readonly headers: Record<string, string>;
  read(range: { readonly start?: number; readonly end?: number }): AsyncIterable<Uint8Array>;
}

const plain = (context: Context, request: ApiRequest, row: ObjectRow): Readable => ({
  bytes: row.bytes,
  etag: row.md5,
  modifiedSeconds: httpSeconds(row.changedAtMs),
  headers: factHeaders(row),
  read: (range) => context.objects.read(row, range, request.signal),
});

/** Throws CONFLICT when there are more than can be joined, and what opening their container throws. */
const segmentsOf = async (
  context: Context,
  request: ApiRequest,
  project: string,
  manifest: string,
): Promise<readonly ObjectRow[]> => {
  const { container, prefix } = parseManifest(manifest);
  const { caller } = asked(request);
  const { id } = await openContainer(context, 'readObject', { project, container }, caller);
  const parts = { records: context.records, clock: context.runtime.clock };
  const segments: ObjectRow[] = [];
  for await (const step of walkObjects(parts, id, { prefix })) {
    if (step.kind === 'name') segments.push(step.row);
    if (segments.length > segmentsMax)
      throw new ShoalError('CONFLICT', `Cannot join more than ${segmentsMax} segments of ${manifest}`);
  }
  return segments;
};

const joined = (
  context: Context,
  request: ApiRequest,
  row: ObjectRow,
  segments: readonly ObjectRow[],
): Readable => {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const etag = createHash('md5')
    .update(segments.map(({ md5 }) => md5).join(''))
    .digest('hex');
  const changedAtMs = segments.reduce(
    (newest, segment) => Math.max(newest, segment.changedAtMs),
    row.changedAtMs,
  );
  async function* read({ start = 0, end = bytes }: { start?: number; end?: number }) {
    let at = 0;
    for (const segment of segments) {
      const from = Math.max(0, start - at);
      const to = Math.min(segment.bytes, end - at);
      if (from < to) yield* context.objects.read(segment, { start: from, end: to }, request.signal);
      at += segment.bytes;
    }
  }
  return {
    bytes,
    etag,
    modifiedSeconds: httpSeconds(changedAtMs),
    headers: { ...factHeaders(row), ETag: `"${etag}"`, 'Last-Modified': httpDate(changedAtMs) },
    read,
  };
};

/** `?multipart-manifest=get` reads the manifest itself. */
export const openReadable = async (
  context: Context,
  request: ApiRequest,
  project: string,
  row: ObjectRow,
): Promise<Readable> => {
  const manifest = row.kept[manifestHeader];
  if (manifest === undefined || request.query.get('multipart-manifest') === 'get')
    return plain(context, request, row);
  return joined(context, request, row, await segmentsOf(context, request, project, manifest));
};
