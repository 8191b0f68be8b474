/** COPY, and PUT with X-Copy-From. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Context } from '../context.ts';
import { headerText, manifestHeader, metadataHeaders } from '../metadata.ts';
import { accountOf, type ObjectPath, parseCopyPath, projectOf } from '../name.ts';
import type { NewFacts } from '../objects.ts';
import { findObject, openReadable } from '../readable.ts';
import type { ObjectRow } from '../records.ts';
import { copyInto, openTarget, storeInto } from '../store-object.ts';
import { httpDate } from '../time.ts';
import { type Ask, asked, readerOf, record, versionAsked } from './ask.ts';
import { factsOfCopy } from './facts.ts';
import { linkPath } from './link.ts';
import { checkPutConditions, stored } from './upload.ts';

const withoutManifest = (facts: NewFacts): NewFacts => {
  const { [manifestHeader]: _manifest, ...kept } = facts.kept;
  return { ...facts, kept };
};

const copy = async (context: Context, request: Ask, from: ObjectPath, to: ObjectPath): Promise<ApiAnswer> => {
  if (request.headers.range !== undefined)
    throw new ShoalError('NOT_IMPLEMENTED', 'Cannot copy a range of an object: copy it whole');
  const { caller } = asked(request);
  const { query } = request;
  const reader = readerOf(context, request);
  const versionId = versionAsked(request);
  const follow = query.get('symlink') !== 'get';
  const [found, target] = await Promise.all([
    findObject(reader, from, { versionId, follow }),
    openTarget(context, to, caller),
  ]);
  const { row } = found;
  await checkPutConditions(context, request, target.place);
  const nowMs = context.runtime.clock.wallMs();
  const factsOf = (source: ObjectRow): NewFacts => factsOfCopy(request.headers, nowMs, source);
  const isJoined =
    query.get('multipart-manifest') !== 'get' &&
    (row.large !== undefined || row.kept[manifestHeader] !== undefined);
  // A large object is copied as one plain object; all others share their chunks.
  const thing = isJoined ? await openReadable(reader, found.path.project, row) : undefined;
  const done = thing
    ? {
        source: row,
        row: await storeInto(context, target, {
          source: thing.read({}),
          facts: withoutManifest(factsOf(row)),
          bytes: thing.bytes,
          signal: request.signal,
          how: 'ObjectCreated:Copy',
        }),
      }
    : await copyInto(
        context,
        { ...found, versionId: found.isLinked ? undefined : versionId },
        target,
        factsOf,
      );
  const copied = linkPath({ project: from.project, container: from.container, object: from.object });
  record(context, request, 'object.copy', to, {
    from: `${from.container}/${from.object}`,
    bytes: done.row.bytes,
  });
  return stored(done.row, {
    'X-Copied-From': copied,
    'X-Copied-From-Account': accountOf(from.project),
    'X-Copied-From-Last-Modified': httpDate(done.source.changedAtMs),
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
