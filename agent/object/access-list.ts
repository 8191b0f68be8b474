/**
 * Container access lists, Swift's: `.r:*` and `.r:host` let in by referrer, `.rlistings` lets those list as well,
 * `project:user` (ids or names, `*` for any) and role names let in holders of a token.
 */
import { ShoalError } from '../../proto/error.ts';
import type { DomainRef, Principal } from '../http/port.ts';
import type { Facts } from './bucket-policy/facts.ts';
import type { Asker } from './events/asker.ts';
import { headerValueBytesMax } from './limits.ts';

const refuse = (message: string): never => {
  throw new ShoalError('BAD_REQUEST', message);
};

const referrerNames = ['.r', '.ref', '.referer', '.referrer'];

/** The list in its stored form. Throws BAD_REQUEST. */
export const parseAccessList = (header: string, text: string): string => {
  if (Buffer.byteLength(text) > headerValueBytesMax) refuse(`${header} longer than ${headerValueBytesMax}`);
  const parts = text.split(',').map((part) => part.trim());
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      if (!part.startsWith('.') || part === '.rlistings') return part;
      const colon = part.indexOf(':');
      const name = part.slice(0, colon === -1 ? undefined : colon).trim();
      const host = colon === -1 ? '' : part.slice(colon + 1).trim();
      if (!referrerNames.includes(name)) refuse(`Unknown designator ${JSON.stringify(name)} in ACL: ${part}`);
      if (header === 'X-Container-Write') refuse(`Referrers not allowed in write ACL: ${part}`);
      const bare = host.replace(/^-/, '').trim().replace(/^\*\./, '.');
      if (bare === '' || bare === '.')
        refuse(`No host/domain value after referrer designation in ACL: ${part}`);
      return `.r:${host.startsWith('-') ? '-' : ''}${bare}`;
    })
    .join(',');
};

const hostOf = (referrer: string | undefined): string => {
  try {
    return new URL(referrer ?? '').hostname;
  } catch {
    return 'unknown';
  }
};

const referrerAllowed = (entries: readonly string[], referrer: string | undefined): boolean => {
  const host = hostOf(referrer);
  const isHost = (pattern: string): boolean =>
    pattern === '*' || pattern === host || (pattern.startsWith('.') && host.endsWith(pattern));
  let allowed = false;
  for (const entry of entries) {
    if (!entry.startsWith('.r:')) continue;
    const pattern = entry.slice('.r:'.length);
    if (pattern.startsWith('-')) allowed = allowed && !isHost(pattern.slice(1));
    else allowed ||= isHost(pattern);
  }
  return allowed;
};

/** Names in access lists mean its projects and users. */
export const defaultDomain = 'default';

/** `project:user` and role names, as containers and accounts take them. `idsOnly`: names mean nobody. */
export const principalAllowed = (
  entries: readonly string[],
  principal: Principal,
  idsOnly = false,
): boolean => {
  if (principal.scope.kind !== 'project') return false;
  const { scope, user } = principal;
  // A name says whom it means only in one domain; Swift takes names in the default domain alone.
  const named = ({ domain, name }: { readonly domain: DomainRef; readonly name: string }) =>
    !idsOnly && domain.id === defaultDomain ? [name] : [];
  const projects = ['*', scope.id, ...named(scope)];
  const users = ['*', user.id, ...named(user)];
  const roles = principal.roles.map((role) => role.name.toLowerCase());
  return entries.some((entry) => {
    const colon = entry.indexOf(':');
    if (colon === -1) return roles.includes(entry.toLowerCase());
    return projects.includes(entry.slice(0, colon)) && users.includes(entry.slice(colon + 1));
  });
};

/** What a signed address or form lets its holder do, with no token at all. */
export interface Grant {
  readonly project: string;
  /** Absent: signed with a key of the account, so it counts in all its containers. */
  readonly container?: string;
  readonly write: boolean;
}

export interface Caller {
  /** Called when an access list let it in, and nothing else did. */
  readonly usedList?: (() => void) | undefined;
  /** As those are told who hear of changes. */
  readonly asker?: Asker | undefined;
  readonly principal?: Principal | undefined;
  readonly referrer?: string | undefined;
  readonly grant?: Grant | undefined;
  /** At the account that is asked for names mean nobody. */
  readonly idsOnly?: boolean;
  /** What is about to be done, as S3's policies name it. Absent: what the use is, and ... */
  readonly action?: string | undefined;
  /** ... whether what is written goes. */
  readonly deletes?: boolean;
  /** What those policies may ask about the request to a bucket of that project. */
  readonly facts?: (project: string, nowMs: number) => Facts;
}

/** `use`: what is to be done; listing by referrer takes `.rlistings` as well. `isOpen`: does the public count? */
export const listAllows = (
  list: string,
  use: 'object' | 'listing',
  caller: Caller,
  isOpen = true,
): boolean => {
  const entries = list.split(',').filter((entry) => entry !== '');
  const byReferrer = isOpen && referrerAllowed(entries, caller.referrer);
  if (byReferrer && (use === 'object' || entries.includes('.rlistings'))) return true;
  return caller.principal !== undefined && principalAllowed(entries, caller.principal, caller.idsOnly);
};
