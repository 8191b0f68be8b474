/** Objects over HTTP: GET, HEAD, POST, DELETE. Uploads and copies are in `serve-upload.ts`. */
import { ShoalError } from '../../proto/error.ts';
import type { ApiAnswer, ApiRequest } from '../http/port.ts';
import type { Use } from './access.ts';
import { contentRange, multipartRanges, parseRange } from './byte-range.ts';
import { checkConditions, rangeCounts } from './conditions.ts';
import { asked, type Context, openContainer, record } from './context.ts';
import { factHeaders, factsOfPost, refuseUnserved } from './facts.ts';
import type { ObjectPath } from './name.ts';
import type { Place } from './objects.ts';
import type { ObjectRow } from './records.ts';
import { httpSeconds } from './time.ts';

/** Looks up and opens the container for this use of the object. */
export const openPlace = async (
  context: Context,
  request: ApiRequest,
  use: Use,
): Promise<{ readonly place: Place; readonly path: ObjectPath }> => {
  const { path, caller } = asked(request);
  const { id } = await openContainer(context, use, path, caller);
  return { path, place: { project: path.project, container: path.container, id, name: path.object } };
};

/** 304 and 412 carry the validators; 412 has a body like any error. */
const conditional = (request: ApiRequest, row: ObjectRow): ApiAnswer | undefined => {
  const verdict = checkConditions(request.headers, {
    etag: row.md5,
    modifiedSeconds: httpSeconds(row.changedAtMs),
  });
  if (verdict === 'proceed') return undefined;
  if (verdict === 'not-modified') return { status: 304, headers: factHeaders(row) };
  return {
    status: 412,
    headers: { ...factHeaders(row), 'Content-Type': 'text/html; charset=UTF-8' },
    body: '<html><h1>Precondition Failed</h1><p>A precondition for this request was not met.</p></html>',
  };
};

export const headObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { place } = await openPlace(context, request, 'readObject');
  const row = await context.objects.get(place);
  const short = conditional(request, row);
  if (short) return short;
  return { headers: { ...factHeaders(row), 'Content-Length': String(row.bytes) } };
};

const unsatisfiable = (row: ObjectRow): ApiAnswer => ({
  status: 416,
  headers: {
    ...factHeaders(row),
    'Content-Type': 'text/html; charset=UTF-8',
    'Content-Range': `bytes */${row.bytes}`,
  },
  body: '<html><h1>Requested Range Not Satisfiable</h1><p>The Range requested is not available.</p></html>',
});

export const getObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { place } = await openPlace(context, request, 'readObject');
  const row = await context.objects.get(place);
  const short = conditional(request, row);
  if (short) return short;
  const validators = { etag: row.md5, modifiedSeconds: httpSeconds(row.changedAtMs) };
  const ranges = rangeCounts(request.headers, validators)
    ? parseRange(request.headers.range, row.bytes)
    : undefined;
  const headers = factHeaders(row);
  const read = (range: { start?: number; end?: number }) => context.objects.read(row, range, request.signal);
  if (!ranges) return { headers: { ...headers, 'Content-Length': String(row.bytes) }, body: read({}) };
  const [range] = ranges;
  if (!range) return unsatisfiable(row);
  if (ranges.length === 1)
    return {
      status: 206,
      headers: {
        ...headers,
        'Content-Range': contentRange(range, row.bytes),
        'Content-Length': String(range.end - range.start),
      },
      body: read(range),
    };
  const type = headers['Content-Type'] ?? '';
  const parts = multipartRanges(ranges, row.bytes, type, crypto.randomUUID().replaceAll('-', ''), read);
  return {
    status: 206,
    headers: { ...headers, 'Content-Type': parts.contentType, 'Content-Length': String(parts.contentLength) },
    body: parts.body,
  };
};

export const updateObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  refuseUnserved(request.headers, request.query);
  const { place, path } = await openPlace(context, request, 'writeObject');
  const nowMs = context.runtime.clock.wallMs();
  await context.objects.post(place, (old) => factsOfPost(request.headers, nowMs, old));
  record(context, request, 'object.update', path);
  return {
    headers: { 'Content-Type': 'text/html; charset=UTF-8' },
    body: '<html><h1>Accepted</h1><p>The request is accepted for processing.</p></html>',
  };
};

export const deleteObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { place, path } = await openPlace(context, request, 'writeObject');
  if (request.query.get('multipart-manifest') === 'delete') {
    // Nothing here is a manifest: Swift answers 400 for a plain object, before anything is deleted.
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot delete ${JSON.stringify(place.name)} as a manifest: it is none`,
    );
  }
  await context.objects.delete(place);
  record(context, request, 'object.delete', path);
  return { headers: { 'Content-Type': 'text/html; charset=UTF-8' } };
};
