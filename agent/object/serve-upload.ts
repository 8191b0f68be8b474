/** PUT and COPY of objects. */
import { ShoalError } from '../../proto/error.ts';
import type { ApiAnswer, ApiRequest } from '../http/port.ts';
import { checkConditions } from './conditions.ts';
import { asked, type Context, openContainer, record } from './context.ts';
import { factsOfCopy, factsOfPut, refuseUnserved } from './facts.ts';
import { objectBytesMax } from './limits.ts';
import { headerText, manifestHeader, metadataHeaders } from './metadata.ts';
import { accountOf, type ObjectPath, parseCopyPath, projectOf } from './name.ts';
import type { NewFacts, Place } from './objects.ts';
import { accountSums } from './policy.ts';
import { bytesLeft, hasQuota } from './quota.ts';
import { openReadable } from './readable.ts';
import { type AccountRow, accountKey, type ContainerRow, type ObjectRow } from './records.ts';
import { httpDate, httpSeconds } from './time.ts';

/** What the client announced. Throws LENGTH_REQUIRED, TOO_LARGE, BAD_REQUEST. */
const announcedBytes = (request: ApiRequest): number | undefined => {
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
const expectedMd5 = (request: ApiRequest): string | undefined => {
  const etag = headerText(request.headers, 'etag')?.trim().replaceAll('"', '').toLowerCase();
  if (etag === undefined || etag === '') return undefined;
  if (!/^[0-9a-f]{32}$/.test(etag))
    throw new ShoalError(
      'UNPROCESSABLE',
      `Cannot check the ETag ${JSON.stringify(etag)}: it is an MD5 in hex`,
    );
  return etag;
};

/** Bytes that may come. Throws TOO_LARGE when a quota of the container or the account leaves no room. */
const roomFor = async (
  context: Context,
  project: string,
  container: ContainerRow,
  account: AccountRow | undefined,
  wantedBytes: number | undefined,
): Promise<number> => {
  let room = objectBytesMax;
  if (hasQuota(container.metadata)) {
    const [tally] = await context.containers.tallies([container]);
    room = bytesLeft(container.metadata, tally ?? { rows: 0, weight: 0 }, wantedBytes);
  }
  if (!account || !hasQuota(account.metadata)) return room;
  const sums = await accountSums(context.containers, project);
  return Math.min(room, bytesLeft(account.metadata, { rows: sums.objects, weight: sums.bytes }, wantedBytes));
};

/** Only `*` makes sense for a PUT: the object must not exist. Two that race may both pass; the last one stands. */
const checkPutConditions = async (context: Context, request: ApiRequest, place: Place): Promise<void> => {
  const { 'if-none-match': noneMatch, 'if-match': match } = request.headers;
  if (noneMatch === undefined && match === undefined) return;
  if (noneMatch !== undefined && noneMatch.trim() !== '*')
    throw new ShoalError('BAD_REQUEST', 'If-None-Match only supports *');
  const row = await context.objects.find(place);
  const holds = row
    ? checkConditions(request.headers, { etag: row.md5, modifiedSeconds: httpSeconds(row.changedAtMs) }) ===
      'proceed'
    : match === undefined;
  if (!holds) throw new ShoalError('PRECONDITION_FAILED', 'A precondition for this request was not met.');
};

export const putObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const copyFrom = headerText(request.headers, 'x-copy-from');
  if (copyFrom) return copyInto(context, request, path, copyFrom);
  const [container, account] = await Promise.all([
    openContainer(context, 'writeObject', path, caller),
    context.records.accounts.get(path.project, accountKey),
  ]);
  const place = { project: path.project, container: path.container, id: container.id, name: path.object };
  refuseUnserved(request.headers, request.query);
  const bytes = announcedBytes(request);
  const md5 = expectedMd5(request);
  const facts = factsOfPut(request.headers, context.runtime.clock.wallMs());
  await checkPutConditions(context, request, place);
  const bytesMax = await roomFor(context, path.project, container, account, bytes);
  const row = await context.objects.put(place, {
    source: request.stream,
    facts,
    bytesMax,
    signal: request.signal,
    ...(bytes === undefined ? {} : { bytes }),
    ...(md5 === undefined ? {} : { md5 }),
  });
  record(context, request, 'object.put', path, { bytes: row.bytes });
  return {
    headers: {
      'Content-Type': 'text/html; charset=UTF-8',
      ETag: row.md5,
      'Last-Modified': httpDate(row.changedAtMs),
    },
  };
};

