/** Objects over HTTP: GET, HEAD, POST, DELETE. Uploads are in `upload.ts`, copies in `copy.ts`. */
import type { ApiAnswer } from '../../http/port.ts';
import { contentRange, multipartRanges, parseRange } from '../byte-range.ts';
import { checkConditions, rangeCounts, type Validators } from '../conditions.ts';
import { type Context, openPlace } from '../context.ts';
import { encodeManifest, rawManifest } from '../manifest.ts';
import { accountOf } from '../name.ts';
import { findObject, manifestOf, openReadable, plain, type Readable } from '../readable.ts';
import { removeObject } from '../remove-object.ts';
import { httpSeconds } from '../time.ts';
import { type Ask, asked, readerOf, record, versionAsked } from './ask.ts';
import { factHeaders, factsOfPost } from './facts.ts';
import { deleteLarge } from './large-object.ts';
import { linkHeaders, linkPath } from './link.ts';

/** What is sent of a readable, and the headers that tell it. */
interface Sent extends Validators, Pick<Readable, 'bytes' | 'read'> {
  readonly headers: Record<string, string>;
}

/** 304 and 412 carry the validators; 412 has a body like any error. */
const conditional = (request: Ask, thing: Sent): ApiAnswer | undefined => {
  const verdict = checkConditions(request.headers, thing);
  if (verdict === 'proceed') return undefined;
  if (verdict === 'not-modified') return { status: 304, headers: thing.headers };
  return {
    status: 412,
    headers: { ...thing.headers, 'Content-Type': 'text/html; charset=UTF-8' },
    body: '<html><h1>Precondition Failed</h1><p>A precondition for this request was not met.</p></html>',
  };
};

/** `?multipart-manifest=get` of a static large object: the list itself. */
const manifestSent = async (context: Context, request: Ask, thing: Readable): Promise<Sent> => {
  const segments = await manifestOf(readerOf(context, request), thing.row);
  const text = request.query.get('format') === 'raw' ? rawManifest(segments) : encodeManifest(segments);
  const bytes = Buffer.from(text);
  return {
    etag: thing.row.md5,
    modifiedSeconds: httpSeconds(thing.changedAtMs),
    headers: {
      ...factHeaders(thing.row),
      'X-Static-Large-Object': 'True',
      'Content-Type': 'application/json; charset=utf-8',
    },
    bytes: bytes.length,
    async *read({ start = 0, end = bytes.length }) {
      yield bytes.subarray(start, end);
    },
  };
};

const sentOf = async (context: Context, request: Ask): Promise<Sent> => {
  const { path } = asked(request);
  const reader = readerOf(context, request);
  const { query } = request;
  const follow = query.get('symlink') !== 'get';
  const found = await findObject(reader, path, { versionId: versionAsked(request), follow });
  const { row } = found;
  const asManifest = query.get('multipart-manifest') === 'get';
  if (asManifest && row.large) return manifestSent(context, request, plain(reader, row));
  const thing =
    asManifest || row.link ? plain(reader, row) : await openReadable(reader, found.path.project, row);
  const { container, object, project } = found.path;
  return {
    bytes: thing.bytes,
    etag: thing.etag,
    modifiedSeconds: httpSeconds(thing.changedAtMs),
    headers: {
      ...factHeaders(row, thing),
      ...(row.link && !follow ? linkHeaders(row.link, path.project) : {}),
      ...(found.isLinked
        ? { 'Content-Location': linkPath({ project, container, object }, `/v1/${accountOf(project)}/`) }
        : {}),
    },
    read: thing.read,
  };
};

export const headObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const thing = await sentOf(context, request);
  const whole = { headers: { ...thing.headers, 'Content-Length': String(thing.bytes) } };
  return conditional(request, thing) ?? whole;
};

const unsatisfiable = (thing: Sent): ApiAnswer => ({
  status: 416,
  headers: {
    ...thing.headers,
    'Content-Type': 'text/html; charset=UTF-8',
    'Content-Range': `bytes */${thing.bytes}`,
  },
  body: '<html><h1>Requested Range Not Satisfiable</h1><p>The Range requested is not available.</p></html>',
});

const part = (
  thing: Sent,
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  more: Record<string, string>,
): ApiAnswer => ({
  status: 206,
  headers: { ...thing.headers, 'Content-Length': String(bytes), ...more },
  body,
});

export const getObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const thing = await sentOf(context, request);
  const short = conditional(request, thing);
  if (short) return short;
  const { range: header } = rangeCounts(request.headers, thing) ? request.headers : {};
  const ranges = parseRange(header, thing.bytes);
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

/** A link has nothing of its own to change: the client is sent on, as Swift does (307 keeps the method). */
export const updateObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const { place } = await openPlace(context, 'writeObject', path, caller);
  const { link } = (await context.objects.find(place)) ?? {};
  if (link)
    return {
      status: 307,
      headers: {
        'Content-Type': 'text/html; charset=UTF-8',
        Location: linkPath(link, `${request.origin}/object-store/v1/${accountOf(link.project)}/`),
      },
      body: 'The requested POST was sent to a symlink; send it to the target.',
    };
  const nowMs = context.runtime.clock.wallMs();
  await context.objects.post(place, (old) => factsOfPost(request.headers, nowMs, old));
  record(context, request, 'object.update', path);
  return {
    headers: { 'Content-Type': 'text/html; charset=UTF-8' },
    body: '<html><h1>Accepted</h1><p>The request is accepted for processing.</p></html>',
  };
};

export const deleteObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  if (request.query.get('multipart-manifest') === 'delete') return deleteLarge(context, request);
  const { path, caller } = asked(request);
  const versionId = versionAsked(request);
  const id = await removeObject(context, path, caller, { versionId, signal: request.signal });
  record(context, request, 'object.delete', path, id === undefined ? undefined : { versionId: id });
  return {
    headers: {
      'Content-Type': 'text/html; charset=UTF-8',
      ...(id === undefined ? {} : { 'X-Object-Version-Id': id }),
    },
  };
};
