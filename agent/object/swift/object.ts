/** Objects over HTTP: GET, HEAD, POST, DELETE. Uploads are in `upload.ts`, copies in `copy.ts`. */
import { createHash } from 'node:crypto';
import { ShoalError } from '../../../proto/error.ts';
import { apiPrefix } from '../../../proto/rest/route.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { contentRange, multipartRanges, parseRange } from '../byte-range.ts';
import { checkConditions, rangeCounts, type Validators } from '../conditions.ts';
import { type Context, openPlace } from '../context.ts';
import { encodeManifest, rawManifest } from '../manifest.ts';
import { headerText } from '../metadata.ts';
import { encodeWhole } from '../name.ts';
import { type Found, findObject, manifestOf, openReadable, plain, type Readable } from '../readable.ts';
import type { Link } from '../records.ts';
import { removeObject } from '../remove-object.ts';
import { httpSeconds } from '../time.ts';
import { nullVersion, shownVersionId } from '../versions.ts';
import { type Ask, asked, readerOf, record, versionAsked } from './ask.ts';
import { factHeaders, factsOfPost } from './facts.ts';
import { deleteLarge } from './large-object.ts';
import { linkHeaders } from './link.ts';
import { type PartAsked, partAsked } from './part-number.ts';

/** What is sent of a readable, and the headers that tell it. */
interface Sent extends Validators, Pick<Readable, 'bytes' | 'read' | 'parts'> {
  readonly headers: Record<string, string>;
  /** It has no parts that are known ahead: several ranges are answered with the whole, as Swift does. */
  readonly isDynamic?: boolean;
}

/** 304 and 412 carry the validators; 412 has a body like any error. */
const conditional = (request: Ask, thing: Sent): ApiAnswer | undefined => {
  const verdict = checkConditions(request.headers, thing, true);
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
  const isRaw = request.query.get('format') === 'raw';
  const bytes = Buffer.from(isRaw ? rawManifest(segments) : encodeManifest(segments));
  const etag = isRaw ? createHash('md5').update(bytes).digest('hex') : thing.row.md5;
  const facts = factHeaders(thing.row);
  return {
    etag,
    modifiedSeconds: httpSeconds(thing.changedAtMs),
    headers: {
      ...facts,
      ETag: etag,
      'X-Static-Large-Object': 'True',
      ...(isRaw ? {} : { 'Content-Type': 'application/json; charset=utf-8' }),
    },
    bytes: bytes.length,
    async *read({ start = 0, end = bytes.length }) {
      yield bytes.subarray(start, end);
    },
  };
};