const withoutManifest = (facts: NewFacts): NewFacts => {
  const { [manifestHeader]: _manifest, ...kept } = facts.kept;
  return { ...facts, kept };
};

const copy = async (
  context: Context,
  request: ApiRequest,
  from: ObjectPath,
  to: ObjectPath,
): Promise<ApiAnswer> => {
  if (request.headers.range !== undefined)
    throw new ShoalError('NOT_IMPLEMENTED', 'Cannot copy a range of an object: copy it whole');
  refuseUnserved(request.headers, request.query);
  const { caller } = asked(request);
  const [source, target, account] = await Promise.all([
    openContainer(context, 'readObject', from, caller),
    openContainer(context, 'writeObject', to, caller),
    context.records.accounts.get(to.project, accountKey),
  ]);
  const fromPlace = { project: from.project, container: from.container, id: source.id, name: from.object };
  const toPlace = { project: to.project, container: to.container, id: target.id, name: to.object };
  const sourceRow = await context.objects.get(fromPlace);
  const thing = await openReadable(context, request, from.project, sourceRow);
  const { bytes } = thing;
  await checkPutConditions(context, request, toPlace);
  const bytesMax = await roomFor(context, to.project, target, account, bytes);
  const nowMs = context.runtime.clock.wallMs();
  const factsOf = (row: ObjectRow): NewFacts => factsOfCopy(request.headers, nowMs, row);
  // A large object is copied as one plain object; all others share their chunks.
  const isJoined = thing.etag !== sourceRow.md5;
  const done = isJoined
    ? {
        source: sourceRow,
        row: await context.objects.put(toPlace, {
          source: thing.read({}),
          facts: withoutManifest(factsOf(sourceRow)),
          bytes,
          bytesMax,
          signal: request.signal,
        }),
      }
    : await context.objects.copy(fromPlace, toPlace, factsOf);
  record(context, request, 'object.copy', to, { from: `${from.container}/${from.object}`, bytes });
  return {
    status: 201,
    headers: {
      'Content-Type': 'text/html; charset=UTF-8',
      ETag: done.row.md5,
      'Last-Modified': httpDate(done.row.changedAtMs),
      'X-Copied-From': encodeURIComponent(`${from.container}/${from.object}`).replaceAll('%2F', '/'),
      'X-Copied-From-Account': accountOf(from.project),
      'X-Copied-From-Last-Modified': httpDate(done.source.changedAtMs),
      ...metadataHeaders('object', done.row.metadata),
    },
  };
};

/** PUT with X-Copy-From: the body must be empty. */
const copyInto = async (
  context: Context,
  request: ApiRequest,
  to: ObjectPath,
  copyFrom: string,
): Promise<ApiAnswer> => {
  const length = request.headers['content-length'];
  if ((length !== undefined && length !== '0') || request.headers['transfer-encoding'] !== undefined)
    throw new ShoalError('BAD_REQUEST', 'Copy requests require a zero byte body');
  const account = headerText(request.headers, 'x-copy-from-account');
  const project = account ? projectOf(account) : to.project;
  return copy(context, request, { project, ...parseCopyPath('X-Copy-From', copyFrom) }, to);
};

/** COPY with Destination. */
export const copyObject = async (context: Context, request: ApiRequest): Promise<ApiAnswer> => {
  const { path } = asked(request);
  const destination = headerText(request.headers, 'destination');
  if (!destination) throw new ShoalError('PRECONDITION_FAILED', 'Destination header required');
  const account = headerText(request.headers, 'destination-account');
  const project = account ? projectOf(account) : path.project;
  return copy(context, request, path, { project, ...parseCopyPath('Destination', destination) });
};
