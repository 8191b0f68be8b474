/** Symbolic links, `X-Symlink-Target`: an object that stands for another one, here or in another account. */
import { hasCode, ShoalError } from '../../../proto/error.ts';
import { headerText, headerValue } from '../metadata.ts';
import { accountOf, encodePath, encodeWhole, type ObjectPath, parseCopyPath, projectOf } from '../name.ts';
import { findObject, type Reader } from '../readable.ts';
import type { Link } from '../records.ts';
import type { Ask } from './ask.ts';

const names = ['x-symlink-target', 'x-symlink-target-account', 'x-symlink-target-etag'] as const;

/** `?symlink=get` and the answer to a PUT. The account is told where it is another one. */
export const linkHeaders = (link: Link, project: string): Record<string, string> => ({
  'X-Symlink-Target': headerValue(encodePath(link)),
  ...(link.project === project ? {} : { 'X-Symlink-Target-Account': accountOf(link.project) }),
  ...(link.fixed
    ? { 'X-Symlink-Target-Etag': link.fixed.etag, 'X-Symlink-Target-Bytes': String(link.fixed.bytes) }
    : {}),
});

/** The link as it is copied to an account: it leads to the one that the request names, else where it did. */
export const copiedLink = ({ headers }: Ask, link: Link, project: string): Link => {
  const { isOwn, ...kept } = link;
  const account = headerText(headers, 'x-symlink-target-account');
  if (account) return { ...kept, project: projectOf(account) };
  return isOwn ? { ...link, project } : link;
};

/**
 * Undefined: no link is asked for. A fixed link's target must be there and look so now; the link is of its type then.
 * Throws BAD_REQUEST, PRECONDITION_FAILED, CONFLICT.
 */
export const linkAsked = async (
  reader: Reader,
  request: Ask,
  path: ObjectPath,
): Promise<{ readonly link: Link; readonly contentType: string } | undefined> => {
  const [target, account, etag] = names.map((name) => headerText(request.headers, name));
  if (target === undefined) {
    if (account === undefined && etag === undefined) return undefined;
    throw new ShoalError('BAD_REQUEST', 'X-Symlink-Target-Account and -Etag go with X-Symlink-Target');
  }
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length !== '0' || encoding !== undefined)
    throw new ShoalError('BAD_REQUEST', 'Symlink requests require a zero byte body');
  if (/^(\/|%2f)/i.test(target))
    throw new ShoalError(
      'PRECONDITION_FAILED',
      'X-Symlink-Target header must be of the form <container name>/<object name>',
    );
  const link = {
    project: account ? projectOf(account) : path.project,
    ...(account ? {} : { isOwn: true as const }),
    ...parseCopyPath('X-Symlink-Target', target),
  };
  if (link.project === path.project && link.container === path.container && link.object === path.object)
    throw new ShoalError('BAD_REQUEST', 'Symlink cannot target itself');
  if (etag === undefined) return { link, contentType: 'application/symlink' };
  const wanted = etag.trim().replace(/^"(.*)"$/, '$1');
  if (/[;"\\]/.test(wanted)) throw new ShoalError('BAD_REQUEST', 'Bad X-Symlink-Target-Etag format');
  const { row } = await findObject(reader, link, { follow: 'fixed', etag: wanted }).catch((cause) => {
    if (!hasCode(cause, 'NOT_FOUND')) throw cause;
    throw new ShoalError('CONFLICT', 'X-Symlink-Target does not exist', {
      details: { isReason: true, headers: { 'Content-Location': encodeWhole(link) } },
      cause,
    });
  });
  const bytes = row.large?.bytes ?? row.bytes;
  const slo = row.large?.etag;
  const fixed = { etag: wanted, bytes, ...(slo !== undefined && { slo }) };
  return { link: { ...link, fixed }, contentType: row.contentType };
};
