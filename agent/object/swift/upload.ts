/** PUT of an object. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { checkConditions } from '../conditions.ts';
import { authorize, type Context, openPlace } from '../context.ts';
import { objectBytesMax } from '../limits.ts';
import { headerText } from '../metadata.ts';
import type { Check, Place } from '../object-turn.ts';
import type { ObjectRow } from '../records.ts';
import { openTarget, storeInto } from '../store-object.ts';
import { httpDate, httpSeconds } from '../time.ts';
import { checkVersioned, nullVersion, shownVersionId } from '../versions.ts';
import { type Ask, asked, readerOf, record, versionAsked } from './ask.ts';
import { archiveAsked, bulkUpload } from './bulk-upload.ts';
import { copyHere } from './copy.ts';
import { etagOf, putFacts } from './facts.ts';
import { putLarge } from './large-object.ts';
import { linkAsked, linkHeaders } from './link.ts';

/** What the client announced. Throws LENGTH_REQUIRED, TOO_LARGE, BAD_REQUEST. */
const announcedBytes = (request: Ask): number | undefined => {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length === undefined) {
    if (encoding?.toLowerCase() === 'chunked') return undefined;
    throw new ShoalError('LENGTH_REQUIRED', 'Missing Content-Length header.');
  }
  if (!/^\d{1,15}$/.test(length))
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot read Content-Length ${JSON.stringify(length)}: it is a number`,
    );
  if (Number(length) > objectBytesMax)
    throw new ShoalError(
      'TOO_LARGE',
      `Your request is too large: an object has at most ${objectBytesMax} bytes`,
    );
  return Number(length);
};

/** Throws UNPROCESSABLE on what no MD5 can look like, as it can match nothing. */
export const expectedMd5 = (request: Ask): string | undefined => {
  const etag = headerText(request.headers, 'etag')?.trim().replaceAll('"', '').toLowerCase();
  if (etag === undefined || etag === '') return undefined;
  if (!/^[0-9a-f]{32}$/.test(etag))
    throw new ShoalError(
      'UNPROCESSABLE',
      `Cannot check the ETag ${JSON.stringify(etag)}: it is an MD5 in hex`,
    );
  return etag;
};

/**
 * Only `*` makes sense for a PUT: the object must not exist. Looked at before the body is taken and again when it is
 * decided, at one register for all hosts (`../guard.ts`).
 */
const putCheck = ({ headers }: Ask): Check | undefined => {
  const { 'if-none-match': noneMatch, 'if-match': match } = headers;
  if (noneMatch === undefined && match === undefined) return undefined;
  if (noneMatch !== undefined && noneMatch.trim() !== '*')
    throw new ShoalError('BAD_REQUEST', 'If-None-Match only supports *');
  return (row) => {
    const holds = row
      ? checkConditions(headers, {
          etag: row.large?.etag ?? row.md5,
          modifiedSeconds: httpSeconds(row.changedAtMs),
        }) === 'proceed'
      : match === undefined;
    if (!holds) throw new ShoalError('PRECONDITION_FAILED', 'A precondition for this request was not met.');
  };
};

/** Throws PRECONDITION_FAILED before anything is read. */
export const checkPutConditions = async (
  context: Context,
  request: Ask,
  place: Place,
): Promise<{ readonly check?: Check }> => {
  const check = putCheck(request);
  if (!check) return {};
  check(await context.objects.find(place));
  return { check };
};

/** 201 with what a client checks. */
export const stored = (row: ObjectRow, more: Record<string, string> = {}): ApiAnswer => ({
  status: 201,
  headers: {
    'Content-Type': 'text/html; charset=UTF-8',
    ETag: etagOf(row),
    'Last-Modified': httpDate(row.changedAtMs),
    ...(row.versionId === undefined ? {} : { 'X-Object-Version-Id': shownVersionId(row) }),
    ...more,
  },
});

/** PUT with `?version-id=` and no body: that version becomes the current one again. */
const restore = async (context: Context, request: Ask, versionId: string): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  if (announcedBytes(request) !== 0)
    throw new ShoalError(
      'BAD_REQUEST',
      'Cannot take a body with version-id: it makes an old version the current one',
    );
  const { place } = await openPlace(context, 'writeObject', path, caller);
  if (versionId === nullVersion) throw new ShoalError('BAD_REQUEST', 'Invalid version parameter');
  checkVersioned(place, versionId);
  await authorize(context, 'writeContainer', path, caller);
  const row = await context.objects.restore(place, versionId);
  record(context, request, 'object.restore', path, { versionId });
  return stored(row);
};

export const putObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const kind = archiveAsked(request);
  if (kind) return bulkUpload(context, request, kind);
  const { path, caller } = asked(request);
  const copyFrom = headerText(request.headers, 'x-copy-from');
  if (copyFrom) return copyHere(context, request, path, copyFrom);
  const versionId = versionAsked(request);
  if (versionId !== undefined) return restore(context, request, versionId);
  if (request.query.get('multipart-manifest') === 'put') return putLarge(context, request);
  const target = await openTarget(context, path, caller, Number(request.headers['content-length']));
  const link = await linkAsked(readerOf(context, request), request, path);
  const bytes = announcedBytes(request);
  const md5 = expectedMd5(request);
  const facts = await putFacts(context, request, path.object, link?.contentType);
  const condition = await checkPutConditions(context, request, target.place);
  const row = await storeInto(context, target, {
    ...condition,
    source: request.stream,
    facts,
    signal: request.signal,
    ...(bytes === undefined ? {} : { bytes }),
    ...(md5 === undefined ? {} : { md5 }),
    ...(link ? { kind: { link: link.link } } : {}),
  });
  record(context, request, 'object.put', path, { bytes: row.bytes });
  return stored(row, link ? linkHeaders(link.link, path.project) : {});
};
