/** `?bulk-delete`: a list of paths, one a line and percent-encoded, is deleted; containers only when empty. */
import { hasCode, ShoalError } from '../../../proto/error.ts';
import type { ApiAnswer } from '../../http/port.ts';
import { type Context, openContainer } from '../context.ts';
import { bulkDeletesMax, bulkLineBytesMax } from '../limits.ts';
import { linesOf } from '../lines.ts';
import { checkPath, type ObjectPath, parsePath } from '../name.ts';
import { removeContainer } from '../remove-container.ts';
import { removeObject } from '../remove-object.ts';
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

const pathOf = (account: string, line: string): ObjectPath => {
  let text: string;
  try {
    text = decodeURIComponent(line);
  } catch (cause) {
    throw new ShoalError('PRECONDITION_FAILED', 'Invalid File Name', { cause });
  }
  const [container = '', ...rest] = text.replace(/^\//, '').split('/');
  const path = checkPath(parsePath({ account, container, '*': rest.join('/') }));
  if (path.container === '') throw new ShoalError('BAD_REQUEST', 'Invalid File Name');
  return path;
};

/** Deletes one, and notes what became of it. */
export const deleteOne = async (
  context: Context,
  request: Ask,
  report: Report,
  name: string,
  path: () => ObjectPath,
  versionId?: string,
): Promise<void> => {
  const { counts } = report;
  try {
    const { caller } = asked(request);
    const what = path();
    if (what.object === '') {
      await openContainer(context, 'writeContainer', what, caller);
      await removeContainer(context, what);
    } else await removeObject(context, what, caller, { versionId, signal: request.signal });
    record(context, request, what.object === '' ? 'container.delete' : 'object.delete', what);
    counts['Number Deleted'] = (counts['Number Deleted'] ?? 0) + 1;
  } catch (thrown) {
    if (hasCode(thrown, 'NOT_FOUND')) counts['Number Not Found'] = (counts['Number Not Found'] ?? 0) + 1;
    else if (hasCode(thrown, 'ABORTED', 'INTERNAL')) throw thrown;
    else addFailure(report, name, thrown);
  }
};

export const newDeleteReport = (): Report => newReport('Number Deleted', 'Number Not Found');

export const bulkDelete = async (context: Context, request: Ask): Promise<ApiAnswer> => {
  const format = reportFormat(request);
  const { account = '' } = request.params;
  const report = newDeleteReport();
  let lines = 0;
  for await (const raw of linesOf(request.stream, bulkLineBytesMax)) {
    const line = raw.trim();
    if (line === '') continue;
    lines += 1;
    if (lines > bulkDeletesMax || isTooMany(report)) {
      report.status = statusText(lines > bulkDeletesMax ? 413 : 400);
      report.body =
        lines > bulkDeletesMax ? `Maximum Bulk Deletes: ${bulkDeletesMax} per request` : 'Max errors';
      break;
    }
    await deleteOne(context, request, report, line, () => pathOf(account, line));
  }
  if (lines === 0) {
    report.status = statusText(400);
    report.body = 'Invalid bulk delete.';
  }
  return answerReport(format, report);
};
