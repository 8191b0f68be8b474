/** Objects over HTTP: GET, HEAD, POST, DELETE. Uploads and copies are in `serve-upload.ts`. */
import { ShoalError } from '../../proto/error.ts';
import type { ApiAnswer, ApiRequest } from '../http/port.ts';
import type { Use } from './access.ts';
import { contentRange, multipartRanges, parseRange } from './byte-range.ts';
import { checkConditions, rangeCounts } from './conditions.ts';
import { asked, type Context, openContainer, record } from './context.ts';
import { factsOfPost, refuseUnserved } from './facts.ts';
import type { ObjectPath } from './name.ts';
import type { Place } from './objects.ts';
import { openReadable, type Readable } from './readable.ts';

/** Looks up and opens the container for this use of the object. */
const openPlace = async (
  context: Context,
  request: ApiRequest,
  use: Use,
): Promise<{ readonly place: Place; readonly path: ObjectPath }> => {
  const { path, caller } = asked(request);
  const { id } = await openContainer(context, use, path, caller);
  return { path, place: { project: path.project, container: path.container, id, name: path.object } };
};

/** 304 and 412 carry the validators; 412 has a body like any error. */
const conditional = (request: ApiRequest, thing: Readable): ApiAnswer | undefined => {
  const verdict = checkConditions(request.headers, thing);
  if (verdict === 'proceed') return undefined;
  if (verdict === 'not-modified') return { status: 304, headers: thing.headers };
  return {
    status: 412,
    headers: { ...thing.headers, 'Content-Type': 'text/html; charset=UTF-8' },
    body: '<html><h1>Precondition Failed</h1><p>A precondition for this request was not met.</p></html>',
  };
};

const readableOf = async (context: Context, request: ApiRequest): Promise<Readable> => {
  const { place } = await openPlace(context, request, 'readObject');
  return openReadable(context, request, place.project, await context.objects.get(place));
};

export const headObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const thing = await readableOf(context, request);
  const whole = { headers: { ...thing.headers, 'Content-Length': String(thing.bytes) } };
  return conditional(request, thing) ?? whole;
};

const unsatisfiable = (thing: Readable): ApiAnswer => ({
  status: 416,
  headers: {
    ...thing.headers,
    'Content-Type': 'text/html; charset=UTF-8',
    'Content-Range': `bytes */${thing.bytes}`,
  },
  body: '<html><h1>Requested Range Not Satisfiable</h1><p>The Range requested is not available.</p></html>',
});

const part = (
  thing: Readable,
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  more: Record<string, string>,
): ApiAnswer => ({
  status: 206,
  headers: { ...thing.headers, 'Content-Length': String(bytes), ...more },
  body,
});

export const getObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const thing = await readableOf(context, request);
  const short = conditional(request, thing);
  if (short) return short;
  const { range: asked } = rangeCounts(request.headers, thing) ? request.headers : {};
  const ranges = parseRange(asked, thing.bytes);
  if (!ranges)
    return { headers: { ...thing.headers, 'Content-Length': String(thing.bytes) }, body: thing.read({}) };
  const [range] = ranges;
  if (!range) return unsatisfiable(thing);
  if (ranges.length === 1)
    return part(thing, thing.read(range), range.end - range.start, {
      'Content-Range': contentRange(range, thing.bytes),
    });
  const boundary = crypto.randomUUID().replaceAll('-', '');
  const type = thing.headers['Content-Type'] ?? '';
  const parts = multipartRanges(ranges, thing.bytes, type, boundary, thing.read);
  return part(thing, parts.body, parts.contentLength, { 'Content-Type': parts.contentType });
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