/** As Swift, to which the object is a link to its version. */
const versionHeaders = (
  { row, path, isLinked }: Found,
  asked: string | undefined,
): Record<string, string> => {
  const id = shownVersionId(row);
  return {
    'X-Object-Version-Id': id,
    ...(id === nullVersion || asked !== undefined || isLinked
      ? {}
      : { 'Content-Location': `${encodeWhole(path)}?version-id=${id}` }),
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
  return {
    bytes: thing.bytes,
    ...(thing.parts ? { parts: thing.parts } : {}),
    isDynamic: thing.isLarge && !thing.parts,
    etag: thing.etag,
    modifiedSeconds: httpSeconds(thing.changedAtMs),
    headers: {
      ...factHeaders(row, thing),
      ...(row.link && !follow ? linkHeaders(row.link, path.project) : {}),
      ...(found.isLinked ? { 'Content-Location': encodeWhole(found.path) } : {}),
      ...(found.place.versions ? versionHeaders(found, versionAsked(request)) : {}),
    },
    read: thing.read,
  };
};

export const headObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const thing = await sentOf(context, request);
  const short = conditional(request, thing);
  if (short) return short;
  const wanted = partAsked(request, thing);
  if (!wanted) return { headers: { ...thing.headers, 'Content-Length': String(thing.bytes) } };
  const { body: _body, ...answer } = partAnswer(thing, wanted);
  return wanted.range ? answer : { ...answer, headers: { ...answer.headers, 'Content-Length': '0' } };
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

/** One of the parts of a static large object. */
const partAnswer = (thing: Sent, { count, range }: PartAsked): ApiAnswer => {
  const parts = { 'X-Parts-Count': String(count) };
  if (range)
    return part(thing, thing.read(range), range.end - range.start, {
      ...parts,
      'Content-Range': contentRange(range, thing.bytes),
    });
  const none = unsatisfiable(thing);
  return {
    ...none,
    headers: { ...none.headers, ...parts },
    body: 'The requested part number is not satisfiable',
  };
};

export const getObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const thing = await sentOf(context, request);
  const short = conditional(request, thing);
  if (short) return short;
  const wanted = partAsked(request, thing);
  if (wanted) return partAnswer(thing, wanted);
  const { range: header } = rangeCounts(request.headers, thing) ? request.headers : {};
  const ranges = parseRange(header, thing.bytes);
  if (!ranges || (ranges.length > 1 && thing.isDynamic))
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

/** The link itself takes what is said, and the client is sent on, as Swift does (307 keeps the method). */
const sentOn = (request: Ask, link: Link): ApiAnswer => {
  const prefix = request.path.startsWith(`${apiPrefix.object}/`) ? apiPrefix.object : '';
  return {
    status: 307,
    headers: {
      'Content-Type': 'text/html; charset=UTF-8',
      Location: prefix + encodeWhole(link),
      ...(link.fixed ? { 'X-Symlink-Target-Etag': link.fixed.etag } : {}),
    },
    body: 'The requested POST was applied to a symlink. POST directly to the target to apply requested metadata.',
  };
};

export const updateObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  if (request.headers['x-symlink-target'] !== undefined)
    throw new ShoalError('BAD_REQUEST', 'A PUT request is required to set a symlink target');
  if (request.query.has('version-id'))
    throw new ShoalError('BAD_REQUEST', 'POST to a specific version is not allowed');
  const { place } = await openPlace(context, 'writeObject', path, caller);
  const nowMs = context.runtime.clock.wallMs();
  let link: Link | undefined;
  await context.objects.post(place, (old) => {
    link = old.link;
    return factsOfPost(request.headers, nowMs, old);
  });
  record(context, request, 'object.update', path);
  if (link) return sentOn(request, link);
  return {
    headers: { 'Content-Type': 'text/html; charset=UTF-8' },
    body: '<html><h1>Accepted</h1><p>The request is accepted for processing.</p></html>',
  };
};

/** `X-If-Delete-At`, of programs that remove what expires. Throws BAD_REQUEST. */
const deleteAtAsked = ({ headers }: Ask): number | undefined => {
  const text = headerText(headers, 'x-if-delete-at');
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new ShoalError('BAD_REQUEST', 'Bad X-If-Delete-At header value');
  return Number(text);
};

const shownNow = async (context: Context, request: Ask): Promise<string> => {
  const { path, caller } = asked(request);
  const { place } = await openPlace(context, 'writeObject', path, caller);
  const row = await context.objects.find(place);
  return row ? shownVersionId(row) : nullVersion;
};

export const deleteObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  if (request.query.get('multipart-manifest') === 'delete') return deleteLarge(context, request);
  const { path, caller } = asked(request);
  const versionId = versionAsked(request);
  const ifDeleteAt = deleteAtAsked(request);
  const id = await removeObject(context, path, caller, { versionId, ifDeleteAt, signal: request.signal });
  record(context, request, 'object.delete', path, id === undefined ? undefined : { versionId: id });
  // Which version shows now, after one was taken away.
  const now =
    versionId === undefined || versionId === nullVersion ? undefined : await shownNow(context, request);
  return {
    headers: {
      'Content-Type': 'text/html; charset=UTF-8',
      ...(id === undefined ? {} : { 'X-Object-Version-Id': id }),
      ...(now === undefined ? {} : { 'X-Object-Current-Version-Id': now }),
    },
  };
};
