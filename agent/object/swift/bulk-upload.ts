/** PUT with `?extract-archive=tar|tar.gz|tar.bz2`: each file of the archive becomes an object. */
import { hasCode, ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { authorize, type Context } from '../context.ts';
import { checkPath, type ObjectPath, parsePath, projectOf } from '../name.ts';
import { storeObject } from '../store-object.ts';
import { type ArchiveKind, archiveKinds, type PackedFile, unpack } from '../unpack.ts';
import { type Ask, asked, record } from './ask.ts';
import {
  addFailure,
  answerReport,
  isTooMany,
  newReport,
  type Report,
  reportFormat,
  statusText,
} from './bulk-report.ts';
import { typeOfName } from './content-type.ts';

export const archiveAsked = ({ query }: Ask): ArchiveKind | undefined => {
  const text = query.get('extract-archive')?.trim().toLowerCase();
  if (text === undefined) return undefined;
  const kind = archiveKinds.find((name) => name === text);
  if (!kind)
    throw new ShoalError('BAD_REQUEST', `Unsupported archive format: one of ${archiveKinds.join(', ')} is`);
  return kind;
};

/** Below what the request names: an account, a container, or a container and the start of all names. */
const pathOf = ({ params }: Ask, file: string): ObjectPath => {
  const { account = '', container, '*': prefix } = params;
  const parts = [container, prefix?.replace(/\/+$/, ''), file].filter((part) => part);
  const [first = '', ...rest] = parts.join('/').split('/');
  const path = checkPath(parsePath({ account, container: first, '*': rest.join('/') }));
  if (path.object === '') throw new ShoalError('BAD_REQUEST', 'Invalid File Name');
  return path;
};

/** A container that is missing is made, once, by whoever may. */
const makeContainer = async (context: Context, request: Ask, path: ObjectPath): Promise<void> => {
  if (await context.containers.find(path.project, path.container)) return;
  await authorize(context, 'writeContainer', path, asked(request).caller);
  await context.containers.create(path.project, path.container, () => ({}));
  record(context, request, 'container.create', { ...path, object: '' });
};

const storeFile = async (
  context: Context,
  request: Ask,
  file: PackedFile,
  made: Set<string>,
): Promise<void> => {
  const path = pathOf(request, file.name);
  if (!made.has(path.container)) await makeContainer(context, request, path);
  made.add(path.container);
  const row = await storeObject(context, path, asked(request).caller, {
    source: file.body,
    bytes: file.bytes,
    facts: { contentType: typeOfName(file.name), kept: {}, metadata: {}, deleteAtSeconds: null },
    signal: request.signal,
  });
  record(context, request, 'object.put', path, { bytes: row.bytes });
};

const end = (report: Report, status: number, body: string): void => {
  report.status = statusText(status);
  report.body = body;
};

export const bulkUpload = async (context: Context, request: Ask, kind: ArchiveKind): Promise<ApiAnswer> => {
  const format = reportFormat(request);
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length === undefined && encoding === undefined)
    throw new ShoalError('LENGTH_REQUIRED', 'Missing Content-Length header.');
  projectOf(request.params.account ?? '');
  const report = newReport('Number Files Created');
  const made = new Set<string>();
  let files = 0;
  try {
    for await (const file of unpack(request.stream, kind)) {
      try {
        await storeFile(context, request, file, made);
        files += 1;
      } catch (thrown) {
        if (hasCode(thrown, 'ABORTED', 'CLIENT_TIMEOUT', 'INTERNAL')) throw thrown;
        const { code, message } = addFailure(report, file.name, thrown);
        // Whoever may not write here may write nothing of it.
        if (code === 'NOT_AUTHENTICATED') throw thrown;
        if (isTooMany(report)) {
          end(report, 400, message);
          break;
        }
      }
    }
    if (files === 0 && report.errors.length === 0) end(report, 400, 'Invalid Tar File: No Valid Files');
  } catch (thrown) {
    if (!hasCode(thrown, 'BAD_REQUEST')) throw thrown;
    end(report, 400, thrown.message);
  }
  report.counts['Number Files Created'] = files;
  return answerReport(format, report, 201);
};
