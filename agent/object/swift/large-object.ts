/** `?multipart-manifest=put` and `=delete`: static large objects over HTTP. */
import { ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import type { Context } from '../context.ts';
import { checkManifest, segmentPaths } from '../large-object.ts';
import { manifestBytesMax } from '../limits.ts';
import { parseWanted, type Wanted } from '../manifest.ts';
import type { ObjectPath } from '../name.ts';
import type { NewFacts } from '../objects.ts';
import type { ObjectRow } from '../records.ts';
import { openTarget, storeInto, type Target } from '../store-object.ts';
import { type Ask, asked, readerOf, record, versionAsked } from './ask.ts';
import { deleteOne, newDeleteReport } from './bulk-delete.ts';
import { answerReport, isTooMany, reportFormat, statusText } from './bulk-report.ts';
import { putFacts } from './facts.ts';
import { beating, faultsAnswer, wantsHeartbeat } from './heartbeat.ts';
import { checkPutConditions, expectedMd5, stored } from './upload.ts';

const readText = async (request: Ask): Promise<string> => {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length === undefined && encoding === undefined)
    throw new ShoalError('LENGTH_REQUIRED', 'Missing Content-Length header.');
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of request.stream) {
    bytes += piece.length;
    if (bytes > manifestBytesMax)
      throw new ShoalError('TOO_LARGE', `Manifest File > ${manifestBytesMax} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
};

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** Checks each segment for the caller, as what the account that it goes to has, and keeps the list. */
export const storeManifest = async (
  context: Context,
  request: Ask,
  to: { readonly path: ObjectPath; readonly target: Target; readonly facts: NewFacts },
  wanted: readonly Wanted[],
): Promise<ObjectRow> => {
  const expected = expectedMd5(request);
  const { text, large } = await checkManifest(readerOf(context, request), to.path, wanted);
  if (expected !== undefined && expected !== large.etag)
    throw new ShoalError(
      'UNPROCESSABLE',
      `The ETag of the segments is ${large.etag}, the header says ${expected}`,
    );
  const condition = await checkPutConditions(context, request, to.target.place);
  return storeInto(context, to.target, {
    ...condition,
    source: once(text),
    bytes: Buffer.byteLength(text),
    facts: to.facts,
    kind: { large },
    signal: request.signal,
  });
};

export const putLarge = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const { path, caller } = asked(request);
  const target = await openTarget(context, path, caller);
  const facts = await putFacts(context, request, path.object);
  const wanted = parseWanted(await readText(request));
  const put = async (): Promise<ApiAnswer> => {
    const row = await storeManifest(context, request, { path, target, facts }, wanted);
    record(context, request, 'object.put', path, { bytes: row.large?.bytes, segments: wanted.length });
    return stored(row);
  };
  if (wantsHeartbeat(request)) return beating(context, request, put);
  return put().catch((thrown) => {
    const answer = faultsAnswer(request, thrown);
    if (!answer) throw thrown;
    return answer;
  });
};

/** The segments first and the manifest last, so that what an interruption leaves can be deleted again. */
export const deleteLarge = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const format = reportFormat(request);
  const report = newDeleteReport();
  const { path } = asked(request);
  const versionId = versionAsked(request);
  for await (const segment of segmentPaths(readerOf(context, request), path, versionId)) {
    const name = `/${segment.container}/${segment.object}`;
    await deleteOne(context, request, report, name, () => segment, segment === path ? versionId : undefined);
    if (isTooMany(report)) {
      report.status = statusText(400);
      break;
    }
  }
  return answerReport(format, report);
};
