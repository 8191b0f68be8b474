/** COPY, and PUT with X-Copy-From. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { type ByteRange, parseRange } from '../byte-range.ts';
import type { Context } from '../context.ts';
import { parseWanted, rawManifest } from '../manifest.ts';
import { headerText, manifestHeader, metadataHeaders } from '../metadata.ts';
import { accountOf, encodePath, type ObjectPath, parseCopyPath, projectOf } from '../name.ts';
import type { NewFacts } from '../objects.ts';
import { type Found, findObject, manifestOf, openReadable, type Readable } from '../readable.ts';
import type { ObjectRow } from '../records.ts';
import { copyInto, openTarget, storeInto, type Target } from '../store-object.ts';
import { httpDate } from '../time.ts';
import { shownVersionId } from '../versions.ts';
import { type Ask, asked, readerOf, record, versionAsked } from './ask.ts';
import { factsOfCopy } from './facts.ts';
import { storeManifest } from './large-object.ts';
import { copiedLink } from './link.ts';
import { partAsked } from './part-number.ts';
import { checkPutConditions, stored } from './upload.ts';

const withoutManifest = (facts: NewFacts): NewFacts => {
  const { [manifestHeader]: _manifest, ...kept } = facts.kept;
  return { ...facts, kept };
};

/** The one range of the source that is copied; undefined: all of it. Throws RANGE_NOT_SATISFIABLE, NOT_IMPLEMENTED. */
const rangeAsked = (request: Ask, thing: Readable): ByteRange | undefined => {
  const part = partAsked(request, thing);
  const ranges = part ? [part.range].filter((range) => range !== undefined) : rangesOf(request, thing);
  if (!ranges) return undefined;
  if (ranges.length > 1)
    throw new ShoalError('NOT_IMPLEMENTED', 'Cannot copy several ranges of an object: copy one');
  if (!ranges[0]) throw new ShoalError('RANGE_NOT_SATISFIABLE', 'The Range requested is not available.');
  return ranges[0];
};

const rangesOf = ({ headers }: Ask, { bytes }: Readable) => parseRange(headers.range, bytes);

/** Bytes of the source, read and stored anew. */
const copyBytes = async (
  context: Context,
  request: Ask,
  target: Target,
  thing: Readable,
  facts: NewFacts,
): Promise<ObjectRow> => {
  const range = rangeAsked(request, thing);
  return storeInto(context, target, {
    source: thing.read(range ?? {}),
    facts: withoutManifest(facts),
    bytes: range ? range.end - range.start : thing.bytes,
    signal: request.signal,
    how: 'ObjectCreated:Copy',
  });
};

/** Where bytes need not be read they are shared; a manifest's segments must be there for the account that it goes to. */
const copyRow = async (
  context: Context,
  request: Ask,
  found: Found & { readonly versionId: string | undefined },
  to: { readonly path: ObjectPath; readonly target: Target },
): Promise<{ readonly source: ObjectRow; readonly row: ObjectRow }> => {
  const { row } = found;
  const reader = readerOf(context, request);
  const nowMs = context.runtime.clock.wallMs();
  const factsOf = (source: ObjectRow): NewFacts => factsOfCopy(request.headers, nowMs, source);
  const asManifest = request.query.get('multipart-manifest') === 'get';
  if (asManifest && row.large) {
    const wanted = parseWanted(rawManifest(await manifestOf(reader, row)));
    return {
      source: row,
      row: await storeManifest(context, request, { ...to, facts: factsOf(row) }, wanted),
    };
  }
  const isLarge = row.large !== undefined || row.kept[manifestHeader] !== undefined;
  if ((isLarge && !asManifest) || request.headers.range !== undefined) {
    const thing = await openReadable(reader, found.path.project, row);
    return { source: row, row: await copyBytes(context, request, to.target, thing, factsOf(row)) };
  }
  const link = row.link && copiedLink(request, row.link, to.path.project);
  return copyInto(context, found, to.target, factsOf, { link });
};

const copy = async (context: Context, request: Ask, from: ObjectPath, to: ObjectPath): Promise<ApiAnswer> => {
  const { caller } = asked(request);
  const reader = readerOf(context, request);
  const versionId = versionAsked(request);
  const follow = request.query.get('symlink') !== 'get';
  const opening = openTarget(context, to, caller);
  // What is wrong with the source is told first, whatever comes first.
  opening.catch(() => {});
  const found = await findObject(reader, from, { versionId, follow });
  const target = await opening;
  await checkPutConditions(context, request, target.place);
  const whole = { ...found, versionId: found.isLinked ? undefined : versionId };
  const done = await copyRow(context, request, whole, { path: to, target });
  record(context, request, 'object.copy', to, {
    from: `${from.container}/${from.object}`,
    bytes: done.row.bytes,
  });
  return stored(done.row, {
    'X-Copied-From': encodePath(from),
    'X-Copied-From-Account': accountOf(from.project),
    'X-Copied-From-Last-Modified': httpDate(done.source.changedAtMs),
    ...(done.source.versionId === undefined
      ? {}
      : { 'X-Copied-From-Version-Id': shownVersionId(done.source) }),
    ...metadataHeaders('object', done.row.metadata),
  });
};

/** PUT with X-Copy-From: the body must be empty. */
export const copyHere = async (
  context: Context,
  request: Ask,
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
export const copyObject = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path } = asked(request);
  const destination = headerText(request.headers, 'destination');
  if (!destination) throw new ShoalError('PRECONDITION_FAILED', 'Destination header required');
  const account = headerText(request.headers, 'destination-account');
  const project = account ? projectOf(account) : path.project;
  return copy(context, request, path, { project, ...parseCopyPath('Destination', destination) });
};
