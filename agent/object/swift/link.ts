/** Symbolic links, `X-Symlink-Target`: an object that stands for another one, here or in another account. */
import { ShoalError } from '../../../proto/error.ts';
import { headerText, headerValue } from '../metadata.ts';
import { accountOf, type ObjectPath, parseCopyPath, projectOf } from '../name.ts';
import { findObject, openReadable, type Reader } from '../readable.ts';
import type { Link } from '../records.ts';
import type { Ask } from './ask.ts';

const names = ['x-symlink-target', 'x-symlink-target-account', 'x-symlink-target-etag'] as const;

export const linkPath = ({ container, object }: Omit<Link, 'fixed'>, prefix = ''): string =>
  `${prefix}${encodeURIComponent(container)}/${encodeURIComponent(object).replaceAll('%2F', '/')}`;

/** `?symlink=get` and the answer to a PUT. The account is told where it is another one. */
export const linkHeaders = (link: Link, project: string): Record<string, string> => ({
  'X-Symlink-Target': headerValue(linkPath(link)),
  ...(link.project === project ? {} : { 'X-Symlink-Target-Account': accountOf(link.project) }),
  ...(link.fixed
    ? { 'X-Symlink-Target-Etag': link.fixed.etag, 'X-Symlink-Target-Bytes': String(link.fixed.bytes) }
    : {}),
});

/**
 * Undefined: no link is asked for. A fixed link's target must be there and look so now.
 * Throws BAD_REQUEST, PRECONDITION_FAILED, CONFLICT.
 */
export const linkAsked = async (
  reader: Reader,
  request: Ask,
  path: ObjectPath,
): Promise<Link | undefined> => {
  const [target, account, etag] = names.map((name) => headerText(request.headers, name));
  if (target === undefined) {
    if (account === undefined && etag === undefined) return undefined;
    throw new ShoalError('BAD_REQUEST', 'X-Symlink-Target-Account and -Etag go with X-Symlink-Target');
  }
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length !== '0' || encoding !== undefined)
    throw new ShoalError('BAD_REQUEST', 'Symlink requests require a zero byte body');
  const link = {
    project: account ? projectOf(account) : path.project,
    ...parseCopyPath('X-Symlink-Target', target),
  };
  if (link.project === path.project && link.container === path.container && link.object === path.object)
    throw new ShoalError('BAD_REQUEST', 'Symlink cannot target itself');
  if (etag === undefined) return link;
  const found = await findObject(reader, link).catch((cause) => {
    throw new ShoalError('CONFLICT', 'X-Symlink-Target-Etag: the target does not exist', { cause });
  });
  const thing = await openReadable(reader, found.path.project, found.row);
  const wanted = etag.replaceAll('"', '').toLowerCase();
  if (thing.etag !== wanted)
    throw new ShoalError(
      'CONFLICT',
      `Object Etag ${JSON.stringify(thing.etag)} does not match X-Symlink-Target-Etag header ${JSON.stringify(wanted)}`,
    );
  return { ...link, fixed: { etag: wanted, bytes: thing.bytes } };
};
